"""Small networks and exact denoisers that the tests of sampling share."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.diffusion import DiffusionModel, LatentFormat
from models.noise import NoiseTable
from schedulers.conditioning import Entry
from schedulers.guiders.rule import Sampling
from schedulers.path import Path
from schedulers.tables import sigma_table

WIDTH = 8
TABLE = sigma_table(NoiseTable())
PATH = Path(TABLE.percent_to_sigma)
SAMPLING = Sampling(PATH, TABLE)


class ToyNetwork(nn.Module):
    """Mixes position, time and the mean of its context; counts its calls and remembers what came in."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(11)
        self.inward = nn.Parameter(torch.randn(16, 4, 3, 3, generator=generator) * 0.2)
        self.outward = nn.Parameter(torch.randn(4, 16, 3, 3, generator=generator) * 0.2)
        self.time = nn.Parameter(torch.randn(16, generator=generator))
        self.words = nn.Parameter(torch.randn(16, WIDTH, generator=generator))
        self.calls: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        self.calls.append((x, t, context))
        hidden = nn.functional.conv2d(x, self.inward, padding=1)
        shift = (t[:, None] / 1000).to(x.dtype) * self.time + context.mean(1) @ self.words.T
        return nn.functional.conv2d(torch.tanh(hidden + shift[:, :, None, None]), self.outward, padding=1)


def toy_model(prediction: str = "eps", **latent: float) -> DiffusionModel:
    return DiffusionModel(ToyNetwork(), "sd15", prediction=prediction, latent=LatentFormat(**latent))


def entry(seed: int, tokens: int = 7, **fields: object) -> Entry:
    generator = torch.Generator().manual_seed(seed)
    return Entry(torch.randn(1, tokens, WIDTH, generator=generator), **fields)


class Gaussian:
    """The exact denoiser of pictures drawn from a normal distribution, and the flow it makes."""

    def __init__(self, mean: float = 0.7, spread: float = 0.5) -> None:
        self.mean, self.spread = mean, spread

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        spread2 = self.spread**2
        return (spread2 * x + sigma**2 * self.mean) / (spread2 + sigma**2)

    def flow(self, x: Tensor, sigma: float, sigma_next: float) -> Tensor:
        ratio = math.sqrt((self.spread**2 + sigma_next**2) / (self.spread**2 + sigma**2))
        return self.mean + (x - self.mean) * ratio


def paired(denoise: Callable[[Tensor, float], Tensor]) -> Callable[[Tensor, float], tuple[Tensor, Tensor]]:
    """A denoiser whose negative prediction is its prediction."""

    def both(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        denoised = denoise(x, sigma)
        return denoised, denoised

    return both


class Tangled:
    """A smooth nonlinear denoiser that mixes channels; works at any dtype."""

    def __init__(self, device: str = "cpu") -> None:
        self.mixing = (torch.randn(4, 4, generator=torch.Generator().manual_seed(0)) * 0.3).to(device)

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        scaled = x / math.sqrt(sigma**2 + 1)
        return torch.tanh(torch.einsum("ij,bjhw->bihw", self.mixing.to(x.dtype), scaled))
