"""Windows over latents: they cover everything, fit the model, and blend to what they agree on."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from avfoley_engine.flow.windows import Windows

LONGEST, OVERLAP = 129, 25
TOTALS = [1, 10, 25, 26, 100, 104, 105, 128, 129, 130, 200, 233, 234, 500, 1501]


def shares(windows: Windows) -> torch.Tensor:
    """In how many windows each latent lies, a window that laps over itself counted twice."""
    positions = (torch.tensor(windows.starts)[:, None] + torch.arange(windows.length)) % windows.total
    return torch.bincount(positions.flatten(), minlength=windows.total)


@pytest.mark.parametrize("total", TOTALS)
def test_a_line_is_covered_by_windows_that_fit(total: int) -> None:
    windows = Windows.line(total, LONGEST, OVERLAP)
    assert windows.length <= LONGEST
    assert windows.starts[0] == 0
    assert windows.starts[-1] + windows.length == total
    assert set(shares(windows).tolist()) <= {1, 2}
    hops = [after - before for before, after in pairwise(windows.starts)]
    assert all(windows.length - hop >= OVERLAP for hop in hops)
    if total <= LONGEST:
        assert windows == Windows((0,), total, total)


@pytest.mark.parametrize("total", TOTALS)
def test_a_circle_is_covered_by_windows_that_overlap_all_around(total: int) -> None:
    windows = Windows.circle(total, LONGEST, OVERLAP)
    assert windows.length <= LONGEST
    assert set(shares(windows).tolist()) <= {1, 2}
    around = [*windows.starts, total]
    hops = [after - before for before, after in pairwise(around)]
    assert all(windows.length - hop >= min(total, OVERLAP) for hop in hops)


@pytest.mark.parametrize("shape", [Windows.line, Windows.circle])
@pytest.mark.parametrize("total", TOTALS)
def test_windows_that_agree_blend_to_what_they_agree_on(shape, total: int) -> None:
    windows = shape(total, LONGEST, OVERLAP)
    whole = torch.randn(2, total, 3)
    parts = windows.cut(whole)
    assert parts.shape == (2 * len(windows.starts), windows.length, 3)
    assert torch.allclose(windows.blend(parts), whole, atol=1e-5)


@pytest.mark.parametrize("windows", [Windows.line(300, LONGEST, OVERLAP), Windows.circle(300, LONGEST, OVERLAP)])
def test_windows_that_disagree_are_cross_faded_without_a_jump(windows: Windows) -> None:
    parts = torch.arange(float(len(windows.starts)))[:, None, None].expand(-1, windows.length, 1)
    blended = windows.blend(parts)[0, :, 0]
    steps = blended.diff().abs()
    apart = max(parts[0, 0, 0].item(), parts[-1, 0, 0].item())
    assert blended.max() - blended.min() == pytest.approx(apart)
    assert steps.max() <= apart / OVERLAP


def test_a_circle_has_no_jump_where_it_closes() -> None:
    windows = Windows.circle(100, LONGEST, OVERLAP)
    ramp = torch.arange(float(windows.length))[None, :, None]
    blended = windows.blend(ramp)[0, :, 0]
    # Cut open the ramp would fall by 99 from its last latent to its first.
    assert torch.cat([blended, blended[:1]]).diff().abs().max() < 10
