"""Damaged and hostile projects: read, or refused with a reason; never a crash, a hang, or a file where none belongs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avfoley_plugin.errors import AVFoleyError, HostError
from avfoley_plugin.hosts import KdenliveFile
from avfoley_plugin.timeline.media_url import resolve_media
from avfoley_plugin.timeline.placing import placed, remove_all
from avfoley_plugin.timeline.shots import read_shots
from support.kdenlive_projects import CUT, LENGTH, SEQUENCE, entry, producer, project
from support.kdenlive_takes import put_picture, put_takes

#: What takes the place of a piece of a project.
_PIECES = st.sampled_from(
    [
        b"", b"-1", b"0", b"99999999999", b"1e999999999", b"2147483647", b"00:00:05;99", b"..", b"/", b"%n", b"\xff", b"&amp;",
        b"[", b"]", b"{}", b'"', b"'", b"<", b">", b"</mlt>", b"<a>", b"true", b"null", b"main_bin", b"V1", b"\xc3\xa9",
        SEQUENCE.encode(), b"timewarp", b"freeze", b"producer", b"x" * 5000,
    ]
)  # fmt: skip
_EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), _PIECES), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, bytes]:
    """Projects of both formats with takes and picture of ours."""
    found = {}
    for sequences in (False, True):
        folder = tmp_path_factory.mktemp("written")
        (folder / "film.mov").touch()
        path = folder / "cut.kdenlive"
        path.write_text(project("film.mov", sequences=sequences), encoding="utf-8")
        put_takes(path, 2, handle=3)
        put_picture(path, folder / "film.mov", start=90, frames=5)
        found[sequences] = path.read_bytes()
    return found


def use(path: Path) -> None:
    """Does with a project all that the program does with it; files may come where it is, and nowhere else."""
    folder = path.parent
    host = KdenliveFile(path)
    try:
        timeline = host.read()
        host.selection()
        placed(timeline)
        read_shots(timeline, folder=host.folder)
        host.write(timeline)
        timeline = host.read()
        remove_all(timeline)
        host.write(timeline)
    except AVFoleyError as error:
        said = str(error)
    else:
        said = ""
    assert len(said) < 10_000
    assert {found.name.partition(".kdenlive")[2] for found in folder.iterdir() if found.name != "film.mov"} <= {
        "",
        ".bak",
        ".bak-2",
    }


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequences=st.booleans(), edits=_EDITS)
def test_damaged_projects(
    written: dict[bool, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    sequences: bool,
    edits: list[tuple[float, int, bytes]],
) -> None:
    content = written[sequences]
    for at, length, piece in edits:
        start = round(at * len(content))
        content = content[:start] + piece + content[start + length :]
    path = tmp_path_factory.mktemp("fuzz") / "cut.kdenlive"
    path.write_bytes(content)
    use(path)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequences=st.booleans(), share=st.floats(0, 0.999))
def test_a_truncated_project_is_refused(
    written: dict[bool, bytes], tmp_path_factory: pytest.TempPathFactory, sequences: bool, share: float
) -> None:
    content = written[sequences]
    path = tmp_path_factory.mktemp("cut off") / "cut.kdenlive"
    path.write_bytes(content[: int(share * len(content))].removesuffix(b"</mlt>"))
    with pytest.raises(HostError, match=r"cut\.kdenlive"):
        KdenliveFile(path).read()


_VALUES = st.sampled_from(
    ["", "-1", "0", "1", "99999999999", "1e999999999", "nan", "inf", "1/0", "../../etc/passwd", "a;b=c", "é" * 300]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequences=st.booleans(), number=st.integers(0, 10_000), value=_VALUES)
def test_any_one_value_may_be_anything(
    written: dict[bool, bytes], tmp_path_factory: pytest.TempPathFactory, sequences: bool, number: int, value: str
) -> None:
    """The text of one property, or the value of one attribute."""
    pieces = written[sequences].decode().split('"')
    index = 2 * (number % (len(pieces) // 2)) + 1
    pieces[index] = value
    path = tmp_path_factory.mktemp("value") / "cut.kdenlive"
    path.write_text('"'.join(pieces), encoding="utf-8")
    use(path)


@pytest.mark.parametrize(
    ("made", "video"),
    [
        (producer("p", "a.mov", mlt_service="timewarp", warp_speed="1e999999999"), entry("p", 0, 5)),
        (producer("p", "a.mov", mlt_service="timewarp", warp_speed="0"), entry("p", 0, 5)),
        (producer("p", "x" * 5000), entry("p", 0, 5)),
        (producer("p", "../../../../../../etc/passwd"), entry("p", 0, 5)),
        (producer("p", "http://127.0.0.1:9/a.mov"), entry("p", 0, 5)),
        (producer("p", "a.mov", kdenlive_avfoley='{"name": "' + "[" * 10_000), entry("p", 0, 5)),
        ("", entry("picture", 0, LENGTH) * 2000),
        ("", '\n  <blank length="2147483647"/>' * 3 + entry("picture", 0, 5)),
        ("", entry("picture", 0, 2**40)),
        (producer("p", "a.mov").replace("<producer", "<chain").replace("</producer>", "<link>"
         f'<property name="mlt_service">timeremap</property><property name="time_map">{"1=1;" * 5000}</property></link></chain>'),
         entry("p", 0, 5)),
    ],
    ids=["exponent", "standing", "long name", "..", "remote", "json", "many clips", "long blanks", "long clip", "keyframes"],
)  # fmt: skip
def test_hostile_counts_and_names(tmp_path: Path, made: str, video: str) -> None:
    (tmp_path / "film.mov").touch()
    path = tmp_path / "cut.kdenlive"
    path.write_text(project("film.mov", sequences=True, extra_producers=made, video=video), encoding="utf-8")
    began = time.process_time()
    use(path)
    assert time.process_time() - began < 30


def test_a_sequence_that_plays_in_itself_is_refused(cut: Callable[..., Path]) -> None:
    path = cut(sequences=True, video=entry(SEQUENCE, 0, 5, bin_id=9))
    with pytest.raises(HostError, match="plays in itself"):
        KdenliveFile(path).read()


@pytest.mark.parametrize(
    "name", ["with a space/cut.kdenlive", "ünï/çut 'é' & “b”.kdenlive", "a/../b #1%20?/c%2e.kdenlive", "-out.kdenlive"]
)
def test_paths_are_only_names(cut: Callable[..., Path], tmp_path: Path, name: str) -> None:
    for folder in ("with a space", "ünï", "a", "b #1%20?"):
        (tmp_path / folder).mkdir()
    path = cut(name, sequences=True, root=str(tmp_path))
    put_takes(path)
    host = KdenliveFile(path)
    timeline = host.read()
    takes = placed(timeline)
    assert [take.record_start for take in takes] == [start for start, _, _ in CUT]
    sounds = {resolve_media(take.url, path.parent) for take in takes}
    assert sounds == set(path.resolve().with_suffix(".avfoley").glob("*.wav"))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.kdenlive", tmp_path / "folder.kdenlive", tmp_path / ("n" * 300 + ".kdenlive")):
        if path.name.startswith("folder"):
            path.mkdir()
        with pytest.raises(HostError, match="cannot be read"):
            KdenliveFile(path).read()
    with pytest.raises(HostError, match="must end in"):
        KdenliveFile(tmp_path / "a.otio")
