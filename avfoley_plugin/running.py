"""Carrying out a command of the shell: its exit code, its errors, and what Ctrl-C does."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import typer

from avfoley_plugin.errors import AVFoleyError, EngineError

if TYPE_CHECKING:
    from avfoley_plugin.captioning import Captioning
    from avfoley_plugin.generation import Generation
    from avfoley_plugin.spotting import Spotting
    from avfoley_plugin.workflows import Run

    AnyRun = Run | Generation | Captioning | Spotting

_Options = ParamSpec("_Options")


class Exit(IntEnum):
    """The shell's exit codes."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    INPUT = 3
    ENGINE = 4
    CANCELLED = 130


def reports_errors(command: Callable[_Options, Exit | None]) -> Callable[_Options, None]:
    """Makes a command end with its exit code, and report an AVFoleyError on stderr."""

    @wraps(command)
    def run(*arguments: _Options.args, **options: _Options.kwargs) -> None:
        try:
            code = command(*arguments, **options) or Exit.OK
        except AVFoleyError as error:
            typer.echo(f"avfoley: {error}", err=True)
            code = _code(error)
        raise typer.Exit(code)

    return run


def run_to_end(start: Callable[[], AnyRun], as_json: bool) -> Exit:
    """Runs a verb to its end and reports progress; Ctrl-C cancels it, a second Ctrl-C aborts."""
    from avfoley_plugin.console import JsonReport, ProgressReport

    report = JsonReport() if as_json else ProgressReport()
    run: AnyRun | None = None
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        if interrupted or run is None:
            raise KeyboardInterrupt
        interrupted = True
        report.cancelling()
        # In a thread: this handler may have cut into the very connection that cancelling needs.
        threading.Thread(target=run.cancel, daemon=True).start()

    before = {number: signal.signal(number, interrupt) for number in (*_interrupts(), signal.SIGTERM)}
    error = None
    try:
        with report:
            run = start()
            for update in run:
                report.show(update)
        code = Exit.SOME_FAILED if report.failures else Exit.OK
    except AVFoleyError as failed:
        code, error = _code(failed), str(failed)
    except KeyboardInterrupt:
        code = Exit.CANCELLED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if run is not None and run.cancelled:
        code = Exit.CANCELLED
    report.finish(None if run is None else run.written, code, error)
    return code


def call(command: Sequence[str]) -> int:
    """Runs a program in this terminal. Returns its exit code, 128 + n if signal n ended it."""
    # Ctrl-C reaches the child, which ends in its own time. A handler, for it would inherit SIG_IGN.
    before = {number: signal.signal(number, lambda *_: None) for number in _interrupts()}
    try:
        code = subprocess.call(command)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _code(error: AVFoleyError) -> Exit:
    return Exit.ENGINE if isinstance(error, EngineError) else Exit.INPUT


def _interrupts() -> tuple[int, ...]:
    """Ctrl-C, and on Windows Ctrl-Break: the one that another process can send there."""
    ctrl_break = getattr(signal, "SIGBREAK", None)
    return (signal.SIGINT,) if ctrl_break is None else (signal.SIGINT, ctrl_break)
