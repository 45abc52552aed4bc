"""Damaged and hostile files: an error that names the file, no crash, no hang, nothing written outside its place."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avfoley_plugin.errors import AVFoleyError, HostError
from avfoley_plugin.hosts import open_host
from avfoley_plugin.hosts.export import prepare
from avfoley_plugin.hosts.interchange.edl import read_edl
from avfoley_plugin.hosts.interchange.fcp7_reading import read_fcp7
from avfoley_plugin.hosts.interchange.fcpxml_reading import read_fcpxml
from avfoley_plugin.timeline.media_url import resolve_media
from support.sample_edit import sample

FCPXML = """<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE fcpxml><fcpxml version="1.10"><resources>
<format id="r1" frameDuration="1001/24000s"/><asset id="r2" name="a" start="0s" duration="100s" hasVideo="1" hasAudio="1"
format="r1"><media-rep src="file:///m/a.mov"/></asset></resources><library><event><project name="p">
<sequence format="r1" tcStart="3600s" duration="10s"><spine><asset-clip ref="r2" name="n" offset="3600s" start="4s"
duration="2s"><timeMap><timept time="0s" value="0s"/><timept time="9s" value="18s"/></timeMap><marker start="5s" value="m"
duration="1/24s"/><spine lane="1" offset="5s"><video ref="r2" offset="0s" duration="1s"/></spine></asset-clip>
<gap offset="3602s" duration="1s"/><audition offset="3603s"><clip name="c" duration="1s"><video ref="r2" offset="0s"
duration="9s"><audio lane="-1" ref="r2" duration="9s"/></video></clip></audition></spine></sequence></project></event>
</library></fcpxml>"""
FCP7 = """<?xml version="1.0"?><!DOCTYPE xmeml><xmeml version="5"><sequence id="s"><name>s</name><rate><timebase>25</timebase>
<ntsc>FALSE</ntsc></rate><media><video><track><clipitem id="c"><name>c</name><start>0</start><end>-1</end><in>5</in>
<file id="f"><pathurl>../../../etc/passwd</pathurl><duration>90</duration></file></clipitem><transitionitem><start>40
</start><end>50</end></transitionitem></track></video></media><marker><name>m</name><in>3</in><out>-1</out></marker>
</sequence></xmeml>"""
EDL = """TITLE: t
FCM: DROP FRAME
001  AX       V     C        00:00:10:00 00:00:12:00 01:00:00;00 01:00:02;00
M2   AX             012.5                00:00:10:00
* FROM CLIP NAME: ../../x.mov
* LOC: 01:00:01:00 RED     note
"""
READERS = {".fcpxml": (FCPXML, read_fcpxml), ".xml": (FCP7, read_fcp7), ".edl": (EDL, read_edl)}
SUFFIXES = [*READERS, ".aaf"]


@contextmanager
def soon(seconds: float = 20) -> Iterator[None]:
    """Fails what takes more computing than that."""
    before = time.process_time()
    yield
    assert time.process_time() - before < seconds


@pytest.mark.parametrize("suffix", READERS)
def test_the_samples_themselves_are_read(suffix: str) -> None:
    text, read = READERS[suffix]
    assert list(read(text.encode()).find_clips())


@pytest.mark.parametrize("suffix", READERS)
def test_cut_anywhere(suffix: str) -> None:
    text, read = READERS[suffix]
    content = text.encode()
    with soon():
        for length in range(0, len(content), 7):
            with suppress(HostError):
                read(content[:length])


@pytest.mark.parametrize("suffix", READERS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_anywhere(suffix: str, data: st.DataObject) -> None:
    text, read = READERS[suffix]
    words = st.sampled_from(
        [
            "",
            "-1",
            "1e999",
            "nan",
            "0",
            "-0s",
            "1/0s",
            "99999999999999999999",
            "9" * 400 + "s",
            "\0",
            "é",
            "<",
            "&x;",
            "🎬",
            "00:00:00:99",
        ]
    )
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 12))
    changed = text[:start] + data.draw(words) + text[start + length :]
    encoding = data.draw(st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-32"]))
    with suppress(HostError):
        read(changed.encode(encoding, "replace"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 5000,
        b"\xff\xfe\x00",
        b"PK\x03\x04" + bytes(99),
        b"<" * 5000,
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(5000),
    ],
)
def test_what_is_none_of_these_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    if suffix == ".aaf":
        pytest.importorskip("otio_aaf_adapter")
    path = tmp_path / f"film{suffix}"
    path.write_bytes(content)
    with pytest.raises(HostError, match=rf"film\{suffix}"):
        open_host(path).read()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".fcpxml", ".xml"])
@pytest.mark.parametrize(
    "subset",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">',
        '<!ENTITY c SYSTEM "file:///etc/passwd">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p; <!ENTITY c "x">',
    ],
)
def test_entities_are_refused(suffix: str, subset: str) -> None:
    text, read = READERS[suffix]
    root = "fcpxml" if suffix == ".fcpxml" else "xmeml"
    hostile = (
        text.replace(f"<!DOCTYPE {root}>", f"<!DOCTYPE {root} [{subset}]>")
        .replace(">m<", ">&c;<")
        .replace('"m"', '"&c;"')
    )
    with soon(), pytest.raises(HostError, match="entities"):
        read(hostile.encode())


def test_huge_counts_are_refused() -> None:
    clip = '<asset-clip ref="r2" offset="3600s" duration="1s"/>'
    with soon(60), pytest.raises(HostError, match="more"):
        read_fcpxml(FCPXML.replace("<spine><asset", f"<spine>{clip * 20_001}<asset").encode())
    deep = "<x>" * 5000 + "</x>" * 5000
    with soon(), pytest.raises(HostError, match="nested"):
        read_fcpxml(FCPXML.replace("<spine><asset", f"<spine>{deep}<asset").encode())
    with soon(60), pytest.raises(HostError, match="more events"):
        read_edl((EDL + EDL.splitlines()[2] + "\n").encode() + (EDL.splitlines()[2] + "\n").encode() * 20_001)
    with soon():
        read_edl(EDL.encode() + b"001  " + b"A " * 500_000)


def test_compound_clips_that_double_are_refused() -> None:
    """A bomb of references: each compound clip holds the next one ten times."""
    media = "".join(
        f'<media id="m{n}"><sequence format="r1"><spine>'
        + f'<ref-clip ref="m{n + 1}" duration="1s"/>' * 10
        + "</spine></sequence></media>"
        for n in range(12)
    )
    text = FCPXML.replace("</resources>", f"{media}</resources>").replace(
        "<gap ", '<ref-clip ref="m0" duration="1s"/><gap '
    )
    with soon(120), pytest.raises(HostError, match=r"more|nested"):
        read_fcpxml(text.encode())


def test_a_damaged_aaf_is_read_or_refused(tmp_path: Path) -> None:
    """Each in a process of its own, so there are few."""
    pytest.importorskip("otio_aaf_adapter")
    whole = prepare(sample(tmp_path), tmp_path, tmp_path / "whole.aaf").content
    chance = random.Random(0)
    damaged = [whole[: round(share * len(whole))] for share in (0.1, 0.5, 0.9)]
    for _ in range(5):
        content = bytearray(whole)
        for _ in range(20):
            content[chance.randrange(len(content))] = chance.randrange(256)
        damaged.append(bytes(content))
    path = tmp_path / "edit.aaf"
    refused = []
    for content in damaged:
        path.write_bytes(content)
        try:
            open_host(path, tmp_path / "out.otio").read()
        except HostError as error:
            refused.append(str(error))
    assert len(refused) >= 3
    assert all("edit.aaf" in reason for reason in refused)
    assert {found.name for found in tmp_path.iterdir()} == {"edit.aaf", "edit.avfoley"}


def test_a_path_that_leads_up_is_only_a_path(tmp_path: Path) -> None:
    """Nothing is written where a file's media is; only beside the output."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    path = tmp_path / "deep" / "er" / "cut.xml"
    path.write_text(FCP7)
    host = open_host(path)
    timeline = host.read()
    (clip,) = timeline.find_clips()
    assert resolve_media(clip.media_reference.target_url, host.folder) is not None
    host.write(timeline)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["cut.otio", "cut.xml"]


def test_a_folder_named_like_a_timeline(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        (tmp_path / f"x{suffix}").mkdir()
        with pytest.raises(AVFoleyError, match=rf"x\{suffix}"):
            open_host(tmp_path / f"x{suffix}").read()
