"""Trains AV-Link (arXiv 2412.15191): its backbones, the fusion blocks between them, its upsampler.

Two documented additions to the paper, both in training only, both switches: an event loss on the
video backbone's features at the conditioning flow time, and an onset loss on the generated
modality's tokens behind each fusion block near pure noise. The paper's backbones learned events
from months of video; ours must learn them in an hour.
"""

from __future__ import annotations

from avfoley_engine.training.avlink import audio, fusion, reflow, upsampler, video

RECIPES = {
    "audio": audio.AUDIO,
    "video": video.VIDEO,
    "events": video.EVENTS,
    "draw": video.DRAW,
    "fusion": fusion.FUSION,
    "autoencoder": upsampler.AUTOENCODER,
    "upsampler": upsampler.UPSAMPLER,
    "reflow": reflow.REFLOW,
}
COMMANDS = {"pairs": reflow.PAIRS, "export-reflow": reflow.EXPORT}
