"""Low-rank changes of weights."""

from __future__ import annotations

import pytest
import torch
from avfoley_engine.nn.low_rank import low_rank_state, merge_low_rank, with_low_rank
from torch import nn


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 24), nn.Unflatten(1, (24, 1)), nn.Conv1d(24, 12, 3, padding=1), nn.Flatten())


def test_nothing_is_changed_at_first_and_only_changes_learn() -> None:
    plain, changed, x = network(), network(), torch.randn(3, 16)
    with_low_rank(changed, 4)
    torch.testing.assert_close(changed(x), plain(x))
    learning = {name for name, p in changed.named_parameters() if p.requires_grad}
    assert len(learning) == 4
    assert all(name.rpartition(".")[2] in ("up", "down") for name in learning)


def test_merged_changes_are_what_was_learned() -> None:
    plain, changed, x = network(), network(), torch.randn(3, 16)
    with_low_rank(changed, 4)
    with torch.no_grad():
        for p in changed.parameters():
            if p.requires_grad:
                p += 0.1 * torch.randn_like(p)
    changes = low_rank_state(changed)
    assert set(changes) == {f"{n}.weight.{part}" for n in (0, 2) for part in ("up", "down")}
    assert (changed(x) - plain(x)).abs().max() > 0.01
    merge_low_rank(plain, changes)
    torch.testing.assert_close(plain(x), changed(x))


def test_small_weights_stay_as_they_are() -> None:
    changed = network()
    with_low_rank(changed, 8)
    assert {name.rpartition(".")[0] for name in low_rank_state(changed)} == {"0.weight"}


def test_changes_of_another_network_are_refused() -> None:
    with pytest.raises(KeyError):
        merge_low_rank(network(), {"7.weight.up": torch.zeros(2, 2), "7.weight.down": torch.zeros(2, 2)})
