"""The hook ``avfoley_check_written``: warns of absent sound of ours after a timeline was written.

Every program that writes with OpenTimelineIO runs it, so it imports nothing of ours for a timeline
without takes, and never stops one from writing.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import opentimelineio as otio

_METADATA_KEY = "avfoley"


def hook_function(
    in_timeline: otio.schema.Timeline, argument_map: dict[str, Any] | None = None
) -> otio.schema.Timeline:
    """Warns (UserWarning) of each take whose sound file is absent or of another length."""
    if not isinstance(in_timeline, otio.schema.Timeline) or not _has_takes(in_timeline):
        return in_timeline
    from avfoley_plugin.errors import AVFoleyError
    from avfoley_plugin.otio_plugin import hook_function as check

    problems: list[str] = []
    folder = Path((argument_map or {}).get("_filepath") or "x").absolute().parent
    try:
        check(in_timeline, {"folder": str(folder), "problems": problems})
    except AVFoleyError as error:
        problems.append(str(error))
    for problem in problems:
        warnings.warn(f"AVFoley: {problem}", stacklevel=2)
    return in_timeline


def _has_takes(timeline: otio.schema.Timeline) -> bool:
    return any(
        _METADATA_KEY in reference.metadata
        for c in timeline.find_clips()
        for reference in c.media_references().values()
    )
