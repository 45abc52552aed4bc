"""Foley for shots of a timeline, and a new take after a caption was edited.

usage: python examples/timeline.py TIMELINE [--clip "Shot 12"] [--recaption "boots on gravel"]

TIMELINE is an .otio file, or any other timeline that AVFoley reads. The takes go on an audio track
of their own, and the caption of each shot becomes a marker. Editing the text of such a marker, here
with OpenTimelineIO as an editing program would, asks `regenerate` for another take of that shot.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin import workflows
from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.errors import AVFoleyError
from avfoley_plugin.hosts import open_host
from avfoley_plugin.making import TakeDone, TakeFailed
from avfoley_plugin.timeline.selection import Selection


def main() -> None:
    parser = argparse.ArgumentParser(description="Make foley for the shots of a timeline.")
    parser.add_argument("timeline", type=Path)
    parser.add_argument("--clip", action="append", default=[], help="only this clip; repeatable")
    parser.add_argument("--recaption", help="then give the first shot this caption, and make it again")
    parser.add_argument("--steps", type=int, help="solver steps; the model's default if omitted")
    options = parser.parse_args()

    engine = LocalEngine()
    settings = workflows.FoleySettings(steps=options.steps)
    try:
        host = open_host(options.timeline, None, engine.probe)
        written = follow(workflows.foley(host, engine, settings, Selection(tuple(options.clip))))
        if options.recaption and written is not None:
            edit_first_caption(written.timeline, options.recaption)
            follow(workflows.regenerate(open_host(written.timeline), engine))
    except AVFoleyError as error:
        parser.exit(1, f"{error}\n")


def follow(run: workflows.Run) -> workflows.Written | None:
    """Carries out a run. Returns what it wrote, None if it made nothing."""
    for update in run:
        match update:
            case workflows.Planned():
                print(f"shots: {len(update.orders)}")
                for problem in update.problems:
                    print(f"{problem.name} is skipped: {problem.reason}")
            case TakeDone():
                print(f"{update.subject.name}: {update.take.request.caption or '(no caption)'}: {update.take.path}")
            case TakeFailed():
                print(f"{update.subject.name} failed: {update.reason}")
    return run.written


def edit_first_caption(path: Path, text: str) -> None:
    """Changes the text of the first caption marker that AVFoley wrote."""
    timeline = otio.adapters.read_from_file(str(path))
    marker = next(marker for marker in timeline.tracks.markers if "avfoley" in marker.metadata)
    marker.comment = text
    otio.adapters.write_to_file(timeline, str(path))


if __name__ == "__main__":
    main()
