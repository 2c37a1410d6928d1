import math

import pytest
import torch
from torch import Tensor

from models.vision.clip import VisionOutput
from models.vision.noise_augmentation import NoiseAugmentation, signal_levels

WIDTH = 6


def item(*rows: list[float], strength: float = 1.0, noise: float = 0.0) -> dict:
    embeds = torch.tensor(rows)
    output = VisionOutput(embeds, embeds, embeds)
    return {"clip_vision_output": output, "strength": strength, "noise_augmentation": noise}


def level_features(level: int) -> Tensor:
    angles = [level * math.exp(-math.log(10000) * i / (WIDTH // 2)) for i in range(WIDTH // 2)]
    return torch.tensor([[*map(math.cos, angles), *map(math.sin, angles)]])


def noise(seed: int, draws: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed - 10)
    return [torch.randn(1, WIDTH, generator=generator) for _ in range(draws)]


def test_the_noise_schedule_is_that_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers")
    oracle = diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2", num_train_timesteps=1000)
    torch.testing.assert_close(signal_levels().float(), oracle.alphas_cumprod, rtol=1e-4, atol=1e-9)


def test_without_pictures_nothing_is_told() -> None:
    assert torch.equal(NoiseAugmentation(WIDTH).vector([], 1), torch.zeros(1, 2 * WIDTH))


@pytest.mark.parametrize(("part", "level"), [(0.0, 0), (0.5, 500), (0.3, 300), (1.0, 999)])
def test_one_picture_is_noised_and_its_level_told(part: float, level: int) -> None:
    row = [1.0, -2.0, 0.5, 3.0, 0.0, 1.5]
    got = NoiseAugmentation(WIDTH).vector([item(row, strength=0.7, noise=part)], seed=42)
    signal = float(signal_levels()[level])
    mixed = math.sqrt(signal) * torch.tensor([row]) + math.sqrt(1 - signal) * noise(42)[0]
    torch.testing.assert_close(got, 0.7 * torch.cat([mixed, level_features(level)], dim=1))


def test_statistics_of_the_embeddings_are_taken_off_and_put_back() -> None:
    mean, deviation = torch.arange(6.0), torch.full((6,), 2.0)
    row = [1.0, -2.0, 0.5, 3.0, 0.0, 1.5]
    got = NoiseAugmentation(WIDTH, mean, deviation).vector([item(row, noise=0.4)], seed=3)
    signal = float(signal_levels()[400])
    scaled = (torch.tensor([row]) - mean) / deviation
    mixed = (math.sqrt(signal) * scaled + math.sqrt(1 - signal) * noise(3)[0]) * deviation + mean
    torch.testing.assert_close(got[:, :WIDTH], mixed)


def test_several_pictures_are_added_up_and_noised_again() -> None:
    rows = [[1.0, 0, 0, 0, 0, 2.0], [0, 3.0, 0, 0, 0, 0], [0, 0, 0, 5.0, 0, 0]]
    augmentation = NoiseAugmentation(WIDTH)
    items = [item(rows[0], rows[1], strength=0.5, noise=0.1), item(rows[2], strength=2.0)]
    single = [
        augmentation.vector([item(rows[0], strength=0.5, noise=0.1)], 7),
        augmentation.vector([item(rows[1], strength=0.5, noise=0.1)], 7),
        augmentation.vector([item(rows[2], strength=2.0)], 7),
    ]
    total = sum(single)[:, :WIDTH]
    for merge, level in ((0.05, 50), (0.0, 0)):
        signal = float(signal_levels()[level])
        again = math.sqrt(signal) * total + math.sqrt(1 - signal) * noise(7, 2)[1]
        expected = torch.cat([again, level_features(level)], dim=1)
        torch.testing.assert_close(augmentation.vector(items, 7, merge), expected)


def test_embeddings_of_another_vision_model_are_refused() -> None:
    with pytest.raises(ValueError, match="6 wide for this model, not 3"):
        NoiseAugmentation(WIDTH).vector([item([1.0, 2.0, 3.0])], 0)
