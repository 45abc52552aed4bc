"""The judge of alignment: it learns from pairs, and says how well it judges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.evaluation import alignment
from avfoley_engine.evaluation.alignment import RATE, SHIFTS, Judge, Pairs, heard_in, own_accuracy, train
from avfoley_engine.evaluation.classifier import FRONT_END
from avfoley_engine.evaluation.clips import WorldClip
from avfoley_engine.protocol import SAMPLE_RATE
from avfoley_engine.world import SyntheticBank


def events_and_bursts(clips: int, seed: int) -> Pairs:
    """Events at random times, and a burst of all bands at each."""
    rng = np.random.default_rng(seed)
    seen, heard = torch.zeros(clips, 100, 2), torch.full((clips, 100, FRONT_END.bands), -1.0)
    for picture, sound in zip(seen, heard, strict=True):
        for at in rng.choice(90, 4, replace=False):
            picture[at] = 1
            sound[at : at + 4] = torch.linspace(0, -0.6, 4)[:, None]
    return Pairs(seen, heard)


def test_a_judge_tells_pairs_in_time_from_others() -> None:
    judge = train(events_and_bursts(64, 0), steps=120, batch=32)
    accuracy = own_accuracy(judge, events_and_bursts(64, 1))
    assert set(accuracy) == {"aligned", "shifted", "other", "held_out"}
    assert min(accuracy.values()) > 0.8
    assert accuracy["held_out"] == pytest.approx(
        (accuracy["aligned"] + (accuracy["shifted"] + accuracy["other"]) / 2) / 2
    )


def test_a_shift_can_be_heard() -> None:
    pairs = events_and_bursts(30, 2)
    moved = pairs.shifted(np.random.default_rng(0))
    for sound, other in zip(pairs.heard, moved, strict=True):
        offsets = [n for n in range(100) if torch.equal(sound.roll(n, 0), other)]
        assert offsets
        assert all(SHIFTS[0] * RATE - 1 < min(n, 100 - n) <= SHIFTS[1] * RATE for n in offsets)


def test_a_sound_is_heard_at_its_instant() -> None:
    sound = np.zeros(2 * SAMPLE_RATE, np.float32)
    sound[SAMPLE_RATE : SAMPLE_RATE + 480] = np.random.default_rng(0).standard_normal(480)
    levels = heard_in(sound, SAMPLE_RATE, 2 * RATE)
    assert levels.shape == (2 * RATE, FRONT_END.bands)
    assert abs(int(levels.mean(1).argmax()) - RATE) <= 1
    assert -1 <= levels.min() <= levels.max() <= 0
    again = heard_in(sound[::3].copy(), SAMPLE_RATE // 3, 2 * RATE)
    assert abs(int(again.mean(1).argmax()) - RATE) <= 1


class Watcher:
    """Sees an event in every twelfth frame."""

    name, revision = "watcher", "r"
    frame_rate, frame_size = 24, (36, 64)

    def event_probabilities(self, frames: torch.Tensor) -> torch.Tensor:
        return (torch.arange(len(frames)) % 12 == 0).float()


def test_a_judge_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = alignment.trained(Watcher(), SyntheticBank(), 2, 3, tmp_path)  # type: ignore[arg-type]
    monkeypatch.setattr(alignment, "train", lambda *given: pytest.fail("it was trained again"))
    kept = alignment.trained(Watcher(), SyntheticBank(), 2, 3, tmp_path)  # type: ignore[arg-type]
    for name, tensor in made.state_dict().items():
        torch.testing.assert_close(kept.state_dict()[name], tensor)
    assert isinstance(kept, Judge)


def test_the_judge_learns_from_clips_of_its_own() -> None:
    learned, held_out = (WorldClip(0, split=split) for split in ("judge", "eval"))
    assert learned.reference.events.tolist() != held_out.reference.events.tolist()
