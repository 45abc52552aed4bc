"""A fake Resolve with a small edit, and finished takes for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.placing import Placement, place_takes
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.takes import Take
from support.media import write_silence
from support.messages import foley_result
from support.resolve_edit import Edit


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    return Edit(tmp_path)


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., Take]:
    """A take of a shot with its sound file, which is as long as the engine would make it."""

    def make(shot: Shot, seed: int = 0, caption: str = "a door", head: int = 0, channels: int = 2) -> Take:
        request = shot.request(seed=seed, caption=caption, head_handle=head)
        path = tmp_path / "edit.avfoley" / f"{shot.name}_foley_{seed}.wav"
        result = foley_result(request, path=path, channels=channels)
        write_silence(path, result.samples, channels)
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
