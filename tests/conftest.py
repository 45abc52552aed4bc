"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest_plugins = ["support.expected_skips"]

# Tests run side by side, each process and its children on a core of its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Programs that tests start find `support` as the tests do.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))

# On a busy machine an example may take long without being wrong. The same examples every time: what fails, fails again.
settings.register_profile("any speed", deadline=None, derandomize=True)
settings.load_profile("any speed")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Finds real clips, sounds and timelines outside the project, e.g. ``shared_data("clips")``.

    Skips the test where they are absent.
    """
    root = Path(os.environ.get("AVFOLEY_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))

    def find(name: str) -> Path:
        folder = root / name
        if not folder.exists():
            pytest.skip(f"no real media at {folder}; set AVFOLEY_TEST_DATA to run this test")
        return folder

    return find


@pytest.fixture
def engine_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private state folder, so that no test meets a running engine or its cache."""
    home = tmp_path / "avfoley-home"
    monkeypatch.setenv("AVFOLEY_HOME", str(home))
    return home


@pytest.fixture
def make_media(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small media file: ``make_media("a.mp4", images, rate=Fraction(25), sound=samples)``.

    images: RGB (or RGBA) uint8 arrays (H, W, 3 or 4), or None for sound alone. times: each image's second, for a
    variable frame rate. sound: (channels, samples) float32 at 48 kHz. `picture` may set up the video stream, `frame`
    each video frame, before encoding.
    """
    import av
    import numpy as np

    def make(
        name: str,
        images: Sequence[np.ndarray] | None,
        *,
        rate: Fraction = Fraction(25),
        times: Sequence[Fraction] | None = None,
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        options: dict[str, str] | None = None,
        sound: np.ndarray | None = None,
        sound_codec: str = "pcm_s16le",
        metadata: dict[str, str] | None = None,
        muxer: dict[str, str] | None = None,
        picture: Callable[[Any], None] = lambda stream: None,
        frame: Callable[[Any], None] = lambda frame: None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", options=muxer or {}) as container:
            container.metadata.update(metadata or {})
            video = audio = None
            if images is not None:
                video = container.add_stream(codec, rate=rate, options=options or {"crf": "1", "g": "12"})
                video.height, video.width, video.pix_fmt = *images[0].shape[:2], pix_fmt
                tick = Fraction(1, 90_000) if times else 1 / rate
                video.time_base = video.codec_context.time_base = tick
                picture(video)
            if sound is not None:
                audio = container.add_stream(sound_codec, rate=48_000, layout="mono" if len(sound) == 1 else "stereo")
            for n, image in enumerate(images if video is not None else ()):
                encoded = av.VideoFrame.from_ndarray(image, format="rgb24" if image.shape[2] == 3 else "rgba").reformat(
                    format=pix_fmt
                )
                encoded.pts, encoded.time_base = (round(times[n] / tick) if times else n), tick
                frame(encoded)
                container.mux(video.encode(encoded))
            if video is not None:
                container.mux(video.encode())
            if audio is not None:
                for start in range(0, sound.shape[1], 1024):
                    block = av.AudioFrame.from_ndarray(
                        np.ascontiguousarray(sound[:, start : start + 1024]), "fltp", audio.layout.name
                    )
                    block.pts, block.sample_rate, block.time_base = start, 48_000, Fraction(1, 48_000)
                    container.mux(audio.encode(block))
                container.mux(audio.encode())
        return path

    return make
