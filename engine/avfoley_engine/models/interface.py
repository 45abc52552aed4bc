"""What a task asks of a model: the contract between tasks/ and models/."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Literal, Protocol

import torch

#: Called after every solver step with the share of the work done (0..1). `CancelledError` stops it.
OnStep = Callable[[float], None]


class Named(Protocol):
    """Any model."""

    name: str
    revision: str
    #: The rate and size (height, width) of the picture that it looks at or makes.
    frame_rate: Fraction
    frame_size: tuple[int, int]


class Sampled(Named, Protocol):
    """A model whose results a solver samples."""

    #: The rate of the sound that it makes or hears.
    sample_rate: int
    #: Frames of the window it was trained on. It makes longer pictures in overlapping windows.
    window_frames: int
    default_steps: int
    default_guidance_scale: float
    #: How often networks are evaluated in a step, at the default guidance scale.
    evaluations: int


class FoleyModel(Sampled, Protocol):
    """A system that makes sound for a picture, from words, or both; `generate` a batch of one."""

    def generate(
        self,
        frames: torch.Tensor | None,
        samples: int,
        *,
        caption: str = "",
        negative_caption: str = "",
        seed: int = 0,
        steps: int | None = None,
        guidance_scale: float | None = None,
        loop: bool = False,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """Makes `samples` samples of sound for the picture.

        frames (T, H, W, 3) uint8 at `frame_rate` and `frame_size`, frame 0 at sample 0, or None for
        sound from words alone; any T >= 1. Returns (samples,) float32 in [-1, 1]. The same
        arguments on the same device give the same samples.

        loop: only from words alone. Returns one period of a sound that repeats seamlessly, as near
        to `samples` as the model can make it.
        """
        return self.generate_batch(
            None if frames is None else frames[None],
            samples,
            captions=[caption],
            negative_captions=[negative_caption],
            seeds=[seed],
            steps=steps,
            guidance_scale=guidance_scale,
            loop=loop,
            on_step=on_step,
        )[0]

    def generate_batch(
        self,
        frames: torch.Tensor | None,
        samples: int,
        *,
        captions: list[str],
        seeds: list[int],
        negative_captions: list[str] | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        loop: bool = False,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """Makes B sounds of one length: frames (B, T, H, W, 3) or None -> (B, samples) float32.

        `steps`, `guidance_scale`: None for the model's own. A row is `generate`'s, to rounding.
        """
        ...


#: How frames became large: by a trained model, or by plain arithmetic that adds no detail.
UpsamplingMethod = Literal["latent flow", "interpolation"]


class Upsampler(Protocol):
    """What makes the frames of a `VideoModel` large, and more of them."""

    @property
    def method(self) -> UpsamplingMethod: ...

    #: The rate and size (height, width) of the frames it makes.
    frame_rate: Fraction
    frame_size: tuple[int, int]

    def upsample(
        self,
        frames: torch.Tensor,
        frame_rate: Fraction,
        *,
        caption: str = "",
        seed: int = 0,
        on_step: OnStep | None = None,
    ) -> Iterator[torch.Tensor]:
        """Small frames (T, h, w, 3) uint8 at `frame_rate` -> pieces (n, H, W, 3) uint8.

        In all they have ceil(T / frame_rate * own rate) frames; memory does not hold them at once.
        The same arguments on the same device give the same frames.
        """
        ...


class VideoModel(Sampled, Protocol):
    """A system that makes a picture that moves with a sound, from words, or from both."""

    upsampler: Upsampler

    def generate(
        self,
        sound: torch.Tensor | None,
        frames: int,
        *,
        caption: str = "",
        negative_caption: str = "",
        seed: int = 0,
        steps: int | None = None,
        guidance_scale: float | None = None,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """Makes `frames` frames for the sound.

        sound (samples,) float in [-1, 1] at `sample_rate`, sample 0 at frame 0, or None for a
        picture from words alone. Where it ends before the picture, silence follows; what lies
        beyond is heard as far as the last window reaches. Returns (frames, height, width, 3) uint8
        at `frame_rate` and `frame_size`, the same for the same arguments on the same device.
        """
        return self.generate_batch(
            None if sound is None else sound[None],
            frames,
            captions=[caption],
            negative_captions=[negative_caption],
            seeds=[seed],
            steps=steps,
            guidance_scale=guidance_scale,
            on_step=on_step,
        )[0]

    def generate_batch(
        self,
        sounds: torch.Tensor | None,
        frames: int,
        *,
        captions: list[str],
        seeds: list[int],
        negative_captions: list[str] | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        on_step: OnStep | None = None,
    ) -> torch.Tensor:
        """Makes B pictures of one length: sounds (B, samples) or None -> (B, frames, H, W, 3)."""
        ...


class CaptionModel(Named, Protocol):
    """A system that says what a silent picture should sound like."""

    def propose(
        self, frames: torch.Tensor, count: int, *, seed: int = 0, on_step: OnStep | None = None
    ) -> list[tuple[str, float]]:
        """Up to `count` captions of frames (T, H, W, 3) uint8, likeliest first, and confidences.

        Confidences are in 0..1; no caption comes where none is sure. The same arguments on the same
        device give the same captions.
        """
        ...


class EventModel(ABC):
    """A system that sees in a silent picture when something begins to sound."""

    name: str
    revision: str
    device: torch.device
    #: The rate and size (height, width) at which the model looks at the picture.
    frame_rate: Fraction
    frame_size: tuple[int, int]
    #: Frames of one window, the length it was trained on. Longer pictures are seen in overlapping windows by the model itself.
    window_frames: int
    #: How probable an event is, at least.
    default_threshold: float

    @abstractmethod
    def event_probabilities(self, frames: torch.Tensor) -> torch.Tensor:
        """How probable it is that something begins to sound in each of frames (T, H, W, 3) uint8: (T,) float32 in [0, 1]."""


Model = FoleyModel | VideoModel | CaptionModel | EventModel
