"""The shell: ``avfoley ...``.

Exit codes: 0 success; 1 some takes are missing; 2 wrong usage; 3 the input or the output cannot be
used; 4 the engine cannot be used; 130 cancelled. ``train``, ``evaluate`` and ``engine serve``
return the exit code of the engine's own command.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from avfoley_plugin.errors import HostError
from avfoley_plugin.running import Exit, call, reports_errors, run_to_end

# Everything heavier is imported where it is needed: `avfoley --help` must answer at once.
if TYPE_CHECKING:
    from avfoley_plugin.engine_client import LocalEngine
    from avfoley_plugin.hosts import Host
    from avfoley_plugin.timeline.selection import Selection
    from avfoley_plugin.workflows import Run

ENGINE = (sys.executable, "-m", "avfoley_engine")
MAX_SEED = 2**63 - 1
#: Longer beds are loops.
MAX_SECONDS = 600


class Codec(StrEnum):
    """How a picture is encoded; see `VisualizeRequest`."""

    H264 = "h264"
    PRORES = "prores"
    FFV1 = "ffv1"


app = typer.Typer(
    help="Foley for a timeline, in sync with the picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 success, 1 some takes are missing, 2 wrong usage, 3 the input or the output "
    "cannot be used, 4 the engine cannot be used, 130 cancelled.",
)
engine_app = typer.Typer(help="Control the engine, the process that runs the models.", no_args_is_help=True)
app.add_typer(engine_app, name="engine")
models_app = typer.Typer(help="List the models that the engine can load, or convert published ones.")
app.add_typer(models_app, name="models")

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

Input = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT",
        help="A timeline (.otio, .otioz, .otiod, .kdenlive, .fcpxml, .xml, .aaf, .edl), a video file, "
        "or resolve: for the timeline that is open in DaVinci Resolve.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The timeline file to write; INPUT itself, or an .otio beside it, by default. An existing "
        "file is kept as a backup. If an earlier run wrote it from INPUT, its takes and captions stay, "
        "and new takes are added to them.",
    ),
]
Clips = Annotated[list[str] | None, typer.Option("--clip", metavar="NAME", help="Use only this clip; repeatable.")]
Range = Annotated[
    str | None, typer.Option("--range", metavar="IN-OUT", help="Use only this range, see `avfoley foley`.")
]
Everything = Annotated[
    bool, typer.Option("--all", help="Use the whole timeline, even if clips are selected in the editing program.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines; the last one is the summary.")]
JsonDocument = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Negative = Annotated[str, typer.Option(help="Negative prompt: what the sound must not contain.")]
Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Random seed; the same seed gives the same sound.")]
Model = Annotated[str, typer.Option(help="Model name; `avfoley models` lists them.")]
Steps = Annotated[int | None, typer.Option(min=1, max=1000, help="Solver steps; the model's default if omitted.")]
Guidance = Annotated[float | None, typer.Option(min=0, max=50, help="Guidance scale; the model's default if omitted.")]
Stereo = Annotated[
    bool | None,
    typer.Option(
        "--stereo/--mono",
        help="Channels of the takes. Stereo folds down to the mono take. By default ambiences and loops "
        "are stereo, and all other takes are mono.",
    ),
]


def _seconds(text: str) -> Fraction:
    """A length in decimal seconds, exact."""
    try:
        seconds = Fraction(Decimal(str(text)))
    except (InvalidOperation, ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is not a number of seconds") from None
    if not Fraction(1, 1000) <= seconds <= MAX_SECONDS:
        raise typer.BadParameter(f"{text} is not between 0.001 and {MAX_SECONDS} seconds; use --loop for longer beds")
    return seconds


@app.command()
def foley(
    source: Input,
    clip: Clips = None,
    record_range: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="IN-OUT",
            help="Use only this range; OUT is excluded. Both are timecodes as the editing program shows "
            "them (; before the frames for drop-frame, : for non-drop-frame), or frames from 0.",
        ),
    ] = None,
    everything: Everything = False,
    ambience: Annotated[
        bool,
        typer.Option("--ambience", help="Make one sound from the caption over the whole --range, across all cuts."),
    ] = False,
    caption: Annotated[
        str | None,
        typer.Option(
            help="Prompt for all shots; each shot's own caption if omitted. With --clip, it also makes "
            "sound for a clip without picture."
        ),
    ] = None,
    negative: Negative = "",
    seed: Seed = 0,
    takes: Annotated[int, typer.Option(min=1, max=100, help="Takes per shot; each has the next seed.")] = 1,
    stereo: Stereo = None,
    model: Model = "avlink-nano",
    steps: Steps = None,
    guidance: Guidance = None,
    handles: Annotated[int, typer.Option(min=0, help="Frames of extra sound before and after each shot.")] = 0,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Make foley for a timeline or a video.

    The sound goes on an audio track of its own, and the captions become markers.
    """
    if everything and (clip or record_range):
        raise typer.BadParameter("--all cannot be combined with --clip or --range")
    if ambience and (clip or record_range is None):
        raise typer.BadParameter("--ambience needs --range, and cannot be combined with --clip")
    _check_captions_and_seeds(caption, negative, seed, takes)
    from avfoley_plugin import workflows
    from avfoley_plugin.settings import FoleySettings

    settings = FoleySettings(caption, negative, seed, takes, model, steps, guidance, handles, _channels(stereo))

    def start() -> Run:
        if ambience and record_range is not None:
            return workflows.ambience(*_open(source, output), settings, record_range)
        return workflows.foley(*_open(source, output), settings, _selection(clip, record_range, everything))

    raise typer.Exit(run_to_end(start, as_json))


@app.command()
def visualize(
    source: Input,
    clip: Annotated[
        list[str] | None,
        typer.Option(
            "--clip",
            metavar="NAME",
            help="Use the sound of this clip: an audio clip, or else a video clip's own sound; repeatable. "
            "Without --clip and --range: the selection in Resolve, or the zone in Kdenlive.",
        ),
    ] = None,
    record_range: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="IN-OUT",
            help="Use only this range, as for `avfoley foley`; without --clip, of all sounds on audio tracks.",
        ),
    ] = None,
    caption: Annotated[
        str | None, typer.Option(help="Prompt for all clips; each clip's own caption if omitted.")
    ] = None,
    negative: Annotated[str, typer.Option(help="Negative prompt: what the picture must not show.")] = "",
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Random seed; the same seed gives the same picture.")
    ] = 0,
    takes: Annotated[int, typer.Option(min=1, max=100, help="Takes per clip; each has the next seed.")] = 1,
    codec: Annotated[
        Codec, typer.Option(help="H.264 in MP4, ProRes 422 in QuickTime, or lossless FFV1 in Matroska.")
    ] = Codec.H264,
    model: Model = "avlink-nano",
    steps: Steps = None,
    guidance: Guidance = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Make a picture that moves with a clip's sound.

    It goes on a video track of its own.
    """
    _check_captions_and_seeds(caption, negative, seed, takes)
    from avfoley_plugin import workflows
    from avfoley_plugin.settings import VisualizeSettings

    settings = VisualizeSettings(caption, negative, seed, takes, model, steps, guidance, codec.value)
    selection = _selection(clip, record_range)
    raise typer.Exit(run_to_end(lambda: workflows.visualize(*_open(source, output), settings, selection), as_json))


@app.command()
def generate(
    caption: Annotated[str, typer.Argument(metavar="CAPTION", help='Prompt, such as "glass breaking on tiles".')],
    seconds: Annotated[
        Fraction, typer.Option(parser=_seconds, metavar="SECONDS", help="Length, exact to the sample.")
    ] = Fraction(5),
    loop: Annotated[bool, typer.Option("--loop", help="Make a seamless loop.")] = False,
    negative: Negative = "",
    seed: Seed = 0,
    takes: Annotated[int, typer.Option(min=1, max=100, help="Number of takes; each has the next seed.")] = 1,
    stereo: Stereo = None,
    model: Model = "avlink-nano",
    steps: Steps = None,
    guidance: Guidance = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The .wav file to write, or a folder; the current folder by default, where the caption "
            "names the file. No other file is overwritten.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make sound from a prompt alone, as a Broadcast Wave (48 kHz, 24-bit)."""
    if not caption.strip():
        raise typer.BadParameter("the caption is empty")
    if output is not None and output.suffix.lower() != ".wav" and not output.is_dir():
        raise typer.BadParameter(f"{output} is neither a folder nor the name of a .wav file")
    _check_captions_and_seeds(caption, negative, seed, takes)
    from avfoley_plugin import generation
    from avfoley_plugin.engine_client import LocalEngine
    from avfoley_plugin.settings import FoleySettings

    settings = FoleySettings(caption, negative, seed, takes, model, steps, guidance, channels=_channels(stereo))
    start = partial(generation.generate, LocalEngine(), settings, seconds, loop=loop, output=output)
    raise typer.Exit(run_to_end(start, as_json))


@app.command()
def caption(
    source: Input,
    clip: Clips = None,
    record_range: Range = None,
    proposals: Annotated[int, typer.Option(min=1, max=10, help="Captions to propose per shot.")] = 3,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace captions that AVFoley wrote. Yours stay.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="The same seed gives the same captions.")] = 0,
    model: Annotated[
        str | None, typer.Option(help="A model with the task `caption`, see `avfoley models`; by default the first.")
    ] = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Propose what silent shots should sound like, and write it as caption markers."""
    from avfoley_plugin.captioning import Captioning, CaptionSettings

    settings, selection = CaptionSettings(model, proposals, overwrite, seed), _selection(clip, record_range)
    raise typer.Exit(run_to_end(lambda: Captioning(*_open(source, output), settings, selection), as_json))


@app.command()
def spot(
    source: Input,
    clip: Clips = None,
    record_range: Range = None,
    everything: Everything = False,
    threshold: Annotated[
        float | None, typer.Option(min=0.01, max=1, help="Least confidence of an event; by default the model's own.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Also write a list of the events, a .csv. An existing file is kept as a backup.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model with the task `spot`, see `avfoley models`; by default the first.")
    ] = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Mark every event that is seen in the shots: what begins to sound, and when.

    A marker has the name of the shot's caption and the confidence. Another run replaces the markers
    of its shots, and `avfoley remove` removes all.
    """
    if everything and (clip or record_range):
        raise typer.BadParameter("--all cannot be combined with --clip or --range")
    if csv is not None and csv.suffix.lower() != ".csv":
        raise typer.BadParameter(f"{csv} is not the name of a .csv file")
    from avfoley_plugin.spotting import SpotSettings, Spotting

    settings, selection = SpotSettings(model, threshold, csv), _selection(clip, record_range, everything)
    raise typer.Exit(run_to_end(lambda: Spotting(*_open(source, output), settings, selection), as_json))


@app.command()
def regenerate(source: Input, output: Output = None, as_json: Json = False) -> None:
    """Make new takes of the shots whose caption markers were edited."""
    from avfoley_plugin import workflows

    raise typer.Exit(run_to_end(lambda: workflows.regenerate(*_open(source, output)), as_json))


@app.command()
@reports_errors
def remove(source: Input, output: Output = None) -> None:
    """Remove AVFoley's tracks, takes, captions and events from a timeline.

    The files of the takes stay.
    """
    from avfoley_plugin import workflows

    written = workflows.remove(_open(source, output)[0])
    typer.echo(f"There is nothing of AVFoley's on {source}." if written is None else written)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--output", "-o", help="Folder for the demo's files.")] = Path("avfoley-demo"),
    as_json: Json = False,
) -> None:
    """Make a short clip and foley for it, and print where the files are."""
    from avfoley_engine.protocol import SAMPLE_RATE, FoleyResult

    clip = folder.absolute() / "demo.mp4"
    about: dict[str, Any] = {}
    runs: list[Run] = []

    def start() -> Run:
        from avfoley_plugin import workflows
        from avfoley_plugin.settings import FoleySettings

        about.update(_render_demo_clip(clip))
        runs.append(workflows.foley(*_open(clip), FoleySettings(caption=about.get("caption"))))
        return runs[0]

    code = run_to_end(start, as_json)
    if code == Exit.OK and not as_json and runs[0].written is not None:
        take = runs[0].written.takes[0]
        typer.echo(f"\nLook:   {clip}")
        if about.get("events"):
            typer.echo(f"        events at {_times(about['events'])}")
        typer.echo(f"Listen: {take.path}")
        if isinstance(take.result, FoleyResult) and take.result.onsets:
            typer.echo(f"        onsets at {_times(onset / SAMPLE_RATE for onset in take.result.onsets)}")
        typer.echo(f"Both:   {runs[0].written.timeline}, in an editing program that reads OpenTimelineIO")
    raise typer.Exit(code)


@app.command()
def panel(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="[TIMELINE]", help="The timeline or video file to open, as for `avfoley foley`."),
    ] = None,
    output: Output = None,
) -> None:
    """Open the panel, a window to write captions and to make, compare and place takes."""
    try:
        from avfoley_ui.app import run
    except ImportError as error:
        typer.echo(f"avfoley: the panel needs Qt, which cannot be loaded ({error}); reinstall avfoley", err=True)
        raise typer.Exit(Exit.INPUT) from error
    raise typer.Exit(run(source, output))


@models_app.callback(invoke_without_command=True)
@reports_errors
def models(context: typer.Context, as_json: JsonDocument = False) -> None:
    """List the models that the engine can load, or convert published ones."""
    from avfoley_plugin.engine_client import LocalEngine

    if context.invoked_subcommand is not None:
        return
    found = LocalEngine().models()
    if as_json:
        typer.echo(json.dumps([model.model_dump(mode="json") for model in found]))
        return
    for model in found:
        where = "installed" if model.local else "not downloaded"
        typer.echo(f"{model.name}  {model.title}")
        typer.echo(f"    {', '.join(model.tasks)}; {model.size_bytes / 2**20:.1f} MiB, {where}; {model.licence}")
        typer.echo(f"    revision {model.revision}, {model.default_steps} steps by default")


@models_app.command(context_settings=PASSED_ON)
def convert(context: typer.Context) -> None:
    """Convert checkpoints that other projects published, such as Frieren's, to a model."""
    raise typer.Exit(call([*ENGINE, "convert", *context.args]))


@app.command()
@reports_errors
def export(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A timeline, as for `avfoley foley`.")],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT",
            help="The file to write. Its name selects the format: .fcpxml, .xml (FCP7 XML), .aaf, .edl, "
            '.otio with --for, .csv for the markers, or "... cues.csv" for the cue sheet.',
        ),
    ],
    program: Annotated[
        str | None,
        typer.Option("--for", metavar="PROGRAM", help="Write the kind of .otio that this program imports: resolve."),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="FPS", help="Frame rate of an .edl INPUT, such as 23.976; the file does not state it."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; write the file even if something is lost.")
    ] = False,
) -> Exit:
    """Write a timeline for another program, and list what its format cannot hold.

    If something would be lost, the command asks first. Without a terminal it needs --yes.
    """
    from avfoley_plugin.hosts.export import prepare, program_of

    host, engine = _open(source, rate=rate)
    made = prepare(host.read(), host.folder, output.absolute(), program_of(program), engine.probe)
    if made.losses and not yes:
        typer.echo(f"{output.name} cannot hold all of {host.name}. This would be lost:", err=True)
        for loss in made.losses:
            typer.echo(f"  {loss}", err=True)
        if not (sys.stdin.isatty() and typer.confirm("Write it?", err=True)):
            typer.echo("Nothing was written. To write it anyway, use --yes.", err=True)
            return Exit.INPUT
    typer.echo(made.save())
    return Exit.OK


@app.command()
@reports_errors
def hosts() -> None:
    """List the supported editing programs, where they are installed, and what works."""
    from avfoley_plugin.hosts.install import find_hosts

    for found in find_hosts():
        typer.echo(f"{found.name}: {found.where or 'not found'}")
        typer.echo(f"    {found.works}")
        if found.launcher is not None:
            typer.echo(f"    launcher: {found.launcher}")


@app.command()
@reports_errors
def install(
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="kdenlive, resolve or blender")],
    undo: Annotated[bool, typer.Option("--undo", help="Remove it again.")] = False,
) -> None:
    """Add AVFoley to an editing program."""
    from avfoley_plugin.hosts import install as launchers

    try:
        chosen = launchers.Program(program)
    except ValueError as error:
        raise typer.BadParameter(f"{program!r} is not one of {', '.join(launchers.Program)}") from error
    paths = launchers.uninstall(chosen) if undo else launchers.install(chosen)
    for path in paths:
        typer.echo(f"{'removed' if undo else 'installed'}: {path}")
    if not paths:
        typer.echo("There was nothing to remove.")


@engine_app.command(context_settings=PASSED_ON)
def serve(context: typer.Context) -> None:
    """Run the engine in this terminal until Ctrl-C.

    This is rarely needed: other commands start an engine when they need one.
    """
    raise typer.Exit(call([*ENGINE, "serve", *context.args]))


@engine_app.command()
@reports_errors
def status(as_json: JsonDocument = False) -> Exit:
    """Show the state of the engine; the exit code is 4 if none is running."""
    from avfoley_plugin.engine_client import LocalEngine

    now = LocalEngine(command=None).running()
    if as_json:
        typer.echo("null" if now is None else now.model_dump_json())
    elif now is None:
        typer.echo("No engine is running.")
    else:
        typer.echo(f"engine {now.version}, process {now.pid}; worker {now.worker}, device {now.device or 'unknown'}")
        typer.echo(f"model {now.model or 'none loaded'}; {now.running} running, {now.queued} queued")
        if now.error:
            typer.echo(now.error)
    return Exit.ENGINE if now is None else Exit.OK


@engine_app.command()
@reports_errors
def stop() -> None:
    """Stop the engine. Queued jobs wait for the next start."""
    from avfoley_plugin.engine_client import LocalEngine

    ran = LocalEngine(command=None).shut_down()
    typer.echo("The engine was stopped." if ran else "No engine is running.")


@app.command(context_settings=PASSED_ON)
def train(context: typer.Context) -> None:
    """Train a model; `avfoley train --help` lists the recipes."""
    raise typer.Exit(call([*ENGINE, "train", *context.args]))


@app.command(context_settings=PASSED_ON)
def evaluate(context: typer.Context) -> None:
    """Evaluate a model; `avfoley evaluate --help` lists the evaluations."""
    raise typer.Exit(call([*ENGINE, "evaluate", *context.args]))


def main() -> None:
    """The console script."""
    app()


def _check_captions_and_seeds(caption: str | None, negative: str, seed: int, takes: int) -> None:
    for name, words in (("the caption", caption), ("--negative", negative)):
        if words and len(words) > 2000:
            raise typer.BadParameter(f"{name} is longer than 2000 characters")
    if seed + takes - 1 > MAX_SEED:
        raise typer.BadParameter(f"the last take's seed would be above {MAX_SEED}")


def _open(source: Path, output: Path | None = None, rate: str | None = None) -> tuple[Host, LocalEngine]:
    """The timeline, and the engine that probes its media."""
    from avfoley_plugin.engine_client import LocalEngine
    from avfoley_plugin.hosts import open_host

    engine = LocalEngine()
    return open_host(source, output, engine.probe, rate), engine


def _selection(clips: list[str] | None, record_range: str | None, everything: bool = False) -> Selection | None:
    """What the options select; None for what is selected in the editing program."""
    from avfoley_plugin.timeline.selection import Selection

    return Selection(tuple(clips or ()), record_range) if everything or clips or record_range else None


def _channels(stereo: bool | None) -> Literal[1, 2] | None:
    return None if stereo is None else 2 if stereo else 1


def _render_demo_clip(clip: Path) -> dict[str, Any]:
    """Renders the clip with the engine. Returns its description: caption, and events in seconds."""
    try:
        clip.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HostError(f"{clip.parent} cannot be made: {error.strerror}; choose another folder with -o") from error
    done = subprocess.run([*ENGINE, "demo-clip", str(clip), "--json"], capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    try:
        about = json.loads(lines[-1]) if lines else None
    except ValueError:
        about = None
    if done.returncode or not isinstance(about, dict) or not clip.is_file():
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise HostError(f"the demo's clip {clip} could not be rendered: {reason[0]}")
    return about


def _times(seconds: Iterable[float]) -> str:
    return ", ".join(f"{time:.2f}" for time in seconds) + " s"


if __name__ == "__main__":
    main()
