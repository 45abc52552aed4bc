"""`avfoley evaluate …`: one module per command, with `add_options`, `run` and `tables`."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console

from avfoley_engine.errors import AVFoleyError
from avfoley_engine.evaluation import ablations, alignment, codec, labels, steps, sync, upsampler

_COMMANDS = {
    "ablations": (ablations, "the paper's design choices, trained and compared"),
    "alignment": (alignment, "sounds that a trained judge calls in time with their picture"),
    "codec": (codec, "recordings after the codec, beside Griffin-Lim"),
    "labels": (labels, "sounds made from words, classified"),
    "steps": (steps, "few solver steps, of every system"),
    "sync": (sync, "onsets against the picture's events"),
    "upsampler": (upsampler, "small pictures made large again"),
}


def main(argv: list[str] | None = None) -> int:
    """Runs an evaluation and prints its tables or its JSON.

    Returns the exit status: 0 done, 1 it failed, 2 wrong usage, 130 interrupted.
    """
    parser = argparse.ArgumentParser(prog="avfoley evaluate", description="Measures a model.")
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    for name, (module, what) in _COMMANDS.items():
        command = commands.add_parser(
            name, help=what, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_options(command)
        command.add_argument("--json", action="store_true", help="print JSON instead of tables")
        command.set_defaults(run=module.run, tables=module.tables)
    arguments = parser.parse_args(argv)
    try:
        result = arguments.run(arguments)
    except AVFoleyError as error:
        print(f"avfoley evaluate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        for table in arguments.tables(result):
            Console().print(table, highlight=False)
    return 0
