"""How a clip on a track plays its source: at its own speed, warped, remapped or frozen, in stretches of steady speed."""

from __future__ import annotations

import bisect
import itertools
import re
from dataclasses import dataclass
from fractions import Fraction

from avfoley_plugin.errors import HostError
from avfoley_plugin.hosts.kdenlive.markup import Element
from avfoley_plugin.hosts.kdenlive.project import Project, Slot

#: The services that play images, and sequences of them.
STILLS = ("qimage", "pixbuf")
_MOST_KEYFRAMES = 1000
_NUMBER = re.compile(r"[-+]?\d{0,10}(?:\.\d{0,20})?(?:[eE][-+]?\d{1,2})?")


@dataclass(frozen=True)
class Stretch:
    """`frames` record frames that play the source forwards from frame ``start``, or backwards to it, at ``speed``
    source frames a record frame.
    """

    frames: int
    start: Fraction
    speed: Fraction


def stretches(project: Project, slot: Slot) -> list[Stretch]:
    """What an entry on a track plays of its source, in the order it is seen."""
    properties = slot.producer.properties
    service = properties.get("mlt_service", "")
    if service in STILLS:
        return [Stretch(slot.frames, Fraction(0), Fraction(0))]
    if service == "timewarp":
        return [_warped(project, slot)]
    remap = next((link for link in slot.producer["link"] if _active(link, "timeremap")), None)
    if remap is not None:
        return _remapped(project, slot, remap)
    freeze = next((filter_ for filter_ in slot.entry["filter"] if _active(filter_, "freeze")), None)
    if freeze is not None:
        return _frozen(project, slot, freeze)
    return [Stretch(slot.frames, Fraction(slot.in_point), Fraction(1))]


def _active(effect: Element, service: str) -> bool:
    return effect.properties.get("mlt_service") == service and effect.properties.get("disable") != "1"


def _number(text: str) -> Fraction:
    spelled = text.strip().replace(",", ".")
    try:
        # Without the check, an exponent of ten digits would be written out.
        number = Fraction(spelled if _NUMBER.fullmatch(spelled) else "")
    except ValueError:
        raise HostError(f"{text[:40]!r} is no number; open the project in Kdenlive and save it") from None
    if abs(number) > 2**31:
        raise HostError(f"{text[:40]!r} is larger than MLT can count; open the project in Kdenlive and save it")
    return number.limit_denominator(1_000_000)


def _warped(project: Project, slot: Slot) -> Stretch:
    """MLT's timewarp counts in frames that are already warped; reversed, its frame 0 is the source's last."""
    properties = slot.producer.properties
    speed = _number(properties.get("warp_speed") or properties.get("resource", "").partition(":")[0])
    first = slot.in_point
    if speed < 0:
        length = project.length(slot.producer)
        if length is None:
            raise HostError("a reversed clip on its timeline has no length; open the project in Kdenlive and save it")
        first = length - slot.in_point - slot.frames
    return Stretch(slot.frames, abs(speed) * max(0, first), speed)


def _remapped(project: Project, slot: Slot, link: Element) -> list[Stretch]:
    """Between two keyframes, which say what second of the source plays at what frame, the speed is
    steady. Curved keyframes are taken for straight ones: the keyframes themselves stay exact.
    """
    text = link.properties.get("time_map") or link.properties.get("map") or ""
    keyframes = [part for part in text.split(";") if part.strip()]
    if len(keyframes) > _MOST_KEYFRAMES:
        raise HostError("a clip on its timeline is remapped by more keyframes than can be read")
    points = []
    for keyframe in keyframes:
        at, _, value = keyframe.partition("=")
        # The sign before "=" says how the value runs on from there.
        points.append((project.frames(at.rstrip("|~!$-abcdefghijklmnopqrstuvwxyzABCD")), _number(value) * project.rate))
    points.sort()
    if not points:
        return [Stretch(slot.frames, Fraction(slot.in_point), Fraction(1))]
    last = slot.in_point + slot.frames
    edges = [slot.in_point, *sorted({at for at, _ in points if slot.in_point < at < last}), last]
    found = []
    for first, end in itertools.pairwise(edges):
        entry, leave = _mapped(points, first), _mapped(points, end)
        found.append(Stretch(end - first, max(Fraction(0), min(entry, leave)), (leave - entry) / (end - first)))
    return found


def _mapped(points: list[tuple[int, Fraction]], at: int) -> Fraction:
    """The source frame that plays at a frame; before the first keyframe and after the last the picture stands."""
    after = bisect.bisect_right(points, at, key=lambda point: point[0])
    if after in (0, len(points)):
        return points[min(after, len(points) - 1)][1]
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (high - low) * (at - left) / (right - left)


def _frozen(project: Project, slot: Slot, effect: Element) -> list[Stretch]:
    """MLT's freeze filter holds one frame throughout, or before it, or after it."""
    frame = project.frames(effect.properties.get("frame", "0").partition("=")[0] or "0")
    held = min(max(frame, 0), slot.frames)
    source = Fraction(slot.in_point + held)
    before, after = (effect.properties.get(f"freeze_{side}", "0") == "1" for side in ("before", "after"))
    still, moving = Fraction(0), Fraction(1)
    if before == after:
        return [Stretch(slot.frames, source, still)]
    head = Stretch(held, source, still) if before else Stretch(held, Fraction(slot.in_point), moving)
    found = [head, Stretch(slot.frames - held, source, moving if before else still)]
    return [stretch for stretch in found if stretch.frames > 0]
