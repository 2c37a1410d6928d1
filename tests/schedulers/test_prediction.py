"""Does a network's output turn into the clean latent it stands for?"""

import math

import pytest
import torch
from torch import Tensor, nn

from models.diffusion import DiffusionModel
from models.noise import NoiseTable
from schedulers.prediction import PREDICTIONS, NetworkDenoiser, initial_state, noised
from schedulers.sigmas import sigma_table
from tests.schedulers.toys import ToyNetwork, toy_model

TABLE = sigma_table(NoiseTable())


def outputs(x0: Tensor, noise: Tensor, sigma: float) -> dict[str, Tensor]:
    """What a perfect network of each kind says about x0 + sigma * noise."""
    alpha, spread = 1 / math.sqrt(1 + sigma**2), sigma / math.sqrt(1 + sigma**2)
    return {"eps": noise, "v": alpha * noise - spread * x0, "x0": x0}


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6])
def test_a_perfect_network_gives_the_clean_latent(name: str, sigma: float) -> None:
    x0, noise = torch.randn(2, 1, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = noised(x0, noise, sigma)
    denoised = PREDICTIONS[name](outputs(x0, noise, sigma)[name], x, sigma)
    torch.testing.assert_close(denoised, x0)


def test_the_network_sees_unit_variance_and_its_nearest_step() -> None:
    model = toy_model()
    network = model.network
    assert isinstance(network, ToyNetwork)
    x, context = torch.randn(3, 4, 5, 5), torch.randn(3, 2, 8)
    sigma = float(TABLE.sigmas[500]) * 1.0001
    denoised = NetworkDenoiser.of(model)(x, sigma, context)
    seen, t, _ = network.calls[0]
    torch.testing.assert_close(seen, x / math.sqrt(sigma**2 + 1))
    assert t.tolist() == [500.0] * 3
    torch.testing.assert_close(denoised, x - sigma * network(seen, t, context))


def test_a_half_precision_network_is_fed_its_own_type_and_answers_in_float32() -> None:
    model = toy_model()
    model.network.to(torch.bfloat16)
    assert isinstance(model.network, ToyNetwork)
    denoised = NetworkDenoiser.of(model)(torch.randn(1, 4, 5, 5), 2.0, torch.randn(1, 2, 8))
    seen, t, context = model.network.calls[0]
    assert (seen.dtype, t.dtype, context.dtype) == (torch.bfloat16, torch.float32, torch.bfloat16)
    assert denoised.dtype == torch.float32


def test_an_unknown_prediction_is_named_with_the_known_ones() -> None:
    model = DiffusionModel(nn.Identity(), "sd15", prediction="epsilon")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown prediction 'epsilon'; known are eps, v, x0"):
        NetworkDenoiser.of(model)


def test_sampling_from_the_top_starts_at_the_variance_of_training() -> None:
    latent, noise = torch.full((1, 4, 2, 2), 3.0), torch.ones(1, 4, 2, 2)
    top = TABLE.sigma_max
    expected = 3.0 + math.sqrt(1 + top**2)
    for sigma in (top, top * (1 + 5e-6), top * (1 - 5e-6), top * 2):
        start = initial_state(latent, noise, sigma, TABLE)
        assert float(start[0, 0, 0, 0]) == pytest.approx(3.0 + math.sqrt(1 + sigma**2))
    assert float(initial_state(latent, noise, top, TABLE)[0, 0, 0, 0]) == pytest.approx(expected)
    below = top * (1 - 2e-5)
    assert float(initial_state(latent, noise, below, TABLE)[0, 0, 0, 0]) == pytest.approx(3.0 + below)
