"""What is done about a Kdenlive that has the project open; a real one is asked in test_in_kdenlive."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.kdenlive import running

PROJECT = Path("/films/the cut.kdenlive")

#: A `dbus-send` that answers for a Kdenlive, and writes down which actions it was asked for.
ANSWERS = """#!/bin/sh
case "$*" in
  *ListNames*) echo "   array [ org.freedesktop.DBus  {names} ]";;
  *windowTitle*) echo "   variant       {title}";;
  *windowModified*) [ -e {folder}/file_save ] && echo "variant boolean false" || echo "variant boolean {modified}";;
  *activateAction*) for last; do :; done; {saves} touch {folder}/$(echo $last | cut -d: -f2);;
esac
"""


@pytest.fixture
def kdenlive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[[], set[str]]]:
    def start(
        title: str = "the cut [*]/ HD 1080p 25 fps",
        modified: bool = False,
        names: str = "org.kde.kdenlive-99",
        saves: bool = True,
        script: str = ANSWERS,
    ) -> Callable[[], set[str]]:
        programs = tmp_path / "bin"
        programs.mkdir()
        program = programs / "dbus-send"
        about = {"folder": programs, "title": title, "modified": str(modified).lower(), "names": names}
        program.write_text(script.format(saves="" if saves else "exit;", **about))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        return lambda: {path.name for path in programs.iterdir()} - {"dbus-send"}

    return start


def test_a_project_with_changes_is_saved_and_not_loaded_again(kdenlive: Callable[..., Callable[[], set[str]]]) -> None:
    done = kdenlive(modified=True)
    running.reload(PROJECT)
    assert done() == set(), "Kdenlive would ask whether to throw the changes away"
    running.save(PROJECT)
    assert done() == {"file_save"}


def test_a_project_without_changes_is_loaded_again(kdenlive: Callable[..., Callable[[], set[str]]]) -> None:
    done = kdenlive()
    running.save(PROJECT)
    assert done() == set()
    running.reload(PROJECT)
    assert done() == {"file_revert"}


@pytest.mark.parametrize(
    "state", [{"title": "another [*]/ HD"}, {"title": "the cut"}, {"names": "org.kde.konsole-1"}, {"title": ""}]
)
def test_other_programs_and_other_projects_are_left_alone(
    kdenlive: Callable[..., Callable[[], set[str]]], state: dict[str, str]
) -> None:
    done = kdenlive(modified=True, **state)
    running.save(PROJECT)
    running.reload(PROJECT)
    assert done() == set()


def test_a_project_that_kdenlive_does_not_save_is_not_read(
    kdenlive: Callable[..., Callable[[], set[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_SAVE", 0.5)
    kdenlive(modified=True, saves=False)
    with pytest.raises(HostError, match="save it there"):
        running.save(PROJECT)


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/nowhere/sh\n"])
def test_without_d_bus_nothing_happens(kdenlive: Callable[..., Callable[[], set[str]]], script: str) -> None:
    kdenlive(script=script)
    running.save(PROJECT)
    running.reload(PROJECT)


def test_a_kdenlive_that_does_not_answer_is_not_worked_around(
    kdenlive: Callable[..., Callable[[], set[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has open could be this project, and what is written then be lost."""
    monkeypatch.setattr(running, "_ANSWER", 0.1)
    silent = ANSWERS.replace(
        "*windowTitle*)", "*windowTitle*) echo 'Error org.freedesktop.DBus.Error.NoReply:' >&2; exit 1;;\n *x*)"
    )
    kdenlive(script=silent)
    began = time.monotonic()
    with pytest.raises(HostError, match="does not answer"):
        running.save(PROJECT)
    assert time.monotonic() - began < 10
