from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from avfoley_engine.jobs.cache import ArtefactCache
from avfoley_engine.protocol import FoleyRequest, FoleyResult, PictureRange, SoundRange, VisualizeResult

from support.messages import caption_result, foley_request, foley_result, visualize_request, visualize_result


def request(media: Path, seed: int = 0) -> FoleyRequest:
    picture = PictureRange(media=media, source_start=Fraction(0), source_rate=Fraction(25))
    return foley_request(seed, picture=picture)


def make(content: bytes) -> Callable[[Path], FoleyResult]:
    def write(out: Path) -> FoleyResult:
        out.write_bytes(content)
        return foley_result(path=out)

    return write


@pytest.fixture
def cache(tmp_path: Path) -> ArtefactCache:
    return ArtefactCache(tmp_path / "cache")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mov"
    path.write_bytes(b"picture")
    return path


def test_what_was_made_is_found_again(cache: ArtefactCache) -> None:
    assert cache.get("ab12") is None
    made = cache.make("ab12", ".wav", make(b"sound"))
    assert made.path.read_bytes() == b"sound"
    assert cache.get("ab12") == made


def test_the_key_tells_apart_all_that_decides_the_sound(cache: ArtefactCache, media: Path) -> None:
    key = cache.key(request(media), "r1", "cpu")
    assert key == cache.key(request(media), "r1", "cpu")
    assert key != cache.key(request(media, seed=1), "r1", "cpu")
    assert key != cache.key(request(media), "r2", "cpu")
    assert key != cache.key(request(media), "r1", "cuda")
    media.write_bytes(b"another picture under the same name")
    assert key != cache.key(request(media), "r1", "cpu")


def test_a_task_that_fails_leaves_nothing_behind(cache: ArtefactCache) -> None:
    def fail(out: Path) -> FoleyResult:
        out.write_bytes(b"half a sou")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.make("ab12", ".wav", fail)
    assert cache.get("ab12") is None
    assert [path for path in cache.folder.rglob("*") if path.is_file()] == []


def test_a_damaged_artefact_is_a_miss(cache: ArtefactCache) -> None:
    made = cache.make("ab12", ".wav", make(b"sound"))
    made.path.write_bytes(b"noise")
    assert cache.get("ab12") is None


def test_the_least_recently_used_go_first(cache: ArtefactCache) -> None:
    takes = {key: cache.make(key, ".wav", make(bytes(1000))) for key in ("aa", "bb", "cc", "dd")}
    for age, key in enumerate(("dd", "cc", "bb", "aa")):
        note = takes[key].path.with_suffix(".json")
        os.utime(note, (1_000_000 - age, 1_000_000 - age))
    assert cache.get("bb") is not None  # Just used: now the youngest.
    size = sum(path.stat().st_size for path in cache.folder.rglob("*") if path.is_file()) // 4
    # "aa" is the oldest, but a recent job refers to it.
    assert cache.prune({takes["aa"].path}, max_bytes=2 * size) == 2 * size
    assert [key for key in takes if cache.get(key)] == ["aa", "bb"]


def test_text_is_kept_without_a_file(cache: ArtefactCache) -> None:
    answer = caption_result("a dog barks")
    assert cache.make("ab12", None, lambda out: answer) == answer == cache.get("ab12")
    assert [path.name for path in cache.folder.rglob("*.*")] == ["ab12.json"]


def test_what_killed_workers_left_is_swept_up(cache: ArtefactCache) -> None:
    cache.make("ab12", ".wav", make(b"sound"))
    leftover = cache.folder / "ab" / "ab12.0123.part.wav"
    leftover.write_bytes(b"half")
    assert cache.prune(set()) == 4
    assert not leftover.exists()
    assert cache.get("ab12") is not None


def test_each_kind_of_take_keeps_its_own_kind_of_file(cache: ArtefactCache) -> None:
    def picture(out: Path) -> VisualizeResult:
        out.write_bytes(b"picture")
        return visualize_result(path=out, codec="ffv1")

    made = cache.make("ab12", ".mkv", picture)
    assert made.path.name == "ab12.mkv"
    assert cache.get("ab12") == made
    leftover = cache.folder / "ab" / "ab12.0123.part.mkv"
    leftover.write_bytes(b"half")
    assert cache.prune(set(), max_bytes=0) > 4
    assert list(cache.folder.glob("*/*")) == []


def test_the_key_follows_the_sound_that_a_picture_is_made_for(cache: ArtefactCache, media: Path) -> None:
    sound = SoundRange(media=media, source_start=Fraction(0))
    request = visualize_request(sound=sound)
    key = cache.key(request, "r1", "cpu")
    assert key != cache.key(request.model_copy(update={"codec": "ffv1"}), "r1", "cpu")
    media.write_bytes(b"another sound under the same name")
    assert key != cache.key(request, "r1", "cpu")
