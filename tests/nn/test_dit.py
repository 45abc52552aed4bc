"""The DiT on rows of different lengths."""

from __future__ import annotations

import torch
from avfoley_engine.models.avlink.backbones import AudioDiT
from avfoley_engine.models.avlink.config import AudioConfig
from avfoley_engine.nn.dit import DiTConfig, TextStates


def test_a_padded_row_gives_what_it_gives_alone() -> None:
    torch.manual_seed(0)
    audio = AudioDiT(AudioConfig(DiTConfig(width=32, depth=2, heads=2, text_width=8), latent_width=4))
    for p in audio.parameters():
        torch.nn.init.normal_(p, std=0.3)
    x, t = torch.randn(2, 9, 4), torch.tensor([0.3, 0.7])
    text = TextStates(torch.randn(2, 3, 8), torch.ones(2, 3, dtype=torch.bool))
    mask = torch.arange(9) < torch.tensor([[9], [5]])
    both = audio(x, t, text, mask)
    short = audio(x[1:, :5], t[1:], TextStates(text.states[1:], text.mask[1:]))
    assert torch.allclose(both[1, :5], short[0], atol=1e-5)
    assert torch.allclose(both[0], audio(x, t, text)[0], atol=1e-5)
    assert not torch.allclose(audio(x, t, text)[1, :5], short[0], atol=1e-3)


def test_pooled_text_changes_nothing_at_first_and_nothing_without_a_caption() -> None:
    torch.manual_seed(0)
    plain = AudioDiT(AudioConfig(DiTConfig(width=32, depth=2, heads=2, text_width=8), latent_width=4))
    pooled = AudioDiT(
        AudioConfig(DiTConfig(width=32, depth=2, heads=2, text_width=8, pooled_text=True), latent_width=4)
    )
    for p in plain.parameters():
        torch.nn.init.normal_(p, std=0.3)
    pooled.load_state_dict(plain.state_dict(), strict=False)
    assert pooled.pooled is not None
    x, t = torch.randn(2, 9, 4), torch.tensor([0.3, 0.7])
    text = TextStates(torch.randn(2, 3, 8), torch.tensor([[True, True, False], [False, False, False]]))
    assert torch.equal(pooled(x, t, text), plain(x, t, text))
    torch.nn.init.normal_(pooled.pooled.projection.weight, std=0.3)
    changed = (pooled(x, t, text) - plain(x, t, text)).abs().amax(dim=(1, 2))
    assert changed[0] > 1e-2
    assert changed[1] < 1e-6
    # A padded state has no say.
    text.states[0, 2] = 100
    assert torch.allclose(pooled.pooled(text.states, text.mask), pooled.pooled(text.states[:, :2], text.mask[:, :2]))


def test_without_a_text_width_captions_change_nothing() -> None:
    audio = AudioDiT(AudioConfig(DiTConfig(width=32, depth=2, heads=2, text_width=None), latent_width=4))
    for parameter in audio.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    assert not any("text" in name for name, _ in audio.named_parameters())
    x, t = torch.randn(2, 5, 4), torch.tensor([0.2, 0.7])
    some = TextStates(torch.randn(2, 3, 8), torch.ones(2, 3, dtype=torch.bool))
    none = TextStates(torch.zeros(2, 0, 8), torch.zeros(2, 0, dtype=torch.bool))
    assert torch.equal(audio(x, t, some), audio(x, t, none))
    assert not torch.equal(audio(x, t, some)[0], audio(x[:1], t[1:], some.rows(torch.tensor([0])))[0])
