"""The wire contract: what a request may say."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from avfoley_engine.protocol import FoleyRequest, PictureRange
from pydantic import ValidationError

PICTURE = PictureRange(media=Path("/a.mov"), source_start=Fraction(0), source_rate=Fraction(25))


def request(**changes: object) -> FoleyRequest:
    return FoleyRequest(**{"picture": None, "frames": 25, "record_rate": Fraction(25), **changes})


def test_a_request_survives_the_wire() -> None:
    for asked in (request(loop=True, channels=2), request(picture=PICTURE, record_rate=Fraction(30_000, 1001))):
        assert FoleyRequest.model_validate_json(asked.model_dump_json()) == asked


def test_whatever_changes_the_sound_changes_the_digest() -> None:
    asked = [request(), request(loop=True), request(channels=2), request(seed=1), request(caption="rain")]
    assert len({each.digest() for each in asked}) == len(asked)


@pytest.mark.parametrize("wrong", [{"picture": PICTURE}, {"head_handle": 1}, {"tail_handle": 1}])
def test_a_loop_has_neither_picture_nor_handles(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="a loop follows no picture and has no handles"):
        request(loop=True, **wrong)


@pytest.mark.parametrize("channels", [0, 3, 6])
def test_only_mono_and_stereo(channels: int) -> None:
    with pytest.raises(ValidationError, match="channels"):
        request(channels=channels)
