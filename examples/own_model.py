"""A model of one's own: one class that makes sound, one that describes it, one registry line.

usage: python examples/own_model.py VIDEO [-o beeps.wav]

The model beeps where the picture changes most. Its system stands here in the script; in the engine
it would be a folder of models/ (docs/adding-a-model.md), served to every editing program.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from avfoley_engine import tasks, zoo
from avfoley_engine.media import probe
from avfoley_engine.models import registry
from avfoley_engine.models.interface import FoleyModel
from avfoley_engine.models.system import System
from avfoley_engine.protocol import FoleyRequest, PictureRange
from avfoley_engine.zoo import Entry


class Beeper(FoleyModel):
    """A tone that follows the change from frame to frame; its pitch is the one trained weight."""

    sample_rate, frame_rate, frame_size, window_frames = 16_000, Fraction(24), (18, 32), 1

    def __init__(self, entry: Entry) -> None:
        self.name, self.revision = entry.name, entry.revision
        self.pitch = entry.weights("tone")["pitch"]

    def generate_batch(
        self, frames: torch.Tensor | None, samples: int, *, captions: list[str], **rest: Any
    ) -> torch.Tensor:
        if frames is None:
            return torch.zeros(len(captions), samples)
        change = frames.float().diff(dim=1, prepend=frames[:, :1].float()).abs().mean((2, 3, 4))
        loudness = torch.nn.functional.interpolate(change[:, None] / change.amax().clamp_min(1), samples)[:, 0]
        return 0.5 * loudness * torch.sin(2 * torch.pi * self.pitch * torch.arange(samples) / self.sample_rate)


class BeeperSystem(System):
    name = "beeper"

    def tasks(self, entry: Entry) -> list[str]:
        return ["foley"]

    def sample_rate(self, entry: Entry) -> int:
        return Beeper.sample_rate

    def window_seconds(self, entry: Entry) -> Fraction | None:
        return None

    def load(self, entry: Entry, task: str, device: torch.device | str) -> Beeper:
        return Beeper(entry)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make beeps for one video with a model of one's own.")
    parser.add_argument("video", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("beeps.wav"))
    options = parser.parse_args()

    registry.SYSTEMS["beeper"] = BeeperSystem()
    with tempfile.TemporaryDirectory() as folder:
        config = {"system": "beeper", "title": "Beeper", "licence": "Apache-2.0"}
        config["defaults"] = {"steps": 1, "guidance_scale": 1.0}
        zoo.write(Path(folder), config, {"tone": {"pitch": torch.tensor(880.0)}})
        model = registry.load(zoo.entry_of(Path(folder)), "foley")
    media = probe(options.video.absolute())
    picture = PictureRange(media=media.path, source_start=Fraction(0), source_rate=media.rate)
    request = FoleyRequest(
        picture=picture, frames=media.frames, record_rate=media.rate, model="beeper", steps=1, guidance_scale=1.0
    )
    result = tasks.run(request, model, options.output, lambda done: None)
    print(f"{options.output}: onsets at samples {result.onsets}")  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
