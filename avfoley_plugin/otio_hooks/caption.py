"""The hook ``avfoley_caption``: caption markers for the shots of a timeline.

otio.hooks.run("avfoley_caption", timeline, {"file": "edit.otio", "captions": {"door": "an oak door shuts"}})
"""

from __future__ import annotations

from typing import Any

import opentimelineio as otio

from avfoley_plugin.otio_hooks.in_memory import host_of, selection_of


def hook_function(
    in_timeline: otio.schema.Timeline, argument_map: dict[str, Any] | None = None
) -> otio.schema.Timeline:
    """Puts a caption marker on each selected shot of a timeline, and returns the timeline.

    `argument_map`: "file", where the timeline will be written; "clips" and "range", the selection;
    "captions", texts by the names of clips; "caption", for all others, else each keeps its own.
    """
    from avfoley_plugin.timeline.captions import write_caption
    from avfoley_plugin.timeline.shots import read_shots

    arguments = argument_map or {}
    host = host_of(in_timeline, arguments)
    texts = arguments.get("captions") or {}
    # Captions are for the picture that is cut, whether its media is here or not.
    shots, _ = read_shots(in_timeline, selection_of(arguments), folder=host.folder, is_online=lambda path: True)
    for shot in shots:
        write_caption(in_timeline, shot, texts.get(shot.name) or arguments.get("caption") or shot.caption)
    return in_timeline
