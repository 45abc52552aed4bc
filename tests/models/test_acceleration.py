"""Fast sampling samples the same, as near as its precision permits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from avfoley_engine import zoo
from avfoley_engine.evaluation.matching import count
from avfoley_engine.media import onsets
from avfoley_engine.models.acceleration import (
    ATTENTION_KERNELS,
    CapturedField,
    accelerate,
    attention_kernels,
    ready_on_its_device,
)
from avfoley_engine.models.avlink import system
from avfoley_engine.models.avlink.config import NANO, AVLinkConfig, Direction
from avfoley_engine.models.avlink.link import AVLink
from avfoley_engine.models.avlink.upsampler.config import UpsamplerConfig
from avfoley_engine.models.avlink.upsampler.upsample import LatentUpsampler, UpsamplerNetworks
from avfoley_engine.models.avlink.velocity import guided_velocity
from avfoley_engine.nn.dit import TextStates
from avfoley_engine.world import render_frames, sample_scene
from torch._dynamo.testing import CompileCounter
from torch.nn.attention import _cur_sdpa_kernel_backends
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

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
    compiler = CompileCounter()
    compiled = accelerate(link, torch.float32, compiled=True, backend=compiler)
    torch.testing.assert_close(velocity(compiled), plain, atol=1e-4, rtol=1e-4)
    assert 0 < compiler.frame_count < 10


def test_compiled_blocks_take_sounds_of_any_length(link: AVLink) -> None:
    nothing = TextStates(torch.zeros(1, 0, 16), torch.zeros(1, 0, dtype=torch.bool))
    sounds = [torch.randn(1, length, 8) for length in range(20, 35)]
    with torch.no_grad():
        plain = [link.audio(x, torch.tensor([0.5]), nothing) for x in sounds]
        accelerate(link, torch.float32, compiled=True, backend="eager")
        for x, expected in zip(sounds, plain, strict=True):
            torch.testing.assert_close(link.audio(x, torch.tensor([0.5]), nothing), expected, atol=1e-4, rtol=1e-4)


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
    # It is recorded by the fourth call.
    for seed in range(6):
        torch.manual_seed(seed)
        x, t = torch.randn(2, 25, 8, device="cuda"), torch.rand(2, device="cuda")
        torch.testing.assert_close(field(x, t), link.audio(x, t, text))
    assert field.graph is not None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs want a GPU")
def test_what_cannot_be_recorded_still_runs() -> None:
    field = CapturedField(lambda x, t: x * float(x.sum()))
    x = torch.randn(2, 3, device="cuda")
    for _ in range(6):
        torch.testing.assert_close(field(x, x[:, 0]), x * x.sum())
    assert field.graph is None


class OnTheDeviceAlone(TorchDispatchMode):
    """Fails where a tensor of another device takes part: a CUDA graph cannot record its copy."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for part in tree_leaves((args, kwargs, result)):
            assert not isinstance(part, torch.Tensor) or part.device.type == "meta", func
        return result


@pytest.mark.parametrize("direction", ["v2a", "a2v"])
def test_a_solver_step_never_leaves_its_device(direction: Direction) -> None:
    """On the meta device, which has no values, so that it cannot be waited for either."""
    audio, video, t = (torch.zeros(s, device="meta") for s in ((1, 129, 32), (1, 124, 36, 64, 3), (1,)))
    text = TextStates(torch.zeros(1, 5, 384, device="meta"), torch.ones(1, 5, dtype=torch.bool, device="meta"))
    x, condition = (audio, video) if direction == "v2a" else (video, audio)
    with torch.device("meta"):
        link = accelerate(AVLink(NANO))
    with torch.no_grad(), OnTheDeviceAlone():
        velocity = guided_velocity(link, direction, x, t, condition, text, text, 4.0)
    assert velocity.shape == x.shape


def test_a_solver_step_of_the_upsampler_never_leaves_its_device() -> None:
    with torch.device("meta"):
        networks = accelerate(UpsamplerNetworks(UpsamplerConfig()))
        latents = torch.zeros(1, 4, 36, 64, networks.config.autoencoder.latent_width + 12)
        text = TextStates(torch.zeros(1, 5, 384), torch.ones(1, 5, dtype=torch.bool))
        t = torch.zeros(1)
    with torch.no_grad(), OnTheDeviceAlone():
        assert networks.flow(latents, t, text).shape[:-1] == latents.shape[:-1]


@pytest.mark.slow
def test_the_shipped_model_sounds_the_same_in_half_precision() -> None:
    """The path of a GPU, on the processor."""
    model = system.load(zoo.entry("avlink-nano"))
    scene = sample_scene(14, split="shipped-model", duration=4.0)
    frames = render_frames(scene, *model.frame_size, float(model.frame_rate))

    def sound() -> np.ndarray:
        return model.generate(frames, 4 * 48_000, caption=scene.video_caption, seed=1, steps=10).numpy()

    exact = sound()
    accelerate(model.link)
    half = sound()
    assert not np.array_equal(exact, half)
    assert np.isfinite(half).all()
    assert np.corrcoef(exact, half)[0, 1] > 0.99
    heard = onsets.detect(exact, 48_000)
    assert len(heard) >= 4
    assert count(heard, onsets.detect(half, 48_000), 0.02).f1 == 1


def test_pictures_are_the_same_in_half_precision() -> None:
    model = system.load_video(zoo.entry("avlink-nano"))
    assert isinstance(model.upsampler, LatentUpsampler)
    sound = torch.randn(48_000, generator=torch.Generator().manual_seed(0)) / 10

    def pictures() -> tuple[torch.Tensor, torch.Tensor]:
        small = model.generate(sound, 24, caption="a hammer", seed=1, steps=2)
        return small.float(), torch.cat(list(model.upsampler.upsample(small[:8], model.frame_rate))).float()

    exact = pictures()
    accelerate(model.link)
    accelerate(model.upsampler.networks.flow)
    for one, other in zip(exact, pictures(), strict=True):
        assert 0 < (one - other).abs().mean() < 2


def test_on_the_processor_a_network_stays_as_it_is(link: AVLink, velocity: Velocity) -> None:
    plain = velocity(link)
    assert torch.equal(velocity(ready_on_its_device(link)), plain)
    assert link.audio.output.weight.dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="half precision is for a GPU")
def test_on_a_gpu_a_network_is_served_in_half_precision(link: AVLink) -> None:
    ready_on_its_device(link.cuda())
    assert {p.dtype for p in link.parameters()} == {torch.bfloat16}
    assert not any(p.requires_grad for p in link.parameters())
