"""`evaluate sync`: the table on hand-made trials, and the whole command with models whose sync is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from avfoley_engine.evaluation.cli import main
from avfoley_engine.evaluation.clips import Reference, WorldClip
from avfoley_engine.evaluation.sync import FIGURES, ROWS, Onsets, Trial, report
from avfoley_engine.models import registry
from avfoley_engine.models.interface import EventModel

from support.models import OneByOne

NONE = np.zeros(0)


def onsets_at(times: np.ndarray) -> Onsets:
    return Onsets(times, times, np.ones(len(times)))


def predictions(model: np.ndarray, real_sound: np.ndarray) -> dict[str, Onsets]:
    rows = {"matched": model, "frame_difference": NONE, "flow_impact": NONE, "real_sound": real_sound}
    return {row: onsets_at(times) for row, times in rows.items()}


def trial(seed: int, model: Callable[[np.ndarray], np.ndarray], events: int = 6, source: str = "a") -> Trial:
    times = np.sort(np.random.default_rng(seed).choice(np.arange(2, 50, 2), events, replace=False) / 10)
    return Trial(
        name=f"{seed}",
        family="ambience" if events == 0 else "strike",
        source=source,
        duration=5.0,
        reference=Reference(times, NONE, times),
        predictions=predictions(model(times), times),
    )


def test_a_perfect_model_stands_far_above_its_shuffled_self() -> None:
    rows = report([trial(seed, lambda times: times) for seed in range(40)])
    assert all(rows["matched"][figure] == 1 for figure in FIGURES)
    assert all(rows["real_sound"][figure] == 1 for figure in FIGURES)
    assert all(rows["frame_difference"][figure] == 0 for figure in FIGURES)
    assert 0.05 < rows["shuffled"]["f1_80"] < 0.4


def test_a_blind_model_gains_nothing_by_matching() -> None:
    rng = np.random.default_rng(1)
    rows = report([trial(seed, lambda times: np.sort(rng.uniform(0, 5, 6))) for seed in range(200)])
    assert abs(rows["matched"]["f1_80"] - rows["shuffled"]["f1_80"]) < 0.05


def test_60_ms_late_shows_in_the_narrow_window_only() -> None:
    rows = report([trial(seed, lambda times: times + 0.06) for seed in range(10)])
    assert rows["matched"]["f1_80"] == 1
    assert rows["matched"]["f1_40"] == 0
    assert rows["matched"]["onset_accuracy"] == 1


def test_clips_without_events_count_their_false_onsets_apart() -> None:
    trials = [trial(seed, lambda times: times) for seed in range(4)]
    quiet = [trial(9 + n, lambda _, n=n: np.arange(1.0, 2.0 + n), events=0) for n in range(3)]
    rows = report([*trials, *quiet])
    assert rows["matched"]["precision_80"] == 1
    assert rows["silent_clips"] == 3
    assert rows["silent_false_onsets"] == {
        "matched": 2.0,
        "frame_difference": 0.0,
        "flow_impact": 0.0,
        "real_sound": 0.0,
    }
    assert rows["families"]["ambience"]["clips"] == 3
    assert rows["families"]["strike"]["events"] == 24


def test_every_source_weighs_the_same_in_their_average() -> None:
    right = [trial(seed, lambda times: times, source="right") for seed in range(9)]
    wrong = trial(9, lambda times: times + 0.1, source="wrong")
    rows = report([*right, wrong])
    assert {name: row["clips"] for name, row in rows["sources"].items()} == {"right": 9, "wrong": 1}
    assert rows["sources"]["right"]["matched"]["f1_80"] == 1
    assert rows["sources"]["wrong"]["matched"]["f1_80"] == 0
    assert rows["source_average"]["matched"]["f1_80"] == 0.5
    assert rows["matched"]["f1_80"] == pytest.approx(0.9)


def test_every_clip_has_its_own_figures() -> None:
    trials = [trial(0, lambda times: times), trial(1, lambda times: times[:3]), trial(2, lambda times: NONE, events=0)]
    clips = report(trials)["per_clip"]
    assert [(clip["name"], clip["source"], clip["events"]) for clip in clips] == [
        ("0", "a", 6),
        ("1", "a", 6),
        ("2", "a", 0),
    ]
    assert [clip["matched"]["recall_80"] for clip in clips] == [1, 0.5, None]
    assert all(clip.keys() >= set(ROWS) for clip in clips)
    assert clips[0]["shuffled"]["f1_80"] < 1


def test_the_interval_holds_the_figure_and_narrows_with_clips() -> None:
    def half_right(times: np.ndarray) -> np.ndarray:
        return np.sort(np.concatenate([times[:3], times[3:] + 0.1])) if times[0] < 0.7 else times

    few, many = (report([trial(seed, half_right) for seed in range(count)]) for count in (10, 160))
    for rows in (few, many):
        assert rows["interval_90"].keys() == {*ROWS, "gap"}
        for row in ("matched", "shuffled"):
            low, high = rows["interval_90"][row]
            assert low < rows[row]["f1_80"] < high
        low, high = rows["interval_90"]["gap"]
        assert low < rows["matched"]["f1_80"] - rows["shuffled"]["f1_80"] < high
        assert rows["interval_90"]["real_sound"] == [1, 1]
    widths = [np.diff(rows["interval_90"]["matched"])[0] for rows in (few, many)]
    assert widths[1] < 0.5 * widths[0]
    assert report([trial(0, half_right)])["interval_90"] == dict.fromkeys((*ROWS, "gap"))


def test_shuffling_never_pairs_a_clip_with_itself() -> None:
    # Every clip has its own instant, so that any match would be one with itself.
    trials = [
        Trial(str(n), "strike", "a", 60.0, Reference(t, NONE, t), predictions(t, t))
        for n in range(12)
        if (t := np.array([1.0 + 2 * n])) is not None
    ]
    assert report(trials)["shuffled"]["f1_80"] == 0


def test_a_single_clip_cannot_be_shuffled() -> None:
    assert report([trial(0, lambda times: times)])["shuffled"] == dict.fromkeys(FIGURES)


def test_shuffled_pairs_are_compared_over_the_shorter_clip() -> None:
    short, long = np.array([1.0]), np.array([1.0, 8.0, 9.0])
    trials = [
        Trial("a", "video", "a", 2.0, Reference(short, NONE, short), predictions(short, short)),
        Trial("b", "video", "a", 10.0, Reference(long, NONE, long), predictions(long, long)),
    ]
    assert report(trials)["shuffled"]["f1_80"] == 1


@dataclass
class OracleModel(OneByOne):
    """Clicks at the times given for each picture, or evenly for any other."""

    events: dict[bytes, np.ndarray] = field(default_factory=dict)
    name: str = "oracle"
    revision: str = "1"
    sample_rate: int = 48_000
    frame_rate: Fraction = Fraction(12)
    frame_size: tuple[int, int] = (18, 32)
    window_frames: int = 62
    default_steps: int = 3
    default_guidance_scale: float = 2.0
    asked: list[tuple[str, int, int, float]] = field(default_factory=list)

    def generate(self, frames, samples, *, caption="", seed=0, steps=None, guidance_scale=None, **rest) -> torch.Tensor:
        assert frames.shape[1:] == (18, 32, 3)
        self.asked.append((caption, seed, steps, guidance_scale))
        sound = torch.zeros(samples)
        for time in self.events.get(frames.numpy().tobytes(), np.arange(0.4, 9, 0.9)):
            if time * 48_000 < samples:
                sound[round(time * 48_000)] = 0.5
        return sound


class BatchingModel(OracleModel):
    """The same, several at once."""

    def generate_batch(self, frames, samples, *, captions, seeds, steps, guidance_scale) -> torch.Tensor:
        assert frames.shape[0] == len(captions) == len(seeds) > 1
        return torch.stack(
            [
                self.generate(picture, samples, caption=caption, seed=seed, steps=steps, guidance_scale=guidance_scale)
                for picture, caption, seed in zip(frames, captions, seeds, strict=True)
            ]
        )


@dataclass
class MovingModel(OneByOne):
    """Flashes at the times given for each sound, or evenly for any other."""

    events: dict[bytes, np.ndarray] = field(default_factory=dict)
    name: str = "moving"
    revision: str = "1"
    sample_rate: int = 48_000
    frame_rate: Fraction = Fraction(24)
    frame_size: tuple[int, int] = (18, 32)
    window_frames: int = 124
    default_steps: int = 3
    default_guidance_scale: float = 2.0
    asked: list[tuple[str, int]] = field(default_factory=list)

    def generate(self, sound, frames, *, caption="", seed=0, steps=None, guidance_scale=None, **rest) -> torch.Tensor:
        self.asked.append((caption, seed))
        picture = torch.full((frames, *self.frame_size, 3), 60, dtype=torch.uint8)
        for time in self.events.get(sound.numpy().tobytes(), np.arange(0.4, 9, 0.9)):
            picture[int(time * 24) :] ^= 80
        return picture


def events_of_the_world(clips: int) -> dict[bytes, np.ndarray]:
    return {
        clip.frames(Fraction(12), (18, 32)).tobytes(): clip.reference.events
        for clip in (WorldClip(n) for n in range(clips))
    }


@pytest.mark.parametrize("kind", [OracleModel, BatchingModel])
def test_the_command_on_the_world(
    kind: type[OracleModel], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = kind(events_of_the_world(5))
    monkeypatch.setattr(registry, "load", lambda name, task, device: model)
    assert (
        main(["sync", "--clips", "5", "--batch", "2", "--seed", "7", "--steps", "2", "--device", "cpu", "--json"]) == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert {"set", "clips", "model", "steps", *ROWS} <= result.keys()
    assert result["direction"] == "v2a"
    assert (result["set"], result["clips"], result["model"], result["steps"]) == ("world", 5, "oracle", 2)
    for row in ROWS:
        assert result[row].keys() == set(FIGURES)
    assert result["matched"]["f1_80"] > 0.95
    assert result["matched"]["f1_80"] > result["shuffled"]["f1_80"] + 0.3
    assert result["real_sound"]["recall_80"] > 0.9
    assert [seed for _, seed, _, _ in model.asked] == [7, 8, 9, 10, 11]
    assert all(caption and steps == 2 and scale == 2.0 for caption, _, steps, scale in model.asked)


def test_from_sound_to_picture(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clips = [WorldClip(n) for n in range(4)]
    model = MovingModel({clip.sound.tobytes(): clip.reference.events for clip in clips})
    monkeypatch.setattr(registry, "load", lambda name, task, device: model)
    assert main(["sync", "--direction", "a2v", "--clips", "4", "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["direction"], result["model"], result["clips"]) == ("a2v", "moving", 4)
    assert {"set", "clips", "model", "steps", *ROWS} <= result.keys()
    assert result["matched"]["f1_80"] > 0.9
    assert result["matched"]["f1_80"] > result["shuffled"]["f1_80"] + 0.25
    assert model.asked == [(clip.video_caption, n) for n, clip in enumerate(clips)]

    model.events = {}
    assert main(["sync", "--direction", "a2v", "--clips", "4", "--device", "cpu", "--json"]) == 0
    deaf = json.loads(capsys.readouterr().out)
    assert deaf["matched"]["f1_80"] < deaf["shuffled"]["f1_80"] + 0.2


class SeeingModel(EventModel):
    """Sees the events of the pictures that it knows, and in any other every tenth frame."""

    name, revision, device = "seeing", "1", torch.device("cpu")
    frame_rate, frame_size, window_frames, default_threshold = Fraction(12), (18, 32), 62, 0.5

    def __init__(self, events: dict[bytes, np.ndarray]) -> None:
        self.events = events

    def event_probabilities(self, frames: torch.Tensor) -> torch.Tensor:
        probabilities = torch.full((len(frames),), 0.1)
        times = self.events.get(frames.numpy().tobytes())
        probabilities[np.arange(0, len(frames), 10) if times is None else (times * 12).astype(int)] = 0.9
        return probabilities


@pytest.mark.parametrize("style", ["footage", "physics"])
def test_events_without_a_sound(
    style: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = {clip.frames(Fraction(12), (18, 32)).tobytes(): clip for clip in (WorldClip(n, style) for n in range(4))}
    model = SeeingModel({frames: clip.reference.events for frames, clip in seen.items()})
    tasks = []
    monkeypatch.setattr(registry, "load", lambda name, task, device: tasks.append(task) or model)  # type: ignore[func-returns-value]
    arguments = ["sync", "--events", "--style", style, "--clips", "4", "--device", "cpu"]
    assert main([*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    name = "world" if style == "footage" else "physics"
    assert (result["set"], result["task"], result["model"], result["captions"]) == (name, "spot", "seeing", False)
    assert result["matched"]["recall_80"] > 0.85
    assert result["matched"]["f1_80"] > result["shuffled"]["f1_80"] + 0.3
    model.events = {}
    assert main(arguments) == 0
    assert "events alone" in capsys.readouterr().out
    assert tasks == ["spot", "spot"]


def test_events_are_seen_and_not_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", "--events", "--direction", "a2v", "--device", "cpu"]) != 0
    assert "leave --direction a2v out" in " ".join(capsys.readouterr().err.split())


def test_the_world_set_is_fixed_and_varied() -> None:
    first, again = WorldClip(3), WorldClip(3)
    np.testing.assert_array_equal(first.frames(Fraction(12), (18, 32)), again.frames(Fraction(12), (18, 32)))
    np.testing.assert_array_equal(first.sound, again.sound)
    assert len({WorldClip(n).family for n in range(60)}) > 8


def test_without_captions_the_model_gets_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = OracleModel()
    monkeypatch.setattr(registry, "load", lambda name, task, device: model)
    assert main(["sync", "--clips", "2", "--no-captions", "--guidance", "0", "--device", "cpu"]) == 0
    assert [(caption, scale) for caption, _, _, scale in model.asked] == [("", 0.0)] * 2
    printed = capsys.readouterr().out
    assert "frame difference" in printed
    assert "by family" in printed


def test_the_command_on_real_videos(
    make_media: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    events = {}
    for n, times in enumerate(([0.52, 1.32, 2.2], [0.8, 1.72, 2.6], [0.24, 2.0, 2.92])):
        sound = np.zeros((1, 48_000 * 4), np.float32)
        images = np.zeros((100, 36, 64, 3), np.uint8)
        images[:, 0, 0] = 80 * n
        for time in times:
            start = round(time * 48_000)
            sound[0, start : start + 4800] = 0.5 * np.sin(np.arange(4800) / 9) * np.exp(-np.arange(4800) / 900)
            images[round(time * 25) : round(time * 25) + 2] = 200
        media = make_media(f"{n}.mov", list(images), sound=sound).rename(folder / f"{n}.mov")
        from avfoley_engine.media import read_frames

        events[read_frames(media, [Fraction(t, 12) for t in range(48)], (18, 32)).tobytes()] = np.array(times)
    make_media("mute.mov", list(images)).rename(folder / "mute.mov")
    (folder / "notes.txt").write_text("not a film")
    monkeypatch.setattr(registry, "load", lambda name, task, device: OracleModel(events))
    assert main(["sync", "--videos", str(folder), "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["set"], result["clips"], result["events"]) == ("videos", 3, 9)
    assert result["left_out"] == {"mute.mov": "no sound", "notes.txt": "no media file"}
    assert result["matched"]["f1_80"] == 1
    assert result["shuffled"]["f1_80"] < 0.5
    assert result["frame_difference"]["recall_80"] > 0.9
    assert result["real_sound"]["f1_80"] > 0.8
    assert result["interval_90"]["matched"] == [1, 1]
    assert [(clip["name"], clip["source"], clip["events"]) for clip in result["per_clip"]] == [
        (f"{n}.mov", "videos", 3) for n in range(3)
    ]

    other = tmp_path / "other"
    other.mkdir()
    (folder / "2.mov").rename(other / "2.mov")
    (folder / "index.csv").write_text("file,source\n0.mov,drums\n")
    assert main(["sync", "--videos", str(folder), str(other), "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {name: row["clips"] for name, row in result["sources"].items()} == {"drums": 1, "videos": 1, "other": 1}
    assert main(["sync", "--videos", str(folder), str(other), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for words in ("flow impact", "90 % interval", "by clip", "by source", "1.mov", "drums", "average over sources"):
        assert words in printed


def test_a_folder_without_sound_is_an_error_that_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", "--videos", str(tmp_path), "--device", "cpu"]) == 1
    assert "holds no video with sound" in capsys.readouterr().err
    assert main(["sync", "--videos", str(tmp_path / "gone")]) == 1
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["sync", "--clips", "0"], ["sing"]])
def test_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(argv)
    assert error.value.code == 2
