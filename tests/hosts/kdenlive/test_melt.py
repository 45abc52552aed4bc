"""Projects as MLT plays them: the new sound on its frame, the old one untouched, generated picture on top."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from support.kdenlive_projects import CUT, CUT_END, TONE, WHITE
from support.kdenlive_takes import CLICKS, put_picture, put_takes
from support.melt import heard, needs_melt, seen

pytestmark = needs_melt


@pytest.mark.parametrize(
    ("sequences", "rate", "profile", "handle"),
    [
        (False, Fraction(25), "atsc_720p_25", 5),
        (True, Fraction(25), "atsc_720p_25", 0),
        (True, Fraction(24_000, 1001), "atsc_720p_2398", 5),
        (True, Fraction(60_000, 1001), "atsc_720p_5994", 5),
    ],
    ids=["22.12", "23.04", "23.04 at 23.976", "23.04 at 59.94"],
)
def test_takes_sound_on_their_frames_beside_the_old_sound(
    cut: Callable[..., Path], sequences: bool, rate: Fraction, profile: str, handle: int
) -> None:
    path = cut(sequences=sequences, rate=rate, filmed=True)
    before = heard(path, CUT_END, profile)
    put_takes(path, 2, handle=handle)
    after = heard(path, CUT_END, profile)
    clicks = np.flatnonzero(np.abs(after) > 0.4)
    expected = [float((start + click) / rate * 48_000) for (start, _, _), click in zip(CUT, CLICKS, strict=True)]
    assert len(clicks) == 2, clicks
    assert np.abs(clicks - expected).max() <= 1, clicks - expected
    # The tone is there, and but for the clicks nothing has changed.
    assert np.abs(before[round(22 / rate * 48_000) : round(28 / rate * 48_000)]).max() > 0.09
    assert TONE.start in range(CUT[0][1], CUT[0][1] + CUT[0][2])
    rest = np.delete(after - before, clicks)
    assert np.abs(rest).max() < 1e-3


def test_a_project_with_a_colon_in_its_name_is_heard(cut: Callable[..., Path]) -> None:
    """The takes lie in a folder of the project's name, and MLT takes what is before a colon for a protocol."""
    path = cut("scene 2: the door.kdenlive", sequences=False, filmed=True)
    put_takes(path)
    clicks = np.flatnonzero(np.abs(heard(path, CUT_END)) > 0.4)
    expected = [(start + click) * 1920 for (start, _, _), click in zip(CUT, CLICKS, strict=True)]
    assert len(clicks) == 2, clicks
    assert np.abs(clicks - expected).max() <= 1, clicks - expected


def test_generated_picture_is_seen_over_the_old_one(cut: Callable[..., Path], make_media: Callable[..., Path]) -> None:
    path = cut(sequences=True, filmed=True)
    before = seen(path, CUT_END)
    grey = make_media("made.mov", [np.full((36, 64, 3), 128, np.uint8)] * 20)
    put_picture(path, grey, start=40, frames=20)
    after = seen(path, CUT_END)
    assert before[30 - 10] > 0.9, "the white of the first clip"
    assert WHITE.stop - 60 + 37 == 52
    assert after[40:60] == pytest.approx([0.5] * 20, abs=0.05)
    assert after[:40] + after[60:] == pytest.approx(before[:40] + before[60:], abs=0.01)
