"""DaVinci Resolve as a host: over its scripting API (Studio), and by OpenTimelineIO files of its own shape (free).

Everything here is built to Blackmagic's documentation and to what others have measured; it has not met a real Resolve.
"""

from avfoley_plugin.hosts.resolve.host import SOURCE, ResolveHost
from avfoley_plugin.hosts.resolve.otio_shape import for_resolve, from_resolve, is_from_resolve

__all__ = ["SOURCE", "ResolveHost", "for_resolve", "from_resolve", "is_from_resolve"]
