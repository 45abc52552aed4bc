"""Writing a video file, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from avfoley_engine.errors import MediaError
from avfoley_engine.media.rates import nominal_rate, standard_rate
from avfoley_engine.protocol import VideoCodec


@dataclass(frozen=True)
class _Encoding:
    """A codec as editing programs take it. x264's threads change its bytes: four anywhere."""

    container: str
    encoder: str
    pix_fmt: str
    options: Mapping[str, str]
    timecode: bool = True


_ENCODINGS: dict[VideoCodec, _Encoding] = {
    # Short groups of pictures: an editing program must get to any frame quickly.
    "h264": _Encoding("mp4", "libx264", "yuv420p", {"crf": "16", "preset": "medium", "g": "12", "threads": "4"}),
    "prores": _Encoding("mov", "prores_ks", "yuv422p10le", {"profile": "standard", "vendor": "apl0"}),
    "ffv1": _Encoding("matroska", "ffv1", "bgr0", {"level": "3", "g": "1"}, timecode=False),
}
# BT.709 in av's numbering of primaries and transfer characteristics, which has no names for them.
_BT709 = 1


def write_movie(
    path: Path,
    frames: Iterator[np.ndarray],
    size: tuple[int, int],
    rate: Fraction,
    codec: VideoCodec,
    *,
    start_frame: int = 0,
    metadata: Mapping[str, Any],
) -> int:
    """Writes frames (h, w, 3) uint8 RGB of `size` = (h, w) at `rate`, without sound. Returns how many there were.

    `start_frame` is the first frame's timecode, in frames since midnight, for containers that have
    one; `metadata` goes as JSON into the comment. The same frames give the same bytes. An
    unfinished file is removed. Raises `MediaError`.
    """
    encoding = _ENCODINGS[codec]
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w", format=encoding.container, options={"fflags": "+bitexact"}) as container:
            container.metadata["comment"] = json.dumps(metadata, sort_keys=True)
            if encoding.timecode and standard_rate(rate) == rate:
                container.metadata["timecode"] = _timecode(start_frame, rate)
            stream = cast(
                VideoStream, container.add_stream(encoding.encoder, rate=rate, options=dict(encoding.options))
            )
            stream.height, stream.width = size
            stream.pix_fmt = encoding.pix_fmt
            context = stream.codec_context
            context.flags |= av.codec.context.Flags.bitexact
            stream.time_base = context.time_base = 1 / rate
            if encoding.pix_fmt.startswith("yuv"):
                context.color_primaries = context.color_trc = _BT709
                context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            for image in frames:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                    format=encoding.pix_fmt, dst_colorspace=Colorspace.ITU709
                )
                frame.pts, frame.time_base = count, 1 / rate
                container.mux(stream.encode(frame))
                count += 1
            container.mux(stream.encode(None))
    except BaseException as error:
        path.unlink(missing_ok=True)
        if not isinstance(error, (OSError, av.error.FFmpegError)):
            raise
        raise MediaError(f"{path}: cannot be written ({error}); free some space, or choose another folder") from error
    return count


def _timecode(frame: int, rate: Fraction) -> str:
    """Non-drop timecode of a frame since midnight, which readers count back to that frame."""
    nominal = nominal_rate(rate)
    seconds, rest = divmod(frame % (86_400 * nominal), nominal)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{rest:02}"
