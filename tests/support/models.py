"""Models of tests, beyond what the product's contracts say."""

from __future__ import annotations

from typing import Any

import torch


class OneByOne:
    """Makes a batch by calling `generate` for each of its rows."""

    def generate_batch(
        self, given: torch.Tensor | None, length: int, *, captions: list[str], seeds: list[int], **options: Any
    ) -> torch.Tensor:
        rows: Any = [None] * len(captions) if given is None else given
        made = [
            self.generate(row, length, caption=caption, seed=seed, **options)  # type: ignore[attr-defined]
            for row, caption, seed in zip(rows, captions, seeds, strict=True)
        ]
        return torch.stack(made)
