"""Kdenlive: projects read, and patched in place."""

from avfoley_plugin.hosts.kdenlive.host import SUFFIX, KdenliveFile

__all__ = ["SUFFIX", "KdenliveFile"]
