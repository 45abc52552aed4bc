"""Broadcast Wave: 48 kHz, 24-bit PCM with `bext` (EBU Tech 3285 v2) and `iXML` (2.10) chunks.

A RIFF writer of our own, because FFmpeg's writes no iXML. The same arguments give the same bytes:
the origination date and time stay blank, which the standard allows. Samples are rounded to 24 bits
without dither, whose noise, at -144 dBFS, lies far under the sound's own: digital silence stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from avfoley_engine.errors import MediaError
from avfoley_engine.media.rates import frames_per_day, has_drop_frame
from avfoley_engine.protocol import SAMPLE_RATE

_FULL_SCALE = 2**23
_UNKNOWN_LOUDNESS = 0x7FFF
_BEXT = struct.Struct("<256s32s32s10s8sQH64s5h180x")
_FORMAT = struct.Struct("<HHIIHH")
_SMPL = struct.Struct("<15I")
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Description:
    """What a Broadcast Wave says about itself.

    `start_frame` is the timecode of its picture in frames since midnight at `rate`, `early_samples`
    what the file begins before it (a head handle). `rate` None: the sound has no timecode. `track`
    is the kind of sound as editors file it (FOL, SFX, AMB). `metadata` ends as JSON in iXML's user
    field and, shortened, in bext. `loop`: one period of a loop, as a `smpl` chunk says.
    """

    rate: Fraction | None
    start_frame: int = 0
    early_samples: int = 0
    track: str = "FOL"
    title: str = ""
    note: str = ""
    reference: str = ""
    coding: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    loudness_lufs: float | None = None
    peak_dbtp: float | None = None
    loop: bool = False

    @property
    def drop_frame(self) -> bool:
        """29.97 and 59.94 are taken for drop-frame, as editing programs do; a count of frames does not say."""
        return self.rate is not None and has_drop_frame(self.rate)

    @property
    def time_reference(self) -> int:
        """The first sample in samples since the midnight before it; 0 without timecode."""
        if self.rate is None:
            return 0
        day = frames_per_day(self.rate, self.drop_frame)
        start = round(self.start_frame % day * SAMPLE_RATE / self.rate) - self.early_samples
        return start % round(day * SAMPLE_RATE / self.rate)


def write(path: Path, samples: np.ndarray, description: Description) -> str:
    """Writes samples (1 or 2 channels, n), float32 in [-1, 1] at 48 kHz; returns the file's sha256.

    The file has a `.part` name until it is complete. Raises `MediaError` where the file cannot be written.
    """
    channels = samples.shape[0]
    pcm = _pcm(samples)
    chunks = b"".join(
        (
            _chunk(b"bext", _bext(description, channels)),
            _chunk(b"iXML", _ixml(description, channels)),
            _chunk(b"fmt ", _FORMAT.pack(1, channels, SAMPLE_RATE, SAMPLE_RATE * channels * 3, channels * 3, 24)),
            _chunk(b"data", pcm),
            _chunk(b"smpl", _smpl(samples.shape[1])) if description.loop else b"",
        )
    )
    if len(chunks) + 4 > 0xFFFF_FFFF:
        raise MediaError(f"{path}: would be longer than the 4 GiB of a WAV file; split the shot")
    content = b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise MediaError(
            f"{path}: cannot be written ({error.strerror}); check the folder's permissions and the free space"
        ) from error
    return hashlib.sha256(content).hexdigest()


def _pcm(samples: np.ndarray) -> bytes:
    """(channels, n) float32 -> interleaved 24-bit little-endian."""
    values = np.clip(np.rint(samples.T.astype(np.float64) * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype("<i4")
    return np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, 4)[..., :3].tobytes()


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _bext(description: Description, channels: int) -> bytes:
    mode = "mono" if channels == 1 else "stereo"
    levels = (description.loudness_lufs, None, description.peak_dbtp, None, None)
    history = f"A=PCM,F={SAMPLE_RATE},W=24,M={mode},T={description.coding}\r\n"
    return _BEXT.pack(
        _ascii(_short_json(description.metadata, 256), 256),
        b"AVFoley",
        _ascii(description.reference, 32),
        b"",
        b"",
        description.time_reference,
        2,
        b"",
        *map(_hundredths, levels),
    ) + history.encode("ascii", "replace")


def _ixml(description: Description, channels: int) -> bytes:
    reference = description.time_reference
    sides = [("", "")] if channels == 1 else [(" L", "<FUNCTION>LEFT</FUNCTION>"), (" R", "<FUNCTION>RIGHT</FUNCTION>")]
    tracks = "".join(
        f"<TRACK><CHANNEL_INDEX>{n}</CHANNEL_INDEX><INTERLEAVE_INDEX>{n}</INTERLEAVE_INDEX>"
        f"<NAME>{_xml(description.track)}{side}</NAME>{function}</TRACK>"
        for n, (side, function) in enumerate(sides, start=1)
    )
    timecode = ""
    if description.rate is not None:
        rate = f"{description.rate.numerator}/{description.rate.denominator}"
        rates = (f"<{tag}>{rate}</{tag}>" for tag in ("MASTER_SPEED", "CURRENT_SPEED", "TIMECODE_RATE"))
        timecode = f"{''.join(rates)}<TIMECODE_FLAG>{'DF' if description.drop_frame else 'NDF'}</TIMECODE_FLAG>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<BWFXML><IXML_VERSION>2.10</IXML_VERSION><PROJECT>AVFoley</PROJECT>"
        f"<SCENE>{_xml(description.title)}</SCENE><TAPE></TAPE><NOTE>{_xml(description.note)}</NOTE>"
        f"<SPEED>{timecode}"
        f"<FILE_SAMPLE_RATE>{SAMPLE_RATE}</FILE_SAMPLE_RATE><AUDIO_BIT_DEPTH>24</AUDIO_BIT_DEPTH>"
        f"<DIGITIZER_SAMPLE_RATE>{SAMPLE_RATE}</DIGITIZER_SAMPLE_RATE>"
        f"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>{reference >> 32}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>"
        f"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>{reference & 0xFFFF_FFFF}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>"
        f"<TIMESTAMP_SAMPLE_RATE>{SAMPLE_RATE}</TIMESTAMP_SAMPLE_RATE>"
        "</SPEED>"
        f"<TRACK_LIST><TRACK_COUNT>{channels}</TRACK_COUNT>{tracks}</TRACK_LIST>"
        f"<USER>{_xml(json.dumps(description.metadata, ensure_ascii=False))}</USER></BWFXML>\n"
    ).encode()


def _smpl(samples: int) -> bytes:
    """A `smpl` chunk with one endless forward loop over the whole file, its note middle C."""
    nanoseconds, middle_c, loops = round(1e9 / SAMPLE_RATE), 60, 1
    return _SMPL.pack(0, 0, nanoseconds, middle_c, 0, 0, 0, loops, 0, 0, 0, 0, samples - 1, 0, 0)


def _short_json(metadata: Mapping[str, object], limit: int) -> str:
    """As many of the leading entries as fit in `limit` ASCII characters of valid JSON."""
    short: dict[str, object] = {}
    for key, value in metadata.items():
        longer = json.dumps({**short, key: value}, separators=(",", ":"))
        if len(longer) <= limit:
            short[key] = value
    return json.dumps(short, separators=(",", ":")) if short else ""


def _xml(text: str) -> str:
    """Escapes text and drops the characters that XML 1.0 has no way to write."""
    return escape(_NOT_XML.sub("", text))


def _ascii(text: str, size: int) -> bytes:
    return text.encode("ascii", "replace")[:size]


def _hundredths(decibels: float | None) -> int:
    return _UNKNOWN_LOUDNESS if decibels is None else max(-9999, min(9999, round(decibels * 100)))
