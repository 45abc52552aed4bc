"""Events seen without making a sound."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.config import AVLinkConfig
from avfoley_engine.models.avlink.foley import AVLinkFoley
from avfoley_engine.models.avlink.spotting import AVLinkEvents
from avfoley_engine.vision.events import EventStem, FlowStem


@pytest.fixture
def flow() -> FlowStem:
    torch.manual_seed(0)
    return FlowStem(8, (2, 2), 2, 16).eval()


def motion(frames: int = 24) -> torch.Tensor:
    return torch.rand(1, frames, 6, 6, 9, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0] * 8 + [20.0])


def test_how_near_the_camera_is_does_not_matter(flow: FlowStem) -> None:
    near = motion() * torch.tensor([3.0] * 8 + [0.5])
    with torch.no_grad():
        assert flow(motion()).shape == (1, 48, 16)
        torch.testing.assert_close(flow(near), flow(motion()))
        # Below the least units nothing is made louder.
        assert not torch.allclose(flow(1e-3 * motion()), flow(motion()), atol=1e-3)


def test_a_later_movement_is_a_later_feature(flow: FlowStem) -> None:
    early, late = torch.zeros(1, 160, 6, 6, 9), torch.zeros(1, 160, 6, 6, 9)
    early[:, 80:84, 2, 3], late[:, 90:94, 2, 3] = 1.0, 1.0
    with torch.no_grad():
        seen, later = (flow(one).unflatten(1, (80, 4))[0] for one in (early, late))
    assert (seen[40] - seen[20]).abs().max() > 1e-3
    torch.testing.assert_close(seen[22:50], later[27:55])


def test_flow_is_added_to_what_pixels_say() -> None:
    torch.manual_seed(0)
    stem = EventStem((8, 8, 8, 12), (2, 2), 2, 16, 8).eval()
    frames = torch.rand(1, 24, 36, 64, 3)
    with torch.no_grad():
        pixels, both = stem.extract(frames), stem.extract(frames, motion())
        torch.testing.assert_close(both, pixels + stem.flow(motion()))  # type: ignore[misc]
        assert stem.events(both).shape == (1, 24)


@pytest.mark.parametrize("frames", [1, 30, 124, 200])
def test_every_frame_has_a_probability(foley: AVLinkFoley, frames: int) -> None:
    events = AVLinkEvents(foley)
    picture = torch.randint(0, 256, (frames, *events.frame_size, 3), dtype=torch.uint8)
    probabilities = events.event_probabilities(picture)
    assert (probabilities.shape, probabilities.dtype) == ((frames,), torch.float32)
    assert 0 <= probabilities.min() <= probabilities.max() <= 1
    torch.testing.assert_close(events.event_probabilities(picture), probabilities)


def test_a_stem_without_a_head_spots_nothing(foley: AVLinkFoley) -> None:
    foley.link.video.events.head = None  # type: ignore[union-attr]
    with pytest.raises(ModelError, match="small has no event head"):
        AVLinkEvents(foley)


def test_without_flow_smaller_frames_are_enough(small_config: AVLinkConfig) -> None:
    assert small_config.video.seen_size == (72, 128)
    assert replace(small_config.video, flow_channels=None).seen_size == (36, 64)
