"""The procedural audio-visual world: clips with exact event times, drawn and sounded from a seed."""

from __future__ import annotations

import numpy as np
import torch

from avfoley_engine.world.elements import Event
from avfoley_engine.world.render import render_frames
from avfoley_engine.world.scene import Scene, Style, sample_scene
from avfoley_engine.world.sound import RecordedBank, SoundBank, SyntheticBank, render_sound

__all__ = [
    "Event",
    "RecordedBank",
    "Scene",
    "SoundBank",
    "Style",
    "SyntheticBank",
    "render_clip",
    "render_frames",
    "render_sound",
    "sample_scene",
]


def render_clip(
    scene: Scene,
    bank: SoundBank,
    height: int = 36,
    width: int = 64,
    frame_rate: float = 24,
    device: str | torch.device = "cpu",
) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """A whole clip: frames uint8 (T, H, W, 3), sound float32 (samples,) at 48 kHz, and event times in seconds (K,)."""
    frames = render_frames(scene, height, width, frame_rate, device)
    return frames, render_sound(scene, bank), np.array([event.time for event in scene.events])
