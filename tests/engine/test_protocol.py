"""The wire contract: what a request may say."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest
from avfoley_engine.protocol import CaptionRequest, FoleyRequest, ModelInfo, PictureRange, Request, Result, Submission
from avfoley_engine.tasks import TASKS
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


def test_the_models_defaults_stand_where_the_request_says_nothing() -> None:
    model = ModelInfo(
        name="m",
        title="M",
        tasks=["foley", "caption"],
        revision="r",
        licence="Apache-2.0",
        size_bytes=0,
        local=True,
        sample_rate=48_000,
        window_seconds=Fraction(5),
        default_steps=25,
        default_guidance_scale=4.0,
    )
    settled = request(guidance_scale=0.0).settled(model)
    assert (settled.steps, settled.guidance_scale) == (25, 0.0)
    assert settled == request(steps=25, guidance_scale=0.0)
    # A text task has no such fields.
    caption = CaptionRequest(picture=PICTURE, frames=25, record_rate=Fraction(25), model="m")
    assert caption.settled(model) == caption


def test_the_table_of_tasks_is_what_the_wire_knows() -> None:
    wire = get_args(get_args(Request)[0]), get_args(get_args(Result)[0])
    assert (tuple(t.request for t in TASKS.values()), tuple(t.result for t in TASKS.values())) == wire
    for name, task in TASKS.items():
        assert task.request.model_fields["task"].default == task.result.model_fields["task"].default == name


def test_an_unknown_task_is_refused_by_name() -> None:
    asked = request().model_dump(mode="json") | {"task": "smell"}
    with pytest.raises(ValidationError, match="'smell' found using 'task' does not match any of the expected tags"):
        Submission.model_validate({"requests": [asked]})
