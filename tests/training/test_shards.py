"""Shards say what their clips are, and clips that do not fit are refused before anything is learned."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.vae import VAEConfig
from avfoley_engine.errors import ModelError
from avfoley_engine.models.avlink.config import NANO, PAPER
from avfoley_engine.training.avlink.options import format_for
from avfoley_engine.training.dataset import PairedClips
from avfoley_engine.training.labelled import LabelledClips, encode_sounds
from avfoley_engine.training.rendering import render_shard
from avfoley_engine.training.shards import ShardFormat, codec_identity, codec_state
from avfoley_engine.world import SyntheticBank
from avfoley_engine.world.recordings import Sound

CPU = torch.device("cpu")


def codec(seed: int = 0) -> AudioCodec:
    torch.manual_seed(seed)
    return AudioCodec(CodecConfig(vae=VAEConfig(widths=(16, 16, 16), blocks=1))).eval()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "world"
    render_shard(folder / "0000000", codec(), SyntheticBank(), range(1), NANO.window_latents)
    return folder


def test_a_shard_says_rate_size_window_and_codec(world: Path) -> None:
    said = json.loads((world / "0000000" / "shard.json").read_text())
    identity = codec_identity(codec_state(codec()))
    assert said == {
        **{"codec": identity, "latent_width": 32, "latents_per_second": "25", "latents": NANO.window_latents},
        **{"frame_rate": "24", "frames": 124, "height": 36, "width": 64},
    }
    PairedClips(world, CPU).check(format_for(NANO, identity))


def test_clips_of_another_model_or_codec_are_refused(world: Path) -> None:
    data = PairedClips(world, CPU)
    with pytest.raises(ModelError, match=r"world/0000000 .*frame rate 24, not 6.*height 36"):
        data.check(format_for(replace(PAPER, video=replace(PAPER.video, height=72)), None))
    with pytest.raises(ModelError, match=r"codec [0-9a-f]{12}, not [0-9a-f]{12}.*avfoley train world"):
        data.check(format_for(NANO, codec_identity(codec_state(codec(1)))))


def test_an_export_is_the_same_codec() -> None:
    exported = codec()
    exported.load_state_dict({name: tensor.half().float() for name, tensor in exported.state_dict().items()})
    assert codec_identity(codec_state(exported)) == codec_identity(codec_state(codec()))


def test_shards_of_earlier_versions_have_nanos_rates(world: Path, tmp_path: Path) -> None:
    shard = tmp_path / "world" / "0"
    shard.mkdir(parents=True)
    for name in ("frames.npy", "latents.npy", "clips.jsonl"):
        (shard / name).write_bytes((world / "0000000" / name).read_bytes())
    data = PairedClips(tmp_path / "world", CPU)
    data.check(format_for(NANO, "any codec"))
    with pytest.raises(ModelError, match="latents per second 25, not 125/4"):
        data.check(format_for(PAPER, None))


def test_labelled_sounds_say_so_too(tmp_path: Path) -> None:
    samples = (np.random.default_rng(0).normal(size=24_000) * 3000).astype(np.int16)
    encode_sounds(tmp_path / "sounds", codec(), [Sound("a", "knock", "", "", "", samples)], 2, 25)
    clips = LabelledClips(tmp_path / "sounds", CPU)
    assert (clips.format.latents_per_second, clips.format.latents, clips.format.frames) == (Fraction(25), 25, None)
    with pytest.raises(ModelError, match="latent width 32, not 8"):
        LabelledClips(tmp_path / "sounds", CPU, ShardFormat(latent_width=8))
    with pytest.raises(ModelError, match="avfoley train sounds"):
        LabelledClips(tmp_path / "nothing", CPU)
