"""The demo's clip: a silent file whose events are where it says."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from avfoley_engine.errors import MediaError
from avfoley_engine.world.demo import main


def test_the_demo_clip_is_a_silent_video_with_known_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "demo.mp4"
    assert main([str(clip), "--height", "72", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    with av.open(str(clip)) as container:
        assert not container.streams.audio
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (128, 72)
        assert sum(1 for _ in container.decode(stream)) == 124
    assert about["caption"]
    assert all(0 < time < about["duration"] for time in about["events"])
    assert len(about["events"]) >= 4


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="missing"):
        main([str(tmp_path / "missing" / "demo.mp4"), "--height", "36"])
