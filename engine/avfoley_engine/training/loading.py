"""A model straight from its training runs, before it is exported."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.config import NANO
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.text import TextEncoder
from avfoley_engine.training.cli import load_codec
from avfoley_engine.training.trainer import ema_weights

_STEPS, _GUIDANCE_SCALE = 25, 5.0


def model_of_runs(runs: Path, device: torch.device | str = "cpu") -> AVLinkFoley:
    """The model in a folder of runs, with averaged weights: `vae`, `vocoder` and `audio` must be there.

    Without the runs `video` or `fusion` their parts keep their initial weights, in which the fusion blocks do nothing: sound from words
    alone is all that can be asked of it then.

    Raises:
        ModelError: a run is missing, or of another version's networks.
    """
    target = torch.device(device)
    codec = load_codec(runs, target, vocoder=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        link = AVLink(NANO)
    files = [runs / "vae" / "codec.safetensors", runs / "vocoder" / "checkpoint.safetensors"]
    for run, part, prefix in (
        ("audio", link.audio, ""),
        ("video", link.video, "video."),
        ("fusion", link.fusion, "link.fusion."),
    ):
        path = runs / run / "checkpoint.safetensors"
        if not path.exists():
            if run == "audio":
                raise ModelError(f"{path} is missing. Run `avfoley train audio` first.")
            continue
        weights = ema_weights(path)
        try:
            part.load_state_dict({k.removeprefix(prefix): w for k, w in weights.items() if k.startswith(prefix)})
        except RuntimeError as error:
            raise ModelError(f"{path} does not fit this version's network ({error}). Train it again.") from error
        files.append(path)
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return AVLinkFoley(
        runs.resolve().name,
        digest.hexdigest()[:12],
        link.to(target),
        codec,
        TextEncoder(target),
        default_steps=_STEPS,
        default_guidance_scale=_GUIDANCE_SCALE,
    )
