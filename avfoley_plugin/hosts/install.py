"""Launchers of AVFoley where the editing programs look for them, and what of these is on this
machine. A launcher names this very Python, so that no virtual environment need be active. Each says
that it is ours; a file that does not is neither replaced nor removed.
"""

from __future__ import annotations

import json
import os
import shlex
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
#: What works with each program.
_KDENLIVE = "projects of 22.12 and of 23.04 and later, in place; saved and loaded again if it is open"
_RESOLVE = "Studio: the open timeline, as `resolve:`; free: .otio, out with `avfoley export --for resolve`"
#: The add-on for Blender; it finds the command in ``command.json`` beside its ``__init__.py``.
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
    """Puts a program's launchers where it looks for them, and returns them. Raises HostError if it
    has no folder for them here, or if what is not ours is in the way.
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
    forms = FORMATS.values()
    ours = ", ".join(form.name for form in forms if form.adapter is None)
    adapters = [form.name for form in forms if form.adapter is not None]
    absent = [form.name for form in forms if form.adapter is not None and not is_installed(form.adapter)]
    through = f"{', '.join(adapters)}: in and out, through OpenTimelineIO's adapters"
    if absent:
        through = f"{', '.join(absent)}: only after pip install 'avfoley[interchange]'"
    present = ", ".join(suffix for suffix, form in FORMATS.items() if form.name not in absent)
    melt, module = shutil.which("melt"), module_file()
    resolve = None if module is None else str(module)
    blender = shutil.which("blender") or ", ".join(map(str, _blender_folders(platform))) or None
    add_on = "an add-on for the video sequencer" if _has_add_on() else "nothing yet: this version has no add-on"
    rendered = f"; rendered by {melt}" if melt else ""
    launchers = {program: _installed(program, platform) for program in Program}
    return [
        Found("OpenTimelineIO", otio.__version__, None, ".otio, .otioz and .otiod: everything, in place"),
        Found("Kdenlive", shutil.which("kdenlive"), launchers[Program.KDENLIVE], _KDENLIVE + rendered),
        Found("DaVinci Resolve", resolve, launchers[Program.RESOLVE], _RESOLVE),
        Found("Blender", blender, launchers[Program.BLENDER], add_on),
        Found("Interchange", present, None, f"{ours}: in and out; {through}"),
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
        yield from ((folder / "scripts" / "addons" / "avfoley", None) for folder in folders)


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
    roots = {
        "win32": _app_data() / "Blackmagic Design" / "DaVinci Resolve" / "Support",
        "darwin": _mac_support() / "Blackmagic Design" / "DaVinci Resolve",
    }
    return roots.get(platform, _data_home() / "DaVinciResolve") / "Fusion" / "Scripts" / "Utility"


def _kdenlive_launcher(platform: str) -> tuple[Path, str]:
    """Kdenlive runs no scripts, but the desktop opens its projects with what it is told to."""
    if platform == "win32":
        command = " ".join(f'"{part}"' for part in COMMAND)
        text = f'@echo off\r\nrem {_SIGNATURE}\r\n{command} panel "%~1"\r\n'
        return _app_data() / "Microsoft" / "Windows" / "SendTo" / "AVFoley.cmd", text
    if platform == "darwin":
        text = f'#!/bin/sh\n# {_SIGNATURE}\nexec {shlex.join(COMMAND)} panel "$@"\n'
        return Path.home() / "Applications" / "AVFoley.command", text
    command = " ".join(_desktop_quoted(part) for part in COMMAND)
    text = (
        f"[Desktop Entry]\n# {_SIGNATURE}\nType=Application\nName=AVFoley\nComment=Foley for a Kdenlive project\n"
        f"Exec={command} panel %f\nMimeType=application/x-kdenlive;\nCategories=AudioVideo;\nTerminal=false\n"
    )
    return _data_home() / "applications" / "avfoley-kdenlive.desktop", text


def _blender_folders(platform: str) -> list[Path]:
    """The folder of each version of Blender that was started here."""
    roots = {"win32": _app_data() / "Blender Foundation" / "Blender", "darwin": _mac_support() / "Blender"}
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    root = roots.get(platform, config / "blender")
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


def _mac_support() -> Path:
    return Path.home() / "Library" / "Application Support"


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _app_data() -> Path:
    return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")


def _desktop_quoted(text: str) -> str:
    """An argument of a desktop entry's Exec line (Desktop Entry Specification, The Exec key)."""
    escaped = "".join(f"\\{char}" if char in '"`$\\' else char for char in text).replace("%", "%%")
    return f'"{escaped}"'.replace("\\", "\\\\")
