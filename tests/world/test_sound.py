"""Sounds: onsets where the events are, banks and their splits."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import librosa
import mir_eval
import numpy as np
import pytest
import soundfile
from avfoley_engine.errors import MediaError
from avfoley_engine.world import RecordedBank, Scene, SyntheticBank, render_clip, render_sound, sample_scene
from avfoley_engine.world.banks import hits, trim
from avfoley_engine.world.families import AMBIENT

RATE = 48000


def _clips(count: int, families: tuple[str, ...] | None = None) -> list[Scene]:
    found: list[Scene] = []
    seed = 0
    while len(found) < count:
        scene = sample_scene(seed, split="tests-sound")
        seed += 1
        if scene.family not in AMBIENT and (families is None or scene.family in families):
            found.append(scene)
    return found


def _onsets(sound: np.ndarray) -> np.ndarray:
    sound = librosa.resample(sound, orig_sr=RATE, target_sr=22050)
    return librosa.onset.onset_detect(y=sound, sr=22050, units="time", backtrack=False, delta=0.2)


def _f1(scenes: list[Scene], sounds: list[np.ndarray]) -> float:
    scores = []
    for scene, sound in zip(scenes, sounds, strict=True):
        times = np.array([event.time for event in scene.events])
        scores.append(mir_eval.onset.f_measure(times, _onsets(sound), window=0.08)[0])
    return float(np.mean(scores))


def test_impacts_start_within_five_milliseconds_of_their_events() -> None:
    bank = SyntheticBank()
    checked = 0
    for scene in _clips(40, ("strike", "knock", "clap")):
        if scene.ambience is not None or scene.label == "impact_soft":
            continue
        sound = np.abs(render_sound(scene, bank))
        times = [event.time for event in scene.events]
        for time, before in zip(times, [-1.0, *times], strict=False):
            if time - before < 0.4:
                continue
            at = round(time * RATE)
            level = sound[max(0, at - 480) : at].max(initial=1e-6)
            window = sound[at : at + round(0.04 * RATE)]
            rise = np.argmax(window > max(0.25 * window.max(), 1.5 * level))
            assert window.max() > 2 * level
            assert rise < 0.005 * RATE, f"{scene.label}: {1000 * rise / RATE:.1f} ms"
            checked += 1
    assert checked > 15


def test_detected_onsets_are_the_events_and_not_another_clips() -> None:
    scenes = _clips(24)
    bank = SyntheticBank()
    sounds = [render_sound(scene, bank) for scene in scenes]
    assert _f1(scenes, sounds) >= 0.85
    assert _f1(scenes, sounds[1:] + sounds[:1]) < 0.4


def test_recorded_sounds_give_the_same_onsets(shared_data: Callable[[str], Path]) -> None:
    scenes = _clips(16)
    bank = RecordedBank(shared_data("sfx"))
    assert _f1(scenes, [render_sound(scene, bank) for scene in scenes]) >= 0.8


def test_a_scene_sounds_the_same_each_time_and_at_any_rate() -> None:
    scene = _clips(1)[0]
    sound = render_sound(scene, SyntheticBank())
    np.testing.assert_array_equal(sound, render_sound(scene, SyntheticBank()))
    assert sound.dtype == np.float32
    assert sound.shape == (round(scene.duration * RATE),)
    assert render_sound(scene, SyntheticBank(), 16000).shape == (round(scene.duration * 16000),)


def test_peaks_stay_below_full_scale() -> None:
    bank = SyntheticBank()
    for scene in _clips(8):
        peak = 20 * np.log10(np.abs(render_sound(scene, bank)).max())
        assert -6.01 <= peak <= -0.99


def test_ambiences_go_on_without_gaps() -> None:
    bank = SyntheticBank()
    scene = next(s for s in (sample_scene(seed) for seed in range(400)) if s.family == "water")
    sound = render_sound(scene, bank)
    level = np.sqrt((sound[: len(sound) // 4800 * 4800].reshape(-1, 4800) ** 2).mean(1))
    assert level.min() > 0.1 * level.max()


def test_a_clip_is_picture_sound_and_times() -> None:
    scene = _clips(1)[0]
    frames, sound, times = render_clip(scene, SyntheticBank())
    assert frames.shape == (124, 36, 64, 3)
    assert sound.shape == (248000,)
    assert list(times) == [event.time for event in scene.events]


def test_every_synthetic_label_makes_a_sound_that_starts_at_once() -> None:
    bank = SyntheticBank()
    for label in sorted(bank.labels):
        whole, name = bank.pick(label, np.random.default_rng(3))
        assert label in name
        assert np.isfinite(whole).all()
        for hit in bank.takes(label, np.random.default_rng(3), 2):
            assert np.abs(hit).max() == pytest.approx(1.0)
            assert np.argmax(np.abs(hit) > 0.2) < 0.04 * RATE, label


def test_hits_of_a_recording_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    sound = np.zeros(3 * RATE, dtype=np.float32)
    for start in (0.0, 0.9, 1.7):
        burst = rng.standard_normal(RATE // 4) * np.exp(-np.arange(RATE // 4) / 2000)
        sound[round(start * RATE) :][: len(burst)] += burst.astype(np.float32)
    spans = hits(sound / np.abs(sound).max())
    assert [span[0] / RATE for span in spans] == pytest.approx([0.0, 0.9, 1.7], abs=0.003)


def test_silence_before_a_recording_is_cut() -> None:
    click = np.exp(-np.arange(4000) / 500) * np.random.default_rng(1).standard_normal(4000)
    trimmed = trim(np.concatenate([np.zeros(30000), click]).astype(np.float32))
    assert np.argmax(np.abs(trimmed) > 0.3) <= 0.002 * RATE


@pytest.fixture
def small_folder(tmp_path: Path) -> Path:
    with (tmp_path / "index.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "label", "author"])
        for number in range(60):
            name = f"tap_{number}.wav"
            soundfile.write(tmp_path / name, np.exp(-np.arange(4410) / 400.0) * np.sin(np.arange(4410)), 44100)
            table.writerow([name, "impact_wood", "somebody"])
    return tmp_path


def test_splits_of_a_folder_share_no_file(small_folder: Path) -> None:
    train, held_out = (set(RecordedBank(small_folder, split).files("impact_wood")) for split in ("train", "heldout"))
    assert not train & held_out
    assert len(train | held_out) == 60
    assert 1 <= len(held_out) <= 15


def test_recordings_come_at_48_khz_and_rare_labels_from_their_kin(small_folder: Path) -> None:
    bank = RecordedBank(small_folder)
    sound, name = bank.pick("knock", np.random.default_rng(0))
    assert name.startswith("tap_")
    assert abs(len(sound) - 4800) < 200
    assert len(bank.takes("knock", np.random.default_rng(0), 3)) == 3


def test_missing_folders_and_labels_are_named(tmp_path: Path, small_folder: Path) -> None:
    with pytest.raises(MediaError, match=r"nowhere.*index\.csv"):
        RecordedBank(tmp_path / "nowhere")
    with pytest.raises(MediaError, match="'rain'"):
        RecordedBank(small_folder).pick("rain", np.random.default_rng(0))
