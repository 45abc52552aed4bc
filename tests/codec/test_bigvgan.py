"""BigVGAN: the same numbers as a peer's implementation, and NVIDIA's checkpoints by their names."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from avfoley_engine import zoo
from avfoley_engine.codec.bigvgan import AntiAliased, BigVGAN, BigVGANConfig, low_pass
from safetensors.torch import load_file, save_file

CONFIG = BigVGANConfig(
    num_mels=10,
    upsample_initial_channel=32,
    upsample_rates=(4, 2),
    upsample_kernel_sizes=(8, 4),
    resblock_kernel_sizes=(3, 7),
    resblock_dilation_sizes=((1, 3, 5), (1, 3, 5)),
    use_tanh_at_final=False,
    use_bias_at_final=False,
)


@pytest.fixture
def mel() -> torch.Tensor:
    return torch.randn(1, 10, 30, generator=torch.Generator().manual_seed(1))


def randomised(model: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    for p in model.parameters():
        p.data = 0.2 * torch.randn_like(p)
    return model.eval()


def nvidia(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A plain state dict as NVIDIA's checkpoints hold it: weight-normalised, with the filters as buffers."""
    out = {}
    for name, tensor in state.items():
        if name.endswith(".weight"):
            scale = torch.rand(len(tensor), 1, 1) + 0.5
            out[f"{name}_v"] = tensor * scale
            out[f"{name}_g"] = tensor.norm(dim=(1, 2), keepdim=True)
        else:
            out[name] = tensor
        if name.endswith(".act.alpha"):
            activation = name.removesuffix(".act.alpha")
            out[f"{activation}.upsample.filter"] = low_pass()
            out[f"{activation}.downsample.lowpass.filter"] = low_pass()
    return out


@pytest.mark.slow
def test_it_equals_the_bigvgan_of_transformers(mel: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniBigVGANConfig
    from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniToken2WavBigVGANModel

    reference = Qwen2_5OmniToken2WavBigVGANModel(
        Qwen2_5OmniBigVGANConfig(
            mel_dim=CONFIG.num_mels,
            upsample_initial_channel=CONFIG.upsample_initial_channel,
            upsample_rates=list(CONFIG.upsample_rates),
            upsample_kernel_sizes=list(CONFIG.upsample_kernel_sizes),
            resblock_kernel_sizes=list(CONFIG.resblock_kernel_sizes),
            resblock_dilation_sizes=[list(d) for d in CONFIG.resblock_dilation_sizes],
        )
    )
    randomised(reference)
    # Its own normalisation of the mel is another project's.
    monkeypatch.setattr(reference, "process_mel_spectrogram", lambda x: x)
    model = BigVGAN(CONFIG).eval()
    model.load_state_dict(reference.state_dict())
    with torch.no_grad():
        expected, waveform = reference(mel), model(mel)
    assert waveform.shape == (1, 30 * 8)
    assert expected.std() > 1e-2
    torch.testing.assert_close(waveform[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["snake", "snakebeta"])
def test_a_checkpoint_with_weight_normalisation_loads(mel: torch.Tensor, activation: str) -> None:
    config = BigVGANConfig(**{**vars(CONFIG), "activation": activation, "use_bias_at_final": True})
    original = randomised(BigVGAN(config))
    state = nvidia(original.state_dict())
    assert "ups.1.0.weight_g" in state
    assert ("resblocks.0.activations.5.act.beta" in state) == (activation == "snakebeta")
    model = BigVGAN(config).eval()
    model.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(model(mel), original(mel), rtol=1e-4, atol=1e-5)


def test_a_checkpoint_of_other_sizes_is_refused() -> None:
    with pytest.raises(RuntimeError, match="conv_pre"):
        BigVGAN(CONFIG).load_state_dict(BigVGAN(BigVGANConfig(**{**vars(CONFIG), "num_mels": 12})).state_dict())


def test_the_activation_keeps_below_nyquist() -> None:
    # A tone whose square lies above Nyquist: without the filters it comes back as another tone below.
    time = torch.arange(4096)
    tone = torch.sin(2 * torch.pi * 0.3 * time)[None, None]

    class Square(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + x.square()

    def alias(x: torch.Tensor) -> float:
        spectrum = torch.fft.rfft(x[0, 0] * torch.hann_window(4096)).abs()
        return (spectrum[round(0.4 * 4096)] / spectrum[round(0.3 * 4096)]).item()

    # Twelve taps are a gentle filter: 10 dB.
    assert alias(AntiAliased(Square())(tone)) < 0.33 * alias(Square()(tone))


def test_the_paper_size_has_112_million_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in BigVGAN(BigVGANConfig()).parameters()) / 1e6 == pytest.approx(112, abs=1)


def test_the_documented_conversion_and_the_hub_at_a_pinned_revision(
    tmp_path: Path, mel: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = randomised(BigVGAN(CONFIG))
    torch.save({"generator": nvidia(original.state_dict())}, tmp_path / "bigvgan_generator.pt")
    documentation = (Path(__file__).parents[2] / "docs" / "codec.md").read_text(encoding="utf-8")
    script = documentation.split("```python\n# convert.py\n")[1].split("```")[0]
    (tmp_path / "hub").mkdir()
    converted = tmp_path / "hub" / "vocoder.safetensors"
    monkeypatch.setattr(sys, "argv", ["convert.py", str(tmp_path / "bigvgan_generator.pt"), str(converted)])
    exec(script, {})

    def fetch(repository: str, name: str, revision: str, path: Path, report: Callable[[int], None]) -> None:
        assert (repository, revision) == ("owner/bigvgan", "c" * 40)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "hub" / name, path)

    monkeypatch.setattr("avfoley_engine.hub.fetch", fetch)
    monkeypatch.setenv("AVFOLEY_HOME", str(tmp_path / "home"))
    files = {"vocoder.safetensors": hashlib.sha256(converted.read_bytes()).hexdigest()}
    entry = zoo.Entry("paper", tmp_path, {"files": files, "repository": "owner/bigvgan", "revision": "c" * 40})
    model = BigVGAN(CONFIG).eval()
    model.load_state_dict(load_file(entry.file("vocoder.safetensors")))
    with torch.no_grad():
        torch.testing.assert_close(model(mel), original(mel), rtol=1e-4, atol=1e-5)
    entry.path("vocoder.safetensors").unlink()
    save_file({"other": torch.zeros(1)}, converted)
    with pytest.raises(zoo.ModelError, match="sha256"):
        entry.file("vocoder.safetensors")
