"""The wire contract: what a request may say."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from avfoley_engine.protocol import FoleyRequest, PictureRange, Request, Result, SoundRange, Submission, TakeRequest
from avfoley_engine.tasks import TASKS
from pydantic import ValidationError

from support.messages import caption_request, foley_request, model_info, spot_request, visualize_request

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
    "proposals": 4,
    "threshold": 0.25,
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


@pytest.mark.parametrize("build", [foley_request, visualize_request, caption_request, spot_request])
def test_every_field_of_a_request_changes_its_digest(build: Callable[..., TakeRequest]) -> None:
    first = build()
    # `task` has one value a class.
    others = [build(**{name: ANOTHER[name]}) for name in type(first).model_fields if name != "task"]
    assert len({each.digest() for each in [first, *others]}) == 1 + len(others)


@pytest.mark.parametrize(
    ("build", "name", "span"),
    [
        (foley_request, "picture", PICTURE),
        (visualize_request, "sound", SOUND),
        (caption_request, "picture", PICTURE),
        (spot_request, "picture", PICTURE),
    ],
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


def test_the_models_defaults_stand_where_the_request_says_nothing() -> None:
    model = model_info(default_steps=25, default_guidance_scale=4.0)
    settled = foley_request(guidance_scale=0.0).settled(model)
    assert (settled.steps, settled.guidance_scale) == (25, 0.0)
    assert settled == foley_request(steps=25, guidance_scale=0.0)
    # A text task has no such fields.
    caption = caption_request(PICTURE)
    assert caption.settled(model) == caption


def test_the_table_of_tasks_is_what_the_wire_knows() -> None:
    wire = get_args(get_args(Request)[0]), get_args(get_args(Result)[0])
    assert (tuple(t.request for t in TASKS.values()), tuple(t.result for t in TASKS.values())) == wire
    for name, task in TASKS.items():
        assert task.request.model_fields["task"].default == task.result.model_fields["task"].default == name


def test_an_unknown_task_is_refused_by_name() -> None:
    asked = foley_request().model_dump(mode="json") | {"task": "smell"}
    with pytest.raises(ValidationError, match="'smell' found using 'task' does not match any of the expected tags"):
        Submission.model_validate({"requests": [asked]})
