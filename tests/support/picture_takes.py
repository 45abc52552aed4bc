"""Generated pictures and ambiences on the timeline of any host, in the place of the workflows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from avfoley_engine.protocol import MediaProbe

from avfoley_plugin.hosts import Host
from avfoley_plugin.timeline.ambience import ambience
from avfoley_plugin.timeline.captions import write_caption
from avfoley_plugin.timeline.placing import Placement, place_takes
from avfoley_plugin.timeline.selection import Selection
from avfoley_plugin.timeline.shots import Shot
from avfoley_plugin.timeline.sounds import SoundClip, read_sounds
from avfoley_plugin.timeline.takes import Take
from support.media import write_film
from support.messages import visualize_result


def sounding(path: Path) -> MediaProbe:
    """A probe to whom any file has a picture and a sound."""
    return MediaProbe(path=path, frames=5000, rate=25, has_picture=True, has_sound=True, duration=200)


def picture_take(sound: SoundClip, folder: Path, seed: int = 0) -> Take:
    """A finished grey picture for a sound."""
    request = sound.request(caption="a grey wall", seed=seed, codec="prores")
    path = write_film(folder / f"{sound.id}_{seed}.mov", [128] * request.frames, request.record_rate)
    return Take(request, visualize_result(request, path=path, width=64, height=36), path)


def put_pictures(host: Host, name: str, seed: int = 0) -> None:
    """Puts a picture on a host's timeline for each sound of that name, as the workflow does."""
    timeline = host.read()
    sounds, problems = read_sounds(
        timeline, Selection((name,)), folder=host.folder, probe=sounding, is_online=lambda path: True
    )
    assert not problems
    folder = host.output.with_name(f"{host.output.stem}.avfoley")
    place_takes(timeline, [Placement(sound, [picture_take(sound, folder, seed)]) for sound in sounds], current=sounds)
    for sound in sounds:
        write_caption(timeline, sound, "a grey wall")
    host.write(timeline)


def put_ambience(host: Host, record_range: str, make: Callable[[Shot], Take]) -> None:
    """Puts an ambience on a host's timeline; ``make(shot)`` is its finished take."""
    timeline = host.read()
    shot = ambience(timeline, record_range)
    place_takes(timeline, [Placement(shot, [make(shot)])])
    write_caption(timeline, shot, "rain")
    host.write(timeline)
