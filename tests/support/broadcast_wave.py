"""Reads a Broadcast Wave as our engine writes them, by the standards' own layout of its chunks."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

_BEXT = struct.Struct("<256s32s32s10s8sQH64s5h180x")
_FORMAT = struct.Struct("<HHIIHH")
_SMPL = struct.Struct("<15I")


@dataclass(frozen=True)
class BroadcastWave:
    """A Broadcast Wave as read: samples (channels, n) int32 of 24-bit values, and the fields of its bext and iXML
    chunks. `loop` is the first and the last sample of its loop, None if it says nothing of one.
    """

    samples: np.ndarray
    sample_rate: int
    description: str
    originator: str
    reference: str
    time_reference: int
    coding_history: str
    loudness_lufs: float | None
    peak_dbtp: float | None
    ixml: ElementTree.Element
    loop: tuple[int, int] | None = None


def read_wave(path: Path) -> BroadcastWave:
    """The 24-bit Broadcast Wave in a file."""
    content = path.read_bytes()
    assert (content[:4], content[8:12]) == (b"RIFF", b"WAVE")
    chunks: dict[bytes, bytes] = {}
    position = 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        chunks[name] = content[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    kind, channels, sample_rate, _, _, bits = _FORMAT.unpack_from(chunks[b"fmt "])
    assert (kind, bits) == (1, 24)
    bext = _BEXT.unpack_from(chunks[b"bext"])
    data = np.frombuffer(chunks[b"data"], np.uint8).reshape(-1, channels, 3).astype(np.int32)
    samples = data[..., 0] | data[..., 1] << 8 | data[..., 2] << 16
    return BroadcastWave(
        samples=(samples - ((samples & 2**23) << 1)).T,
        sample_rate=sample_rate,
        description=_text(bext[0]),
        originator=_text(bext[1]),
        reference=_text(bext[2]),
        time_reference=bext[5],
        coding_history=_text(chunks[b"bext"][_BEXT.size :]),
        loudness_lufs=_decibels(bext[8]),
        peak_dbtp=_decibels(bext[10]),
        ixml=ElementTree.fromstring(chunks[b"iXML"]),
        loop=_SMPL.unpack_from(chunks[b"smpl"])[11:13] if b"smpl" in chunks else None,
    )


def _text(field_bytes: bytes) -> str:
    return field_bytes.split(b"\0", 1)[0].decode("ascii", "replace")


def _decibels(hundredths: int) -> float | None:
    return None if hundredths == 0x7FFF else hundredths / 100
