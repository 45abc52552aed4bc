"""How the panel's list keeps up: 500 shots opened, and scrolled from top to bottom.

    python benchmarks/panel.py [--shots 500] [--json]        (QT_QPA_PLATFORM=offscreen without a screen)

Opening counts from the call to the first frame with the shots in it; no engine is needed for that. A frame time is what
one step of scrolling costs the GUI thread until it is painted. Processor time of that thread is given beside wall time,
for machines that are busy elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import opentimelineio as otio
from avfoley_ui import theme
from avfoley_ui.controller import Controller
from avfoley_ui.playback.output import SilentOutput
from avfoley_ui.settings import PanelSettings
from avfoley_ui.window import PanelWindow
from opentimelineio.opentime import RationalTime, TimeRange
from PySide6.QtCore import QCoreApplication, QEventLoop, QSettings
from PySide6.QtWidgets import QApplication

from avfoley_plugin.engine_client import LocalEngine


def main() -> int:
    """Prints the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=int, default=500)
    parser.add_argument("--steps", type=int, default=240, help="of scrolling from top to bottom (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    app = QApplication([])
    theme.apply("dark")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AVFOLEY_HOME"] = folder
        cut = write_timeline(Path(folder), options.shots)
        store = QSettings(str(Path(folder) / "panel.ini"), QSettings.Format.IniFormat)
        absent = lambda: LocalEngine(command=None)  # noqa: E731
        window = PanelWindow(Controller(absent, absent), PanelSettings(store), SilentOutput())
        window.resize(1300, 900)
        window.show()
        pump(0.5)
        try:
            figures = {"shots": options.shots, **measure(window, cut, options.steps)}
        finally:
            window.hide()
            window.close()
    del app
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):32}{value:.1f}" if isinstance(value, float) else f"{name:32}{value}")
    return 0


def measure(window: PanelWindow, cut: Path, steps: int) -> dict[str, float]:
    began, used = time.monotonic(), time.process_time()
    window.open(cut)
    while not window.controller.shots.shots:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)
    window.repaint()
    opened, worked = time.monotonic() - began, time.process_time() - used
    pump(0.5)
    bar = window.shots.list.verticalScrollBar()
    walls, works = [], []
    for step in range(steps):
        began, used = time.monotonic(), time.thread_time()
        bar.setValue(round(bar.maximum() * (step + 1) / steps))
        window.shots.list.viewport().repaint()
        walls.append(1000 * (time.monotonic() - began))
        works.append(1000 * (time.thread_time() - used))
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
    return {
        "open_ms": 1000 * opened,
        "open_processor_ms": 1000 * worked,
        "frame_median_ms": statistics.median(walls),
        "frame_95_percent_ms": sorted(walls)[int(0.95 * steps)],
        "frame_longest_ms": max(walls),
        "frame_processor_median_ms": statistics.median(works),
        "frame_processor_95_percent_ms": sorted(works)[int(0.95 * steps)],
        "frame_processor_longest_ms": max(works),
    }


def pump(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


def write_timeline(folder: Path, count: int) -> Path:
    """Shots of one second out of ten files of real pictures."""
    for number in range(10):
        with av.open(str(folder / f"clip{number}.mp4"), "w") as container:
            stream = container.add_stream("mpeg4", rate=Fraction(25))
            stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
            for frame in range(250):
                picture = np.full((72, 128, 3), (frame + 25 * number) % 256, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
    timeline = otio.schema.Timeline("long")
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    available = TimeRange(RationalTime(0, 25), RationalTime(250, 25))
    for number in range(count):
        reference = otio.schema.ExternalReference(f"clip{number % 10}.mp4", available)
        shown = TimeRange(RationalTime(number // 10 * 4 % 225, 25), RationalTime(25, 25))
        clip = otio.schema.Clip(f"Shot {number + 1:03}", reference, shown)
        clip.metadata["avfoley"] = {"caption": f"steps on gravel, number {number + 1}"}
        track.append(clip)
    timeline.tracks.append(track)
    path = folder / "long.otio"
    otio.adapters.write_to_file(timeline, str(path))
    return path


if __name__ == "__main__":
    sys.exit(main())
