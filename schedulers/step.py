"""The contract between samplers and their callers: denoisers in, a stream of steps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

from torch import Tensor


class Denoiser(Protocol):
    """What a sampler integrates: the clean latent expected behind x (B, C, H, W) at noise level sigma."""

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The denoised latent, shaped like x (B, C, H, W)."""
        ...


class PairDenoiser(Protocol):
    """A denoiser that also tells what the negative prompt alone expects."""

    def __call__(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """(denoised, denoised under the negative prompt), both shaped like x (B, C, H, W)."""
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
PercentToSigma = Callable[[float], float]
PairSampler = Callable[[PairDenoiser, Tensor, Sequence[float], Noise], Iterator[Step]]


@dataclass(frozen=True)
class Method:
    """A sampler as it is offered by name.

    ode / sde / pair: the generator; exactly one is given. An sde sampler draws noise on its way, a pair
        sampler may, and looks at the negative prediction too.
    sde_on: makes the sde sampler for a network's noise levels, where it depends on them.
    noise: which noise it draws: independent draws, or increments of one Brownian path.
    noise_on_device: the Brownian path is drawn where the latent is, not on the CPU.
    drops_penultimate: a KSampler makes its schedule one step longer and leaves the last but one sigma out.
    own_mask_noise: outside an inpainting mask it mixes noise drawn from seed + 1, not the initial noise.
    """

    ode: OdeSampler | None = None
    sde: SdeSampler | None = None
    pair: PairSampler | None = None
    sde_on: Callable[[PercentToSigma], SdeSampler] | None = None
    noise: Literal["gaussian", "brownian"] = "gaussian"
    noise_on_device: bool = False
    drops_penultimate: bool = False
    own_mask_noise: bool = False

    def on(self, percent_to_sigma: PercentToSigma) -> Self:
        """The sampler for a network whose noise level at a part of sampling is given."""
        return self if self.sde_on is None else replace(self, sde=self.sde_on(percent_to_sigma), sde_on=None)

    def steps(
        self, denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
    ) -> Iterator[Step]:
        """Steps of this sampler from x (B, C, H, W) at sigmas[0] along the schedule."""
        if self.pair is not None:
            return self.pair(denoise, x, sigmas, noise)

        def single(x: Tensor, sigma: float) -> Tensor:
            return denoise(x, sigma)[0]

        if self.sde is not None:
            return self.sde(single, x, sigmas, noise)
        assert self.ode is not None
        return self.ode(single, x, sigmas)
