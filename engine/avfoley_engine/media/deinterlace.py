"""Deinterlacing of the frames that need it: one frame in, one frame out, the picture of its first field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av.error
from av.filter import Graph
from av.video.frame import VideoFrame


class Deinterlacer:
    """Runs FFmpeg's bwdif from the first frame flagged as interlaced on.

    Progressive frames pass unchanged, before and after.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._layout: tuple[int, int, str] | None = None

    def all(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """Yields every frame of `frames`, deinterlaced where flagged, in order and with its time."""
        for frame in frames:
            layout = frame.width, frame.height, frame.format.name
            if layout != self._layout:
                yield from self._finish()
                self._layout = layout
            if self._graph is None and frame.interlaced_frame:
                self._graph = _graph(frame)
            if self._graph is None:
                yield frame
            else:
                self._graph.vpush(frame)
                yield from _pulled(self._graph)
        yield from self._finish()

    def _finish(self) -> Iterator[VideoFrame]:
        if self._graph is not None:
            self._graph.vpush(None)
            yield from _pulled(self._graph)
            self._graph = None


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(
        source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
    ).configure()
    return graph


def _pulled(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
