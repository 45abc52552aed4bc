"""Pictures for sounds: offered where a model makes them, made, compared, placed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
from avfoley_ui.shots_model import Role
from avfoley_ui.window import PanelWindow
from opentimelineio.opentime import RationalTime, TimeRange

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.timeline.placing import foley_tracks, placed
from support.engine import engine_command
from support.panel import click, ready, select, shot, wait


@pytest.fixture
def with_bell(cut: Path, make_media: Callable[..., Path]) -> Path:
    """The four shots, and from frame 30 on two seconds of a sound on A1 that gets louder, named "bell"."""
    ramp = np.linspace(0, 0.5, 4 * 48_000, dtype=np.float32)[None]
    bell = make_media("bell.wav", None, sound=ramp)
    timeline = otio.adapters.read_from_file(str(cut))
    media = otio.schema.ExternalReference(bell.name, TimeRange(RationalTime(0, 25), RationalTime(100, 25)))
    gap = otio.schema.Gap(source_range=TimeRange(RationalTime(0, 25), RationalTime(30, 25)))
    clip = otio.schema.Clip("bell", media, TimeRange(RationalTime(25, 25), RationalTime(50, 25)))
    timeline.tracks.append(otio.schema.Track("A1", kind=otio.schema.TrackKind.Audio, children=[gap, clip]))
    otio.adapters.write_to_file(timeline, str(cut))
    return cut


def test_a_sound_gets_pictures_that_are_seen_with_it(
    qtbot: Any, open_panel: Callable[..., PanelWindow], with_bell: Path
) -> None:
    command = engine_command("picture_worker")
    window = open_panel(with_bell, lambda: LocalEngine(command=command))
    wait(qtbot, lambda: ready(window) and any(found.is_sound for found in window.controller.shots.shots))
    names = [found.shot.name for found in window.controller.shots.shots]
    assert names == ["shot0", "shot1", "bell", "shot2", "shot3"]
    assert window.shots.states.findData("sound") >= 0

    # What can be made of a sound: pictures, and no foley.
    (bell,) = select(window, "bell")
    form, listening = window.form, window.listening
    assert not form.buttons["foley"].isEnabled()
    wait(qtbot, lambda: listening.shot is not None and listening.shot.id == bell)
    wait(qtbot, lambda: listening.idle and listening.sound is not None)
    assert listening.sound.samples[[0, -1], 0] == pytest.approx([0.125, 0.375], abs=0.01)
    form.takes.setValue(2)
    form.seed.setValue(80)
    form.seed_locked.setChecked(True)
    click(qtbot, form.buttons["visualize"])
    wait(qtbot, lambda: len(shot(window, "bell").takes) == 2 and window.controller.idle)
    timeline = otio.adapters.read_from_file(str(with_bell))
    (track,) = foley_tracks(timeline)
    assert track.kind == otio.schema.TrackKind.Video

    # Either picture is seen with the sound, at the same playhead.
    def brightness() -> int:
        image = listening.picture.image
        return -1 if image is None else image.pixelColor(5, 5).lightness()

    wait(qtbot, lambda: abs(brightness() - 80) <= 1)
    wait(qtbot, lambda: all(lane.wave.stills for lane in listening.lanes.lanes))
    index = next(index for row in range(5) if (index := window.controller.shots.index(row)).data(Role.SHOT).id == bell)
    wait(qtbot, lambda: index.data(Role.THUMBNAIL) is not None)
    assert abs(index.data(Role.THUMBNAIL).pixelColor(5, 5).lightness() - 80) <= 1
    listening.player.seek(24_000)
    click(qtbot, listening.lanes.lanes[1].listen)
    wait(qtbot, lambda: abs(brightness() - 81) <= 1)
    assert listening.player.position == 24_000
    assert listening.sound is not None

    click(qtbot, listening.lanes.lanes[1].use)
    wait(qtbot, lambda: shot(window, "bell").takes[1].active and window.controller.idle)
    takes = placed(otio.adapters.read_from_file(str(with_bell)))
    assert [(take.key, take.active, take.record_start) for take in takes] == [
        ("take 1", False, 30),
        ("take 2", True, 30),
    ]

    # A caption edit is a change, and its picture is made again.
    window.controller.set_caption([bell], "a bell in a tower")
    wait(qtbot, lambda: shot(window, "bell").state == "changed" and window.controller.idle)
    click(qtbot, form.regenerate)
    wait(qtbot, lambda: len(shot(window, "bell").takes) == 3 and window.controller.idle)
    assert shot(window, "bell").active_take.settings.caption == "a bell in a tower"

    # A shot stands for its own sound; this one's file has none.
    select(window, "shot0")
    click(qtbot, form.buttons["visualize"])
    wait(qtbot, lambda: any(row.state == "failed" for row in window.controller.queue.rows))
    assert "no sound" in window.controller.queue.rows[0].reasons[0]


def test_without_a_model_for_it_no_sound_is_listed(
    qtbot: Any, open_panel: Callable[..., PanelWindow], with_bell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_panel(with_bell, lambda: LocalEngine(command=engine_command("stand_in_worker")))
    wait(qtbot, lambda: ready(window) and window.controller.engine.models)
    assert [found.shot.name for found in window.controller.shots.shots] == ["shot0", "shot1", "shot2", "shot3"]
    assert window.form.buttons["visualize"].isHidden()
    assert window.shots.states.findData("sound") < 0
