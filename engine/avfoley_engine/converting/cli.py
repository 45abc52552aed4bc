"""`avfoley models convert`: published checkpoints of other projects as models of this one.

A file is never executed: only tensors are read from it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from avfoley_engine import zoo
from avfoley_engine.converting import frieren

_SYSTEMS = {"frieren": ("frieren-public", frieren.convert, frieren.LICENCE)}


def main(argv: Sequence[str] | None = None) -> int:
    """Converts the files that are named. Raises ModelError; returns the exit code."""
    parser = argparse.ArgumentParser("avfoley models convert", description=__doc__)
    parser.add_argument("system", choices=_SYSTEMS, help="whose checkpoints they are")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="all of them, in any order")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the model's folder (default: where models are found)")
    options = parser.parse_args(argv)
    name, convert, licence = _SYSTEMS[options.system]
    out = options.out or zoo.converted_folder() / name
    print(f"Licence. {licence}")
    convert(options.files, out)
    print(f"{out}: done. Use it as --model {out.name}.")
    return 0
