"""`--expected-skips`: a run that leaves tests out does not look like one that passed."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TESTS = {
    "test_a": """
        import pytest

        def test_passes():
            pass

        @pytest.mark.xfail
        def test_fails_as_it_should():
            assert False

        @pytest.mark.skipif(True, reason="no GPU")
        def test_on_a_gpu():
            pass

        @pytest.mark.parametrize("name", ["x", "y"])
        def test_of_a_program(name):
            pytest.skip("melt is not installed")
    """,
    "test_b": """
        import pytest

        pytest.importorskip("no_such_library")

        def test_nothing():
            pass
    """,
}

ALL = """
# What this machine lacks.
*::test_on_a_gpu         no GPU

test_a.py::test_of_a*    melt is not *
test_b.py                could not import 'no_such_library'*
"""


def run(pytester: pytest.Pytester, expected: str | None, processes: int = 0) -> pytest.RunResult:
    pytester.makepyfile(**TESTS)
    options = ["-p", "support.expected_skips", "-n", str(processes)]
    if expected is not None:
        options += ["--expected-skips", str(pytester.makefile(".txt", expected=expected))]
    return pytester.runpytest_subprocess(*options)


@pytest.mark.parametrize("processes", [0, 2])
def test_unexpected_skips_fail_the_run_and_are_named(pytester: pytest.Pytester, processes: int) -> None:
    ran = run(pytester, "*::test_on_a_gpu  no GPU\ntest_a.py::test_of_a_program  another reason", processes)
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    ran.assert_outcomes(passed=1, skipped=4, xfailed=1)
    heading = next(n for n, line in enumerate(ran.outlines) if "skipped, and not expected to be" in line)
    assert sorted(ran.outlines[heading + 1 : heading + 4]) == [
        "test_a.py::test_of_a_program[x]: melt is not installed",
        "test_a.py::test_of_a_program[y]: melt is not installed",
        "test_b.py: could not import 'no_such_library': No module named 'no_such_library'",
    ]
    assert not any("test_on_a_gpu" in line or "xfail" in line for line in ran.outlines[heading:-1])


@pytest.mark.parametrize("processes", [0, 2])
def test_expected_skips_pass(pytester: pytest.Pytester, processes: int) -> None:
    assert run(pytester, ALL, processes).ret == pytest.ExitCode.OK


def test_without_a_list_every_skip_passes(pytester: pytest.Pytester) -> None:
    assert run(pytester, None).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("line", ["*", "*::test_on_a_gpu"])
def test_a_line_without_a_reason_is_refused(pytester: pytest.Pytester, line: str) -> None:
    assert run(pytester, f"{ALL}\n{line}").ret == pytest.ExitCode.USAGE_ERROR


def test_a_list_that_is_not_there_is_refused(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_subprocess("-p", "support.expected_skips", "--expected-skips", "nowhere.txt")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["*nowhere.txt, the list of expected skips, is not there*"])
