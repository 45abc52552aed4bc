"""Events seen in a picture, of any length, without making a sound: AV-Link's event stem by itself."""

from __future__ import annotations

import torch

from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.interface import EventModel


class AVLinkEvents(EventModel):
    """The event stem of a linked model with its head: an `EventModel`.

    It sees what `AVLinkFoley` conditions sound on, in the same windows.
    """

    def __init__(self, foley: AVLinkFoley) -> None:
        """Shares the networks of `foley`.

        Raises:
            ModelError: its event stem has no head.
        """
        self._foley, self._stem = foley, foley.stem()
        self.name, self.revision, self.device = foley.name, foley.revision, foley.device
        self.frame_rate, self.frame_size, self.window_frames = foley.frame_rate, foley.frame_size, foley.window_frames
        self.default_threshold = foley.link.config.video.event_threshold

    @torch.no_grad()
    def event_probabilities(self, frames: torch.Tensor) -> torch.Tensor:
        """See `EventModel.event_probabilities`."""
        _, windows = self._foley.aligned.windows(frames=len(frames))
        pictures, motion = self._foley.condition(frames[None], windows, [torch.Generator().manual_seed(0)])
        at_once = self._foley.windows_at_once
        motions = [None] * len(pictures) if motion is None else motion.split(at_once)
        features = [
            self._stem.extract(some.type_as(self._stem.output.weight), moved)
            for some, moved in zip(pictures.split(at_once), motions, strict=False)
        ]
        probabilities = torch.cat([self._stem.events(some).float().sigmoid() for some in features])
        return windows.blend(probabilities)[0, : len(frames)].cpu()
