"""AV-Link as a system: what its model folders hold, and how they become models and back."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avfoley_engine import zoo
from avfoley_engine.models.system import System
from avfoley_engine.zoo import Entry

if TYPE_CHECKING:
    import torch

    from avfoley_engine.codec.audio import AudioCodec
    from avfoley_engine.models.avlink.config import Direction
    from avfoley_engine.models.avlink.foley import AVLinkFoley
    from avfoley_engine.models.avlink.link import AVLink
    from avfoley_engine.models.avlink.spotting import AVLinkEvents
    from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks
    from avfoley_engine.models.avlink.video import AVLinkVideo

_TASKS: dict[str, Direction] = {"foley": "v2a", "visualize": "a2v"}


class AVLinkSystem(System):
    """Which sets of fusion blocks a folder has decides its tasks.

    `fusion_v2a` offers foley, `fusion_a2v` visualize, `fusion_joint` both; an event stem that sees
    optical flow offers spot. A reflowed model has one direction and, as `reflow`, low-rank changes of
    its teacher's backbones and blocks. `autoencoder` and
    `upsampler` are there or not: without them pictures are enlarged by interpolation, and
    `config.json` has no "upsampler".
    """

    name = "avlink"
    recipes = "avfoley_engine.training.avlink"

    def tasks(self, entry: Entry) -> list[str]:
        """See `System.tasks`."""
        offered = directions(entry)
        spots = entry.config["model"]["video"].get("flow_channels") is not None
        return [task for task, direction in _TASKS.items() if direction in offered] + ["spot"] * spots

    def controls(self, entry: Entry) -> list[str]:
        """See `System.controls`."""
        return ["caption", "steps"] if entry.config["model"].get("guided") else super().controls(entry)

    def sample_rate(self, entry: Entry) -> int:
        """See `System.sample_rate`."""
        return int(entry.config["codec"]["mel"]["sample_rate"])

    def window_seconds(self, entry: Entry) -> Fraction:
        """See `System.window_seconds`."""
        video = entry.config["model"]["video"]
        return Fraction(video["frames"]) / Fraction(video["frame_rate"])

    def load(self, entry: Entry, task: str, device: torch.device | str) -> AVLinkFoley | AVLinkVideo | AVLinkEvents:
        """See `System.load`."""
        from avfoley_engine.models.avlink.spotting import AVLinkEvents

        if task == "visualize":
            return load_video(entry, device, serving=True)
        foley = load(entry, device, serving=True)
        return AVLinkEvents(foley) if task == "spot" else foley


def directions(entry: Entry) -> list[Direction]:
    """The directions for which a model has fusion blocks."""
    return [d for d in _TASKS.values() if entry.has(f"fusion_{d}") or entry.has("fusion_joint")]


def load(entry: Entry, device: torch.device | str = "cpu", *, serving: bool = False) -> AVLinkFoley:
    """A model with its codec and text encoder on a device, for sound.

    `serving`: as fast as the device allows (`models.acceleration`), and not to be trained.

    Raises:
        ModelError: its config or weights cannot be used.
    """
    import torch

    from avfoley_engine.codec.files import load_codec
    from avfoley_engine.models.acceleration import ready_on_its_device
    from avfoley_engine.models.avlink.config import AVLinkConfig
    from avfoley_engine.models.avlink.foley import AVLinkFoley
    from avfoley_engine.models.avlink.link import AVLink
    from avfoley_engine.models.text import text_encoder
    from avfoley_engine.nn.low_rank import merge_low_rank

    link = AVLink(entry.typed("model", AVLinkConfig), directions(entry))
    entry.load("audio", link.audio)
    video = entry.weights("video")
    if link.video.events is not None:
        video |= {f"events.{name}": weight for name, weight in entry.weights("events").items()}
    entry.load("video", link.video, video)
    for name, blocks in link.fusion.items():
        entry.load(f"fusion_{name}", blocks)
    if entry.has("reflow"):
        merge_low_rank(link, entry.weights("reflow"))
    target, defaults = torch.device(device), entry.config["defaults"]
    return AVLinkFoley(
        entry.name,
        entry.revision,
        ready_on_its_device(link.to(target)) if serving else link.to(target),
        load_codec(entry).to(target),
        text_encoder(link.config.text, target),
        default_steps=defaults["steps"],
        default_guidance_scale=defaults["guidance_scale"],
    )


def load_video(entry: Entry, device: torch.device | str = "cpu", *, serving: bool = False) -> AVLinkVideo:
    """A model the other way round, from sound to picture.

    Raises:
        ModelError: as `load`, or the model has no audio-to-video fusion blocks.
    """
    from avfoley_engine.models.acceleration import ready_on_its_device
    from avfoley_engine.models.avlink.upsampler.upsample import LatentUpsampler
    from avfoley_engine.models.avlink.video import AVLinkVideo

    foley = load(entry, device, serving=serving)
    networks = load_upsampler(entry)
    if networks is not None and serving:
        ready_on_its_device(networks.flow.to(device))
    upsampler = None if networks is None else LatentUpsampler(networks.to(device), foley.text)
    return AVLinkVideo.beside(foley, upsampler)


def load_upsampler(entry: Entry) -> UpsamplerNetworks | None:
    """A model's upsampler, on the CPU; None if it has none.

    Raises:
        ModelError: its config or weights cannot be used.
    """
    if "upsampler" not in entry.config:
        return None
    from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig
    from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks

    networks = UpsamplerNetworks(entry.typed("upsampler", UpsamplerConfig))
    entry.load("autoencoder", networks.autoencoder)
    entry.load("upsampler", networks.flow)
    return networks


def save(
    folder: Path,
    link: AVLink,
    codec: AudioCodec,
    *,
    title: str,
    licence: str,
    steps: int,
    guidance_scale: float,
    parts: tuple[str, ...] = (),
    upsampler: UpsamplerNetworks | None = None,
    reflow: dict[str, torch.Tensor] | None = None,
    lender: Entry | None = None,
) -> None:
    """Writes a model folder that `load` reads; see `zoo.write`.

    `reflow` are low-rank changes of the link, which then has guidance inside.
    """
    from pydantic import TypeAdapter

    from avfoley_engine.codec.files import codec_config, codec_states
    from avfoley_engine.models.avlink.config import AVLinkConfig

    video = link.video.state_dict()
    states: dict[str, Any] = {
        "audio": link.audio.state_dict(),
        "video": {name: weight for name, weight in video.items() if not name.startswith("events.")},
        **{f"fusion_{name}": blocks.state_dict() for name, blocks in link.fusion.items()},
        **codec_states(codec),
    }
    if link.video.events is not None:
        # A part of its own: it is trained behind the finished backbone.
        states["events"] = link.video.events.state_dict()
    sizes = link.config
    if reflow is not None:
        states["reflow"] = reflow
        sizes = replace(sizes, guided=True)
    config = {
        "system": "avlink",
        "title": title,
        "licence": licence,
        "model": TypeAdapter(AVLinkConfig).dump_python(sizes, mode="json"),
        "codec": codec_config(codec),
        "defaults": {"steps": steps, "guidance_scale": guidance_scale},
    }
    if upsampler is not None:
        from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig

        states |= {"autoencoder": upsampler.autoencoder.state_dict(), "upsampler": upsampler.flow.state_dict()}
        config["upsampler"] = TypeAdapter(UpsamplerConfig).dump_python(upsampler.config, mode="json")
    zoo.write(folder, config, states, parts, lender)
