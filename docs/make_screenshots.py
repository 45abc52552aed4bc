"""Takes the panel's screenshots in docs/screenshots/: three widths, dark and light.

    xvfb-run -a python docs/make_screenshots.py            (or with QT_QPA_PLATFORM=offscreen)

The panel is the real one, on an engine of its own and a timeline of the project's own world, driven as
by a user. --stand-in replaces the shipped model by one that bursts where the picture changes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import opentimelineio as otio
from avfoley_ui import theme
from avfoley_ui.app import translate
from avfoley_ui.controller import Controller
from avfoley_ui.playback.output import SilentOutput
from avfoley_ui.settings import PanelSettings
from avfoley_ui.window import PanelWindow
from opentimelineio.opentime import RationalTime, TimeRange
from PySide6.QtCore import QCoreApplication, QEventLoop, QLocale, QSettings
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication, QWidget

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.workspace import ListedShot

OUT = Path(__file__).parent / "screenshots"
TESTS = Path(__file__).parents[1] / "tests"
#: Clips of the world, by seed, and what each is called on the timeline.
CLIPS = {
    2028: ("Forge, close", "a hammer strikes an anvil"),
    2056: ("Corridor", "steps on a hard floor"),
    2004: ("Kitchen, top shot", "a knife chops on a board"),
    2054: ("At the door", "knocks on a wooden door"),
    2015: ("Audience", "someone claps"),
    2048: ("Yard", ""),
    2001: ("Shelf", "glass shatters on the floor"),
}
RATE, FRAMES = 24, 124
PATIENCE = 1800


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stand-in", action="store_true", help="a model that needs no weights")
    parser.add_argument("--media", type=Path, help="a folder for the clips, kept for the next time")
    parser.add_argument("--language", default="en")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    QLocale.setDefault(QLocale(options.language))
    translate(app, QLocale())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AVFOLEY_HOME"] = str(Path(folder) / "home")
        cut = write_timeline(Path(folder), options.media or Path(folder))
        start = LocalEngine
        if options.stand_in:
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
            command = (sys.executable, "-m", "support.fake_engine", "--worker", "support.stand_in_worker")
            start = partial(LocalEngine, command=command)
        store = QSettings(str(Path(folder) / "panel.ini"), QSettings.Format.IniFormat)
        theme.apply("dark")
        window = PanelWindow(Controller(start, lambda: LocalEngine(command=None)), PanelSettings(store), SilentOutput())
        try:
            take_all(window, cut, options.out)
        finally:
            window.hide()
            window.close()
            LocalEngine(command=None).shut_down()
    return 0


def take_all(window: PanelWindow, cut: Path, out: Path) -> None:
    """From the first screen to takes made, edited and being made."""
    # Nothing lies under the mouse.
    QCursor.setPos(5000, 5000)
    window.resize(900, 700)
    window.show()
    for appearance in ("dark", "light"):
        theme.apply(appearance)
        shoot(window, out / f"first-900-{appearance}.png")
    window.open(cut)
    until(lambda: window.controller.contents is not None)
    until(lambda: window.controller.engine.phase == "idle" and window.controller.idle)
    for shot in window.controller.shots.shots:
        window.controller.set_caption([shot.id], dict(CLIPS.values()).get(shot.shot.name, ""))
    until(lambda: window.controller.idle)
    window.form.takes.setValue(3)
    window.form.seed.setValue(2028)
    window.form.seed_locked.setChecked(True)
    make(window, "Forge, close", "Corridor", "Kitchen, top shot")
    forge = listed(window, "Forge, close")
    window.controller.star(forge.id, forge.takes[1].id, True)
    window.controller.set_caption([listed(window, "Corridor").id], "boots on gravel")
    until(lambda: window.controller.idle)
    select(window, "At the door", "Audience")
    window.form.takes.setValue(2)
    window.form.request("foley")
    until(lambda: any(row.done > 0.2 for row in window.controller.queue.rows))
    select(window, "Forge, close")
    until(lambda: window.listening.idle)
    window.listening.player.seek(round(1.7 * 48_000))
    for width, height in ((360, 760), (900, 760), (1600, 900)):
        window.resize(width, height)
        settle(1.0)
        until(lambda: window.listening.idle)
        for appearance in ("dark", "light"):
            theme.apply(appearance)
            if window.columns.count > 1:
                shoot(window, out / f"panel-{width}-{appearance}.png")
                continue
            for tab, name in enumerate(("shots", "listen", "make")):
                window.columns.show_part(tab)
                settle(0.8)
                until(lambda: window.listening.idle)
                shoot(window, out / f"panel-{width}-{name}-{appearance}.png")
    window.controller.cancel_all()
    until(lambda: not window.controller.making)
    window.show_models()
    for appearance in ("dark", "light"):
        theme.apply(appearance)
        shoot(window.models, out / f"models-{appearance}.png")
    window.models.hide()


def write_timeline(folder: Path, media: Path) -> Path:
    """A timeline of the clips, rendered where they are not there yet."""
    media.mkdir(parents=True, exist_ok=True)
    timeline = otio.schema.Timeline("Reel 1", global_start_time=RationalTime(RATE * 3600, RATE))
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    for seed, (name, _) in CLIPS.items():
        path = media / f"{seed}.mp4"
        if not path.exists():
            command = [sys.executable, "-m", "avfoley_engine", "demo-clip", str(path), "--seed", str(seed)]
            subprocess.run([*command, "--height", "270"], check=True, stdout=subprocess.DEVNULL)
        whole = TimeRange(RationalTime(0, RATE), RationalTime(FRAMES, RATE))
        shown = TimeRange(RationalTime(4, RATE), RationalTime(FRAMES - 8, RATE))
        reference = otio.schema.ExternalReference(path.as_uri(), whole)
        track.append(otio.schema.Clip(name, reference, shown))
    timeline.tracks.append(track)
    path = folder / "Reel 1.otio"
    otio.adapters.write_to_file(timeline, str(path))
    return path


def make(window: PanelWindow, *names: str) -> None:
    select(window, *names)
    until(lambda: window.form.buttons["foley"].isEnabled())
    window.form.request("foley")
    until(lambda: all(listed(window, name).takes for name in names) and window.controller.idle)


def select(window: PanelWindow, *names: str) -> None:
    window.shots.select([listed(window, name).id for name in names])


def listed(window: PanelWindow, name: str) -> ListedShot:
    return next(shot for shot in window.controller.shots.shots if shot.shot.name == name)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("the panel did not get there")
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.005)
    settle(0.1)


def settle(seconds: float) -> None:
    """Lets the panel draw."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


def shoot(window: QWidget, path: Path) -> None:
    if isinstance(window, PanelWindow):
        window.notice.hide()
    settle(0.3)
    window.grab().save(str(path))
    print(path)


if __name__ == "__main__":
    sys.exit(main())
