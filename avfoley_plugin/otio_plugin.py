"""AVFoley as an OpenTimelineIO plugin: its manifest, and the hook that checks takes' files.

otio.hooks.run("avfoley_check_media", timeline, {"folder": "folder/of/the/otio/file"})
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import opentimelineio as otio

from avfoley_plugin.errors import HostError
from avfoley_plugin.otio_hooks.in_memory import report
from avfoley_plugin.riff import wave_samples
from avfoley_plugin.timeline.media_url import is_file, resolve_media
from avfoley_plugin.timeline.placing import placed
from avfoley_plugin.timeline.takes import PlacedTake

_PACKAGE = Path(__file__).resolve().parent


def plugin_manifest() -> otio.plugins.manifest.Manifest:
    """The manifest for OpenTimelineIO's entry point group ``opentimelineio.plugins``."""
    text = _manifest_file().read_text(encoding="utf-8")
    manifest = otio.core.deserialize_json_from_string(text)
    for script in manifest.hook_scripts:
        # There paths count from the repository's top, as OTIO_PLUGIN_MANIFEST_PATH wants them.
        script.filepath = str(_PACKAGE.parent / script.filepath)
    return manifest


def hook_function(
    in_timeline: otio.schema.Timeline, argument_map: dict[str, Any] | None = None
) -> otio.schema.Timeline:
    """Checks that the file of every take of ours is there, and a sound as long as when it was made.

    `argument_map`: "folder", what relative media URLs resolve against (else the working directory);
    "problems", a list that takes the findings. Without it, they raise HostError.
    """
    arguments = {} if argument_map is None else argument_map
    folder = Path(arguments.get("folder", ".")).absolute()
    findings = [finding for take in placed(in_timeline) if (finding := _problem(take, folder)) is not None]
    report(arguments, findings)
    return in_timeline


def _manifest_file() -> Path:
    """``manifest.json``: in the package of a wheel, at the repository's top otherwise."""
    packaged = _PACKAGE / "manifest.json"
    return packaged if packaged.is_file() else _PACKAGE.parent / "manifest.json"


def _problem(take: PlacedTake, folder: Path) -> str | None:
    path = resolve_media(take.url, folder)
    name = f"{take.shot_name}, {take.key}"
    if path is None or not is_file(path):
        return f"{name}: {path or take.url} is not there; relink it, or make the take again"
    sound = take.identity.sound
    if sound is None:
        # A picture; how long it is would need a decoder, in every program that writes timelines.
        return None if path.stat().st_size else f"{name}: {path} is empty; make the take again"
    try:
        found = wave_samples(path)
    except HostError as error:
        return f"{name}: {error}"
    if found != sound.samples:
        return f"{name}: {path} has {found} samples, not {sound.samples}; make the take again"
    return None
