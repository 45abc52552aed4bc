"""Paired data of one's own: videos with sound and captions, cut into windows, encoded once, to shards.

Videos lie in a folder, or in WebDataset shards: tar files in which a sample's files share the name
up to the first dot, as in `0001.mp4`, `0001.txt`. The caption file is a CSV with the columns `file`
(a video's path within the folder, or its name in its tar), `caption` (what it sounds like) and,
where it differs, `video_caption` (what it looks like). In tar files a sample's own `.txt` is its
caption where the caption file has none.
"""

from __future__ import annotations

import csv
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray

from avfoley_engine.codec.audio import AudioCodec
from avfoley_engine.errors import MediaError
from avfoley_engine.media import probe, read_frames, read_sound
from avfoley_engine.media.optical_flow import shrunk
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig
from avfoley_engine.training.dataset import Clip
from avfoley_engine.training.loading import load_codec, model_named
from avfoley_engine.training.options import CommandOptions, option
from avfoley_engine.training.rendering import encode_clips
from avfoley_engine.training.shards import ShardFormat, finish_shard, is_whole
from avfoley_engine.training.sights import Sights

_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mxf", ".mpg"})


@dataclass(frozen=True)
class Video:
    """One video: its file, or the tar file that holds it as `member`; and its captions."""

    path: Path
    member: str | None
    caption: str
    video_caption: str

    @property
    def name(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}: {self.member}"

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """A file to read it from."""
        if self.member is None:
            yield self.path
            return
        with tarfile.open(self.path) as tar, tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"video{PurePosixPath(self.member).suffix}"
            file.write_bytes(_unpacked(tar, self.member))
            yield file


def captions(path: Path) -> dict[str, tuple[str, str]]:
    """File -> both captions. Raises `MediaError` where it cannot be read or lacks a column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as f:
            rows = list(csv.DictReader(f))
        return {row["file"]: (row["caption"], row.get("video_caption") or row["caption"]) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"{path}: cannot be read as a caption file ({error})") from error
    except KeyError as error:
        raise MediaError(f"{path}: has no column {error}; a caption file begins with the line file,caption") from error


def videos(source: Path, captions: dict[str, tuple[str, str]]) -> list[Video]:
    """The videos of a folder, of a folder of tar files, or of one tar file, by name.

    Those without a caption have empty ones. Raises `MediaError` where there are no videos.
    """
    tars = [source] if source.suffix == ".tar" else sorted(source.rglob("*.tar"))
    found = [video for tar in tars for video in _packed(tar, captions)]
    if source.is_dir():
        for path in sorted(p for p in source.rglob("*") if p.suffix.lower() in _SUFFIXES):
            found.append(Video(path, None, *captions.get(path.relative_to(source).as_posix(), ("", ""))))
    if not found:
        raise MediaError(
            f"{source}: holds no videos; give a folder of video files, or of tar files with videos in them"
        )
    return found


def _packed(path: Path, captions: dict[str, tuple[str, str]]) -> Iterator[Video]:
    try:
        with tarfile.open(path) as tar:
            members = [m for m in tar if m.isfile()]
            texts = {_key(m.name): m for m in members if m.name.endswith(".txt")}
            for member in members:
                if PurePosixPath(member.name).suffix.lower() in _SUFFIXES:
                    said = captions.get(member.name)
                    if said is None and (text := texts.get(_key(member.name))) is not None:
                        said = (_unpacked(tar, text).decode("utf-8").strip(),) * 2
                    yield Video(path, member.name, *(said or ("", "")))
    except (OSError, tarfile.TarError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be read as a tar file of videos ({error})") from error


def _unpacked(tar: tarfile.TarFile, member: tarfile.TarInfo | str) -> bytes:
    packed = tar.extractfile(member)
    assert packed is not None
    return packed.read()


def _key(name: str) -> str:
    """A sample's name: the path up to the first dot of its last part (WebDataset)."""
    path = PurePosixPath(name)
    return str(path.with_name(path.name.split(".")[0]))


Window = tuple[NDArray[np.uint8], NDArray[np.float32]]


def windows(path: Path, config: AVLinkConfig, sample_rate: int) -> Iterator[Window]:
    """The whole windows of a video: frames (T, H, W, 3) as large as the model is shown them, and the
    sound of the same seconds (samples,).
    """
    video = config.video
    media = probe(path)
    if not (media.has_picture and media.has_sound):
        return
    length = video.frames / video.frame_rate
    count = int(media.frames / media.rate / length)
    if not count:
        return
    sound = read_sound(path, sample_rate)[0]
    for number in range(count):
        start = number * length
        instants = [start + n / video.frame_rate for n in range(video.frames)]
        frames = read_frames(path, instants, video.seen_size)
        yield frames, sound[round(start * sample_rate) : round((start + length) * sample_rate)]


def encode_videos(folder: Path, found: list[Video], codec: AudioCodec, config: AVLinkConfig) -> dict[str, str]:
    """Encodes videos into one shard; a finished one stays. Returns why which were left out."""
    if is_whole(folder):
        return {}
    frames: list[NDArray[np.uint8]] = []
    sights = Sights()
    sounds: list[NDArray[np.float32]] = []
    clips: list[Clip] = []
    left_out: dict[str, str] = {}
    for video in found:
        try:
            with video.opened() as path:
                before = len(clips)
                for picture, sound in windows(path, config, codec.config.mel.sample_rate):
                    frames.append(shrunk(picture, (config.video.height, config.video.width)))
                    if config.video.flow_channels:
                        sights.add(picture)
                    sounds.append(sound)
                    # When things happen in it is not known: its events are no events to learn from.
                    clips.append(Clip(len(clips), "video", video.caption, video.video_caption, [], []))
                if len(clips) == before:
                    left_out[video.name] = "shorter than a window, or without picture or sound"
        except MediaError as error:
            left_out[video.name] = str(error)
    if clips:
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "frames.npy", np.stack(frames))
        sights.save(folder)
        form = ShardFormat.of(codec, config.window_latents, config.video.frame_rate)
        finish_shard(folder, np.stack(list(encode_clips(codec, sounds, config.window_latents))), clips, form)
    return left_out


@dataclass(frozen=True, kw_only=True)
class VideosOptions(CommandOptions):
    """See `encode_folder`."""

    videos: Path = option(what="folder of videos, or of WebDataset tar files")
    captions: Path | None = option(None, "CSV with the columns file, caption, video_caption")
    model: str | None = option(None, "whose codec and sizes, a name or a folder (default: nano, with the runs' codec)")
    first: int = option(0, "number of the first video")
    count: int | None = option(None, "how many videos (default: all the others)")
    shard: int = option(100, "videos a shard")


def encode_folder(options: VideosOptions, device: torch.device) -> None:
    """Cuts, encodes and captions videos, to shards in the runs' folder `videos`."""
    model = model_named(options.model, device) if options.model else None
    codec, sizes = (model.codec, model.link.config) if model else (load_codec(options.runs, device), NANO)
    found = videos(options.videos, captions(options.captions) if options.captions else {})
    last = len(found) if options.count is None else min(len(found), options.first + options.count)
    for first in range(options.first, last, options.shard):
        folder = options.runs / "videos" / f"{first:07d}"
        left_out = encode_videos(folder, found[first : min(first + options.shard, last)], codec, sizes)
        print(f"{folder}: done", flush=True)
        for name, reason in left_out.items():
            print(f"left out: {name} ({reason})", flush=True)
