"""A fake Resolve with a small edit, and finished takes for it."""

from __future__ import annotations

import sys
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from avfoley_engine.protocol import FoleyResult

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from resolve_edit import Edit

from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.placing import Placement, place_takes
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.takes import Take


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    return Edit(tmp_path)


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., Take]:
    """A take of a shot with its sound file, which is as long as the engine would make it."""

    def make(shot: Shot, seed: int = 0, caption: str = "a door", head: int = 0, channels: int = 2) -> Take:
        request = shot.request(seed=seed, caption=caption, head_handle=head)
        a_frame = 48_000 / Fraction(request.record_rate)
        samples, head_samples = round(shot.frames * a_frame), round(request.head_handle * a_frame)
        path = tmp_path / "edit.avfoley" / f"{shot.name}_foley_{seed}.wav"
        path.parent.mkdir(exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((channels, 3, 48_000, 0, "NONE", ""))
            file.writeframes(bytes(3 * channels * (samples + head_samples)))
        result = FoleyResult(
            path=path,
            sha256="0" * 64,
            samples=samples + head_samples,
            shot_samples=samples,
            head_samples=head_samples,
            tail_samples=0,
            channels=channels,
            peak_dbtp=-1.5,
            loudness_lufs=-23.0,
            onsets=[],
            model="avlink-nano",
            revision="r1",
            seed=seed,
            caption=caption,
            negative_caption="",
            steps=25,
            guidance_scale=3.5,
            seconds=1.0,
        )
        return Take(request, result, path)

    return make


@pytest.fixture
def add_foley(edit: Edit, take: Callable[..., Take]) -> Callable[..., None]:
    """One run of foley over the whole edit: `add_foley(seed=1)`."""

    def run(caption: str = "a door", **options: Any) -> None:
        host = edit.host()
        timeline = host.read()
        shots = edit.shots(timeline, host)
        place_takes(timeline, [Placement(shot, [take(shot, caption=caption, **options)]) for shot in shots])
        for shot in shots:
            write_caption(timeline, shot, caption)
        host.write(timeline)

    return run
