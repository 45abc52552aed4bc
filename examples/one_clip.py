"""Foley for one video.

usage: python examples/one_clip.py VIDEO [--caption "a hammer strikes an anvil"] [--takes 3]

The takes are Broadcast Waves in a folder beside the video, and an OpenTimelineIO timeline there
holds picture and sound. Run it again with another seed, and the takes are added to that timeline.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from avfoley_plugin import workflows
from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.errors import AVFoleyError
from avfoley_plugin.hosts import open_host
from avfoley_plugin.making import TakeDone, TakeFailed


def main() -> None:
    parser = argparse.ArgumentParser(description="Make foley for one video.")
    parser.add_argument("video", type=Path)
    parser.add_argument("--caption", default="", help="prompt for the sound")
    parser.add_argument("--takes", type=int, default=1, help="alternatives, each with the next seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="solver steps; the model's default if omitted")
    options = parser.parse_args()

    # Finds the engine of this user, or starts one, which keeps running for the next script.
    engine = LocalEngine()
    settings = workflows.FoleySettings(
        caption=options.caption, seed=options.seed, takes=options.takes, steps=options.steps
    )
    try:
        run = workflows.foley(open_host(options.video, None, engine.probe), engine, settings)
        # Iterating does the work; the updates tell how far it is.
        for update in run:
            match update:
                case TakeDone():
                    print(f"take {update.number + 1}: {update.take.path}")
                case TakeFailed():
                    print(f"take {update.number + 1} failed: {update.reason}")
    except AVFoleyError as error:
        parser.exit(1, f"{error}\n")
    if run.written is not None:
        print(f"timeline: {run.written.timeline}")


if __name__ == "__main__":
    main()
