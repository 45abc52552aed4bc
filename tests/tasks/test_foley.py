"""The foley task with a model whose sound is known: it clicks wherever the picture changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.errors import CancelledError, MediaError, ModelError
from avfoley_engine.protocol import FoleyRequest, FoleyResult, PictureRange
from avfoley_engine.tasks import run

from support.broadcast_wave import read_wave

MakeMedia = Callable[..., Path]
NTSC = Fraction(30_000, 1001)


@dataclass
class ClickingModel:
    """Looks 480 times a second, so that a click tells the sample to within a hundred."""

    name: str = "clicks"
    revision: str = "1"
    sample_rate: int = 48_000
    frame_rate: Fraction = Fraction(480)
    frame_size: tuple[int, int] = (18, 32)
    window_frames: int = 1
    default_steps: int = 4
    default_guidance_scale: float = 2.0
    loudness: float = 0.5
    noise: float = 1e-4
    seen: list[np.ndarray] = field(default_factory=list)
    arguments: list[dict] = field(default_factory=list)

    def generate(self, frames, samples, *, on_step=None, **arguments) -> torch.Tensor:
        self.arguments.append(arguments)
        noise = torch.Generator().manual_seed(arguments["seed"])
        sound = self.noise * torch.randn(samples, generator=noise)
        if frames is not None:
            assert frames.dtype == torch.uint8
            assert frames.shape[1:] == (*self.frame_size, 3)
            self.seen.append(frames.numpy())
            changes = frames.float().diff(dim=0).abs().mean((1, 2, 3))
            for frame in (torch.nonzero(changes > 20)[:, 0] + 1).tolist():
                sound[round(frame * self.sample_rate / self.frame_rate)] = self.loudness
        for step in range(arguments["steps"]):
            if on_step:
                on_step((step + 1) / arguments["steps"])
        return sound


def flashes(frames: int, at: int) -> list[np.ndarray]:
    """Black until frame `at`, white from there."""
    return [np.full((36, 64, 3), 255 if n >= at else 0, np.uint8) for n in range(frames)]


def ramp(frames: int) -> list[np.ndarray]:
    """Every frame a little brighter, by less than makes the model click."""
    return [np.full((36, 64, 3), 5 * n, np.uint8) for n in range(frames)]


def foley(request: FoleyRequest, model: ClickingModel, folder: Path) -> tuple[FoleyResult, np.ndarray]:
    result = run(request, model, folder / "take.wav", lambda done: None)
    return result, read_wave(folder / "take.wav").samples[0] / 2**23


def clicks(sound: np.ndarray) -> list[int]:
    return np.flatnonzero(np.abs(sound) > 0.2).tolist()


def request(media: Path | None, frames: int, rate: Fraction, **changes) -> FoleyRequest:
    picture = {"source_start": Fraction(0), "source_rate": rate, "speed": Fraction(1)}
    picture = {key: changes.pop(key, value) for key, value in picture.items()}
    changes = {"steps": 4, "guidance_scale": 2.0} | changes
    return FoleyRequest(
        picture=PictureRange(media=media, **picture) if media else None, frames=frames, record_rate=rate, **changes
    )


RATES = [
    Fraction(24_000, 1001),
    Fraction(24),
    Fraction(25),
    NTSC,
    Fraction(30),
    Fraction(50),
    Fraction(60_000, 1001),
    Fraction(60),
]


@pytest.mark.parametrize("rate", RATES)
def test_a_click_lands_on_the_frame_that_shows_it(make_media: MakeMedia, tmp_path: Path, rate: Fraction) -> None:
    media = make_media("a.mp4", flashes(60, at=37), rate=rate)
    result, sound = foley(request(media, 55, rate), ClickingModel(), tmp_path)
    expected = round(37 * 48_000 / rate)
    assert len(clicks(sound)) == 1
    assert 0 <= clicks(sound)[0] - expected <= 100
    assert abs(result.onsets[0] - expected) < 480


@pytest.mark.parametrize("record_rate", [Fraction(24), NTSC])
@pytest.mark.parametrize("rate", RATES)
def test_media_of_another_rate_than_the_timelines(
    make_media: MakeMedia, tmp_path: Path, rate: Fraction, record_rate: Fraction
) -> None:
    media = make_media("a.mp4", flashes(60, at=37), rate=rate)
    asked = request(media, floor(50 / rate * record_rate), record_rate, source_rate=rate)
    _, sound = foley(asked, ClickingModel(), tmp_path)
    # The viewer sees it on the first record frame from its instant on, give or take the reader's two milliseconds.
    late = clicks(sound)[0] - 37 * 48_000 / rate
    assert len(clicks(sound)) == 1
    assert -96 <= late <= 48_000 / record_rate + 100


@pytest.mark.parametrize(
    ("speed", "source_start"),
    [
        (Fraction(1), Fraction(20)),
        (Fraction(1, 2), Fraction(30)),
        (Fraction(1, 3), Fraction("31.5")),
        (Fraction(2), Fraction(5)),
        (Fraction(-1), Fraction(50)),
        (Fraction(-1, 2), Fraction(45)),
        (Fraction(-2), Fraction(59)),
    ],
)
def test_retimes_and_trims(make_media: MakeMedia, tmp_path: Path, speed: Fraction, source_start: Fraction) -> None:
    rate, frames = Fraction(25), 20
    media = make_media("a.mp4", flashes(60, at=37), rate=rate)
    result, sound = foley(
        request(media, frames, rate, source_start=source_start, speed=speed), ClickingModel(), tmp_path
    )
    shown = [floor(source_start + n * speed) for n in range(frames)]
    change = next(n for n in range(1, frames) if (shown[n] >= 37) != (shown[n - 1] >= 37))
    assert len(clicks(sound)) == 1
    assert 0 <= clicks(sound)[0] - change * 1920 <= 100
    assert result.shot_samples == result.samples == 20 * 1920


def test_variable_frame_rate(make_media: MakeMedia, tmp_path: Path) -> None:
    # 30 a second, then 10 a second: the flash is the 41st image but comes at 2.1 s.
    times = [Fraction(n, 30) for n in range(30)] + [1 + Fraction(n, 10) for n in range(30)]
    media = make_media("vfr.mp4", flashes(60, at=41), times=times, rate=Fraction(30))
    _, sound = foley(request(media, 90, Fraction(30)), ClickingModel(), tmp_path)
    assert len(clicks(sound)) == 1
    assert abs(clicks(sound)[0] - 2.1 * 48_000) <= 100


def test_a_freeze_shows_one_frame_and_has_handles(make_media: MakeMedia, tmp_path: Path) -> None:
    media = make_media("a.mp4", ramp(50))
    model = ClickingModel()
    asked = request(media, 50, Fraction(25), source_start=Fraction(30), speed=Fraction(0), head_handle=5, tail_handle=6)
    result, _ = foley(asked, model, tmp_path)
    assert (result.head_samples, result.tail_samples) == (5 * 1920, 6 * 1920)
    assert np.ptp(model.seen[0]) <= 2
    assert abs(model.seen[0].mean() - 150) < 3


@pytest.mark.parametrize(
    ("speed", "start", "head", "tail"),
    [
        (Fraction(1), 10, 10, 20),
        (Fraction(1), 0, 0, 25),
        (Fraction(1), 30, 25, 0),
        (Fraction(-1), 49, 0, 25),
        (Fraction(-1), 30, 19, 11),
        (Fraction(1, 2), 5, 10, 25),
        (Fraction(2), 9, 4, 1),
    ],
)
def test_handles_reach_as_far_as_the_picture(
    make_media: MakeMedia, tmp_path: Path, speed: Fraction, start: int, head: int, tail: int
) -> None:
    media = make_media("a.mp4", ramp(50))
    asked = request(
        media,
        20,
        Fraction(25),
        source_start=Fraction(start),
        speed=speed,
        head_handle=25,
        tail_handle=25,
        record_start=90_000,
    )
    model = ClickingModel()
    result, sound = foley(asked, model, tmp_path)
    assert (result.head_samples, result.shot_samples, result.tail_samples) == (head * 1920, 20 * 1920, tail * 1920)
    assert len(sound) == result.samples == (head + 20 + tail) * 1920
    wave = read_wave(tmp_path / "take.wav")
    assert wave.time_reference == 3600 * 48_000 - head * 1920
    first, last = start - head * speed, start + (19 + tail) * speed
    assert abs(model.seen[0][0].mean() - 5 * floor(first)) < 3
    assert abs(model.seen[0][-1].mean() - 5 * floor(last)) < 3


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frames", [1, 7, 101])
def test_the_length_is_exact(make_media: MakeMedia, tmp_path: Path, rate: Fraction, frames: int) -> None:
    media = make_media("a.mp4", ramp(40), rate=rate)
    result, sound = foley(request(media, frames, rate), ClickingModel(window_frames=200), tmp_path)
    assert len(sound) == result.samples == result.shot_samples == round(frames * 48_000 / rate)


def test_a_short_shot_is_seen_with_the_picture_around_it(make_media: MakeMedia, tmp_path: Path) -> None:
    media = make_media("a.mp4", ramp(50))
    model = ClickingModel(frame_rate=Fraction(25), window_frames=20)
    foley(request(media, 4, Fraction(25), source_start=Fraction(20)), model, tmp_path)
    shown = np.rint(model.seen[0].mean((1, 2, 3)) / 5).tolist()
    assert shown == list(range(12, 32))
    # At the media's beginning the window goes on behind the shot, at its end before it.
    foley(request(media, 4, Fraction(25), source_start=Fraction(2)), model, tmp_path)
    assert np.rint(model.seen[1].mean((1, 2, 3)) / 5).tolist() == list(range(20))
    foley(request(media, 4, Fraction(25), source_start=Fraction(46)), model, tmp_path)
    assert np.rint(model.seen[2].mean((1, 2, 3)) / 5).tolist() == list(range(30, 50))


def test_media_shorter_than_a_window_holds_its_edge(make_media: MakeMedia, tmp_path: Path) -> None:
    model = ClickingModel(frame_rate=Fraction(25), window_frames=20)
    media = make_media("a.mp4", ramp(8))
    result, _ = foley(request(media, 4, Fraction(25), source_start=Fraction(2)), model, tmp_path)
    assert np.rint(model.seen[0].mean((1, 2, 3)) / 5).tolist() == [*range(8), *[7] * 12]
    assert result.samples == 4 * 1920


@pytest.mark.parametrize("window_frames", [1, 960, 2400])
def test_context_does_not_move_the_sound(make_media: MakeMedia, tmp_path: Path, window_frames: int) -> None:
    media = make_media("a.mp4", flashes(100, at=57))
    asked = request(media, 20, Fraction(25), source_start=Fraction(45))
    _, sound = foley(asked, ClickingModel(window_frames=window_frames), tmp_path)
    assert len(clicks(sound)) == 1
    assert 0 <= clicks(sound)[0] - 12 * 1920 <= 100


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
def test_a_model_of_another_rate_keeps_time(make_media: MakeMedia, tmp_path: Path, sample_rate: int) -> None:
    media = make_media("a.mp4", flashes(60, at=37))
    result, sound = foley(request(media, 50, Fraction(25)), ClickingModel(sample_rate=sample_rate), tmp_path)
    assert result.samples == len(sound) == 96_000
    assert abs(int(np.abs(sound).argmax()) - 37 * 1920) <= 110


def test_words_alone(tmp_path: Path) -> None:
    model = ClickingModel()
    asked = request(None, 30, NTSC, caption="a door slams", negative_caption="music", seed=3)
    result, sound = foley(asked, model, tmp_path)
    assert not model.seen
    assert model.arguments[0]["caption"] == "a door slams"
    assert model.arguments[0]["negative_caption"] == "music"
    assert (result.head_samples, len(sound)) == (0, round(30 * 48_000 / NTSC))


def test_words_alone_have_the_handles_asked_for(tmp_path: Path) -> None:
    asked = request(None, 50, Fraction(25), head_handle=25, tail_handle=10, record_start=100)
    result, sound = foley(asked, ClickingModel(), tmp_path)
    assert (result.head_samples, result.shot_samples, result.tail_samples) == (48_000, 96_000, 19_200)
    assert len(sound) == result.samples == 163_200
    assert read_wave(tmp_path / "take.wav").time_reference == 75 * 1920


@pytest.mark.parametrize("samples", [1, 4801, 192_001])
def test_a_sound_of_its_own_is_counted_in_samples_and_has_no_timecode(tmp_path: Path, samples: int) -> None:
    result, sound = foley(request(None, samples, Fraction(48_000)), ClickingModel(), tmp_path)
    assert result.samples == len(sound) == samples
    wave = read_wave(tmp_path / "take.wav")
    assert (wave.time_reference, wave.ixml.find("SPEED/TIMECODE_RATE")) == (0, None)
    assert wave.ixml.findtext("TRACK_LIST/TRACK/NAME") == "SFX"
    assert wave.loop is None


@dataclass
class LoopingModel(ClickingModel):
    """Makes whole periods of 40 ms, each a sine of as many cycles as the loop has periods."""

    def generate(self, frames, samples, *, loop=False, **arguments) -> torch.Tensor:
        assert loop
        self.arguments.append({"samples": samples, **arguments})
        latents = max(1, round(samples / (self.sample_rate // 25)))
        length = latents * self.sample_rate // 25
        return self.loudness * torch.sin(2 * torch.pi * latents * (torch.arange(length) + 0.5) / length)


@pytest.mark.parametrize("sample_rate", [48_000, 16_000])
@pytest.mark.parametrize("samples", [192_000, 192_001, 100_003])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_loop_is_exactly_as_long_as_asked_for_and_has_no_seam(
    tmp_path: Path, sample_rate: int, samples: int, channels: int
) -> None:
    model = LoopingModel(sample_rate=sample_rate)
    asked = request(None, samples, Fraction(48_000), loop=True, channels=channels)
    result, _ = foley(asked, model, tmp_path)
    assert (result.samples, result.channels) == (samples, channels)
    wave = read_wave(tmp_path / "take.wav")
    assert wave.loop == (0, samples - 1)
    for sound in wave.samples / 2**23:
        steps = np.abs(np.diff(np.append(sound, sound[0])))
        assert steps[-1] <= steps.max() + 1e-6
        # Neither end is faded: the level is the same all around.
        levels = np.sqrt([np.square(part).mean() for part in np.array_split(sound, round(samples / 1920))])
        assert np.ptp(levels) < 0.02 * levels.mean()
    # At most half of 40 ms is won or lost by playing faster or slower.
    assert np.abs(np.fft.rfft(wave.samples[0])).argmax() == round(samples / 1920)


def test_a_loud_loop_stays_under_the_ceiling_across_its_seam(tmp_path: Path) -> None:
    asked = request(None, 48_000, Fraction(48_000), loop=True)
    result, sound = foley(asked, LoopingModel(loudness=1.0), tmp_path)
    assert result.peak_dbtp <= -1
    assert np.abs(sound).max() == pytest.approx(10 ** (-1.01 / 20), abs=1e-3)


def test_stereo_folds_down_to_the_mono_take(make_media: MakeMedia, tmp_path: Path) -> None:
    media = make_media("a.mp4", flashes(60, at=37), rate=NTSC)
    for noise in (0.01, 1.0):
        takes = []
        for channels in (1, 2):
            asked = request(media, 50, NTSC, caption="rain", channels=channels, head_handle=4, record_start=100)
            result = run(asked, ClickingModel(noise=noise), tmp_path / f"{channels}.wav", lambda done: None)
            takes.append((result, read_wave(tmp_path / f"{channels}.wav")))
        (mono, mono_wave), (stereo, stereo_wave) = takes
        assert (mono.channels, stereo.channels) == (1, 2)
        assert stereo_wave.samples.shape == (2, mono_wave.samples.shape[1])
        # In steps of 24 bits.
        assert np.abs(stereo_wave.samples.mean(axis=0) - mono_wave.samples[0]).max() <= 1
        assert np.corrcoef(stereo_wave.samples)[0, 1] < 0.8
        assert stereo.peak_dbtp <= -1
        assert stereo.onsets == mono.onsets
        assert stereo_wave.time_reference == mono_wave.time_reference
        assert [track.findtext("FUNCTION") for track in stereo_wave.ixml.iter("TRACK")] == ["LEFT", "RIGHT"]


def test_steps_and_guidance_are_the_requests(tmp_path: Path) -> None:
    model = ClickingModel()
    result, _ = foley(request(None, 30, Fraction(30), seed=5), model, tmp_path)
    assert (result.steps, result.guidance_scale, result.seed) == (4, 2.0, 5)
    result, _ = foley(request(None, 30, Fraction(30), steps=1, guidance_scale=0.0), model, tmp_path)
    assert (result.steps, result.guidance_scale) == (1, 0.0)
    assert [arguments["steps"] for arguments in model.arguments] == [4, 1]


def test_same_request_same_bytes_other_seed_other_bytes(make_media: MakeMedia, tmp_path: Path) -> None:
    media = make_media("a.mp4", flashes(60, at=37))
    digests = [
        run(
            request(media, 50, Fraction(25), seed=seed), ClickingModel(), tmp_path / f"{n}.wav", lambda done: None
        ).sha256
        for n, seed in enumerate((1, 1, 2))
    ]
    assert digests[0] == digests[1] != digests[2]
    assert (tmp_path / "0.wav").read_bytes() == (tmp_path / "1.wav").read_bytes()


def test_loud_takes_come_down_and_quiet_ones_stay(make_media: MakeMedia, tmp_path: Path) -> None:
    media = make_media("a.mp4", flashes(60, at=37))
    result, loud = foley(request(media, 50, Fraction(25)), ClickingModel(loudness=3.0), tmp_path)
    assert result.peak_dbtp <= -1.0
    assert np.abs(loud).max() > 0.7
    result, quiet = foley(request(media, 50, Fraction(25)), ClickingModel(loudness=0.25), tmp_path)
    assert abs(np.abs(quiet).max() - 0.25) < 1e-3
    assert result.loudness_lufs is not None


def test_the_ends_fade_but_a_hit_on_the_first_frame_keeps_its_attack(tmp_path: Path) -> None:
    class Steady(ClickingModel):
        def generate(self, frames, samples, **arguments) -> torch.Tensor:
            return torch.full((samples,), 0.5)

    _, sound = foley(request(None, 25, Fraction(25)), Steady(), tmp_path)
    assert sound[0] == 0
    assert abs(sound[-1]) < 1e-3
    assert (sound[96:-480] == 0.5).all()
    assert (np.diff(sound[-480:]) <= 0).all()


def test_metadata_tells_how_the_take_was_made(make_media: MakeMedia, tmp_path: Path) -> None:
    media = make_media("a.mp4", flashes(60, at=37), rate=NTSC)
    asked = request(media, 50, NTSC, source_start=Fraction(5), caption="a clap", seed=9, head_handle=5)
    result, _ = foley(asked, ClickingModel(), tmp_path)
    wave = read_wave(tmp_path / "take.wav")
    assert wave.ixml.findtext("NOTE") == "a clap"
    assert wave.ixml.findtext("SPEED/TIMECODE_RATE") == "30000/1001"
    assert '"seed":9' in wave.description
    assert f'"head_samples":{result.head_samples}' in wave.description
    assert str(tmp_path) not in (tmp_path / "take.wav").read_bytes().decode("latin-1")


def test_progress_rises_to_one(make_media: MakeMedia, tmp_path: Path) -> None:
    seen: list[float] = []
    run(request(make_media("a.mp4", ramp(9)), 5, Fraction(25)), ClickingModel(), tmp_path / "a.wav", seen.append)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert seen == sorted(seen)
    assert len(seen) >= 5


def test_cancelling_leaves_no_file(make_media: MakeMedia, tmp_path: Path) -> None:
    def cancel(done: float) -> None:
        if done > 0.4:
            raise CancelledError("cancelled")

    folder = tmp_path / "out"
    with pytest.raises(CancelledError):
        run(request(make_media("a.mp4", ramp(9)), 5, Fraction(25)), ClickingModel(), folder / "a.wav", cancel)
    assert not folder.exists()


def test_errors_name_the_media_and_the_model(make_media: MakeMedia, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.mp4"):
        foley(request(tmp_path / "gone.mp4", 5, Fraction(25)), ClickingModel(), tmp_path)
    sound = make_media("voice.wav", None, sound=np.zeros((1, 4800), np.float32))
    with pytest.raises(MediaError, match=r"voice\.wav: has no picture"):
        foley(request(sound, 5, Fraction(25)), ClickingModel(), tmp_path)


def test_a_sound_that_is_not_finite_is_the_models_error(tmp_path: Path) -> None:
    class Broken(ClickingModel):
        def generate(self, frames, samples, **arguments) -> torch.Tensor:
            return torch.full((samples,), float("nan"))

    with pytest.raises(ModelError, match=r"clicks.*not finite.*seed"):
        foley(request(None, 5, Fraction(25)), Broken(), tmp_path)
    assert not (tmp_path / "take.wav").exists()
