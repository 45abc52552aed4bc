"""What makes sampling fast leaves what is sampled as it is, as near as its precision lets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from avfoley_engine.models.avlink.acceleration import ATTENTION_KERNELS, CapturedField, accelerate, attention_kernels
from avfoley_engine.models.avlink.config import AVLinkConfig
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.velocity import guided_velocity
from avfoley_engine.nn.dit import TextStates
from torch.nn.attention import _cur_sdpa_kernel_backends

Velocity = Callable[[AVLink], torch.Tensor]


@pytest.fixture
def velocity(inputs: dict[str, Any]) -> Velocity:
    """A guided velocity of the sound."""
    text: TextStates = inputs["audio_text"]
    nothing = TextStates(text.states[:, :0], text.mask[:, :0])
    given = (inputs["audio"], inputs["t_audio"], inputs["video"], text, nothing)

    def at(link: AVLink) -> torch.Tensor:
        with torch.no_grad():
            return guided_velocity(link, "v2a", *given, 3.0)

    return at


def test_half_precision_is_near(link: AVLink, open_gates: Callable[[AVLink], AVLink], velocity: Velocity) -> None:
    exact = velocity(open_gates(link))
    half = velocity(accelerate(link))
    assert link.audio.output.weight.dtype == torch.bfloat16
    # What the solver adds up keeps its precision.
    assert half.dtype == torch.float32
    assert (half - exact).norm() < 0.05 * exact.norm()
    assert not torch.equal(half, exact)


def test_compiled_blocks_do_the_same(
    linked: Callable[[AVLinkConfig], AVLink],
    small_config: AVLinkConfig,
    open_gates: Callable[[AVLink], AVLink],
    velocity: Velocity,
) -> None:
    # More blocks than the compiler keeps versions of one code: they must share theirs.
    audio, video = (replace(part, dit=replace(part.dit, depth=10)) for part in (small_config.audio, small_config.video))
    link = open_gates(linked(replace(small_config, audio=audio, video=video)))  # type: ignore[arg-type]
    plain = velocity(link)
    compiled = accelerate(link, torch.float32, compiled=True, backend="eager")
    torch.testing.assert_close(velocity(compiled), plain, atol=1e-4, rtol=1e-4)


def test_every_attention_kernel_is_tried_in_the_order_that_is_asked(link: AVLink, velocity: Velocity) -> None:
    plain = velocity(link)
    with attention_kernels("math", "efficient"):
        tried = [kernel.name for kernel in _cur_sdpa_kernel_backends(with_priority=True)]
        torch.testing.assert_close(velocity(link), plain, atol=1e-4, rtol=1e-4)
    assert tried[:2] == ["MATH", "EFFICIENT_ATTENTION"]
    assert len(tried) == len(ATTENTION_KERNELS)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs want a GPU")
def test_a_replayed_graph_gives_what_the_field_gives(link: AVLink, inputs: dict[str, Any]) -> None:
    link.cuda().requires_grad_(False)
    text: TextStates = inputs["audio_text"]
    text = TextStates(text.states.cuda(), text.mask.cuda())
    field = CapturedField(lambda x, t: link.audio(x, t, text))
    for seed in range(3):
        torch.manual_seed(seed)
        x, t = torch.randn(2, 25, 8, device="cuda"), torch.rand(2, device="cuda")
        torch.testing.assert_close(field(x, t), link.audio(x, t, text))
