"""The contract between samplers and their callers: denoisers in, a stream of steps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor


class Denoiser(Protocol):
    """What a sampler integrates: the clean latent expected behind x (B, C, H, W) at noise level sigma."""

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The denoised latent, shaped like x (B, C, H, W)."""
        ...


class Noise(Protocol):
    """Fresh unit-variance noise for the step from one sigma to the next; each call draws once."""

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        """Noise shaped like the latent being sampled, (B, C, H, W)."""
        ...


@dataclass(frozen=True, eq=False)
class Step:
    """Where sampling stands after one interval of the schedule.

    index: 0 for the first interval.
    sigma: the noise level x is at now.
    x: (B, C, H, W) the sampler's state, scaled for the network.
    denoised: (B, C, H, W) the last estimate of the clean latent.
    """

    index: int
    sigma: float
    x: Tensor
    denoised: Tensor


OdeSampler = Callable[[Denoiser, Tensor, Sequence[float]], Iterator[Step]]
SdeSampler = Callable[[Denoiser, Tensor, Sequence[float], Noise], Iterator[Step]]


@dataclass(frozen=True)
class Method:
    """A sampler as it is offered by name.

    ode / sde: the generator; exactly one is given. An sde sampler draws noise on its way.
    noise: which noise an sde sampler takes: independent draws, or increments of one Brownian path.
    drops_penultimate: a KSampler makes its schedule one step longer and leaves the last but one sigma out.
    own_mask_noise: outside an inpainting mask it mixes noise drawn from seed + 1, not the initial noise.
    """

    ode: OdeSampler | None = None
    sde: SdeSampler | None = None
    noise: Literal["gaussian", "brownian"] = "gaussian"
    drops_penultimate: bool = False
    own_mask_noise: bool = False

    def steps(self, denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
        """Steps of this sampler from x (B, C, H, W) at sigmas[0] along the schedule."""
        if self.sde is not None:
            return self.sde(denoise, x, sigmas, noise)
        assert self.ode is not None
        return self.ode(denoise, x, sigmas)
