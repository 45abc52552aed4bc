"""The hook that makes foley, with an engine that runs a fake model."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
import pytest

from avfoley_plugin.errors import HostError
from avfoley_plugin.timeline.captions import captions
from avfoley_plugin.timeline.placing import placed
from support.engine import Engine


def test_the_foley_hook_puts_takes_on_the_timeline(engine: Engine, timeline: Path, tmp_path: Path) -> None:
    edit = otio.adapters.read_from_file(str(timeline))
    arguments = {"file": str(timeline), "clips": ["shot2", "shot5"], "caption": "a hit", "model": "fake"}
    assert otio.hooks.run("avfoley_foley", edit, arguments) is edit
    assert [(take.shot_name, take.record_start) for take in placed(edit)] == [("shot2", 50), ("shot5", 125)]
    assert set(captions(edit).values()) == {"a hit"}
    otio.adapters.write_to_file(edit, str(timeline))
    assert otio.hooks.run("avfoley_check_media", edit, {"folder": str(tmp_path)}) is edit


def test_what_the_foley_hook_cannot_do_is_told(engine: Engine, timeline: Path) -> None:
    edit = otio.adapters.read_from_file(str(timeline))
    edit.tracks[0][3].media_reference.target_url = "gone.mov"
    arguments = {"file": str(timeline), "clips": ["shot3"], "model": "fake"}
    with pytest.raises(HostError, match=r"shot3.*gone\.mov is not there"):
        otio.hooks.run("avfoley_foley", edit, arguments)
