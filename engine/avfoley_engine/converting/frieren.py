"""The checkpoints that Frieren's authors published, as a model of this project.

Their estimator, VAE and vocoder come from the project's own page, CAVP from `SimianLuo/Diff-Foley` on
the Hugging Face Hub. Files are told apart by the names of their weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from avfoley_engine.codec.audio import PAPER as PAPER_CODEC
from avfoley_engine.codec.audio import AudioCodec, CodecConfig
from avfoley_engine.codec.kl_vae import KLVAEConfig
from avfoley_engine.converting.pickles import read_tensors, weights_in
from avfoley_engine.errors import ModelError
from avfoley_engine.models.frieren import system
from avfoley_engine.models.frieren.cavp import CAVPFeatures
from avfoley_engine.models.frieren.config import PAPER, CAVPConfig, FrierenConfig
from avfoley_engine.models.frieren.estimator import Estimator

#: The published model: features are repeated, and flow times cut off, as its code has it.
PUBLIC = replace(PAPER, regulator="repeat", whole_times=True)
CODEC = replace(PAPER_CODEC, vae=KLVAEConfig())
#: What multiplies the VAE's latents.
LATENT_SCALE = 0.18215
LICENCE = "Frieren's weights: none stated by their authors. CAVP: MIT. Ask the authors before you use the sounds commercially."

Weights = dict[str, torch.Tensor]

#: Names in the published estimator -> ours. `{i}` is a block.
_RENAMED = (
    (r"cond_stage_model\.embedder\.0\.", "embedder."),
    (r"model\.diffusion_model\.c_embedder\.mlp\.", "condition."),
    (r"model\.diffusion_model\.t_embedder\.", "time."),
    (r"model\.diffusion_model\.proj_in\.", "input."),
    (r"model\.diffusion_model\.x_proj\.", "latent_half."),
    (r"model\.diffusion_model\.c_proj\.", "condition_half."),
    (r"model\.diffusion_model\.pos_emb\.weight", "positions"),
    (r"model\.diffusion_model\.final_layer\.norm_final\.", "final_norm."),
    (r"model\.diffusion_model\.final_layer\.conv1d\.", "output."),
    (r"model\.diffusion_model\.blocks\.(\d+)\.norm\.", r"blocks.\1.norm."),
    (r"model\.diffusion_model\.blocks\.(\d+)\.proj_in\.", r"blocks.\1.enter."),
    (r"model\.diffusion_model\.blocks\.(\d+)\.proj_out\.", r"blocks.\1.leave."),
)
_IN_BLOCK = r"model\.diffusion_model\.blocks\.(\d+)\.transformer_blocks\.0\."
_ATTENTIONS = {"attn1": 0, "attn2": 1}


def estimator_weights(published: Mapping[str, torch.Tensor]) -> Weights:
    """The weights of `Estimator` from those of a published checkpoint, `model.*` and `cond_stage_model.*`.

    1x1 convolutions become linear layers, and the three projections of an attention one.
    """
    ours: Weights = {}
    for name, tensor in published.items():
        for pattern, replacement in _RENAMED:
            renamed, found = re.subn("^" + pattern, replacement, name)
            if found:
                ours[renamed] = tensor.squeeze(-1) if re.search(r"(enter|leave|output)\.weight$", renamed) else tensor
        inside = re.match(_IN_BLOCK + r"(norm|attn)(\d)\.(.+)", name)
        if inside and inside[2] == "norm":
            ours[f"blocks.{inside[1]}.norms.{int(inside[3]) - 1}.{inside[4]}"] = tensor
        elif inside and inside[4].startswith("to_out.0."):
            ours[f"blocks.{inside[1]}.attentions.{int(inside[3]) - 1}.out.{inside[4][9:]}"] = tensor
        feed = re.match(_IN_BLOCK + r"ff\.net\.(0\.proj|2)\.(.+)", name)
        if feed:
            ours[f"blocks.{feed[1]}.feed_forward.{'inner' if feed[2] != '2' else 'out'}.{feed[3]}"] = tensor
    blocks = {int(m[1]) for m in map(re.compile(_IN_BLOCK).match, published) if m}
    for block in blocks:
        for attention, place in _ATTENTIONS.items():
            prefix = f"model.diffusion_model.blocks.{block}.transformer_blocks.0.{attention}.to_"
            parts = [published[f"{prefix}{part}.weight"] for part in "qkv"]
            ours[f"blocks.{block}.attentions.{place}.qkv.weight"] = torch.cat(parts)
    return ours


def vae_weights(published: Mapping[str, torch.Tensor]) -> Weights:
    """The weights of `KLVAE`, from the estimator's checkpoint, which holds them, or the VAE's own."""
    plain = {name.removeprefix("first_stage_model."): tensor for name, tensor in published.items()}
    return {name: t for name, t in plain.items() if name.startswith(("encoder.", "decoder.", "quant_", "post_quant_"))}


def cavp_weights(published: Mapping[str, torch.Tensor]) -> Weights:
    """The video half of CAVP."""
    plain = {name.replace("module.", ""): tensor for name, tensor in published.items()}
    halves = ("video_encoder.", "video_project_head.")
    return {name: tensor for name, tensor in plain.items() if name.startswith(halves)}


@dataclass(frozen=True)
class Part:
    """One of the published files: how it is told, where it is from, and how its weights are renamed."""

    name: str
    told_by: str
    source: str
    renamed: Callable[[Mapping[str, torch.Tensor]], Weights]


PARTS = (
    Part(
        "estimator",
        "model.diffusion_model.final_layer.conv1d.weight",
        "the page of github.com/cyanbx/Frieren-V2A, such as the checkpoint after reflow and distillation",
        estimator_weights,
    ),
    Part("cavp", "video_project_head.weight", "SimianLuo/Diff-Foley on the Hugging Face Hub", cavp_weights),
    Part("vocoder", "conv_pre.bias", "the page of github.com/cyanbx/Frieren-V2A, best_netG.pt", dict),
)


def parts_of(files: Sequence[Path]) -> dict[str, Weights]:
    """The weights of every part, from files in any order. The estimator's file also holds the VAE.

    Raises:
        ModelError: a file cannot be read or is none of them, or one is missing.
    """
    found: dict[str, Weights] = {}
    for path in files:
        published = weights_in(read_tensors(path))
        names = {name.replace("module.", "") for name in published}
        before = set(found)
        for part in PARTS:
            if part.told_by in names:
                found[part.name] = part.renamed(published)
        if names & {"first_stage_model.quant_conv.weight", "quant_conv.weight"}:
            found["vae"] = vae_weights(published)
        if set(found) == before:
            raise ModelError(f"{path} holds none of Frieren's parts: {', '.join(part.name for part in PARTS)}.")
    missing = [f"{part.name} ({part.source})" for part in PARTS if part.name not in found]
    if "vae" not in found:
        missing.append("vae (epoch=000032.ckpt, from the same page)")
    if missing:
        raise ModelError(f"These parts of Frieren are missing: {'; '.join(missing)}. Give their files as well.")
    return found


def convert(
    files: Sequence[Path], out: Path, config: FrierenConfig = PUBLIC, codec_config: CodecConfig = CODEC
) -> None:
    """Writes the model folder `out` from published files, in single precision.

    Raises:
        ModelError: as `parts_of`, or weights are of other sizes than the published model's.
    """
    assert isinstance(config.features, CAVPConfig)
    found = parts_of(files)
    estimator, features, codec = Estimator(config), CAVPFeatures(config.features), AudioCodec(codec_config)
    codec.latent_std.fill_(1 / LATENT_SCALE)
    networks = {"estimator": estimator, "cavp": features, "vae": codec.vae, "vocoder": codec.vocoder}
    for name, network in networks.items():
        try:
            network.load_state_dict(found[name])
        except RuntimeError as error:
            raise ModelError(f"The {name} is not the one that Frieren published: {error}") from error
    system.save(
        out,
        estimator,
        features,
        codec,
        title="Frieren, as published",
        licence=LICENCE,
        steps=25,
        guidance_scale=4.5,
        dtype=torch.float32,
    )
