"""How long a WAV is and when it begins, read from its header alone."""

from __future__ import annotations

import struct
from pathlib import Path

from avfoley_plugin.errors import HostError

_WAVE_IDS = (b"RIFF", b"RF64", b"BW64")
_IN_DS64 = 0xFFFFFFFF
#: In a bext chunk it lies after description, originator, its reference, date and time.
_TIME_REFERENCE = 256 + 32 + 32 + 10 + 8


def wave_samples(path: Path) -> int:
    """Samples per channel of a WAV (RF64: EBU Tech 3306). Raises HostError if none, or cut."""
    try:
        with path.open("rb") as file:
            size_of_file = path.stat().st_size
            header = file.read(12)
            if header[:4] not in _WAVE_IDS or header[8:12] != b"WAVE":
                raise HostError(f"{path} is not a WAV file; make the take again")
            bytes_per_sample = long_data_size = 0
            while len(chunk := file.read(8)) == 8:
                name, size = struct.unpack("<4sI", chunk)
                if name == b"data":
                    size = long_data_size if size == _IN_DS64 else size
                    if not bytes_per_sample or file.tell() + size > size_of_file:
                        break
                    return int(size // bytes_per_sample)
                body = file.read(size + size % 2) if name in (b"fmt ", b"ds64") else b""
                if name == b"fmt ":
                    bytes_per_sample = struct.unpack_from("<H", body, 12)[0]
                elif name == b"ds64":
                    long_data_size = struct.unpack_from("<Q", body, 8)[0]
                else:
                    file.seek(size + size % 2, 1)
    except (OSError, ValueError, struct.error) as error:
        raise HostError(f"{path} cannot be read: {error}; make the take again") from error
    raise HostError(f"{path} is cut short; make the take again")


def wave_time_reference(path: Path) -> int:
    """The samples since midnight at which a WAV begins (bext, EBU Tech 3285); 0 if unknown."""
    try:
        with path.open("rb") as file:
            file.seek(12)
            while len(chunk := file.read(8)) == 8:
                name, size = struct.unpack("<4sI", chunk)
                if name == b"bext":
                    return int(struct.unpack_from("<Q", file.read(_TIME_REFERENCE + 8), _TIME_REFERENCE)[0])
                if name == b"data":
                    break
                file.seek(size + size % 2, 1)
    except (OSError, ValueError, struct.error):
        pass
    return 0
