"""Is the noise of consistency sampling scaled from step to step, and cut where it is too large?"""

import torch
from torch import Tensor

from nodes.sampling.samplers import lcm_method
from schedulers.samplers.table import SAMPLERS
from schedulers.step import Method
from tests.schedulers.toys import PATH

X = torch.zeros(1, 4, 8, 8)
SIGMAS = (8.0, 4.0, 2.0, 1.0, 0.0)


def noise(sigma: float, sigma_next: float) -> Tensor:
    return torch.linspace(-3, 3, X.numel()).reshape(X.shape)


def added(chosen: Method) -> list[Tensor]:
    """The noise of each step but the last, at a denoiser that always sees nothing."""
    steps = chosen.on(PATH).steps(lambda x, sigma: (torch.zeros_like(x),) * 2, X, SIGMAS, noise)
    return [step.x / step.sigma for step in steps if step.sigma > 0]


def test_noise_grows_along_a_line() -> None:
    plain = added(SAMPLERS["lcm"])
    scaled = added(lcm_method(s_noise=1.0, s_noise_end=2.0))
    for one, other, factor in zip(scaled, plain, (1.0, 1.5, 2.0), strict=True):
        assert torch.allclose(one, other * factor)


def test_as_it_comes_the_node_is_the_sampler_of_that_name() -> None:
    for one, other in zip(added(lcm_method()), added(SAMPLERS["lcm"]), strict=True):
        assert torch.equal(one, other)


def test_noise_is_cut() -> None:
    assert [float(step.abs().max()) for step in added(lcm_method(noise_clip_std=1.5))] == [1.5] * 3
