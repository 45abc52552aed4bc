"""From training runs to a model: which runs there are, and their averaged weights in the networks."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import load_file
from torch import nn

from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.grain import GrainConfig
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.config import DIRECTIONS, NANO, AVLinkConfig
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.upsampler.autoencoder import VideoAutoencoder
from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks
from avfoley_engine.models.text import text_encoder
from avfoley_engine.training.checkpoints import checkpoint_of, ema_weights

_STEPS, _GUIDANCE_SCALE = 25, 5.0
#: The sets of fusion blocks, each with a run of its own, `fusion_<set>`.
FUSION_SETS = (*DIRECTIONS, "joint")
#: What the run `autoencoder` leaves behind: averaged weights and the statistics of the latents.
AUTOENCODER_FILE = "autoencoder.safetensors"
#: Beside it, the sizes of the whole upsampler.
SIZES_FILE = "sizes.json"


#: The runs of the backbones and of what is trained beside them: the module of an `AVLink`, and what its weights' names begin with.
_BACKBONE_RUNS = {
    "audio": ("audio", ""),
    "video": ("video", "video."),
    "events": ("video.events", "video.events."),
    "draw": ("video.drawing", "drawing."),
}


def load_codec(runs: Path, device: torch.device, *, vocoder: bool = False) -> AudioCodec:
    """The codec as trained so far: the VAE with its latent statistics, its grain where there is such a run, and the vocoder's EMA weights
    where asked for.

    Raises:
        ModelError: the runs are missing, or of another version's networks.
    """
    grain = checkpoint_of(runs, "grain")
    codec = AudioCodec(CodecConfig(grain=GrainConfig() if grain.exists() else None))
    path = runs / "vae" / "codec.safetensors"
    try:
        trained = load_file(path)
        codec.latent_mean.copy_(trained.pop("latent_mean"))
        codec.latent_std.copy_(trained.pop("latent_std"))
        codec.vae.load_state_dict({name.removeprefix("vae."): weight for name, weight in trained.items()})
        if codec.grain:
            path = grain
            codec.grain.load_state_dict(ema_weights(path))
        if vocoder:
            path = checkpoint_of(runs, "vocoder")
            codec.vocoder.load_state_dict(ema_weights(path))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing. Run `avfoley train {path.parent.name}` first.") from error
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit this version's network ({error}). Train it again.") from error
    return codec.eval().requires_grad_(False).to(device)


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
    """Puts the EMA weights of a run, `audio`, `video`, `events`, `draw` or `fusion_<set>`, into an `AVLink`; returns the file.

    Raises:
        ModelError: the run is missing, or of another version's network.
    """
    path = checkpoint_of(runs, part)
    module: nn.Module
    if part in _BACKBONE_RUNS:
        name, prefix = _BACKBONE_RUNS[part]
        module = link.get_submodule(name)
    else:
        name = part.removeprefix("fusion_")
        module, prefix = link.fusion[name], f"link.fusion.{name}."
    try:
        weights = ema_weights(path)
        module.load_state_dict({k.removeprefix(prefix): w for k, w in weights.items() if k.startswith(prefix)})
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing. Run `avfoley train {part.split('_')[0]}` first.") from error
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit this version's network ({error}). Train it again.") from error
    return path


def with_drawing(config: AVLinkConfig) -> AVLinkConfig:
    """The config with what `nano` draws with, whatever draws in it now."""
    return replace(config, video=replace(config.video, drawing=NANO.video.drawing, time_shift=NANO.video.time_shift))


def with_events(config: AVLinkConfig) -> AVLinkConfig:
    """The config with `nano`'s event stem, whether there is one in it now or not."""
    return replace(config, video=replace(config.video, event_channels=NANO.video.event_channels))


def config_of(runs: Path, base: AVLink | None) -> AVLinkConfig:
    """The sizes of what the runs train: those of `base`, else `nano`'s, with its drawing and its event stem where there are such runs."""
    config = base.config if base else NANO
    if checkpoint_of(runs, "events").exists():
        config = with_events(config)
    return with_drawing(config) if checkpoint_of(runs, "draw").exists() else config


def take_backbones(link: AVLink, base: AVLink) -> None:
    """Gives `link` the backbones of `base`, which may draw otherwise and have no event stem: what they lack stays as it is in `link`.

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
    """The backbones of the runs `audio`, `video`, `events` and `draw`; what they do not hold comes from `base`, where there is one.

    Raises:
        ModelError: one is nowhere, or of another version's network.
    """
    if base is not None:
        take_backbones(link, base)
    for part in ("audio", "video"):
        if base is None or checkpoint_of(runs, part).exists():
            load_run(link, runs, part)
    for part in ("events", "draw"):
        if checkpoint_of(runs, part).exists():
            load_run(link, runs, part)


def upsampler_sizes(runs: Path) -> UpsamplerConfig:
    """The sizes of the upsampler whose autoencoder was trained in these runs.

    Raises:
        ModelError: it was not, or by another version.
    """
    path = runs / "autoencoder" / SIZES_FILE
    try:
        return TypeAdapter(UpsamplerConfig).validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing. Run `avfoley train autoencoder` first.") from error
    except ValidationError as error:
        raise ModelError(f"{path} does not describe an upsampler of this version ({error}). Train it again.") from error


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


def load_autoencoder(autoencoder: VideoAutoencoder, runs: Path) -> None:
    """Puts the trained weights and latent statistics into an upsampler's autoencoder.

    Raises:
        ModelError: the run is missing, or of another version's network.
    """
    path = runs / "autoencoder" / AUTOENCODER_FILE
    try:
        autoencoder.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing. Run `avfoley train autoencoder` first.") from error
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit this version's network ({error}). Train it again.") from error


def upsampler_of_runs(runs: Path) -> UpsamplerNetworks | None:
    """The upsampler that the runs hold, with averaged weights; None where `upsampler` was not trained.

    Raises:
        ModelError: its autoencoder is missing, or a run is of another version's networks.
    """
    path = checkpoint_of(runs, "upsampler")
    if not path.exists():
        return None
    networks = UpsamplerNetworks(upsampler_sizes(runs))
    load_autoencoder(networks.autoencoder, runs)
    try:
        networks.flow.load_state_dict(ema_weights(path))
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit this version's network ({error}). Train it again.") from error
    return networks


def model_of_runs(runs: Path, device: torch.device | str = "cpu") -> AVLinkFoley:
    """The model in a folder of runs, with averaged weights: `vae`, `vocoder` and `audio` must be there.

    Without the run `video` or any fusion run their parts keep their initial weights, in which the fusion blocks do nothing: sound from
    words alone is all that can be asked of it then.

    Raises:
        ModelError: a run is missing, or of another version's networks.
    """
    target = torch.device(device)
    codec = load_codec(runs, target, vocoder=True)
    sets = fusion_sets(runs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        link = untrained_link(sets)
    files = [runs / "vae" / "codec.safetensors", checkpoint_of(runs, "vocoder"), load_run(link, runs, "audio")]
    if codec.grain is not None:
        files.append(checkpoint_of(runs, "grain"))
    files += [load_run(link, runs, part) for part in ("video", "events", "draw") if checkpoint_of(runs, part).exists()]
    files += [load_run(link, runs, f"fusion_{name}") for name in sets]
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
    link = untrained_link([*trained, *kept], config_of(runs, linked))
    load_backbones(link, runs, linked)
    if base:
        for name in kept:
            link.fusion[name].load_state_dict(base.link.fusion[name].state_dict())
    for name in trained:
        load_run(link, runs, f"fusion_{name}")
    if base is None or (runs / "vae" / "codec.safetensors").exists():
        return link, load_codec(runs, device, vocoder=True)
    return link, base.codec
