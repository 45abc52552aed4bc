"""Aligns the windows of both modalities, so that they begin on a latent and on a video token."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd, lcm

from avfoley_engine.flow.windows import Windows


@dataclass(frozen=True)
class Alignment:
    """One window's length in each modality, and the hop from a window to the next."""

    window_frames: int
    window_latents: int
    hop_frames: int
    hop_latents: int

    @classmethod
    def of(
        cls, frames: int, frame_rate: Fraction, step_rate: Fraction, latent_rate: Fraction, overlap: Fraction
    ) -> Alignment:
        """Windows of so many frames, on a grid of latents and of the video's steps, both per second.

        The hop is the longest, in grid steps, at which neighbouring windows share `overlap` seconds.
        """
        # Rounded up, so that a picture of exactly one window needs no second one.
        latents = ceil(frames / frame_rate * latent_rate)
        latent, step = 1 / latent_rate, 1 / step_rate
        grid = Fraction(lcm(latent.numerator, step.numerator), gcd(latent.denominator, step.denominator))
        hop = max(1, int((latents / latent_rate - overlap) / grid)) * grid
        return cls(frames, latents, int(hop * frame_rate), int(hop * latent_rate))

    def windows(self, *, frames: int = 0, latents: int = 0) -> tuple[Windows, Windows]:
        """Windows over latents and frames, one for one at the same instants, that cover so many."""
        beyond_frames = Fraction(frames - self.window_frames, self.hop_frames)
        beyond_latents = Fraction(latents - self.window_latents, self.hop_latents)
        count = 1 + max(0, ceil(beyond_frames), ceil(beyond_latents))
        return (
            Windows.hopping(count, self.window_latents, self.hop_latents),
            Windows.hopping(count, self.window_frames, self.hop_frames),
        )
