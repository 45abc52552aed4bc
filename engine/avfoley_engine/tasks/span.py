"""Where a take lies: exact arithmetic from record frames to samples, source times, model frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import torch

from avfoley_engine.media import probe, read_frames
from avfoley_engine.models.interface import CaptionModel, EventModel
from avfoley_engine.protocol import SAMPLE_RATE, CaptionRequest, FoleyRequest, MediaProbe, PictureRange, SpotRequest


@dataclass(frozen=True)
class Span:
    """A take in samples at 48 kHz: head handle, shot, tail handle (handles in frames too)."""

    head_frames: int
    tail_frames: int
    head_samples: int
    shot_samples: int
    tail_samples: int

    @property
    def samples(self) -> int:
        return self.head_samples + self.shot_samples + self.tail_samples

    @classmethod
    def of(cls, request: FoleyRequest, media: MediaProbe | None) -> Span:
        """The shot's exact length, and handles as far as picture reaches; from words alone, all."""
        head, tail = request.head_handle, request.tail_handle
        if request.picture is not None and media is not None:
            reach = Reach(request.picture, request.record_rate, media)
            head = reach.beyond(-1, -1, request.head_handle)
            tail = reach.beyond(request.frames, 1, request.tail_handle)
        samples = [round(frames * SAMPLE_RATE / request.record_rate) for frames in (head, request.frames, tail)]
        return cls(head, tail, *samples)


@dataclass(frozen=True)
class Reach:
    """Which record frames of a shot, handles and beyond, the media has picture for."""

    picture: PictureRange
    record_rate: Fraction
    media: MediaProbe

    def source_frame(self, record_frame: int) -> Fraction:
        """What record frame n shows, in source frames from the media's first (see `PictureRange`)."""
        picture = self.picture
        return picture.source_start + record_frame * picture.speed * picture.source_rate / self.record_rate

    def source_time(self, record_frame: int) -> Fraction:
        """What record frame n shows, in seconds from the media's first picture frame."""
        return self.source_frame(record_frame) / self.picture.source_rate

    def beyond(self, record_frame: int, step: int, most: int) -> int:
        """How many frames from `record_frame` on by `step` (1, -1) show picture; at most `most`."""
        end = self.media.frames * self.picture.source_rate / self.media.rate
        count = 0
        while count < most and 0 <= self.source_frame(record_frame + count * step) < end:
            count += 1
        return count


@dataclass(frozen=True)
class ModelSpan:
    """The model's frames for one take: `frames` in all, `lead` of them before its first sample."""

    lead: int
    frames: int
    frame_rate: Fraction

    @classmethod
    def of(cls, span: Span, request: FoleyRequest, reach: Reach, frame_rate: Fraction, window_frames: int) -> ModelSpan:
        """Covers the take, and a whole window where the take is shorter.

        The rest of the window is picture from both sides of the take where the media has it, else
        the edge frame held.
        """
        covering = ceil(span.samples * frame_rate / SAMPLE_RATE)
        spare = max(0, window_frames - covering)
        most = ceil(spare * request.record_rate / frame_rate)
        first, last = -span.head_frames, request.frames + span.tail_frames
        before, after = (
            floor(reach.beyond(start, step, most) * frame_rate / request.record_rate)
            for start, step in ((first - 1, -1), (last, 1))
        )
        return cls(min(before, max(spare // 2, spare - after)), covering + spare, frame_rate)

    @property
    def lead_samples(self) -> int:
        return round(self.lead * SAMPLE_RATE / self.frame_rate)

    def record_frames(self, span: Span, record_rate: Fraction) -> list[int]:
        """The record frame on display at each model frame, as a viewer of the timeline sees it."""
        return [floor((n - self.lead) / self.frame_rate * record_rate) - span.head_frames for n in range(self.frames)]


def shot_frames(request: CaptionRequest | SpotRequest, model: CaptionModel | EventModel) -> torch.Tensor:
    """What a shot shows at the model's rate and size: (T, H, W, 3) uint8. Raises `MediaError`."""
    reach = Reach(request.picture, request.record_rate, probe(request.picture.media))
    count = max(1, ceil(request.frames / request.record_rate * model.frame_rate))
    times = [reach.source_time(floor(n / model.frame_rate * request.record_rate)) for n in range(count)]
    return torch.from_numpy(read_frames(request.picture.media, times, model.frame_size))
