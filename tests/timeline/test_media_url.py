"""Media URLs as programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from avfoley_plugin.timeline.media_url import is_relative, relative_url, resolve_media

FOLDER = Path("/edit/reel 1")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///media/a%20b.mov", "/media/a b.mov"),
        ("file://localhost/media/a.mov", "/media/a.mov"),
        ("FILE:///media/a.mov", "/media/a.mov"),
        ("file:/media/a.mov", "/media/a.mov"),
        ("/media/a b.mov", "/media/a b.mov"),
        ("a.mov", "/edit/reel 1/a.mov"),
        ("../rushes/a.mov", "/edit/rushes/a.mov"),
        ("file:rushes/a.mov", "/edit/reel 1/rushes/a.mov"),
        ("file:///media/take #1?.mov", "/media/take #1?.mov"),
        ("file://localhost/D%3a/media/a.mov", "D:/media/a.mov"),
        ("file:///D:/media/a.mov", "D:/media/a.mov"),
        ("file://D:/media/a.mov", "D:/media/a.mov"),
        (r"D:\media\a.mov", "D:/media/a.mov"),
        ("file://server/share/a.mov", "//server/share/a.mov"),
    ],
)
def test_resolves_what_programs_write(url: str, path: str) -> None:
    expected = Path(path)
    assert resolve_media(url, FOLDER, lambda path: path == expected) == expected


@pytest.mark.parametrize("url", ["http://host/a.mov", "https://host/a.mov", "s3://bucket/a.mov", ""])
def test_what_is_not_a_local_file(url: str) -> None:
    assert resolve_media(url, FOLDER) is None


@pytest.mark.parametrize("name", ["100%25.mov", "100%.mov", "a%20b.mov"])
def test_the_reading_that_exists_wins(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert resolve_media(name, tmp_path) == tmp_path / name
    assert resolve_media(f"file://{tmp_path}/{name}", tmp_path) == tmp_path / name


def test_an_escaped_relative_url_finds_its_file(tmp_path: Path) -> None:
    (tmp_path / "a #1.mov").touch()
    assert resolve_media("a%20%231.mov", tmp_path) == tmp_path / "a #1.mov"


@pytest.mark.parametrize("name", ["a.mov", "é #1?.mov", "100%25.mov", "a b/c.mov"])
def test_relative_urls_come_back(tmp_path: Path, name: str) -> None:
    file = tmp_path / "media" / name
    file.parent.mkdir(parents=True)
    file.touch()
    folder = tmp_path / "edit"
    url = relative_url(file, folder)
    assert is_relative(url)
    assert resolve_media(url, folder) == file


@pytest.mark.parametrize(
    "url", ["/a.mov", "file:///a.mov", r"C:\a.mov", "file://localhost/D%3a/a.mov", "http://host/a.mov", ""]
)
def test_absolute_urls_are_not_relative(url: str) -> None:
    assert not is_relative(url)
