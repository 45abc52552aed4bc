"""Kdenlive projects to test with, written as Kdenlive writes them, in both of its formats."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from xml.sax.saxutils import escape, quoteattr

#: Source frames: the picture is white, and the clip's own tone sounds. Both clips of the cut show a change to or from it.
WHITE, TONE = range(22, 75), range(30, 66)
#: The length of the source, and where the cut plays it: record start, source start, frames.
LENGTH = 120
CUT = ((0, 10, 30), (37, 60, 40))
CUT_END = 77
#: The name of the source.
FILM = "flashes é 1.mov"

SEQUENCE = "{8a6b5a0e-5a1c-4f0a-9d6b-1d2f3a4b5c6d}"


def properties(**values: object) -> str:
    """``<property>`` elements; in names, ``_`` after "kdenlive" and "set" stands for what separates there."""
    spelled = {name.replace("kdenlive_", "kdenlive:").replace("set_", "set."): text for name, text in values.items()}
    return "".join(
        f"\n  <property name={quoteattr(name)}>{escape(str(text))}</property>" for name, text in spelled.items()
    )


def producer(name: str, resource: str, bin_id: int = 2, length: int = LENGTH, **more: object) -> str:
    about = {"length": length, "eof": "pause", "resource": resource, "mlt_service": "avformat"}
    about |= {"kdenlive_folderid": -1, "kdenlive_id": bin_id, **more}
    return f' <producer id="{name}" in="0" out="{length - 1}">{properties(**about)}\n </producer>\n'


def entry(name: str, first: int, frames: int, bin_id: int = 2, inside: str = "") -> str:
    held = f'\n   <property name="kdenlive:id">{bin_id}</property>{inside}\n  '
    return f'\n  <entry producer="{name}" in="{first}" out="{first + frames - 1}">{held}</entry>'


def blank(frames: int) -> str:
    return f'\n  <blank length="{frames}"/>'


def playlist(name: str, *content: str, audio: bool = False) -> str:
    mark = '\n  <property name="kdenlive:audio_track">1</property>' if audio else ""
    held = mark + "".join(content)
    return f' <playlist id="{name}">{held}\n </playlist>\n' if held else f' <playlist id="{name}"/>\n'


def track(name: str, *content: str, second: str = "", audio: bool = False, title: str = "", mixes: str = "") -> str:
    """A track's two playlists and the tractor over them."""
    about = {"kdenlive_audio_track": 1} if audio else {}
    about |= {"kdenlive_track_name": title} if title else {}
    hide = "video" if audio else "audio"
    parts = "".join(f'\n  <track hide="{hide}" producer="{name}_{part}"/>' for part in "ab")
    lists = playlist(f"{name}_a", *content, audio=audio) + playlist(f"{name}_b", second, audio=audio)
    return f'{lists} <tractor id="{name}" in="0">{properties(**about)}{parts}{mixes}\n </tractor>\n'


def internal(service: str, number: int) -> str:
    """The transition that Kdenlive adds to a track by itself."""
    about = {"a_track": 0, "b_track": number, "mlt_service": service, "kdenlive_id": service}
    text = properties(**{key.replace("kdenlive_", "kdenlive__"): value for key, value in about.items()})
    text = text.replace("kdenlive:_id", "kdenlive_id") + properties(internal_added=237, always_active=1)
    more = properties(accepts_blanks=1, sum=1) if service == "mix" else properties(fill=1)
    return f'\n  <transition id="join{number}">{text}{more}\n  </transition>'


def project(
    resource: str,
    *,
    sequences: bool,
    rate: Fraction = Fraction(25),
    clips: Iterable[tuple[int, int, int]] = CUT,
    tracks: str | None = None,
    video: str | None = None,
    extra_producers: str = "",
    extra_bin: str = "",
    zone: tuple[int, int] = (0, 75),
    guides: str = '[\n    {\n        "comment": "a guide",\n        "pos": 12,\n        "type": 3\n    }\n]\n',
    root: str = "",
) -> str:
    """A project with tracks A2, A1, V1, V2; V1 and A1 play `clips` of one file.

    sequences: the format of 23.04 and later. video: what is on V1 instead.
    """
    cut: list[str] = []
    at = 0
    for start, first, frames in clips:
        cut += [blank(start - at)] if start > at else []
        cut += [entry("{name}", first, frames)]
        at = start + frames
    heard, seen = ("".join(cut).replace("{name}", name) for name in ("sound", "picture"))
    own = {"zonein": zone[0], "zoneout": zone[1], "activeTrack": 2, "audioTarget": 1, "videoTarget": 2}
    prefix = "sequenceproperties" if sequences else "docproperties"
    settings = properties(**{f"kdenlive_{prefix}.{name}": value for name, value in own.items()})
    settings += properties(
        **{
            f"kdenlive_{prefix}.groups": '[\n    {"children": [{"data": "1:0", "leaf": "clip", "type": "Leaf"}, '
            '{"data": "2:0", "leaf": "clip", "type": "Leaf"}], "type": "AVSplit"}\n]\n',
            f"kdenlive_{prefix}.guides": guides,
        }
    )
    document = properties(**{"kdenlive_docproperties.version": "1.1" if sequences else "1.04", "xml_retain": 1})
    num, den = rate.numerator, rate.denominator
    body = (
        tracks
        if tracks is not None
        else (
            track("A2", audio=True)
            + producer("sound", resource, set_test_audio=0, set_test_image=1)
            + track("A1", heard, audio=True)
            + producer("picture", resource, set_test_audio=1, set_test_image=0)
            + track("V1", seen if video is None else video)
            + track("V2", title="titles & <effects>")
        )
    )
    joins = "".join(internal("mix" if number < 3 else "composite", number) for number in (1, 2, 3, 4))
    names = "".join(f'\n  <track producer="{name}"/>' for name in ("black_track", "A2", "A1", "V1", "V2"))
    about = properties(kdenlive_uuid=SEQUENCE, kdenlive_clipname="Sequence é", kdenlive_id=9) + settings
    identity = SEQUENCE if sequences else "main"
    tractor = f' <tractor id="{identity}" in="0">{about if sequences else ""}{names}{joins}\n </tractor>\n'
    bin_entries = f'\n  <entry producer="bin0" in="0" out="{LENGTH - 1}"/>{extra_bin}'
    bin_entries += f'\n  <entry producer="{SEQUENCE}" in="0" out="0"/>' if sequences else ""
    active = properties(**{"kdenlive_docproperties.activetimeline": SEQUENCE}) if sequences else settings
    main_bin = f' <playlist id="main_bin">{document}{active}{bin_entries}\n </playlist>\n'
    black = {"length": 2147483647, "eof": "continue", "resource": "black", "mlt_service": "color", "set_test_audio": 0}
    last = f' <tractor id="last" in="0">{properties(kdenlive_projectTractor=1)}\n  <track producer="{SEQUENCE}"/>\n </tractor>\n'
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        f'<mlt LC_NUMERIC="C" producer="main_bin" version="7.12.0" root={quoteattr(root)}>\n'
        f' <profile frame_rate_num="{num}" frame_rate_den="{den}" width="320" height="180" progressive="1"'
        ' sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="16" display_aspect_den="9" colorspace="709"'
        ' description="small"/>\n'
        + producer("bin0", resource)
        + extra_producers
        + ("" if sequences else main_bin)
        + f' <producer id="black_track" in="0" out="500">{properties(**black)}\n </producer>\n'
        + body
        + tractor
        + (main_bin + last if sequences else "")
        + "</mlt>\n"
    )
