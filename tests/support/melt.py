"""What MLT's melt, the engine of Kdenlive, plays of a project or another document of MLT."""

from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
import pytest

MELT = shutil.which("melt")
needs_melt = pytest.mark.skipif(MELT is None, reason="melt is not installed (Debian package `melt`)")


def heard(project: Path, frames: int, profile: str = "atsc_720p_25") -> np.ndarray:
    """The sound of a project's first frames, (samples,) at 48 kHz."""
    sound = project.with_name("heard.wav")
    _render(project, frames, profile, sound, "vn=1", "acodec=pcm_s16le", "ar=48000", "ac=1", "channels=1")
    with wave.open(str(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16) / 2**15


def seen(project: Path, frames: int, profile: str = "atsc_720p_25") -> list[float]:
    """The mean brightness, 0 to 1, of each of a project's first frames."""
    film = project.with_name("seen.mkv")
    _render(project, frames, profile, film, "an=1", "vcodec=ffv1", "pix_fmt=gray", "width=64", "height=36")
    with av.open(str(film)) as container:
        return [float(frame.to_ndarray(format="gray").mean() / 255) for frame in container.decode(video=0)]


def _render(project: Path, frames: int, profile: str, out: Path, *consumer: str) -> None:
    assert MELT is not None
    command = [MELT, "-silent", "-profile", profile, str(project), f"out={frames - 1}"]
    command += ["-consumer", f"avformat:{out}", *consumer]
    for _ in range(5):
        out.unlink(missing_ok=True)
        with project.with_name("melt.log").open("w+b") as log:
            # melt takes keys from its terminal, if it has one. Where a project says no root, it looks for the media in
            # the working directory.
            melt = subprocess.Popen(
                [*command, "real_time=-1", "terminate_on_pause=1"],
                cwd=project.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            code = _end(melt)
            log.seek(0)
            said = log.read().decode(errors="replace")
        if code is not None and out.exists() and out.stat().st_size:
            break
    assert code == 0, said


def _end(melt: subprocess.Popen[bytes]) -> int | None:
    """The exit status; None if melt did nothing for ten seconds and was ended.

    On a busy machine 7.12 now and then waits for ever for a consumer that did not start, or leaves before it has written.
    """
    work = _ticks(melt)
    while True:
        try:
            return melt.wait(10)
        except subprocess.TimeoutExpired:
            before, work = work, _ticks(melt)
        if work - before < 3:
            melt.kill()
            melt.wait()
            return None


def _ticks(process: subprocess.Popen[bytes]) -> int:
    """The processor time that a process has taken, in clock ticks."""
    user, system = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)
