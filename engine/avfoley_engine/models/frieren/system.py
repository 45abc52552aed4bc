"""Frieren as a system: what its model folders hold, and how they become models and back."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from avfoley_engine import zoo
from avfoley_engine.models.system import System
from avfoley_engine.zoo import Entry

if TYPE_CHECKING:
    import torch

    from avfoley_engine.codec.audio import AudioCodec
    from avfoley_engine.models.frieren.cavp import CAVPFeatures
    from avfoley_engine.models.frieren.config import FrierenConfig
    from avfoley_engine.models.frieren.estimator import Estimator
    from avfoley_engine.models.frieren.features import ContrastiveFeatures
    from avfoley_engine.models.frieren.foley import FrierenFoley


class FrierenSystem(System):
    """Foley by what is seen alone. The visual features of `nano` are the parts `events`, an event stem,
    and `encoder`; those of `paper` the part `cavp`. A reflowed model may have its teacher's `estimator`
    and, as `reflow`, low-rank changes of it.
    """

    name = "frieren"
    recipes = "avfoley_engine.training.frieren"

    def tasks(self, entry: Entry) -> list[str]:
        """See `System.tasks`."""
        return ["foley"]

    def controls(self, entry: Entry) -> list[str]:
        """See `System.controls`."""
        return ["steps"] if entry.config["model"]["guided"] else ["steps", "guidance_scale"]

    def sample_rate(self, entry: Entry) -> int:
        """See `System.sample_rate`."""
        return int(entry.config["codec"]["mel"]["sample_rate"])

    def window_seconds(self, entry: Entry) -> Fraction:
        """See `System.window_seconds`."""
        model = entry.config["model"]
        return Fraction(model["frames"]) / Fraction(model["frame_rate"])

    def load(self, entry: Entry, task: str, device: torch.device | str) -> FrierenFoley:
        """See `System.load`."""
        return load(entry, device, serving=True)


def load(entry: Entry, device: torch.device | str = "cpu", *, serving: bool = False) -> FrierenFoley:
    """A model with its visual features and codec on a device.

    `serving`: as fast as the device allows (`models.acceleration`), and not to be trained.

    Raises:
        ModelError: its config or weights cannot be used.
    """
    from avfoley_engine.codec.files import load_codec
    from avfoley_engine.models.acceleration import ready_on_its_device
    from avfoley_engine.models.frieren.config import FrierenConfig
    from avfoley_engine.models.frieren.estimator import Estimator
    from avfoley_engine.models.frieren.foley import FrierenFoley
    from avfoley_engine.nn.low_rank import merge_low_rank

    config = entry.typed("model", FrierenConfig)
    estimator, features = Estimator(config), untrained_features(config)
    entry.load("estimator", estimator)
    if entry.has("reflow"):
        merge_low_rank(estimator, entry.weights("reflow"))
    for part, module in _feature_parts(features).items():
        entry.load(part, module)
    defaults = entry.config["defaults"]
    estimator, features = estimator.to(device), features.to(device)
    if serving:
        ready_on_its_device(estimator)
        ready_on_its_device(features)
    return FrierenFoley(
        entry.name,
        entry.revision,
        estimator,
        features,
        load_codec(entry).to(device),
        default_steps=defaults["steps"],
        default_guidance_scale=defaults["guidance_scale"],
        solver=defaults.get("solver", "euler"),
    )


def untrained_features(config: FrierenConfig) -> ContrastiveFeatures | CAVPFeatures:
    """The visual features of these sizes."""
    from avfoley_engine.models.frieren.cavp import CAVPFeatures
    from avfoley_engine.models.frieren.config import CAVPConfig
    from avfoley_engine.models.frieren.features import ContrastiveFeatures

    sizes = config.features
    return CAVPFeatures(sizes) if isinstance(sizes, CAVPConfig) else ContrastiveFeatures(sizes)


def _feature_parts(features: ContrastiveFeatures | CAVPFeatures) -> dict[str, torch.nn.Module]:
    """The networks of visual features by the names of their parts."""
    from avfoley_engine.models.frieren.cavp import CAVPFeatures

    return {"cavp": features} if isinstance(features, CAVPFeatures) else dict(features.named_children())


def save(
    folder: Path,
    estimator: Estimator,
    features: ContrastiveFeatures | CAVPFeatures,
    codec: AudioCodec,
    *,
    title: str,
    licence: str,
    steps: int,
    guidance_scale: float,
    reflow: dict[str, torch.Tensor] | None = None,
    lender: Entry | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Writes a model folder that `load` reads; see `zoo.write`.

    `reflow` are low-rank changes of the estimator, which then has guidance inside.
    """
    from pydantic import TypeAdapter

    from avfoley_engine.codec.files import codec_config, codec_states
    from avfoley_engine.models.frieren.config import FrierenConfig

    states = {
        "estimator": estimator.state_dict(),
        **{part: module.state_dict() for part, module in _feature_parts(features).items()},
        **codec_states(codec),
    }
    sizes = estimator.config
    if reflow is not None:
        states["reflow"] = reflow
        sizes = replace(sizes, guided=True)
    config = {
        "system": "frieren",
        "title": title,
        "licence": licence,
        "model": TypeAdapter(FrierenConfig).dump_python(sizes, mode="json"),
        "codec": codec_config(codec),
        "defaults": {"steps": steps, "guidance_scale": guidance_scale},
    }
    zoo.write(folder, config, states, lender=lender, dtype=dtype)
