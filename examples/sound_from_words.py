"""Sound from words alone: an effect, or an ambience that repeats without a seam.

usage: python examples/sound_from_words.py "glass breaking on tiles" [--seconds 4]
       python examples/sound_from_words.py "steady rain" --seconds 20 --loop -o rain.wav
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

from avfoley_plugin.engine_client import LocalEngine
from avfoley_plugin.errors import AVFoleyError
from avfoley_plugin.generation import generate
from avfoley_plugin.making import TakeDone, TakeFailed, TakeProgress
from avfoley_plugin.workflows import FoleySettings


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a sound from a caption.")
    parser.add_argument("caption")
    parser.add_argument("--negative", default="", help="what the sound must not contain")
    parser.add_argument("--seconds", type=Fraction, default=Fraction(5), help="exact, as in 2.5")
    parser.add_argument("--loop", action="store_true", help="let the end run into the beginning")
    parser.add_argument("--steps", type=int, help="solver steps; the model's default if omitted")
    parser.add_argument("-o", "--output", type=Path, help="a .wav file or a folder")
    options = parser.parse_args()

    settings = FoleySettings(options.caption, negative_caption=options.negative, steps=options.steps)
    run = generate(LocalEngine(), settings, options.seconds, loop=options.loop, output=options.output)
    try:
        for update in run:
            match update:
                case TakeProgress():
                    print(f"\r{update.progress:4.0%}", end="", flush=True)
                case TakeDone():
                    print(f"\r{update.take.path}")
                case TakeFailed():
                    print(f"\rfailed: {update.reason}")
    except AVFoleyError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
