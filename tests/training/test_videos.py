"""Videos of one's own as training data: a folder or WebDataset tar files, a caption file, windows in sync."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.errors import MediaError
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig
from avfoley_engine.training.dataset import PairedClips
from avfoley_engine.training.videos import captions, encode_videos, videos, windows


@pytest.fixture
def config() -> AVLinkConfig:
    """Windows of one second."""
    return replace(NANO, audio=replace(NANO.audio, latent_width=8), video=replace(NANO.video, frames=24))


@pytest.fixture
def codec() -> AudioCodec:
    return AudioCodec(CodecConfig(vae=VAEConfig(latent_width=8, widths=(16, 16, 16)))).eval()


@pytest.fixture
def film(make_media: Callable[..., Path]) -> Callable[[str, float], Path]:
    """A video at 25 frames a second that turns from black to white, and from silent to loud, at 1.5 s."""

    def make(name: str, seconds: float) -> Path:
        images = [np.full((36, 64, 3), 255 * (n >= 37.5), np.uint8) for n in range(round(25 * seconds))]
        sound = np.zeros((1, round(48_000 * seconds)), np.float32)
        sound[:, 72_000:] = 0.5 * np.sin(np.arange(sound.shape[1] - 72_000) / 9)
        return make_media(name, images, sound=sound)

    return make


def test_windows_hold_picture_and_sound_of_the_same_seconds(
    film: Callable[[str, float], Path], config: AVLinkConfig
) -> None:
    cut = list(windows(film("a.mov", 2.5), config, 48_000))
    assert len(cut) == 2
    (dark, silent), (frames, sound) = cut
    assert dark.shape == frames.shape == (24, 72, 128, 3)
    assert len(silent) == len(sound) == 48_000
    assert dark.max() < 20
    assert np.abs(silent).max() < 0.01
    bright = np.flatnonzero(frames.mean((1, 2, 3)) > 128)[0]
    loud = np.flatnonzero(np.abs(sound) > 0.1)[0]
    assert abs(bright / 24 - loud / 48_000) <= 1 / 24


def test_a_folder_becomes_a_shard(
    film: Callable[[str, float], Path], tmp_path: Path, config: AVLinkConfig, codec: AudioCodec
) -> None:
    folder = tmp_path / "films" / "inner"
    folder.mkdir(parents=True)
    film("a.mov", 2.5).rename(folder / "a.mov")
    film("b.mov", 0.5).rename(folder / "b.mov")
    (folder / "notes.txt").write_text("no film")
    said = tmp_path / "captions.csv"
    said.write_text("file,caption,video_caption\ninner/a.mov,a bang,a flash\ninner/b.mov,short,\n")
    found = videos(tmp_path / "films", captions(said))
    assert [(v.caption, v.video_caption) for v in found] == [("a bang", "a flash"), ("short", "short")]
    left_out = encode_videos(tmp_path / "shards" / "0", found, codec, config)
    assert [name.endswith("b.mov") for name in left_out] == [True]
    data = PairedClips(tmp_path / "shards", torch.device("cpu"))
    batch = data.batch(2, np.random.default_rng(0))
    assert batch.frames is not None
    assert batch.frames.shape == (2, 24, 36, 64, 3)
    assert batch.motion is not None
    assert batch.motion.shape == (2, 24, 6, 6, 9)
    assert batch.latents.shape == (2, config.window_latents, 8)
    assert {c.caption for c in batch.clips} == {"a bang"}
    written = (tmp_path / "shards" / "0" / "latents.npy").stat().st_mtime_ns
    encode_videos(tmp_path / "shards" / "0", found, codec, config)
    assert (tmp_path / "shards" / "0" / "latents.npy").stat().st_mtime_ns == written


def test_webdataset_shards(
    film: Callable[[str, float], Path], tmp_path: Path, config: AVLinkConfig, codec: AudioCodec
) -> None:
    path = tmp_path / "shards" / "000.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as tar:
        for key, seconds in (("0001", 1.2), ("0002", 2.4)):
            tar.add(film(f"{key}.mov", seconds), f"{key}.mov")
            text = f"said of {key}".encode()
            entry = tarfile.TarInfo(f"{key}.txt")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    found = videos(path.parent, {"0002.mov": ("from the file", "seen")})
    assert [(v.caption, v.video_caption) for v in found] == [("said of 0001",) * 2, ("from the file", "seen")]
    assert encode_videos(tmp_path / "out" / "0", found, codec, config) == {}
    assert [c.caption for c in PairedClips(tmp_path / "out", torch.device("cpu")).clips] == [
        "said of 0001",
        "from the file",
        "from the file",
    ]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="holds no videos"):
        videos(tmp_path, {})
    (tmp_path / "bad.tar").write_bytes(b"no tar")
    with pytest.raises(MediaError, match="tar file"):
        videos(tmp_path, {})
    (tmp_path / "captions.csv").write_text("name,words\na,b\n")
    with pytest.raises(MediaError, match="no column 'file'"):
        captions(tmp_path / "captions.csv")
