"""Names to models: shipped with the project, in a folder of the user's, or on the Hugging Face Hub at a pinned revision.

A model is a folder with a `config.json`::

    {"system": "avlink", "title": ..., "licence": ..., "model": {...}, "codec": {...},
     "defaults": {"steps": 25, "guidance_scale": 4.0}, "files": {"audio.safetensors": "<sha256>", ...},
     "repository": "owner/name", "revision": "<commit>"}

Which sets of fusion blocks it has decides which tasks it offers: `fusion_v2a` foley, `fusion_a2v` visualize, `fusion_joint` both.
`autoencoder` and `upsampler` are there or not: without them, pictures are enlarged by interpolation, and `config.json` has no "upsampler".
Files that are not beside the `config.json` come from `repository` at `revision`. Every file is checked against its sha256. Only safetensors
are ever loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avfoley_engine.errors import ModelError
from avfoley_engine.protocol import ModelInfo, state_folder

if TYPE_CHECKING:
    import torch

    from avfoley_engine.models.avlink.config import Direction
    from avfoley_engine.models.avlink.foley import AVLinkFoley
    from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks
    from avfoley_engine.models.avlink.video import AVLinkVideo

SHIPPED = Path(__file__).parent / "weights"
#: A folder of the user's with more models, each a folder like those that are shipped.
EXTRA_MODELS = "AVFOLEY_MODELS"
_TASKS: dict[Direction, str] = {"v2a": "foley", "a2v": "visualize"}


@dataclass(frozen=True)
class Entry:
    """One registered model: its folder and its `config.json`."""

    name: str
    folder: Path
    config: dict[str, Any]

    @property
    def revision(self) -> str:
        """Twelve hex digits of the sha256 over all files' hashes and the config: changes whenever the result may."""
        relevant = {k: self.config[k] for k in ("system", "model", "codec", "defaults", "files")}
        relevant |= {k: self.config[k] for k in ("upsampler",) if k in self.config}
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def local(self) -> bool:
        return all(self.path(file).exists() for file in self.config["files"])

    def path(self, name: str) -> Path:
        """Where a weight file is on this machine, or will be: in the model's folder, or where pulled files go."""
        shipped = self.folder / name
        if shipped.exists() or not self.config.get("repository"):
            return shipped
        return state_folder() / "models" / self.name / str(self.config.get("revision", ""))[:12] / name

    @property
    def directions(self) -> list[Direction]:
        """The directions for which there are fusion blocks."""
        sets = {f.removeprefix("fusion_").removesuffix(".safetensors") for f in self.config["files"]}
        return [d for d in ("v2a", "a2v") if sets & {d, "joint"}]

    def file(self, name: str) -> Path:
        """The path of one weight file, fetched from the Hub if it is not local, its hash checked.

        Raises:
            ModelError: the file is missing, cannot be fetched, or is not the one that the config names.
        """
        path = self.path(name)
        if not path.exists():
            path = self._fetch(name)
        expected = self.config["files"][name]
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise ModelError(
                f"{path} is damaged or not the right version (sha256 {found[:12]}, expected {expected[:12]}). Install it again."
            )
        return path

    def _fetch(self, name: str) -> Path:
        repository, revision = self.config.get("repository"), self.config.get("revision")
        if not repository or not revision:
            raise ModelError(f"{self.folder / name} is missing. Install the model {self.name} again.")
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            return Path(hf_hub_download(repository, name, revision=revision))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as e:
            raise ModelError(
                f"{name} of {self.name} cannot be fetched from {repository} at {revision[:12]} ({e}). Check the network."
            ) from e


def entries() -> Iterator[Entry]:
    """All registered models, shipped ones first."""
    folders = [SHIPPED]
    if os.environ.get(EXTRA_MODELS):
        folders.append(Path(os.environ[EXTRA_MODELS]))
    for folder in folders:
        for config in sorted(folder.glob("*/config.json")):
            try:
                yield Entry(config.parent.name, config.parent, json.loads(config.read_text(encoding="utf-8")))
            except ValueError as e:
                raise ModelError(f"{config} is not valid JSON ({e}). Repair it or remove the folder.") from e


def entry(name: str) -> Entry:
    """The registered model of that name.

    Raises:
        ModelError: there is none.
    """
    known = {e.name: e for e in entries()}
    if name not in known:
        raise ModelError(f"There is no model {name!r}. Known are: {', '.join(known) or 'none'}. See `avfoley models`.")
    return known[name]


def info(name: str) -> ModelInfo:
    """What the host side may show of a model. Reads no weights and does not import torch."""
    e = entry(name)
    video = e.config["model"]["video"]
    from fractions import Fraction

    return ModelInfo(
        name=e.name,
        title=e.config["title"],
        tasks=[_TASKS[direction] for direction in e.directions],
        revision=e.revision,
        licence=e.config["licence"],
        size_bytes=sum(e.path(f).stat().st_size for f in e.config["files"])
        if e.local
        else e.config.get("size_bytes", 0),
        local=e.local,
        sample_rate=e.config["codec"]["mel"]["sample_rate"],
        window_seconds=video["frames"] / Fraction(video["frame_rate"]),
        default_steps=e.config["defaults"]["steps"],
        default_guidance_scale=e.config["defaults"]["guidance_scale"],
    )


def models() -> list[ModelInfo]:
    """All registered models, one a name."""
    return [info(name) for name in {e.name: e for e in entries()}]


def entry_of(folder: Path) -> Entry:
    """The model in a folder that is not registered, such as one that was just trained.

    Raises:
        ModelError: the folder holds no `config.json`, or not a valid one.
    """
    config = folder / "config.json"
    try:
        return Entry(folder.name, folder, json.loads(config.read_text(encoding="utf-8")))
    except (OSError, ValueError) as e:
        raise ModelError(f"{config} cannot be read ({e}): {folder} is not the folder of a model.") from e


def load(model: str | Entry, device: torch.device | str = "cpu") -> AVLinkFoley:
    """Loads a model, by its name or its entry, with its codec and text encoder onto a device.

    Raises:
        ModelError: it is not registered, or its config or weights cannot be used.
    """
    import torch
    from pydantic import TypeAdapter, ValidationError

    from avfoley_engine.codec.audio import AudioCodec, CodecConfig
    from avfoley_engine.models.avlink.config import AVLinkConfig
    from avfoley_engine.models.avlink.foley import AVLinkFoley
    from avfoley_engine.models.avlink.link import AVLink
    from avfoley_engine.models.text import text_encoder

    e = model if isinstance(model, Entry) else entry(model)
    try:
        link = AVLink(TypeAdapter(AVLinkConfig).validate_python(e.config["model"]), e.directions)
        codec = AudioCodec(TypeAdapter(CodecConfig).validate_python(e.config["codec"]))
    except (ValidationError, KeyError) as error:
        raise ModelError(f"{e.folder / 'config.json'} does not describe a model of this version ({error}).") from error
    parts = {
        "audio": link.audio,
        "video": link.video,
        "vae": codec.vae,
        "vocoder": codec.vocoder,
        **({} if codec.grain is None else {"grain": codec.grain}),
        **{f"fusion_{name}": blocks for name, blocks in link.fusion.items()},
    }
    for part, module in parts.items():
        path, weights = _weights(e, part)
        if part == "video" and link.video.events is not None:
            weights |= {f"events.{name}": weight for name, weight in _weights(e, "events")[1].items()}
        if part == "vae":
            codec.latent_mean.copy_(weights.pop("latent_mean"))
            codec.latent_std.copy_(weights.pop("latent_std"))
        _put(weights, module, path)
    target = torch.device(device)
    defaults = e.config["defaults"]
    return AVLinkFoley(
        e.name,
        e.revision,
        link.to(target),
        codec.to(target),
        text_encoder(link.config.text, target),
        default_steps=defaults["steps"],
        default_guidance_scale=defaults["guidance_scale"],
    )


def load_video(model: str | Entry, device: torch.device | str = "cpu") -> AVLinkVideo:
    """Loads a model the other way round, from sound to picture.

    Raises:
        ModelError: as `load`, or the model does not offer the task `visualize`.
    """
    from avfoley_engine.models.avlink.upsampler.upsample import LatentUpsampler
    from avfoley_engine.models.avlink.video import AVLinkVideo

    e = model if isinstance(model, Entry) else entry(model)
    foley = load(e, device)
    networks = load_upsampler(e)
    upsampler = None if networks is None else LatentUpsampler(networks.to(device), foley.text)
    return AVLinkVideo.beside(foley, upsampler)


def load_for(name: str, device: str, task: str) -> AVLinkFoley | AVLinkVideo:
    """Loads a model to serve one of its tasks, `foley` or `visualize`; on CUDA in bf16.

    Raises:
        ModelError: as `load`, or the model does not offer the task.
    """
    from avfoley_engine.models.acceleration import ready_on_its_device
    from avfoley_engine.models.avlink.upsampler.upsample import LatentUpsampler

    model = load_video(name, device) if task == "visualize" else load(name, device)
    ready_on_its_device(model.link)
    if isinstance(upsampler := getattr(model, "upsampler", None), LatentUpsampler):
        ready_on_its_device(upsampler.networks.flow)
    return model


def load_upsampler(entry: Entry) -> UpsamplerNetworks | None:
    """A model's upsampler, on the CPU; None if it has none.

    Raises:
        ModelError: its config or weights cannot be used.
    """
    if "upsampler" not in entry.config:
        return None
    from pydantic import TypeAdapter, ValidationError

    from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig
    from avfoley_engine.models.avlink.upsampler.upsample import UpsamplerNetworks

    try:
        networks = UpsamplerNetworks(TypeAdapter(UpsamplerConfig).validate_python(entry.config["upsampler"]))
    except ValidationError as error:
        raise ModelError(
            f"{entry.folder / 'config.json'} does not describe an upsampler of this version ({error})."
        ) from error
    for part, module in (("autoencoder", networks.autoencoder), ("upsampler", networks.flow)):
        path, weights = _weights(entry, part)
        _put(weights, module, path)
    return networks


def _weights(entry: Entry, part: str) -> tuple[Path, dict[str, torch.Tensor]]:
    """The file of one part and what is in it, in single precision."""
    from safetensors.torch import load_file

    path = entry.file(f"{part}.safetensors")
    return path, {name: tensor.float() for name, tensor in load_file(path).items()}


def _put(weights: dict[str, torch.Tensor], module: torch.nn.Module, path: Path) -> None:
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit its config.json ({error}). Install the model again.") from error


def save(
    folder: Path,
    link: Any,
    codec: Any,
    *,
    title: str,
    licence: str,
    steps: int,
    guidance_scale: float,
    parts: tuple[str, ...] = (),
    upsampler: UpsamplerNetworks | None = None,
) -> None:
    """Writes a model folder that `load` reads: half precision, one safetensors file a part, and the config with their hashes.

    link is an `AVLink`, codec an `AudioCodec`; the upsampler is optional.
    `parts` limits which files are written anew, so that the others keep their bytes.
    """
    import torch
    from pydantic import TypeAdapter
    from safetensors.torch import save_file

    from avfoley_engine.codec.audio import CodecConfig
    from avfoley_engine.models.avlink.config import AVLinkConfig

    folder.mkdir(parents=True, exist_ok=True)
    video = link.video.state_dict()
    states = {
        "audio": link.audio.state_dict(),
        "video": {name: weight for name, weight in video.items() if not name.startswith("events.")},
        **{f"fusion_{name}": blocks.state_dict() for name, blocks in link.fusion.items()},
        "vae": codec.vae.state_dict() | {"latent_mean": codec.latent_mean, "latent_std": codec.latent_std},
        "vocoder": codec.vocoder.state_dict(),
    }
    if link.video.events is not None:
        # A part of its own: it is trained behind the finished backbone.
        states["events"] = link.video.events.state_dict()
    if codec.grain is not None:
        states["grain"] = codec.grain.state_dict()
    if upsampler is not None:
        states |= {"autoencoder": upsampler.autoencoder.state_dict(), "upsampler": upsampler.flow.state_dict()}
    files = {}
    for part, state in states.items():
        path = folder / f"{part}.safetensors"
        if not parts or part in parts or not path.exists():
            unfinished = path.with_suffix(".part")
            save_file({k: v.detach().to("cpu", torch.float16).contiguous() for k, v in state.items()}, unfinished)
            unfinished.replace(path)
        files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    config = {
        "system": "avlink",
        "title": title,
        "licence": licence,
        "model": TypeAdapter(AVLinkConfig).dump_python(link.config, mode="json"),
        "codec": TypeAdapter(CodecConfig).dump_python(codec.config, mode="json"),
        "defaults": {"steps": steps, "guidance_scale": guidance_scale},
        "files": files,
    }
    if upsampler is not None:
        from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig

        config["upsampler"] = TypeAdapter(UpsamplerConfig).dump_python(upsampler.config, mode="json")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
