"""The hook ``avfoley_foley``: foley for a timeline, by the engine on this machine.

otio.hooks.run("avfoley_foley", timeline, {"file": "edit.otio", "caption": "boots on gravel"})
"""

from __future__ import annotations

from typing import Any

import opentimelineio as otio

from avfoley_plugin.otio_hooks.in_memory import host_of, known, report, selection_of

_SETTINGS = ("caption", "negative_caption", "seed", "takes", "model", "steps", "guidance_scale", "handles")


def hook_function(
    in_timeline: otio.schema.Timeline, argument_map: dict[str, Any] | None = None
) -> otio.schema.Timeline:
    """Puts foley for the selected shots on the timeline, and returns it.

    `argument_map`: "file", where the timeline will be written, with the sound beside it, and what
    relative media URLs resolve against; "clips" and "range", the selection; the settings of
    `FoleySettings`; "problems", a list for what could not be done, which else raises HostError.
    """
    from avfoley_plugin.engine_client import LocalEngine
    from avfoley_plugin.making import TakeFailed
    from avfoley_plugin.settings import FoleySettings
    from avfoley_plugin.workflows import Planned, foley

    arguments = argument_map or {}
    host = host_of(in_timeline, arguments)
    settings = FoleySettings(**known(arguments, *_SETTINGS))
    findings = []
    for update in foley(host, LocalEngine(), settings, selection_of(arguments)):
        if isinstance(update, Planned):
            findings += [str(problem) for problem in update.problems]
        elif isinstance(update, TakeFailed):
            findings.append(f"{update.subject.name}: {update.reason}")
    report(arguments, findings)
    return in_timeline
