"""Damaged and hostile .otio files, and markers in Resolve: read, or refused with a reason; no crash and no hang."""

from __future__ import annotations

import copy
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avfoley_plugin.errors import AVFoleyError, HostError
from avfoley_plugin.hosts import OtioFile, open_host, otio_file
from avfoley_plugin.hosts.export import prepare
from avfoley_plugin.hosts.resolve import ResolveHost
from avfoley_plugin.timeline.captions import captions, edited
from avfoley_plugin.timeline.cue_sheet import cue_sheet
from avfoley_plugin.timeline.placing import placed, remove_all
from avfoley_plugin.timeline.shots import read_shots
from support import resolve_stand_in as stand_in
from support.sample_edit import add_foley, sample

#: What any one value of a document may become.
VALUES = [
    None,
    "",
    -1,
    0,
    1e308,
    10**30,
    True,
    [],
    {},
    [[]],
    "1/0",
    "nan",
    "../../etc/passwd",
    "é" * 300,
    "a\0.wav",
    "take 99999999999",
]
FUZZED = settings(max_examples=150, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def foley(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A timeline with foley."""
    timeline = sample(tmp_path_factory.mktemp("sample"))
    return str(otio.adapters.write_to_string(timeline, "otio_json"))


def use(path: Path) -> None:
    """Does with a timeline all that the program does with it; files may come where it is, and nowhere else."""
    host = OtioFile(path)
    with suppress(AVFoleyError):
        timeline = host.read()
        placed(timeline)
        edited(timeline)
        read_shots(timeline, folder=host.folder, is_online=lambda path: True)
        cue_sheet(timeline)
        add_foley(timeline, host.folder, path.parent / "takes")
        host.write(timeline)
        timeline = host.read()
        remove_all(timeline)
        host.write(timeline)
    names = {found.name for found in path.parent.iterdir()}
    assert names <= {path.name, f"{path.name}.bak", f"{path.name}.bak-2", "takes"}


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every value in a JSON document, as what holds it and its key."""
    found: list[tuple[Any, Any]] = []
    pending = [node]
    while pending:
        held = pending.pop()
        for key, value in held.items() if isinstance(held, dict) else enumerate(held):
            found.append((held, key))
            if isinstance(value, dict | list):
                pending.append(value)
    return found


@FUZZED
@given(number=st.integers(0, 10**6), value=st.sampled_from(VALUES), gone=st.booleans())
def test_any_one_value_may_be_anything_or_gone(
    foley: str, tmp_path_factory: pytest.TempPathFactory, number: int, value: Any, gone: bool
) -> None:
    document = json.loads(foley)
    found = places(document)
    held, key = found[number % len(found)]
    if gone:
        del held[key]
    else:
        held[key] = value
    path = tmp_path_factory.mktemp("fuzz") / "cut.otio"
    path.write_text(json.dumps(document))
    use(path)


@settings(FUZZED, max_examples=40)
@given(share=st.floats(0, 0.999), encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_cut_off_or_in_another_encoding(
    foley: str, tmp_path_factory: pytest.TempPathFactory, share: float, encoding: str
) -> None:
    path = tmp_path_factory.mktemp("cut off") / "cut.otio"
    path.write_bytes(foley[: int(share * len(foley.rstrip()))].encode(encoding))
    with pytest.raises(HostError, match=r"cut\.otio"):
        OtioFile(path).read()


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"OTIO_SCHEMA":"Marker.3","a":'])
def test_deep_nesting_is_refused(tmp_path: Path, opening: str) -> None:
    path = tmp_path / "deep.otio"
    path.write_text(opening * 200_000)
    with pytest.raises(HostError, match=r"deep\.otio"):
        OtioFile(path).read()


def test_a_bundle_that_unfolds_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otio_file, "_LARGEST", 1 << 20)
    path = tmp_path / "bomb.otioz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("content.otio", bytes(2 << 20))
    with pytest.raises(HostError, match=r"bomb\.otioz.* larger"):
        OtioFile(path).read()


@pytest.fixture(scope="module")
def in_resolve(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, stand_in.FakeProject]:
    """A project with foley, and the folder of its media."""
    folder = tmp_path_factory.mktemp("resolve")
    project = stand_in.small_project(folder)
    host = ResolveHost(folder / "edit.otio", stand_in.FakeResolve(project))
    timeline = host.read()
    add_foley(timeline, folder, folder / "edit.avfoley")
    host.write(timeline)
    return folder, project


@settings(FUZZED, max_examples=80)
@given(number=st.integers(0, 10**6), value=st.sampled_from(VALUES))
def test_what_resolves_markers_say_may_be_anything(
    in_resolve: tuple[Path, stand_in.FakeProject], number: int, value: Any
) -> None:
    folder, project = in_resolve[0], copy.deepcopy(in_resolve[1])
    resolve = stand_in.FakeResolve(project)
    api = project.GetCurrentTimeline()
    assert api is not None
    marker = next(marker for marker in api._markers.values() if marker["customData"])
    document = json.loads(marker["customData"])
    found = places(document)
    held, key = found[number % len(found)]
    held[key] = value
    marker["customData"] = json.dumps(document)
    host = ResolveHost(folder / "edit.otio", resolve)
    with suppress(AVFoleyError):
        timeline = host.read()
        placed(timeline)
        captions(timeline)
        host.write(timeline)
        remove_all(ResolveHost(folder / "edit.otio", resolve).read())


@pytest.mark.parametrize("name", ["é" * 300, "a\0b"])
def test_a_take_whose_name_no_file_can_have_is_not_there(
    in_resolve: tuple[Path, stand_in.FakeProject], name: str
) -> None:
    folder, project = in_resolve[0], copy.deepcopy(in_resolve[1])
    api = project.GetCurrentTimeline()
    assert api is not None
    for marker in api._markers.values():
        marker["customData"] = marker["customData"].replace("_foley_1.wav", f"{name}.wav".replace("\0", "\\u0000"))
    host = ResolveHost(folder / "edit.otio", stand_in.FakeResolve(project))
    timeline = host.read()
    problems: list[str] = []
    otio.hooks.run("avfoley_check_media", timeline, {"folder": str(folder), "problems": problems})
    assert len(problems) == 3
    with pytest.raises(HostError, match="is not there"):
        host.write(timeline)
    prepare(timeline, folder, folder / "cut.fcpxml")
    with pytest.raises(HostError, match="is not there"):
        open_host(folder / f"{name}.otio")


def test_a_gap_that_does_not_say_how_long_it_is_is_refused(foley: str, tmp_path: Path) -> None:
    document = json.loads(foley)
    holder, key = next((h, k) for h, k in places(document) if k == "source_range" and h["OTIO_SCHEMA"] == "Gap.1")
    holder[key] = None
    path = tmp_path / "gap.otio"
    path.write_text(json.dumps(document))
    with pytest.raises(HostError, match=r"gap\.otio .* a gap in it does not say how long it is"):
        OtioFile(path).read()
