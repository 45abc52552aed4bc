"""The codec's parts in a model folder: `vae`, `vocoder`, and `grain` where it has one."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import TypeAdapter

from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.zoo import Entry


def load_codec(entry: Entry) -> AudioCodec:
    """A model's codec, on the CPU. Raises ModelError if its config or weights cannot be used."""
    codec = AudioCodec(entry.typed("codec", CodecConfig))
    vae = entry.weights("vae")
    codec.latent_mean.copy_(vae.pop("latent_mean"))
    codec.latent_std.copy_(vae.pop("latent_std"))
    entry.load("vae", codec.vae, vae)
    entry.load("vocoder", codec.vocoder)
    if codec.grain is not None:
        entry.load("grain", codec.grain)
    return codec


def codec_states(codec: AudioCodec) -> dict[str, dict[str, torch.Tensor]]:
    """The tensors of each part, as `zoo.write` takes them; latent statistics belong to the VAE's."""
    statistics = {"latent_mean": codec.latent_mean, "latent_std": codec.latent_std}
    states = {"vae": codec.vae.state_dict() | statistics, "vocoder": codec.vocoder.state_dict()}
    return states if codec.grain is None else states | {"grain": codec.grain.state_dict()}


def codec_config(codec: AudioCodec) -> Any:
    """The section `codec` of a `config.json`."""
    return TypeAdapter(CodecConfig).dump_python(codec.config, mode="json")
