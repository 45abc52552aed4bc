"""Runs, models and their parts: averaged weights of runs into networks, and model folders in and out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import load_file, save_file
from torch import nn

from avfoley_engine import zoo
from avfoley_engine.codec import audio as codecs
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.grain import GrainConfig
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink import config as sizes_of_link
from avfoley_engine.models.avlink import system
from avfoley_engine.models.avlink.config import DIRECTIONS, NANO, AVLinkConfig
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.upsampler.autoencoder import VideoAutoencoder
from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks
from avfoley_engine.models.text import text_encoder
from avfoley_engine.training.checkpoints import checkpoint_of, ema_weights
from avfoley_engine.training.options import CommandOptions, option
from avfoley_engine.training.shards import codec_identity, codec_state

PRESETS: dict[str, AVLinkConfig] = {"nano": NANO, "paper": sizes_of_link.PAPER}
_STEPS, _GUIDANCE_SCALE = 25, 5.0
#: The sets of fusion blocks, each with a run of its own, `fusion_<set>`.
FUSION_SETS = (*DIRECTIONS, "joint")
#: What the run `autoencoder` leaves behind: averaged weights and the statistics of the latents.
AUTOENCODER_FILE = "autoencoder.safetensors"
#: Beside it, the sizes of the whole upsampler.
SIZES_FILE = "sizes.json"
#: The runs of the backbones and of what is trained beside them: the module of an `AVLink`, and what
#: its weights' names begin with.
_BACKBONE_RUNS = {
    "audio": ("audio", ""),
    "video": ("video", "video."),
    "events": ("video.events", "video.events."),
    "draw": ("video.drawing", "drawing."),
}


def named(name: str) -> zoo.Entry:
    """A registered model's entry, or that of the one in a folder."""
    folder = Path(name)
    return zoo.entry_of(folder) if (folder / "config.json").exists() else zoo.entry(name)


def model_named(name: str, device: torch.device) -> AVLinkFoley:
    """A registered model, or the one in a folder."""
    return system.load(named(name), device)


def sizes_named(name: str) -> AVLinkConfig:
    """The sizes of a registered model, or of the one in a folder, without its weights."""
    entry = named(name)
    with _reading(entry.folder / "config.json", "new"):
        return TypeAdapter(AVLinkConfig).validate_python(entry.config["model"])


@contextmanager
def _reading(path: Path, command: str) -> Iterator[None]:
    """Says what is wrong with `path`, which `avfoley train <command>` writes.

    Raises:
        ModelError: it is missing, or of another version's network.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing. Run `avfoley train {command}` first.") from error
    except (RuntimeError, ValidationError) as error:
        raise ModelError(f"{path} does not fit this version's network ({error}). Train it again.") from error


def load_averaged(module: nn.Module, runs: Path, run: str, prefix: str = "", *, strict: bool = True) -> Path:
    """Puts the averaged weights of a run that begin with `prefix` into a module; returns their file.

    `strict`: they are all of the module's.

    Raises:
        ModelError: the run is missing, or of another version's network.
    """
    path = checkpoint_of(runs, run)
    with _reading(path, run.split("_")[0]):
        weights = ema_weights(path)
        module.load_state_dict({k.removeprefix(prefix): w for k, w in weights.items() if k.startswith(prefix)}, strict)
    return path


def _codec_file(runs: Path) -> Path:
    return runs / "vae" / "codec.safetensors"


def save_vae(codec: AudioCodec, runs: Path) -> None:
    """Writes what the run `vae` leaves: the VAE and its latent statistics."""
    save_file({name: t.cpu().contiguous() for name, t in codec_state(codec).items()}, _codec_file(runs))


def load_codec(runs: Path, device: torch.device, *, vocoder: bool = False) -> AudioCodec:
    """The codec as trained so far: the VAE with its latent statistics, and its grain if there is any.

    `vocoder`: with the vocoder's averaged weights, too.

    Raises:
        ModelError: the runs are missing, or of another version's networks.
    """
    codec = AudioCodec(CodecConfig(grain=GrainConfig() if checkpoint_of(runs, "grain").exists() else None))
    path = _codec_file(runs)
    with _reading(path, "vae"):
        trained = load_file(path)
        codec.latent_mean.copy_(trained.pop("latent_mean"))
        codec.latent_std.copy_(trained.pop("latent_std"))
        codec.vae.load_state_dict({name.removeprefix("vae."): weight for name, weight in trained.items()})
    if codec.grain:
        load_averaged(codec.grain, runs, "grain")
    if vocoder:
        load_averaged(codec.vocoder, runs, "vocoder")
    return codec.eval().requires_grad_(False).to(device)


def codec_in_use(runs: Path, base: str | None, device: torch.device) -> AudioCodec:
    """The codec of the runs, or of `base` where they have none.

    Raises:
        ModelError: neither has one.
    """
    if base is None or (runs / "vae").exists():
        return load_codec(runs, device)
    return model_named(base, device).codec


def identity_in_use(runs: Path, base: AVLinkFoley | None) -> str | None:
    """The identity of the codec of the runs, or of `base`; None where there is none."""
    if _codec_file(runs).exists():
        return codec_identity(load_file(_codec_file(runs)))
    return codec_identity(codec_state(base.codec)) if base else None


def fusion_sets(runs: Path) -> list[str]:
    """The sets of fusion blocks that the runs hold.

    Raises:
        ModelError: a shared set beside one of its own for a direction; no model has both.
    """
    sets = [name for name in FUSION_SETS if checkpoint_of(runs, f"fusion_{name}").exists()]
    if "joint" in sets and len(sets) > 1:
        raise ModelError(
            f"{runs} holds {' and '.join(f'fusion_{s}' for s in sets)}: a model has fusion_v2a, fusion_a2v or both, or "
            "fusion_joint alone. Move a run away."
        )
    return sets


def untrained_link(sets: Collection[str], config: AVLinkConfig = NANO) -> AVLink:
    """A link with those sets of fusion blocks: "v2a", "a2v" or both, or "joint"."""
    fusion = replace(config.fusion, joint="joint" in sets)
    return AVLink(replace(config, fusion=fusion), [d for d in DIRECTIONS if d in sets])


def load_run(link: AVLink, runs: Path, part: str) -> Path:
    """Puts the averaged weights of a run into an `AVLink`; returns the file.

    The run is `audio`, `video`, `events`, `draw` or `fusion_<set>`.

    Raises:
        ModelError: the run is missing, or of another version's network.
    """
    if part in _BACKBONE_RUNS:
        name, prefix = _BACKBONE_RUNS[part]
        return load_averaged(link.get_submodule(name), runs, part, prefix)
    name = part.removeprefix("fusion_")
    return load_averaged(link.fusion[name], runs, part, f"link.fusion.{name}.")


def with_drawing(config: AVLinkConfig) -> AVLinkConfig:
    """The config with what `nano` draws with, whatever draws in it now."""
    return replace(config, video=replace(config.video, drawing=NANO.video.drawing, time_shift=NANO.video.time_shift))


def with_events(config: AVLinkConfig) -> AVLinkConfig:
    """The config with `nano`'s event stem, whether there is one in it now or not."""
    names = ("event_channels", "flow_channels", "event_threshold")
    return replace(config, video=replace(config.video, **{name: getattr(NANO.video, name) for name in names}))


def config_of(runs: Path, config: AVLinkConfig) -> AVLinkConfig:
    """The config with `nano`'s drawing and event stem where there are such runs."""
    if checkpoint_of(runs, "events").exists():
        config = with_events(config)
    return with_drawing(config) if checkpoint_of(runs, "draw").exists() else config


def take_backbones(link: AVLink, base: AVLink) -> None:
    """Gives `link` the backbones of `base`, which may draw otherwise and have no event stem.

    What they lack stays as it is in `link`.

    Raises:
        ModelError: they are of other sizes.
    """
    for name in ("audio", "video"):
        module, found = link.get_submodule(name), base.get_submodule(name).state_dict()
        wanted = {key for key in module.state_dict() if not key.startswith(("drawing.", "events."))}
        try:
            if missing := wanted - set(found):
                raise RuntimeError(f"{len(missing)} weights are missing")
            module.load_state_dict({k: w for k, w in found.items() if k in module.state_dict()}, strict=False)
        except RuntimeError as error:
            raise ModelError(
                f"The {name} backbone of the base does not fit ({error}). Choose another model."
            ) from error


def load_backbones(link: AVLink, runs: Path, base: AVLink | None) -> None:
    """The backbones of the runs; what these do not hold comes from `base`, where there is one.

    Raises:
        ModelError: one is nowhere, or of another version's network.
    """
    if base is not None:
        take_backbones(link, base)
    for part in _BACKBONE_RUNS:
        if (base is None and part in ("audio", "video")) or checkpoint_of(runs, part).exists():
            load_run(link, runs, part)


def upsampler_sizes(runs: Path) -> UpsamplerConfig:
    """The sizes of the upsampler whose autoencoder was trained in these runs.

    Raises:
        ModelError: it was not, or by another version.
    """
    path = runs / "autoencoder" / SIZES_FILE
    with _reading(path, "autoencoder"):
        return TypeAdapter(UpsamplerConfig).validate_json(path.read_bytes())


def keep_sizes(runs: Path, sizes: UpsamplerConfig) -> None:
    """Writes the sizes that a run of the autoencoder begins with.

    Raises:
        ModelError: the run began with others.
    """
    path = runs / "autoencoder" / SIZES_FILE
    if path.exists() and upsampler_sizes(runs) != sizes:
        raise ModelError(f"{path} says that this run is of other sizes. Give another folder, or remove {path.parent}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(TypeAdapter(UpsamplerConfig).dump_json(sizes, indent=1) + b"\n")


def save_autoencoder(autoencoder: VideoAutoencoder, runs: Path) -> None:
    """Writes what the run `autoencoder` leaves: averaged weights and latent statistics."""
    state = {name: tensor.cpu().contiguous() for name, tensor in autoencoder.state_dict().items()}
    save_file(state, runs / "autoencoder" / AUTOENCODER_FILE)


def load_autoencoder(autoencoder: VideoAutoencoder, runs: Path) -> None:
    """Puts the trained weights and latent statistics into an upsampler's autoencoder.

    Raises:
        ModelError: the run is missing, or of another version's network.
    """
    path = runs / "autoencoder" / AUTOENCODER_FILE
    with _reading(path, "autoencoder"):
        autoencoder.load_state_dict(load_file(path))


def upsampler_of_runs(runs: Path) -> UpsamplerNetworks | None:
    """The upsampler that the runs hold, averaged; None where `upsampler` was not trained.

    Raises:
        ModelError: its autoencoder is missing, or a run is of another version's networks.
    """
    if not checkpoint_of(runs, "upsampler").exists():
        return None
    networks = UpsamplerNetworks(upsampler_sizes(runs))
    load_autoencoder(networks.autoencoder, runs)
    load_averaged(networks.flow, runs, "upsampler")
    return networks


def model_of_runs(runs: Path, device: torch.device | str = "cpu") -> AVLinkFoley:
    """The model in a folder of runs, with averaged weights: `vae`, `vocoder` and `audio` must be there.

    Without the run `video` or any fusion run their parts keep their initial weights, in which the
    fusion blocks do nothing: it can only make sound from words then.

    Raises:
        ModelError: a run is missing, or of another version's networks.
    """
    target = torch.device(device)
    codec = load_codec(runs, target, vocoder=True)
    sets = fusion_sets(runs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        link = untrained_link(sets)
    optional = [part for part in ("video", "events", "draw") if checkpoint_of(runs, part).exists()]
    files = [_codec_file(runs), *(checkpoint_of(runs, run) for run in ("vocoder", *(["grain"] if codec.grain else [])))]
    files += [load_run(link, runs, part) for part in ("audio", *optional, *(f"fusion_{name}" for name in sets))]
    digest = hashlib.sha256()
    for file in files:
        for shard in sorted(file.iterdir()) if file.is_dir() else [file]:
            digest.update(hashlib.sha256(shard.read_bytes()).digest())
    return AVLinkFoley(
        runs.resolve().name,
        digest.hexdigest()[:12],
        link.to(target),
        codec,
        text_encoder(link.config.text, target),
        default_steps=_STEPS,
        default_guidance_scale=_GUIDANCE_SCALE,
    )


def exported_parts(runs: Path, base: AVLinkFoley | None, device: torch.device) -> tuple[AVLink, AudioCodec]:
    """The networks of the runs; what they do not hold comes from `base`, where there is one.

    Raises:
        ModelError: a part is nowhere, or the runs do not fit together.
    """
    trained = fusion_sets(runs)
    kept = [] if base is None or "joint" in trained else [name for name in base.link.fusion if name not in trained]
    if trained and "joint" in kept:
        kept = []
    if not trained and not kept:
        raise ModelError(f"{runs} holds no fusion blocks. Run `avfoley train fusion` first.")
    linked = base.link if base else None
    link = untrained_link([*trained, *kept], config_of(runs, linked.config if linked else NANO))
    load_backbones(link, runs, linked)
    if base:
        for name in kept:
            link.fusion[name].load_state_dict(base.link.fusion[name].state_dict())
    for name in trained:
        load_run(link, runs, f"fusion_{name}")
    if base is None or _codec_file(runs).exists():
        return link, load_codec(runs, device, vocoder=True)
    return link, base.codec


@dataclass(frozen=True, kw_only=True)
class NewOptions(CommandOptions):
    """See `new_model`."""

    preset: Literal["nano", "paper"] = option("paper", "sizes and codec")
    out: Path = option(what="the model's folder")
    title: str | None = option(None, "default: AV-Link and the preset")


def new_model(options: NewOptions, device: torch.device) -> None:
    """Writes the folder of an untrained model, to start from."""
    codec = AudioCodec({"nano": codecs.NANO, "paper": codecs.PAPER}[options.preset])
    title = options.title or f"AV-Link {options.preset}, untrained"
    # The paper's 64 steps at guidance 5; `nano` needs fewer.
    steps = {"nano": 25, "paper": 64}[options.preset]
    link = AVLink(PRESETS[options.preset])
    system.save(options.out, link, codec, title=title, licence="Apache-2.0", steps=steps, guidance_scale=5.0)


@dataclass(frozen=True, kw_only=True)
class ExportOptions(CommandOptions):
    """See `export`."""

    out: Path = option(what="the model's folder")
    title: str = option("AV-Link nano", "what users read")
    sampling_steps: int = option(25, "solver steps unless a request says otherwise")
    guidance: float = option(5.0, "guidance scale unless a request says otherwise")
    base: str | None = option(None, "model, name or folder, that gives what the runs do not hold")
    part: list[str] | None = option(None, "write this file alone anew, such as fusion_v2a; may be repeated")


def export(options: ExportOptions, device: torch.device) -> None:
    """Writes the folder of a model from the runs."""
    base = model_named(options.base, device) if options.base else None
    link, codec = exported_parts(options.runs, base, device)
    upsampler = upsampler_of_runs(options.runs)
    if upsampler is None and options.base:
        upsampler = system.load_upsampler(named(options.base))
    system.save(
        options.out,
        link,
        codec,
        title=options.title,
        licence="Apache-2.0",
        steps=options.sampling_steps,
        guidance_scale=options.guidance,
        parts=tuple(options.part or ()),
        upsampler=upsampler,
    )
