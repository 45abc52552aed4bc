"""The wire contract: what a request may say."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from avfoley_engine.protocol import FoleyRequest, PictureRange, SoundRange, TakeRequest
from pydantic import ValidationError

from support.messages import foley_request, visualize_request

PICTURE = PictureRange(media=Path("/a.mov"), source_start=Fraction(0), source_rate=Fraction(25))
SOUND = SoundRange(media=Path("/a.wav"), source_start=Fraction(0))

#: For each field of a request or a range a value that is neither its default nor the builder's.
ANOTHER: dict[str, object] = {
    "picture": PICTURE,
    "sound": SOUND,
    "frames": 26,
    "record_rate": Fraction(24),
    "record_start": 1,
    "head_handle": 1,
    "tail_handle": 1,
    "caption": "rain",
    "negative_caption": "music",
    "model": "another",
    "seed": 1,
    "steps": 1,
    "guidance_scale": 1.0,
    "loop": True,
    "channels": 2,
    "codec": "prores",
    "media": Path("/b.mov"),
    "source_start": Fraction(1),
    "source_rate": Fraction(24),
    "speed": Fraction(1, 2),
}


def test_a_request_survives_the_wire() -> None:
    for asked in (
        foley_request(loop=True, channels=2),
        foley_request(picture=PICTURE, record_rate=Fraction(30_000, 1001)),
    ):
        assert FoleyRequest.model_validate_json(asked.model_dump_json()) == asked


@pytest.mark.parametrize("build", [foley_request, visualize_request])
def test_every_field_of_a_request_changes_its_digest(build: Callable[..., TakeRequest]) -> None:
    first = build()
    # `task` has one value a class.
    others = [build(**{name: ANOTHER[name]}) for name in type(first).model_fields if name != "task"]
    assert len({each.digest() for each in [first, *others]}) == 1 + len(others)


@pytest.mark.parametrize(
    ("build", "name", "span"), [(foley_request, "picture", PICTURE), (visualize_request, "sound", SOUND)]
)
def test_every_field_of_its_media_changes_the_digest(build: Callable[..., TakeRequest], name: str, span: Any) -> None:
    spans = [span, *(span.model_copy(update={field: ANOTHER[field]}) for field in type(span).model_fields)]
    assert len({build(**{name: each}).digest() for each in spans}) == len(spans)


def test_tasks_that_are_asked_for_the_same_have_their_own_digests() -> None:
    assert foley_request().digest() != visualize_request().digest()


@pytest.mark.parametrize("wrong", [{"picture": PICTURE}, {"head_handle": 1}, {"tail_handle": 1}])
def test_a_loop_has_neither_picture_nor_handles(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="a loop follows no picture and has no handles"):
        foley_request(loop=True, **wrong)


@pytest.mark.parametrize("channels", [0, 3, 6])
def test_only_mono_and_stereo(channels: int) -> None:
    with pytest.raises(ValidationError, match="channels"):
        foley_request(channels=channels)
