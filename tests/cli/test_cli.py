from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.cli import Exit
from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.placing import foley_tracks, placed
from support.engine import Engine, engine_command

Shell = Callable[..., Any]


def read(path: Path) -> otio.schema.Timeline:
    timeline = otio.adapters.read_from_file(str(path))
    assert isinstance(timeline, otio.schema.Timeline)
    return timeline


def without_ours(path: Path) -> dict[str, Any]:
    """The timeline's JSON without its foley tracks and caption markers."""
    content: dict[str, Any] = json.loads(path.read_text())
    tracks = content["tracks"]
    tracks["children"] = [child for child in tracks["children"] if "avfoley" not in child["metadata"]]
    tracks["markers"] = [marker for marker in tracks["markers"] if "avfoley" not in marker["metadata"]]
    return content


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import contextlib, sys; from avfoley_plugin import cli; sys.argv = ['avfoley', '--help']\n"
        "with contextlib.suppress(SystemExit): cli.main()\n"
        "heavy = {'torch', 'opentimelineio', 'httpx2', 'pydantic', 'fastapi', 'av'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "visualize" in ran.stdout


def test_foley_on_a_timeline(engine: Engine, timeline: Path, avfoley: Shell) -> None:
    before = without_ours(timeline)
    ran = avfoley("foley", timeline, "--caption", "steps on gravel", "--takes", "2", "--seed", "40", "--json")
    assert ran.code == Exit.OK, ran.err
    assert without_ours(timeline) == before

    summary = ran.lines[-1]
    assert summary["event"] == "finished"
    assert (summary["exit_code"], summary["timeline"]) == (0, str(timeline))
    assert len(summary["takes"]) == 20
    events = [line["event"] for line in ran.lines]
    assert (events[0], events.count("done")) == ("planned", 20)

    written = read(timeline)
    assert len(foley_tracks(written)) == 1
    takes = placed(written)
    assert [(take.record_start, take.identity.request.seed, take.active) for take in takes] == [
        (25 * shot, seed, seed == 40) for shot in range(10) for seed in (40, 41)
    ]
    assert set(captions(written).values()) == {"steps on gravel"}
    folder = timeline.parent / "cut.avfoley"
    for take in takes:
        assert (timeline.parent / take.url).resolve().is_relative_to(folder)
        assert (timeline.parent / take.url).stat().st_size == 44 + 2 * 48_000
    with Path(summary["cue_sheet"]).open(newline="") as sheet:
        assert [row["seed"] for row in csv.DictReader(sheet)] == ["40", "41"] * 10
    assert not list(folder.glob("*.part"))


def test_a_selection_and_another_output(engine: Engine, timeline: Path, avfoley: Shell, tmp_path: Path) -> None:
    content = timeline.read_bytes()
    output = tmp_path / "elsewhere" / "new.otio"
    ran = avfoley("foley", timeline, "--clip", "shot3", "--clip", "shot5", "-o", output, "--json")
    assert ran.code == Exit.OK, ran.err
    assert timeline.read_bytes() == content
    assert [take.shot_name for take in placed(read(output))] == ["shot3", "shot5"]
    ran = avfoley("foley", timeline, "--range", "30-60", "-o", output, "--json")
    assert ran.code == Exit.OK, ran.err
    takes = [(take.record_start, take.frames) for take in placed(read(output))]
    assert takes == [(30, 20), (50, 10), (75, 25), (125, 25)]


def test_a_second_run_to_another_output_adds_to_it(
    engine: Engine, timeline: Path, avfoley: Shell, tmp_path: Path
) -> None:
    output = tmp_path / "elsewhere" / "new.otio"

    def run(*options: str) -> list[tuple[str, int, bool]]:
        ran = avfoley("foley", timeline, "--clip", "shot3", "-o", output, *options)
        assert ran.code == Exit.OK, ran.err
        assert len(foley_tracks(read(output))) == 1
        takes = placed(read(output))
        assert all((output.parent / take.url).is_file() for take in takes)
        return [(take.shot_name, take.identity.request.seed, take.active) for take in takes]

    assert run("--caption", "rain") == [("shot3", 0, True)]
    first = output.read_bytes()
    assert run("--caption", "rain") == [("shot3", 0, True)]
    assert output.read_bytes() == first
    # The caption comes from the output's own marker.
    assert run("--seed", "1") == [("shot3", 0, False), ("shot3", 1, True)]
    assert [take.identity.request.caption for take in placed(read(output))] == ["rain", "rain"]

    # The editor exports the cut anew, seven frames longer at its head: the takes follow their shot.
    cut = read(timeline)
    cut.tracks[0].insert(0, otio.schema.Gap(source_range=TimeRange(RationalTime(0, 25), RationalTime(7, 25))))
    otio.adapters.write_to_file(cut, str(timeline))
    assert run("--seed", "2") == [("shot3", 0, False), ("shot3", 1, False), ("shot3", 2, True)]
    assert {take.record_start for take in placed(read(output))} == {82}
    before, after = without_ours(timeline), without_ours(output)
    assert after.pop("metadata") == {"avfoley": {"kind": "timeline", "source": "../cut.otio", "version": 1}}
    assert before.pop("metadata") == {}
    assert [len(track["children"]) for track in after["tracks"]["children"]] == [11]

    # A timeline with takes from elsewhere is not written over.
    other = tmp_path / "other.otio"
    shutil.copy(timeline, other)
    kept = output.read_bytes()
    ran = avfoley("foley", other, "-o", output)
    assert (ran.code, output.read_bytes()) == (Exit.INPUT, kept)
    assert "new.otio" in ran.err


def test_a_second_run_finds_the_first_ones_takes(engine: Engine, timeline: Path, avfoley: Shell) -> None:
    assert avfoley("foley", timeline, "--clip", "shot1", "--caption", "rain").code == Exit.OK
    first = timeline.read_text()
    ran = avfoley("foley", timeline, "--clip", "shot1", "--caption", "rain", "--json")
    assert ran.code == Exit.OK
    assert any(line.get("message") == "served from the cache" for line in ran.lines) or len(placed(read(timeline))) == 1
    assert timeline.read_text() == first
    assert avfoley("foley", timeline, "--clip", "shot1", "--caption", "rain", "--seed", "2").code == Exit.OK
    assert [take.active for take in placed(read(timeline))] == [False, True]
    assert len(foley_tracks(read(timeline))) == 1


def test_a_video_file(engine: Engine, clip: Path, avfoley: Shell) -> None:
    ran = avfoley("foley", clip, "--json")
    assert ran.code == Exit.OK, ran.err
    (take,) = placed(read(clip.with_suffix(".otio")))
    assert (take.record_start, take.frames) == (0, 250)


def test_only_edited_captions_are_made_again(engine: Engine, timeline: Path, avfoley: Shell) -> None:
    assert avfoley("foley", timeline, "--range", "0-60", "--caption", "a bell", "--seed", "9").code == Exit.OK
    ran = avfoley("regenerate", timeline, "--json")
    assert ran.code == Exit.OK
    assert [line["event"] for line in ran.lines] == ["planned", "finished"]

    cut = read(timeline)
    # The last shot is one that the range trimmed.
    markers = sorted(cut.tracks.markers, key=lambda marker: marker.marked_range.start_time)
    markers[2].comment = "a gong"
    otio.adapters.write_to_file(cut, str(timeline))
    ran = avfoley("regenerate", timeline, "--json")
    assert ran.code == Exit.OK, ran.err
    takes = placed(read(timeline))
    assert [(take.shot_name, take.identity.request.caption, take.active) for take in takes] == [
        ("shot0", "a bell", True),
        ("shot1", "a bell", True),
        ("shot2", "a bell", False),
        ("shot2", "a gong", True),
    ]
    assert {take.identity.request.seed for take in takes} == {9}
    assert avfoley("regenerate", timeline, "--json").lines[0]["shots"] == []


def test_words_alone_for_a_clip_without_picture(engine: Engine, timeline: Path, avfoley: Shell) -> None:
    cut = read(timeline)
    list(cut.find_clips())[4].media_reference = otio.schema.MissingReference()
    otio.adapters.write_to_file(cut, str(timeline))
    ran = avfoley("foley", timeline, "--clip", "shot4")
    assert ran.code == Exit.SOME_FAILED
    assert "with a caption, for sound from words alone" in ran.out
    ran = avfoley("foley", timeline, "--clip", "shot4", "--caption", "rain on a roof", "--json")
    assert ran.code == Exit.OK, ran.err
    (take,) = placed(read(timeline))
    assert (take.shot_name, take.record_start, take.frames, take.identity.request.picture) == ("shot4", 100, 25, None)
    assert take.identity.result.channels == 1

    # The caption is its own now: a run over the whole timeline makes it, and an edit of its marker, too.
    assert avfoley("foley", timeline).code == Exit.OK
    assert len(placed(read(timeline))) == 10
    cut = read(timeline)
    next(marker for marker in cut.tracks.markers if marker.name == "shot4").comment = "hail"
    otio.adapters.write_to_file(cut, str(timeline))
    assert [shot["shot"] for shot in avfoley("regenerate", timeline, "--json").lines[0]["shots"]] == ["shot4"]
    takes = [take for take in placed(read(timeline)) if take.shot_name == "shot4"]
    assert [(take.identity.request.caption, take.active) for take in takes] == [
        ("rain on a roof", False),
        ("hail", True),
    ]


def test_an_ambience_over_a_range(engine: Engine, timeline: Path, avfoley: Shell) -> None:
    before = without_ours(timeline)
    over = ("foley", timeline, "--range", "30-130", "--ambience")
    ran = avfoley(*over, "--caption", "rain on a roof", "--json")
    assert ran.code == Exit.OK, ran.err
    assert without_ours(timeline) == before
    (take,) = placed(read(timeline))
    assert (take.record_start, take.frames, take.identity.result.channels) == (30, 100, 2)
    assert (timeline.parent / take.url).stat().st_size == 44 + 2 * 2 * 4 * 48_000

    # Again with another seed: the caption is the marker's, and the clip the same.
    assert avfoley(*over, "--seed", "3", "--mono").code == Exit.OK
    cut = read(timeline)
    takes = [
        (take.identity.request.caption, take.identity.request.seed, take.identity.result.channels)
        for take in placed(cut)
    ]
    assert takes == [("rain on a roof", 0, 2), ("rain on a roof", 3, 1)]
    assert len(foley_tracks(cut)) == 1

    # The editor moves it and edits its caption; the new take keeps the place, and the settings of the active one.
    (track,) = foley_tracks(cut)
    track[0].source_range = TimeRange(RationalTime(0, 25), RationalTime(40, 25))
    cut.tracks.markers[0].comment = "hail"
    otio.adapters.write_to_file(cut, str(timeline))
    assert avfoley("regenerate", timeline).code == Exit.OK
    takes = placed(read(timeline))
    assert {(take.record_start, take.frames) for take in takes} == {(40, 100)}
    assert [(take.identity.request.caption, take.identity.result.channels) for take in takes if take.active] == [
        ("hail", 1)
    ]


def test_everything_of_ours_can_be_taken_off_again(engine: Engine, timeline: Path, clip: Path, avfoley: Shell) -> None:
    before = json.loads(timeline.read_text())
    assert "nothing of AVFoley's" in avfoley("remove", timeline).out
    assert list(timeline.parent.glob("*.bak")) == []
    assert avfoley("foley", timeline, "--caption", "steps", "--takes", "2").code == Exit.OK
    assert avfoley("foley", timeline, "--range", "30-130", "--ambience", "--caption", "rain").code == Exit.OK
    ran = avfoley("remove", timeline)
    assert (ran.code, ran.out.strip()) == (Exit.OK, str(timeline))
    assert json.loads(timeline.read_text()) == before
    assert list(timeline.with_suffix(".avfoley").glob("*.wav")), "the sounds stay"

    # A video's timeline is its own file, and so is that of another output.
    assert avfoley("foley", clip).code == Exit.OK
    assert avfoley("remove", clip).out.strip() == str(clip.with_suffix(".otio"))
    assert placed(read(clip.with_suffix(".otio"))) == []
    other = timeline.with_name("other.otio")
    assert avfoley("foley", timeline, "-o", other).code == Exit.OK
    assert avfoley("remove", timeline, "-o", other).out.strip() == str(other)
    assert placed(read(other)) == []
    assert avfoley("remove", "gone.otio").code == Exit.INPUT


def test_an_ambience_needs_a_range_and_a_caption(engine: Engine, timeline: Path, avfoley: Shell) -> None:
    assert avfoley("foley", timeline, "--ambience", "--caption", "rain").code == Exit.USAGE
    both = ("--range", "0-50", "--clip", "shot1")
    assert avfoley("foley", timeline, "--ambience", "--caption", "rain", *both).code == Exit.USAGE
    ran = avfoley("foley", timeline, "--ambience", "--range", "0-50")
    assert ran.code == Exit.INPUT
    assert "caption" in ran.err


class TestGenerate:
    """Sound from words alone, into files of its own."""

    @staticmethod
    def samples(path: Path, channels: int = 1) -> float:
        return (path.stat().st_size - 44) / 2 / channels

    def test_it_is_named_by_its_caption_and_exact_to_the_sample(
        self, engine: Engine, avfoley: Shell, tmp_path: Path
    ) -> None:
        ran = avfoley("generate", "Glass breaking, on tiles!", "--seconds", "1.00003", "--json")
        assert ran.code == Exit.OK, ran.err
        path = tmp_path / "glass_breaking_on_tiles.wav"
        assert self.samples(path) == 48_001
        assert ran.lines[0] == {
            "event": "planned",
            "sounds": [{"sound": "Glass breaking, on tiles!", "samples": 48_001, "takes": 1}],
        }
        summary = ran.lines[-1]
        assert (summary["exit_code"], [take["path"] for take in summary["takes"]]) == (0, [str(path)])
        assert summary["takes"][0]["result"]["caption"] == "Glass breaking, on tiles!"
        assert not list(tmp_path.glob("*.part"))

    def test_takes_loops_and_channels(self, engine: Engine, avfoley: Shell, tmp_path: Path) -> None:
        ran = avfoley("generate", "rain", "--seconds", "2", "--takes", "2", "--seed", "7", "-o", "sounds/bed.wav")
        assert ran.code == Exit.OK, ran.err
        assert sorted(path.name for path in (tmp_path / "sounds").iterdir()) == ["bed_take1.wav", "bed_take2.wav"]
        for options, channels in ((("--loop",), 2), (("--loop", "--mono"), 1), (("--stereo",), 2), ((), 1)):
            ran = avfoley("generate", "rain", "--seconds", "1", *options, "-o", "sounds", "--json")
            (take,) = ran.lines[-1]["takes"]
            assert take["result"]["channels"] == channels
            assert self.samples(Path(take["path"]), channels) == 48_000
        requests = [job["request"] for job in engine.http.get("/v1/jobs").json()]
        assert [request["loop"] for request in requests] == [False, False, True, True, False, False]
        assert {request["record_rate"] for request in requests} == {"48000"}

    def test_no_other_file_is_written_over(self, engine: Engine, avfoley: Shell, tmp_path: Path) -> None:
        def written(*options: str) -> list[str]:
            ran = avfoley("generate", "rain", "--seconds", "1", *options, "--json")
            assert ran.code == Exit.OK, ran.err
            return [Path(take["path"]).name for take in ran.lines[-1]["takes"]]

        (tmp_path / "rain.wav").write_bytes(b"somebody's own")
        assert written() == ["rain_2.wav"]
        # The same sound again is the same file, another one the next.
        assert written() == ["rain_2.wav"]
        assert written("--seed", "1") == ["rain_3.wav"]
        assert (tmp_path / "rain.wav").read_bytes() == b"somebody's own"
        assert written("-o", "named.wav") == written("-o", "named.wav") == ["named.wav"]
        kept = (tmp_path / "named.wav").read_bytes()
        ran = avfoley("generate", "rain", "--seconds", "1", "--seed", "1", "-o", "named.wav")
        assert ran.code == Exit.INPUT
        assert "named.wav already exists" in ran.err
        assert (tmp_path / "named.wav").read_bytes() == kept

    def test_failures_and_wrong_usage_are_told_apart(self, engine: Engine, avfoley: Shell, tmp_path: Path) -> None:
        ran = avfoley("generate", "broken")
        assert ran.code == Exit.SOME_FAILED
        assert "the weights are broken; fetch them again" in ran.out
        assert "Nothing was written." in ran.out
        assert not list(tmp_path.glob("*.wav"))
        for wrong in (
            (" ",),
            ("rain", "--seconds", "0"),
            ("rain", "--seconds", "-1"),
            ("rain", "--seconds", "nan"),
            ("rain", "--seconds", "601"),
            ("rain", "--seconds", "five"),
            ("rain", "-o", "rain.mp3"),
            ("x" * 2001,),
        ):
            assert avfoley("generate", *wrong).code == Exit.USAGE, wrong
        (tmp_path / "file").touch()
        ran = avfoley("generate", "rain", "-o", "file/rain.wav")
        assert ran.code == Exit.INPUT
        assert "Traceback" not in ran.err
        assert avfoley("generate", "rain", "--model", "gpt").code == Exit.ENGINE

    def test_cancelling_keeps_the_finished_takes(self, slow_engine: Engine, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "avfoley_plugin.cli", "generate", "rain", "--takes", "9", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True)
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "done":
                break
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == Exit.CANCELLED
        takes = json.loads(out.splitlines()[-1])["takes"]
        assert 1 <= len(takes) < 9
        assert all(Path(take["path"]).is_file() for take in takes)
        assert slow_engine.status().queued == 0


def test_a_shot_that_fails_is_named_and_the_others_run(engine: Engine, timeline: Path, avfoley: Shell) -> None:
    cut = read(timeline)
    clips = list(cut.find_clips())
    clips[2].metadata["avfoley"] = {"caption": "broken"}
    clips[4].media_reference = otio.schema.MissingReference()
    otio.adapters.write_to_file(cut, str(timeline))
    ran = avfoley("foley", timeline)
    assert ran.code == Exit.SOME_FAILED
    assert "shot2" in ran.out
    assert "the weights are broken; fetch them again" in ran.out
    assert "shot4" in ran.out
    assert [take.shot_name for take in placed(read(timeline))] == [f"shot{n}" for n in range(10) if n not in (2, 4)]


def test_wrong_usage_and_wrong_input_are_told_apart(engine: Engine, timeline: Path, avfoley: Shell) -> None:
    assert avfoley("foley").code == Exit.USAGE
    assert avfoley("foley", timeline, "--takes", "0").code == Exit.USAGE
    assert avfoley("foley", timeline, "--all", "--clip", "shot1").code == Exit.USAGE
    assert avfoley("foley", timeline, "--caption", "x" * 2001).code == Exit.USAGE
    for arguments, says in (
        (("gone.otio",), "gone.otio"),
        ((timeline, "--clip", "nobody"), "nobody"),
        ((timeline, "--range", "10-10"), "10-10"),
    ):
        ran = avfoley("foley", *arguments)
        assert ran.code == Exit.INPUT
        assert says in ran.err
        assert "Traceback" not in ran.err
    broken = timeline.with_name("broken.otio")
    broken.write_text("{}")
    ran = avfoley("foley", broken, "--json")
    assert (ran.code, ran.lines[-1]["exit_code"]) == (Exit.INPUT, 3)
    assert "broken.otio" in ran.lines[-1]["error"]
    ran = avfoley("foley", timeline, "--model", "gpt")
    assert ran.code == Exit.ENGINE
    assert "avlink-nano" in ran.err


def test_the_engines_commands(engine: Engine, avfoley: Shell) -> None:
    ran = avfoley("engine", "status", "--json")
    assert ran.code == Exit.OK
    assert json.loads(ran.out)["pid"] == engine.processes[0].pid
    assert "worker" in avfoley("engine", "status").out
    assert [model["name"] for model in json.loads(avfoley("models", "--json").out)] == ["fake", "avlink-nano"]
    assert avfoley("engine", "stop").code == Exit.OK
    assert engine.processes[0].wait(10) == 0
    ran = avfoley("engine", "status")
    assert (ran.code, ran.out) == (Exit.ENGINE, "No engine is running.\n")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_arguments_are_passed_on_to_the_engines_side(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    stand_in = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(' '.join(sys.argv[2:])); sys.exit(7)"
    monkeypatch.setattr("avfoley_plugin.cli.ENGINE", (sys.executable, "-c", stand_in, str(seen)))
    monkeypatch.setattr(sys, "argv", ["avfoley", command, "sync", "--help", "--json", "-o", "x"])
    from avfoley_plugin.cli import main

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 7
    assert seen.read_text() == f"{command} sync --help --json -o x"


class TestInterrupted:
    """Ctrl-C in the middle of ten shots."""

    #: The shell, but the engine that it starts when it misses one has the fake model.
    SHELL = (
        "import sys; from avfoley_plugin import cli, engine_client; "
        f"engine_client.LocalEngine.__init__.__kwdefaults__['command'] = {engine_command()!r}; "
        "cli.main()"
    )

    @classmethod
    def start(cls, timeline: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", cls.SHELL, "foley", str(timeline), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def after_done(process: subprocess.Popen[str], count: int) -> list[dict[str, Any]]:
        """Its output until so many takes are done and the next one runs."""
        assert process.stdout is not None
        lines: list[dict[str, Any]] = []
        for text in process.stdout:
            lines.append(json.loads(text))
            done = [line for line in lines if line["event"] == "done"]
            if len(done) == count and lines[-1]["event"] == "progress" and lines[-1]["progress"] > 0:
                return lines
        raise AssertionError(process.stderr and process.stderr.read())

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_stops_soon_and_keeps_the_finished_takes(
        self, slow_engine: Engine, timeline: Path, number: signal.Signals
    ) -> None:
        process = self.start(timeline)
        before = self.after_done(process, 3)
        os.kill(process.pid, number)
        began = time.monotonic()
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - began < 5
        assert process.returncode == Exit.CANCELLED
        assert "Traceback" not in err
        lines = before + [json.loads(line) for line in out.splitlines()]
        done = [line["shot"] for line in lines if line["event"] == "done"]
        cancelled = [line["shot"] for line in lines if line["event"] == "cancelled"]
        assert sorted(done + cancelled) == [f"shot{shot}" for shot in range(10)]
        assert 3 <= len(done) <= 5
        assert lines[-1]["exit_code"] == Exit.CANCELLED
        assert [take.shot_name for take in placed(read(timeline))] == done
        status = slow_engine.status()
        assert (status.queued, status.running) == (0, 0)

    def test_ctrl_break_cancels_too(self, slow_engine: Engine, timeline: Path) -> None:
        """Windows' signal, here under the number of one that POSIX has."""
        start = "import signal; signal.SIGBREAK = signal.SIGUSR1; from avfoley_plugin.cli import main; main()"
        command = [sys.executable, "-c", start, "foley", str(timeline), "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        before = self.after_done(process, 1)
        os.kill(process.pid, signal.SIGUSR1)
        out, err = process.communicate(timeout=20)
        assert process.returncode == Exit.CANCELLED, err
        done = [json.loads(line)["shot"] for line in out.splitlines() if json.loads(line)["event"] == "done"]
        done = [line["shot"] for line in before if line["event"] == "done"] + done
        assert [take.shot_name for take in placed(read(timeline))] == done
        assert (slow_engine.status().queued, slow_engine.status().running) == (0, 0)

    def test_a_second_run_makes_only_the_rest(self, slow_engine: Engine, timeline: Path, avfoley: Shell) -> None:
        process = self.start(timeline)
        self.after_done(process, 2)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=20)
        kept = {take.shot_name: take.identity.result.sha256 for take in placed(read(timeline))}
        ran = avfoley("foley", timeline, "--json")
        assert ran.code == Exit.OK, ran.err
        takes = placed(read(timeline))
        assert [take.shot_name for take in takes] == [f"shot{shot}" for shot in range(10)]
        assert kept.items() <= {take.shot_name: take.identity.result.sha256 for take in takes}.items()
        # The shots that were kept came from the cache: their jobs never reported a step.
        steps = {line["shot"] for line in ran.lines if line["event"] == "progress" and line["progress"] > 0}
        assert steps.isdisjoint(kept)

    def test_the_engine_killed_under_it(self, slow_engine: Engine, timeline: Path) -> None:
        process = self.start(timeline)
        before = self.after_done(process, 2)
        slow_engine.kill()
        out, err = process.communicate(timeout=60)
        assert process.returncode == Exit.OK, err
        lines = before + [json.loads(line) for line in out.splitlines()]
        done = [line["shot"] for line in lines if line["event"] == "done"]
        assert done == [f"shot{shot}" for shot in range(10)]
        assert [take.shot_name for take in placed(read(timeline))] == done


class TestDemo:
    """The demo, with a stand-in for the command that renders its clip."""

    @staticmethod
    def run(monkeypatch: pytest.MonkeyPatch, renderer: str, folder: Path) -> object:
        from avfoley_plugin.cli import main

        monkeypatch.setattr("avfoley_plugin.cli.ENGINE", (sys.executable, "-c", renderer))
        monkeypatch.setattr(sys, "argv", ["avfoley", "demo", "-o", str(folder)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    def test_it_says_where_to_look_and_listen(
        self,
        engine: Engine,
        clip: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        renderer = (
            "import json, shutil, sys; assert sys.argv[1] == 'demo-clip' and sys.argv[3] == '--json'; "
            f"shutil.copy({str(clip)!r}, sys.argv[2]); print('rendering'); "
            "print(json.dumps({'caption': 'a ball', 'events': [0.5, 1.25]}))"
        )
        assert self.run(monkeypatch, renderer, tmp_path / "demo") == Exit.OK
        (take,) = placed(read(tmp_path / "demo" / "demo.otio"))
        assert take.identity.request.caption == "a ball"
        said = capfd.readouterr().out
        assert str(tmp_path / "demo" / "demo.mp4") in said
        assert "events at 0.50, 1.25 s" in said
        assert str(tmp_path / "demo" / "demo.otio") in said
        assert str(tmp_path / "demo" / "demo.avfoley") in said

    def test_a_clip_that_cannot_be_rendered(
        self, engine_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        code = self.run(monkeypatch, "raise SystemExit('the fonts are missing')", tmp_path / "demo")
        assert code == Exit.INPUT
        assert "the fonts are missing" in capfd.readouterr().err
