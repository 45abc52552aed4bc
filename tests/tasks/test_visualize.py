"""The task `visualize` with a model whose picture is known: as bright as the sound is loud at that instant."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from avfoley_engine.errors import CancelledError, MediaError
from avfoley_engine.media import probe, read_frames
from avfoley_engine.models.avlink.upsampler.upsample import Interpolation
from avfoley_engine.protocol import SoundRange, VideoCodec, VisualizeRequest, VisualizeResult
from avfoley_engine.tasks import run
from avfoley_engine.tasks.visualize import at_record_rate, sound_of

MakeMedia = Callable[..., Path]
RATES = [Fraction(24_000, 1001), Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(50), Fraction(60)]


class GlowingModel:
    """A VideoModel; see `avfoley_engine.models.interface`."""

    name, revision = "glow", "r1"
    sample_rate = 48_000
    frame_rate = Fraction(24)
    frame_size = (9, 16)
    window_frames = 1
    default_steps = 4
    default_guidance_scale = 2.0

    def __init__(self) -> None:
        self.upsampler = Interpolation(frame_size=(18, 32))
        self.heard: torch.Tensor | None = None
        self.arguments: dict[str, Any] = {}

    def generate(self, sound: torch.Tensor | None, frames: int, **arguments: Any) -> torch.Tensor:
        self.heard, self.arguments = sound, arguments
        for step in range(arguments["steps"]):
            arguments["on_step"]((step + 1) / arguments["steps"])
        light = torch.full((frames,), arguments["seed"])
        if sound is not None:
            per_frame = sound.new_zeros(frames * 2000)
            per_frame[: len(sound)] = sound[: frames * 2000]
            light = (255 * per_frame.reshape(frames, 2000).abs().amax(1)).long()
        return light[:, None, None, None].expand(frames, *self.frame_size, 3).to(torch.uint8)


def pulses(seconds: float, *at: float) -> np.ndarray:
    """Silence with pulses of a 24th of a second that begin at those seconds."""
    sound = np.zeros((1, round(seconds * 48_000)), np.float32)
    for second in at:
        sound[0, round(second * 48_000) : round(second * 48_000) + 2000] = 0.8
    return sound


def request(media: Path | None, frames: int, rate: Fraction, **changes: Any) -> VisualizeRequest:
    placed = {name: changes.pop(name) for name in ("source_start", "speed") if name in changes}
    changes = {"steps": 4, "guidance_scale": 2.0} | changes
    sound = None if media is None else SoundRange(media=media, **{"source_start": Fraction(0), **placed})
    return VisualizeRequest(sound=sound, frames=frames, record_rate=rate, model="glow", **changes)


def visualize(asked: VisualizeRequest, folder: Path, model: GlowingModel | None = None) -> VisualizeResult:
    result = run(asked, model or GlowingModel(), folder / f"take{asked.suffix}", lambda done: None)  # type: ignore[arg-type]
    assert isinstance(result, VisualizeResult)
    return result


def brightness(path: Path, frames: int, rate: Fraction) -> np.ndarray:
    return read_frames(path, [n / rate for n in range(frames)], (18, 32)).mean(axis=(1, 2, 3))


@pytest.mark.parametrize("codec", ["h264", "prores", "ffv1"])
@pytest.mark.parametrize("rate", RATES)
def test_every_codec_and_rate_is_exact_to_the_frame(
    make_media: MakeMedia, tmp_path: Path, rate: Fraction, codec: VideoCodec
) -> None:
    media = make_media("a.wav", None, sound=pulses(3, 1.0))
    frames = 47
    result = visualize(request(media, frames, rate, codec=codec), tmp_path)
    found = probe(result.path)
    assert (result.frames, result.rate) == (found.frames, found.rate) == (frames, rate)
    assert (found.width, found.height, found.has_sound) == (32, 18, False)
    with av.open(str(result.path)) as container:
        stamps = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert len(stamps) == frames
    # Matroska counts milliseconds.
    assert all(abs(stamp - n / rate) <= Fraction(1, 1000) for n, stamp in enumerate(stamps))
    if frames / rate > 1.1:
        lit = np.nonzero(brightness(result.path, frames, rate) > 100)[0]
        # The pulse begins at 1 s: frame 24 of the model, on display from then on.
        assert lit[0] == -(-rate // 1)


def test_lossless_means_lossless(tmp_path: Path) -> None:
    result = visualize(request(None, 3, Fraction(24), seed=77, codec="ffv1"), tmp_path)
    assert (brightness(result.path, 3, Fraction(24)) == 77).all()


@pytest.mark.parametrize("codec", ["h264", "prores"])
def test_colours_come_through_and_timecode_is_the_records(tmp_path: Path, codec: VideoCodec) -> None:
    result = visualize(request(None, 5, Fraction(25), seed=128, codec=codec, record_start=90_007), tmp_path)
    assert abs(brightness(result.path, 5, Fraction(25)) - 128).max() <= 2
    assert probe(result.path).start_timecode == 90_007


def test_the_clips_own_stretch_of_the_sound_is_heard(make_media: MakeMedia, tmp_path: Path) -> None:
    media = make_media("a.wav", None, sound=pulses(4, 2.5), sound_codec="pcm_f32le")
    model = GlowingModel()
    visualize(request(media, 50, Fraction(25), source_start=Fraction(2)), tmp_path, model)
    assert model.heard is not None
    assert model.heard.shape == (96_000,)
    assert int(model.heard.nonzero()[0]) == 24_000
    # Sound counts from the first picture frame, like the picture does.
    black = [np.zeros((36, 64, 3), np.uint8)] * 50
    times = [Fraction(1, 2) + Fraction(n, 25) for n in range(50)]
    film = make_media("late.mkv", black, times=times, sound=pulses(3, 1.5))
    heard = sound_of(SoundRange(media=film, source_start=Fraction(1, 4)), Fraction(1), 48_000)
    assert abs(int(heard.nonzero()[0][0]) - 36_000) <= 48


@pytest.mark.parametrize(
    ("speed", "start", "at"),
    [(Fraction(2), Fraction(1), 0.75), (Fraction(1, 2), Fraction(2), 1.0), (Fraction(-1), Fraction(3), 0.5 - 1 / 24)],
)
def test_retimed_sound_moves_with_its_clip(make_media: MakeMedia, speed: Fraction, start: Fraction, at: float) -> None:
    media = make_media("a.wav", None, sound=pulses(4, 2.5), sound_codec="pcm_f32le")
    heard = sound_of(SoundRange(media=media, source_start=start, speed=speed), Fraction(2), 48_000)
    loud = np.abs(heard) > 0.4
    assert len(heard) == 96_000
    assert abs(loud.argmax() - at * 48_000) < 30
    assert abs(loud.sum() - 2000 / abs(speed)) < 60


def test_beyond_its_sound_a_clip_is_silent(make_media: MakeMedia) -> None:
    media = make_media("a.wav", None, sound=np.full((1, 4800), 0.5, np.float32), sound_codec="pcm_f32le")
    heard = sound_of(SoundRange(media=media, source_start=Fraction(-1, 10)), Fraction(1), 48_000)
    assert (heard[:4800] == 0).all()
    assert (heard[4800:9600] == 0.5).all()
    assert (heard[9600:] == 0).all()


@pytest.mark.parametrize("record_rate", RATES)
def test_each_record_frame_shows_what_is_on_display(record_rate: Fraction) -> None:
    numbered = torch.arange(48)[:, None, None, None]
    shown = at_record_rate(numbered.split(7), Fraction(24), record_rate, 100)
    assert [int(image[0, 0, 0]) for image in shown] == [min(47, int(n * 24 / record_rate)) for n in range(100)]


def test_same_request_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    for codec in ("h264", "prores", "ffv1"):
        digests = []
        for seed in (1, 1, 90):
            digests.append(visualize(request(None, 9, Fraction(25), seed=seed, codec=codec), tmp_path).sha256)
        assert digests[0] == digests[1] != digests[2], codec


def test_the_result_and_the_file_say_how_it_was_made(tmp_path: Path) -> None:
    result = visualize(request(None, 5, Fraction(25), caption="a bell", seed=4), tmp_path)
    assert (result.steps, result.guidance_scale, result.seed, result.caption) == (4, 2.0, 4, "a bell")
    assert result.upsampling == "interpolation"
    with av.open(str(result.path)) as container:
        comment = container.metadata["comment"]
    assert '"upsampling": "interpolation"' in comment
    assert '"caption": "a bell"' in comment
    assert str(tmp_path) not in comment


def test_progress_rises_to_one_and_cancelling_leaves_no_file(tmp_path: Path) -> None:
    shares: list[float] = []
    asked = request(None, 60, Fraction(25))
    run(asked, GlowingModel(), tmp_path / "a.mp4", shares.append)  # type: ignore[arg-type]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert len(shares) >= 1 + 4 + 3

    for limit in (0.3, 0.8):

        def cancel(done: float, limit: float = limit) -> None:
            if done > limit:
                raise CancelledError

        with pytest.raises(CancelledError):
            run(asked, GlowingModel(), tmp_path / "b.mp4", cancel)  # type: ignore[arg-type]
        assert not (tmp_path / "b.mp4").exists()


def test_errors_name_the_media(make_media: MakeMedia, tmp_path: Path) -> None:
    mute = make_media("mute.mp4", [np.zeros((36, 64, 3), np.uint8)])
    with pytest.raises(MediaError, match=r"mute\.mp4: has no sound"):
        visualize(request(mute, 5, Fraction(25)), tmp_path)
    with pytest.raises(ValueError, match="stands still"):
        request(mute, 5, Fraction(25), speed=Fraction(0))
