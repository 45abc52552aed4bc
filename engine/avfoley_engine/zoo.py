"""Model folders: what is shipped, in a folder of the user's, or on the Hugging Face Hub at a pinned revision.

A model is a folder with a `config.json`::

    {"system": "avlink", "title": ..., "licence": ..., "model": {...}, "codec": {...},
     "defaults": {"steps": 25, "guidance_scale": 4.0}, "files": {"audio.safetensors": "<sha256>", ...},
     "repository": "owner/name", "revision": "<commit>"}

`system` names the system that reads the rest (`models/registry.py`). Files that are not beside the
`config.json` come from `repository` at `revision`, or, where `"shared": {<file>: <model>}` says so, from
the folder of another model. All are safetensors, checked by their sha256.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from avfoley_engine import hub
from avfoley_engine.errors import ModelError
from avfoley_engine.protocol import state_folder

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

SHIPPED = Path(__file__).parent / "weights"
#: A folder of the user's with more models, each a folder like those that are shipped.
EXTRA_MODELS = "AVFOLEY_MODELS"
#: What a `config.json` says about a model without changing what it makes.
_DESCRIPTION = frozenset({"title", "licence", "repository", "revision", "shared", "size_bytes"})


@dataclass(frozen=True)
class Entry:
    """One registered model: its folder and its `config.json`."""

    name: str
    folder: Path
    config: dict[str, Any]

    @property
    def revision(self) -> str:
        """Twelve hex digits of a sha256 over all that decides the result: config and files' hashes."""
        relevant = {key: value for key, value in self.config.items() if key not in _DESCRIPTION}
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def local(self) -> bool:
        return all(self.path(file).exists() for file in self.config["files"])

    @property
    def size_bytes(self) -> int:
        """The size of all weight files, as far as it is known."""
        if not self.local:
            return int(self.config.get("size_bytes", 0))
        return sum(self.path(file).stat().st_size for file in self.config["files"])

    def has(self, part: str) -> bool:
        """Whether the model has a weight file for this part."""
        return f"{part}.safetensors" in self.config["files"]

    def path(self, name: str) -> Path:
        """Where a weight file is or will be: in the model's folder, another's, or where pulled files go."""
        shipped = self.folder / name
        lender = self.config.get("shared", {}).get(name)
        if lender and not shipped.exists():
            beside = self.folder.parent / lender / name
            return beside if beside.exists() else SHIPPED / lender / name
        if shipped.exists() or not self.config.get("repository"):
            return shipped
        revision = str(self.config.get("revision", ""))[:12]
        return state_folder() / "models" / self.name / revision / name

    def file(self, name: str, report: Callable[[int], None] = lambda arrived: None) -> Path:
        """The path of one weight file, its hash checked; `report` hears how many bytes are there.

        Raises:
            ModelError: the file is missing, cannot be fetched, or is not the one the config names.
        """
        config, path = self.config, self.path(name)
        if name not in config["files"]:
            raise ModelError(f"{self.folder / 'config.json'} names no file {name}. Install the model again.")
        if not path.exists():
            if not (config.get("repository") and config.get("revision")):
                raise ModelError(f"{path} is missing. Install the model {self.name} again.")
            hub.fetch(config["repository"], name, config["revision"], path, report)
        expected, found = config["files"][name], hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            if path.parent != self.folder:
                # It was pulled: it is fetched anew the next time.
                path.unlink()
            raise ModelError(
                f"{path} is damaged or not the right version (sha256 {found[:12]}, expected {expected[:12]}). "
                "Install it again."
            )
        return path

    def weights(self, part: str) -> dict[str, torch.Tensor]:
        """The tensors of one part, in single precision, on the CPU. Raises ModelError as `file`."""
        from safetensors.torch import load_file

        return {name: tensor.float() for name, tensor in load_file(self.file(f"{part}.safetensors")).items()}

    def load(self, part: str, module: torch.nn.Module, weights: dict[str, torch.Tensor] | None = None) -> None:
        """Puts one part's weights into its network; `weights` where they were read already.

        Raises ModelError as `file`, and where the weights do not fit the network.
        """
        weights = self.weights(part) if weights is None else weights
        try:
            module.load_state_dict(weights)
        except RuntimeError as error:
            raise ModelError(
                f"{self.path(f'{part}.safetensors')} does not fit its config.json ({error}). Install the model again."
            ) from error

    def typed(self, key: str, kind: type[T]) -> T:
        """One section of the config as its dataclass. Raises ModelError if it describes none."""
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(kind).validate_python(self.config[key])
        except (ValidationError, KeyError) as error:
            raise ModelError(
                f"{self.folder / 'config.json'} does not describe a {kind.__name__} of this version ({error})."
            ) from error


def entries() -> Iterator[Entry]:
    """All registered models, shipped ones first."""
    extra = os.environ.get(EXTRA_MODELS)
    for folder in [SHIPPED, converted_folder(), *([Path(extra)] if extra else [])]:
        for config in sorted(folder.glob("*/config.json")):
            yield entry_of(config.parent)


def converted_folder() -> Path:
    """The folder of models that were converted from checkpoints of other projects."""
    return state_folder() / "converted"


def entry(name: str) -> Entry:
    """The registered model of that name. Raises ModelError if there is none."""
    known = {e.name: e for e in entries()}
    if name not in known:
        raise ModelError(f"There is no model {name!r}. Known are: {', '.join(known) or 'none'}. See `avfoley models`.")
    return known[name]


def entry_of(folder: Path) -> Entry:
    """The model in any folder. Raises ModelError if that holds no valid `config.json`."""
    config = folder / "config.json"
    try:
        return Entry(folder.name, folder, json.loads(config.read_text(encoding="utf-8")))
    except (OSError, ValueError) as e:
        raise ModelError(f"{config} cannot be read as JSON ({e}). Repair it, or remove the folder {folder}.") from e


def write(
    folder: Path,
    config: Mapping[str, Any],
    states: Mapping[str, Mapping[str, torch.Tensor]],
    parts: Collection[str] = (),
    lender: Entry | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Writes a model folder: one safetensors file a part, the config with hashes.

    `states` has each part's tensors, `config` all but the hashes; half precision unless `dtype` is
    another. Files of other than `parts`, if named, keep their bytes. A part that the model `lender`
    has, bit for bit, is not written: the config says that it is shared.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    files, shared = {}, {}
    for part, state in states.items():
        path = folder / f"{part}.safetensors"
        if not parts or part in parts or not path.exists():
            unfinished = path.with_suffix(".part")
            stored = {k: v.detach().to("cpu", dtype or torch.float16).contiguous() for k, v in state.items()}
            save_file(stored, unfinished)
            unfinished.replace(path)
        files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        if lender is not None and lender.config["files"].get(path.name) == files[path.name]:
            shared[path.name] = lender.name
            path.unlink()
    config = {**config, **({"shared": shared} if shared else {}), "files": files}
    unfinished = folder / "config.json.part"
    unfinished.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(folder / "config.json")
