"""Launchers of AVFoley where the editing programs look for them, and what of these programs is on this machine.

A launcher names this very Python, so that a virtual environment need not be active. Each says that it is ours; a file
that does not is neither replaced nor removed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.interchange import FORMATS
from avfoley_plugin.hosts.interchange.adapters import is_installed
from avfoley_plugin.hosts.resolve import utility_script
from avfoley_plugin.hosts.resolve.connection import module_file

#: How `avfoley` is called from elsewhere.
COMMAND = (sys.executable, "-m", "avfoley_plugin.cli")
#: What every launcher of ours holds.
_SIGNATURE = "Put here by `avfoley install`"
#: The entries in Resolve's menu, and the verb of each.
_RESOLVE_ENTRIES = {
    "AVFoley": "panel",
    "AVFoley Selected Clips": "foley",
    "AVFoley Picture for Selected Sounds": "visualize",
}
#: The add-on for Blender, a package; it finds the command to call in ``command.json`` beside its ``__init__.py``.
ADD_ON = Path(__file__).parent / "blender"
ADD_ON_COMMAND = "command.json"


class Program(StrEnum):
    """A program that a launcher can be installed in."""

    KDENLIVE = "kdenlive"
    RESOLVE = "resolve"
    BLENDER = "blender"


@dataclass(frozen=True)
class Found:
    """What is known of one host on this machine. ``where`` is None if it was not found."""

    name: str
    where: str | None
    launcher: Path | None
    works: str


def install(program: Program, platform: str = sys.platform) -> list[Path]:
    """Puts a program's launchers where it looks for them, and returns them; those of ours that are there are replaced.

    Raises HostError if the program has no folder for them here, or if something that is not ours is in the way.
    """
    written = []
    for path, content in _launchers(program, platform):
        if not _is_ours(path, absent=True):
            raise HostError(f"{path} is there already and is not ours; move it away and run again")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                _copy_add_on(path)
            else:
                path.write_text(content, encoding="utf-8")
                path.chmod(0o755)
        except OSError as error:
            raise HostError(f"{path} cannot be written: {error.strerror}") from error
        written.append(path)
    return written


def uninstall(program: Program, platform: str = sys.platform) -> list[Path]:
    """Removes a program's launchers, and returns those that were there."""
    removed = []
    for path, content in _launchers(program, platform):
        if not _is_ours(path, absent=False):
            continue
        try:
            shutil.rmtree(path) if content is None else path.unlink()
        except OSError as error:
            raise HostError(f"{path} cannot be removed: {error.strerror}") from error
        removed.append(path)
    return removed


def find_hosts(platform: str = sys.platform) -> list[Found]:
    """The hosts that are known here, whether each is on this machine, and what works with it."""
    adapters = [form.name for form in FORMATS.values() if form.adapter is not None]
    absent = [form.name for form in FORMATS.values() if form.adapter is not None and not is_installed(form.adapter)]
    ours = ", ".join(form.name for form in FORMATS.values() if form.adapter is None)
    kdenlive, melt = shutil.which("kdenlive"), shutil.which("melt")
    module = module_file()
    versions = [str(folder) for folder in _blender_folders(platform)]
    return [
        Found("OpenTimelineIO", otio.__version__, None, ".otio, .otioz and .otiod: everything, in place"),
        Found(
            "Kdenlive",
            kdenlive,
            _installed(Program.KDENLIVE, platform),
            "projects of 22.12 and of 23.04 and later, in place; saved and loaded again if it is open"
            + (f"; rendered by {melt}" if melt else ""),
        ),
        Found(
            "DaVinci Resolve",
            None if module is None else str(module),
            _installed(Program.RESOLVE, platform),
            "Studio: the open timeline, as `resolve:`; free: .otio, out with `avfoley export --for resolve`",
        ),
        Found(
            "Blender",
            shutil.which("blender") or (", ".join(versions) or None),
            _installed(Program.BLENDER, platform),
            "an add-on for the video sequencer" if _has_add_on() else "nothing yet: this version has no add-on",
        ),
        Found(
            "Interchange",
            ", ".join(form for form in FORMATS if FORMATS[form].name not in absent),
            None,
            f"{ours}: in and out"
            + (
                f"; {', '.join(absent)}: only after pip install 'avfoley[interchange]'"
                if absent
                else f"; {', '.join(adapters)}: in and out, through OpenTimelineIO's adapters"
            ),
        ),
    ]


def _launchers(program: Program, platform: str) -> Iterator[tuple[Path, str | None]]:
    """Where a program's launchers go, and what is in them; None for the add-on's folder."""
    if program is Program.RESOLVE:
        for name, verb in _RESOLVE_ENTRIES.items():
            yield _resolve_folder(platform) / f"{name}.py", _resolve_script([*COMMAND, verb, "resolve:"])
    elif program is Program.KDENLIVE:
        yield _kdenlive_launcher(platform)
    else:
        if not _has_add_on():
            raise HostError("this version of AVFoley has no add-on for Blender")
        folders = _blender_folders(platform)
        if not folders:
            raise HostError("no Blender has been started here yet; start it once, so that it makes its folders")
        for folder in folders:
            yield folder / "scripts" / "addons" / "avfoley", None


def _installed(program: Program, platform: str) -> Path | None:
    try:
        return next((path for path, _ in _launchers(program, platform) if _is_ours(path, absent=False)), None)
    except HostError:
        return None


def _is_ours(path: Path, absent: bool) -> bool:
    """Whether what lies at a path is a launcher of ours; `absent` if nothing is there."""
    if not path.exists() and not path.is_symlink():
        return absent
    signed = path / ADD_ON_COMMAND if path.is_dir() and not path.is_symlink() else path
    try:
        return _SIGNATURE in signed.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


def _resolve_script(command: list[str]) -> str:
    source = Path(utility_script.__file__).read_text(encoding="utf-8")
    line = "COMMAND: List[str] = []"
    assert line in source
    return f"# {_SIGNATURE}\n" + source.replace(line, f"COMMAND: List[str] = {command!r}")


def _resolve_folder(platform: str) -> Path:
    utility = Path("Fusion", "Scripts", "Utility")
    if platform == "win32":
        return _app_data() / "Blackmagic Design" / "DaVinci Resolve" / "Support" / utility
    if platform == "darwin":
        support = Path.home() / "Library" / "Application Support"
        return support / "Blackmagic Design" / "DaVinci Resolve" / utility
    return _data_home() / "DaVinciResolve" / utility


def _kdenlive_launcher(platform: str) -> tuple[Path, str]:
    """Kdenlive runs no scripts, but the desktop opens its projects with what it is told to."""
    if platform == "win32":
        command = " ".join(f'"{part}"' for part in COMMAND)
        text = f'@echo off\r\nrem {_SIGNATURE}\r\n{command} panel "%~1"\r\n'
        return _app_data() / "Microsoft" / "Windows" / "SendTo" / "AVFoley.cmd", text
    if platform == "darwin":
        command = " ".join(_shell_quoted(part) for part in COMMAND)
        text = f'#!/bin/sh\n# {_SIGNATURE}\nexec {command} panel "$@"\n'
        return Path.home() / "Applications" / "AVFoley.command", text
    command = " ".join(_desktop_quoted(part) for part in COMMAND)
    lines = [
        "[Desktop Entry]",
        f"# {_SIGNATURE}",
        "Type=Application",
        "Name=AVFoley",
        "Comment=Foley for a Kdenlive project",
        f"Exec={command} panel %f",
        "MimeType=application/x-kdenlive;",
        "Categories=AudioVideo;",
        "Terminal=false",
    ]
    return _data_home() / "applications" / "avfoley-kdenlive.desktop", "\n".join(lines) + "\n"


def _blender_folders(platform: str) -> list[Path]:
    """The folder of each version of Blender that was started here."""
    if platform == "win32":
        root = _app_data() / "Blender Foundation" / "Blender"
    elif platform == "darwin":
        root = Path.home() / "Library" / "Application Support" / "Blender"
    else:
        root = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "blender"
    if not root.is_dir():
        return []
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and folder.name.replace(".", "").isdigit())


def _has_add_on() -> bool:
    return (ADD_ON / "__init__.py").is_file()


def _copy_add_on(target: Path) -> None:
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(ADD_ON, part, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {"about": _SIGNATURE, "command": list(COMMAND)}
    (part / ADD_ON_COMMAND).write_text(json.dumps(settings, indent=2), encoding="utf-8")
    if target.exists():
        shutil.rmtree(target)
    part.replace(target)


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _app_data() -> Path:
    return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")


def _shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _desktop_quoted(text: str) -> str:
    """An argument of a desktop entry's Exec line (Desktop Entry Specification, The Exec key)."""
    escaped = "".join(f"\\{char}" if char in '"`$\\' else char for char in text).replace("%", "%%")
    return f'"{escaped}"'.replace("\\", "\\\\")
