"""`avfoley evaluate …`: one module a command, each with `add_command`."""

from __future__ import annotations

import argparse
import sys

from avfoley_engine.errors import AVFoleyError
from avfoley_engine.evaluation import ablations, codec, labels, sync, upsampler

_COMMANDS = (ablations, codec, labels, sync, upsampler)


def main(argv: list[str] | None = None) -> int:
    """Runs an evaluation; returns the exit status: 0 done, 1 it could not, 2 wrong usage, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="avfoley evaluate", description="Measures a model.")
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    for command in _COMMANDS:
        command.add_command(commands)
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except AVFoleyError as error:
        print(f"avfoley evaluate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status
