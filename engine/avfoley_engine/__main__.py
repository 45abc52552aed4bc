"""``python -m avfoley_engine``: the engine's commands, which `avfoley` starts as processes."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from avfoley_engine.errors import AVFoleyError
from avfoley_engine.jobs import threads
from avfoley_engine.protocol import state_folder


def _serve(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("avfoley_engine serve", description="Runs the engine until it is stopped.")
    parser.add_argument(
        "--folder", type=Path, default=state_folder(), help="queue, cache and logs (default: %(default)s)"
    )
    parser.add_argument(
        "--idle-exit", type=float, metavar="SECONDS", help="stop after this long without jobs and clients"
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        help="compute on the processor with N threads (default: $AVFOLEY_THREADS, else as many as the load permits)",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile models on a GPU: a minute more at the start, then faster (or AVFOLEY_COMPILE=1)",
    )
    options = parser.parse_args(argv)
    # The worker process reads both.
    if options.threads is not None:
        os.environ[threads.THREADS] = options.threads
    if options.compile:
        os.environ["AVFOLEY_COMPILE"] = "1"
    threads.fixed(os.environ)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from avfoley_engine.server import serve

    return serve(options.folder.absolute(), idle_exit=options.idle_exit)


def _main_of(module: str) -> Callable[[list[str]], int | None]:
    """The `main` of a module, which is imported when it is called."""
    return lambda argv: import_module(module).main(argv)


COMMANDS: dict[str, tuple[Callable[[list[str]], int | None], str]] = {
    "serve": (_serve, "run the engine until it is stopped"),
    "train": (_main_of("avfoley_engine.training.cli"), "train the models; resumable"),
    "evaluate": (_main_of("avfoley_engine.evaluation.cli"), "measure a model"),
    "convert": (_main_of("avfoley_engine.converting.cli"), "convert checkpoints of other projects"),
    "demo-clip": (_main_of("avfoley_engine.world.demo"), "render a short clip of the procedural world"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the rest of the arguments are the command's own. Returns the exit code."""
    parser = argparse.ArgumentParser("avfoley_engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, what) in COMMANDS.items():
        commands.add_parser(name, help=what, add_help=False)
    options, rest = parser.parse_known_args(argv)
    for name, value in threads.SHORT_SPINNING.items():
        os.environ.setdefault(name, value)
    try:
        return COMMANDS[options.command][0](rest) or 0
    except AVFoleyError as error:
        print(f"avfoley_engine {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
