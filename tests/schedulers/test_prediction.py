"""Does a network's output turn into the clean latent it stands for?"""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from models.diffusion import DiffusionModel
from models.noise import Flow, NoiseTable
from schedulers.path import Path
from schedulers.prediction import PREDICTIONS, NetworkDenoiser, initial_state
from schedulers.tables import sigma_table
from tests.schedulers.toys import ToyNetwork, toy_model

TABLE = sigma_table(NoiseTable())


def outputs(x0: Tensor, noise: Tensor, sigma: float, data: float) -> dict[str, Tensor]:
    """What a perfect network of each kind says about x0 and noise."""
    spread = math.sqrt(sigma**2 + data**2)
    velocity = (data * noise - sigma * x0 / data) / spread
    return {
        "eps": noise,
        "v": velocity,
        "x0": x0,
        "edm": -velocity,
        "img_to_img": x0,
        "flow": noise - x0,
        "cosmos_flow": noise - x0,
    }


@pytest.mark.parametrize("data", [1.0, 0.5])
@pytest.mark.parametrize("name", [name for name in PREDICTIONS if name != "lcm"])
@pytest.mark.parametrize("sigma", [0.03, 0.7, 14.6])
def test_a_perfect_network_gives_the_clean_latent(name: str, sigma: float, data: float) -> None:
    x0, noise = torch.randn(2, 1, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    prediction = PREDICTIONS[name]
    x = Path(TABLE.percent_to_sigma, prediction.flow).noised(x0, noise, sigma)
    denoised = prediction.denoised(outputs(x0, noise, sigma, data)[name], x, sigma, data, 500.0)
    torch.testing.assert_close(denoised, x0)


def test_a_consistency_model_keeps_what_is_clean_and_trusts_its_network_where_it_is_not() -> None:
    x, noise = torch.randn(2, 1, 4, 3, 3)
    lcm = PREDICTIONS["lcm"].denoised
    torch.testing.assert_close(lcm(noise, x, 0.03, 1.0, 0.0), x)
    torch.testing.assert_close(lcm(noise, x, 14.6, 1.0, 999.0), x - 14.6 * noise, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("eps", 2 / math.sqrt(10)), ("img_to_img", 2.0), ("flow", 2.0), ("cosmos_flow", 0.5)],
)
def test_each_prediction_scales_its_input_as_in_training(name: str, expected: float) -> None:
    assert 2.0 / PREDICTIONS[name].input_divisor(3.0, 1.0) == pytest.approx(expected)


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
    model = DiffusionModel(nn.Identity(), "sd15", prediction="epsilon")
    with pytest.raises(ValueError, match="unknown prediction 'epsilon'; known are eps, v, x0"):
        NetworkDenoiser.of(model)


def test_sampling_from_the_top_starts_at_the_variance_of_training() -> None:
    latent, noise = torch.full((1, 4, 2, 2), 3.0), torch.ones(1, 4, 2, 2)
    model, top = toy_model(), TABLE.sigma_max
    for sigma in (top, top * (1 + 5e-6), top * (1 - 5e-6), top * 2):
        start = initial_state(model, latent, noise, sigma)
        assert float(start[0, 0, 0, 0]) == pytest.approx(3.0 + math.sqrt(1 + sigma**2))
    below = top * (1 - 2e-5)
    assert float(initial_state(model, latent, noise, below)[0, 0, 0, 0]) == pytest.approx(3.0 + below)


def test_a_flow_starts_at_pure_noise() -> None:
    latent, noise = torch.full((1, 4, 2, 2), 3.0), torch.ones(1, 4, 2, 2)
    model = replace(toy_model("flow"), noise=Flow(3.0))
    assert torch.equal(initial_state(model, latent, noise, 1.0), noise)
    assert float(initial_state(model, latent, noise, 0.25)[0, 0, 0, 0]) == 0.75 * 3.0 + 0.25
