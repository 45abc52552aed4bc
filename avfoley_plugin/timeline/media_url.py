"""Where a media reference points: URLs and paths as the editing programs write them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote

_SCHEME = "file:"


def is_file(path: Path) -> bool:
    """Whether there is such a file; False also where its name is longer than a file's may be."""
    try:
        return path.is_file()
    except OSError:
        return False


def resolve_media(target_url: str, folder: Path, is_online: Callable[[Path], bool] = is_file) -> Path | None:
    """The local file that a ``target_url`` names; None if it is another (http and the like).

    Takes file URLs (with ``localhost``, a share, a Windows drive), bare paths, and paths relative
    to `folder`, that of the timeline's file. Programs differ in whether they escape: of
    ``100%25.mov`` as written and decoded, the reading that is online wins, else the likelier one.
    """
    written, escaped = _path_text(target_url)
    if written is None:
        return None
    readings = [unquote(written), written] if escaped else [written, unquote(written)]
    paths = [_absolute(reading, folder) for reading in readings]
    return next((path for path in paths if is_online(path)), paths[0])


def is_relative(target_url: str) -> bool:
    """Whether the meaning of a ``target_url`` depends on the folder of the timeline's file."""
    written, escaped = _path_text(target_url)
    if not written:
        return False
    path = unquote(written) if escaped else written
    return not PurePosixPath(path).is_absolute() and not PureWindowsPath(path).drive


def relative_url(path: Path, folder: Path) -> str:
    """The escaped URL of a file relative to `folder`; absolute on another Windows drive."""
    try:
        return quote(Path(os.path.relpath(path, folder)).as_posix())
    except ValueError:
        return path.as_uri()


def _path_text(target_url: str) -> tuple[str | None, bool]:
    """The path part of a URL as written, and whether it comes from a URL, so should be escaped."""
    if target_url[: len(_SCHEME)].lower() != _SCHEME:
        remote = "://" in target_url
        return (None if remote or not target_url else target_url), False
    # urllib.parse would cut the path at '#' or '?', which OTIO's url_from_filepath leaves in.
    rest = target_url[len(_SCHEME) :]
    if not rest.startswith("//"):
        return rest, True
    authority, slash, path = rest[2:].partition("/")
    if authority.lower() in ("", "localhost"):
        drive = PureWindowsPath(unquote(path)).drive
        return (path if drive else slash + path), True
    if PureWindowsPath(unquote(authority)).drive:
        return authority + slash + path, True
    return f"//{authority}{slash}{path}", True


def _absolute(text: str, folder: Path) -> Path:
    if PureWindowsPath(text).drive:
        # Off Windows it cannot be reached, and stays as it is for the message that says so.
        return Path(PureWindowsPath(text).as_posix())
    return Path(os.path.normpath(folder / text))
