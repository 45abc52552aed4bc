"""The marker colours of Resolve and of OpenTimelineIO."""

from __future__ import annotations

import tomllib
from pathlib import Path

#: Resolve's sixteen, each as the nearest of OpenTimelineIO's.
TO_OTIO: dict[str, str] = tomllib.loads(Path(__file__).with_name("colors.toml").read_text(encoding="utf-8"))
#: OpenTimelineIO's eleven, each as the nearest of Resolve's, which the file names first.
FROM_OTIO = {theirs: name for name, theirs in reversed(TO_OTIO.items())}
