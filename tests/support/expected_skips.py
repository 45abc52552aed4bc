"""A pytest plugin: ``--expected-skips FILE`` fails a run that skips a test which the file does not name."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--expected-skips", type=Path, metavar="FILE", help="fail where a test is skipped that FILE does not name"
    )


def pytest_configure(config: pytest.Config) -> None:
    # Under xdist the process that starts the others has every report.
    if (file := config.getoption("--expected-skips")) is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ExpectedSkips(file))


class ExpectedSkips:
    """Compares skips with a file's lines: a pattern of the test's id, blanks, a pattern of the reason.

    Patterns are those of fnmatch. Lines that begin with # are comments.
    """

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise pytest.UsageError(f"{file}, the list of expected skips, is not there")
        self._file = file
        lines = [line.split(maxsplit=1) for line in file.read_text(encoding="utf-8").splitlines()]
        self._expected = [line for line in lines if line and not line[0].startswith("#")]
        if wrong := [line for line in self._expected if len(line) != 2]:
            raise pytest.UsageError(f"{file}: {wrong[0][0]} has no reason beside it")
        self._unexpected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # An expected failure is reported as skipped, too.
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        told = report.longrepr
        reason = (told[2] if isinstance(told, tuple) else str(told)).removeprefix("Skipped: ")
        if not any(fnmatchcase(report.nodeid, test) and fnmatchcase(reason, why) for test, why in self._expected):
            self._unexpected.append(f"{report.nodeid}: {reason}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._unexpected and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._unexpected:
            terminalreporter.section("skipped, and not expected to be", red=True)
            for line in self._unexpected:
                terminalreporter.line(line)
            terminalreporter.line(f"Install what is missing, or say in {self._file} why the test need not run.")
