"""What is heard and seen: takes changed without a gap, speeds, loops, and the frames that the timeline means."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from avfoley_ui.playback.film import Film, FilmReader, Footage, stills
from avfoley_ui.playback.mixer import CROSSFADE, Mixer
from avfoley_ui.playback.output import Output, Render, best_output
from avfoley_ui.playback.player import Player
from avfoley_ui.playback.sound import PEAK_HOP, Sound, load, load_stretch, peaks, spectrogram
from PySide6.QtCore import QSize

from avfoley_plugin.errors import HostError
from support.panel import wait

SECOND = 48_000


def ramp(offset: float = 0.0) -> np.ndarray:
    """A second of sound whose value tells the sample."""
    return np.repeat((offset + np.arange(SECOND) / SECOND)[:, None], 2, 1).astype(np.float32)


def mixer(**options: Any) -> Mixer:
    made = Mixer()
    made.set_range(0, SECOND)
    made.set_sound(ramp())
    made.speed = options.get("speed", 1.0)
    made.looping = options.get("looping", True)
    return made


def test_another_take_goes_on_at_the_same_sample_without_a_gap() -> None:
    played = mixer()
    first = played.render(1000)
    played.set_sound(ramp(offset=-1.0))
    second = played.render(1000)
    assert np.allclose(first[:, 0] * SECOND, np.arange(1000), atol=0.1)
    assert np.allclose((second[CROSSFADE:, 0] + 1) * SECOND, np.arange(1000 + CROSSFADE, 2000), atol=0.1)
    # From one to the other in small steps: neither silence nor a jump.
    steps = np.abs(np.diff(np.concatenate([first, second])[:, 0]))
    assert steps.max() < 1.5 / CROSSFADE


def test_takes_with_handles_lie_on_one_clock() -> None:
    played = mixer()
    played.set_sound(np.concatenate([np.full((500, 2), 9, np.float32), ramp()]), head=500)
    assert np.allclose(played.render(100)[:, 0] * SECOND, np.arange(100), atol=0.1)


@pytest.mark.parametrize("speed", [2.0, 4.0, 0.5, -1.0, -2.0])
def test_speeds(speed: float) -> None:
    played = mixer(speed=speed)
    played.position = 24_000.0
    heard = played.render(480)[:, 0] * SECOND
    assert np.allclose(np.diff(heard), speed, atol=0.02)
    assert played.position == 24_000 + 480 * speed


def test_a_loop_runs_into_its_beginning_and_what_does_not_loop_ends_in_silence() -> None:
    played = mixer()
    played.position = SECOND - 100.0
    heard = played.render(200)[:, 0] * SECOND
    assert np.allclose(heard[100:], np.arange(100), atol=0.1)
    played = mixer(looping=False)
    played.position = SECOND - 100.0
    heard = played.render(200)[:, 0]
    assert not heard[100:].any()
    assert played.at_end


class ManualOutput(Output):
    """A device that takes what the test says, and hears it later."""

    def __init__(self, delay: int = 0) -> None:
        self.blocks: list[np.ndarray] = []
        self._delay = delay
        self._render: Render | None = None

    def start(self, render: Render) -> None:
        self._render = render
        if self._delay:
            self.blocks.append(render(self._delay))

    def stop(self) -> None:
        self._render = None

    def feed(self) -> None:
        assert self._render is not None
        self.blocks.append(self._render(480))

    @property
    def buffered(self) -> int:
        return self._delay if self._render is not None else 0


def test_the_playhead_is_what_is_heard_and_not_what_was_handed_over(qtbot: Any) -> None:
    player = Player(ManualOutput(delay=4800))
    player.set_shot(SECOND)
    player.toggle()
    wait(qtbot, lambda: player.position > 0)
    assert player.position % 480 == 0
    before = player.position
    player.pause()
    assert before <= player.position < before + 4800
    assert player.position % 480 == 0
    player.close()


def test_j_k_and_l(qtbot: Any) -> None:
    player = Player(ManualOutput())
    player.set_shot(SECOND)
    speeds = []
    for direction in (1, 1, 1, 1, 1, -1, -1):
        player.shuttle(direction)
        speeds.append(player.speed)
    player.pause()
    assert speeds == [1, 2, 4, 8, 8, -1, -2]
    assert player.speed == 0
    player.close()


def test_played_to_its_end_it_stops_and_begins_anew(qtbot: Any) -> None:
    player = Player(ManualOutput())
    player.set_shot(2000)
    player.set_looping(False)
    player.toggle()
    wait(qtbot, lambda: not player.playing)
    assert player.position == 2000
    player.toggle()
    assert player.position < 2000
    player.close()


def test_without_an_audio_device_there_is_an_output_all_the_same(qtbot: Any) -> None:
    output = best_output()
    output.start(lambda count: np.zeros((count, 2), np.float32))
    output.feed()
    output.stop()


def test_a_wav_is_read_with_its_handles(make_media: Callable[..., Path]) -> None:
    sound = np.zeros((1, SECOND), np.float32)
    sound[0, 24_000] = 0.5
    read = load(make_media("a.wav", None, sound=sound), head=12_000)
    assert read.samples.shape == (SECOND, 2)
    assert read.start == -0.25
    at = int(np.abs(read.peaks).max(1).argmax())
    assert at == 24_000 // PEAK_HOP
    loudest = int(read.spectrogram.astype(int).sum(1).argmax())
    assert abs(loudest * 256 - 24_000) <= 512


@pytest.mark.parametrize("name", ["a.wav", "a.mkv"])
@pytest.mark.parametrize("speed", [1, 2, -1])
def test_what_a_clip_plays_of_a_sound(make_media: Callable[..., Path], name: str, speed: int) -> None:
    ramp = np.linspace(0, 1, 4 * SECOND, dtype=np.float32)[None] * 0.9
    images = [np.zeros((36, 64, 3), np.uint8)] * 100 if name == "a.mkv" else None
    read = load_stretch(make_media(name, images, sound=ramp), Fraction(3, 2), SECOND // 2, Fraction(speed))
    assert read.samples.shape == (SECOND // 2, 2)
    expected = 0.9 * (1.5 + speed * np.arange(SECOND // 2) / SECOND) / 4
    assert np.abs(read.samples[:, 0] - expected).max() < 1e-3


def test_a_waveform_is_as_fine_as_it_is_shown() -> None:
    samples = np.zeros((SECOND, 2), np.float32)
    samples[12_000], samples[12_010] = 0.5, -0.25
    sound = Sound(samples, 0, peaks(samples), spectrogram(samples))
    for start, end in ((0.0, 1.0), (0.2, 0.3), (0.2499, 0.2505)):
        columns, low, high = sound.outline(start, end, 100)
        assert len(columns) == 100
        a_column = (end - start) / 100
        assert start + columns[high.argmax()] * a_column == pytest.approx(0.25, abs=max(a_column, 0.0051 * (end == 1)))
        assert (low.min(), high.max()) == (-0.25, 0.5)
        # A single click is no wider than it has to be.
        assert np.count_nonzero(high > 0) <= max(1, round(1 / SECOND / a_column) + 1)
    # What lies after what is shown is not shown.
    columns, low, high = sound.outline(0.1, 0.2, 100)
    assert not low.any()
    assert not high.any()
    # A head handle lies before the shot, and after its end there is nothing.
    columns, low, high = Sound(samples, 12_000, sound.peaks, sound.spectrogram).outline(-1.0, 1.0, 200)
    assert (columns.min(), columns.max()) == (75, 174)
    assert columns[high.argmax()] == 100


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"RIFFnothing")
    with pytest.raises(HostError, match=r"broken\.wav"):
        load(path, 0)


def test_peaks_and_spectrogram_of_a_tone() -> None:
    time = np.arange(SECOND) / SECOND
    tone = np.repeat((0.25 * np.sin(2 * np.pi * 1000 * time))[:, None], 2, 1).astype(np.float32)
    assert peaks(tone)[10] == pytest.approx([-0.25, 0.25], abs=0.01)
    bands = spectrogram(tone)[50:-50].mean(0)
    centres = np.geomspace(50, 20_000, 97)
    assert centres[int(bands.argmax())] <= 1050
    assert centres[int(bands.argmax()) + 1] >= 950


@pytest.fixture
def film(make_media: Callable[..., Path]) -> Path:
    """Fifty frames whose brightness tells their number, a keyframe every twelve."""
    return make_media("film.mp4", [np.full((36, 64, 3), 5 * n, np.uint8) for n in range(50)], rate=Fraction(25))


def number(image: Any) -> int:
    """Which frame a picture is of."""
    return round(image.pixelColor(10, 10).red() / 5)


@pytest.mark.parametrize(
    ("start", "step", "expected"),
    [
        (Fraction(10, 25), Fraction(1, 25), [10, 15, 19]),
        # Twice as fast, half as fast, backwards, frozen.
        (Fraction(10, 25), Fraction(2, 25), [10, 20, 28]),
        (Fraction(10, 25), Fraction(1, 50), [10, 12, 14]),
        (Fraction(40, 25), Fraction(-1, 25), [40, 35, 31]),
        (Fraction(7, 25), Fraction(0), [7, 7, 7]),
    ],
)
def test_the_frame_shown_is_the_one_that_the_timeline_means(
    film: Path, start: Fraction, step: Fraction, expected: list[int]
) -> None:
    footage = Footage(film, start, step, Fraction(25), 10)
    found = stills(footage, [0, 5, 9], QSize(200, 54))
    assert [abs(number(found[frame]) - want) <= 0 for frame, want in zip((0, 5, 9), expected, strict=True)] == [
        True
    ] * 3


def test_frames_are_found_in_any_order(film: Path) -> None:
    read = Film(film)
    for wanted in (0, 1, 30, 29, 2, 49, 49, 60, 13):
        frame = read.at(Fraction(wanted, 25))
        assert frame is not None
        assert round(frame.to_ndarray(format="rgb24")[10, 10, 0] / 5) == min(wanted, 49)
    read.close()


def test_frames_come_to_the_gui_thread(qtbot: Any, film: Path) -> None:
    reader = FilmReader(QSize(320, 180))
    shown: list[tuple[int, int]] = []
    reader.ready.connect(lambda footage, frame, image: shown.append((frame, number(image))))
    footage = Footage(film, Fraction(0), Fraction(1, 25), Fraction(25), 50)
    for frame in (3, 40, 39, 99):
        reader.ask(footage, frame)
        wait(qtbot, lambda frame=frame: any(found[0] == min(frame, 49) for found in shown))
    assert all(frame == found for frame, found in shown)
    reader.close()
