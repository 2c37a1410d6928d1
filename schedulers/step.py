"""The contract between samplers and their callers: denoisers in, a stream of steps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, Self

from torch import Tensor

from schedulers.path import Path


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


Sampler = Callable[..., Iterator[Step]]
"""(denoise, x, sigmas) -> steps; with a fourth argument `noise` if it draws, and options by keyword."""


@dataclass(frozen=True)
class Method:
    """A sampler with its options: what a SAMPLER on a wire is.

    ode / sde / pair: the generator; exactly one is given. An sde sampler draws noise on its way, a pair
        sampler may, and looks at the negative prediction too.
    options: keyword arguments of the generator.
    follows_path: it takes the option `path`, given by `on`.
    noise: which noise it draws: independent draws, or increments of one Brownian path.
    noise_on_device: the Brownian path is drawn where the latent is, not on the CPU.
    drops_penultimate: a KSampler makes its schedule one step longer and leaves the last but one sigma out.
    own_mask_noise: outside an inpainting mask it mixes noise drawn from seed + 1, not the initial noise.
    last_sigma: the level it stops at where the schedule ends at 0.
    """

    ode: Sampler | None = None
    sde: Sampler | None = None
    pair: Sampler | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    follows_path: bool = False
    noise: Literal["gaussian", "brownian"] = "gaussian"
    noise_on_device: bool = False
    drops_penultimate: bool = False
    own_mask_noise: bool = False
    last_sigma: float = 0.0

    def on(self, path: Path) -> Self:
        """The sampler for networks trained on a path."""
        return self.with_options(path=path) if self.follows_path else self

    def with_options(self, **options: Any) -> Self:
        """The sampler with some of its options given."""
        return replace(self, options={**self.options, **options})

    def steps(
        self, denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
    ) -> Iterator[Step]:
        """Steps of this sampler from x (B, C, H, W) at sigmas[0] along the schedule."""
        if self.pair is not None:
            return self.pair(denoise, x, sigmas, noise, **self.options)

        def single(x: Tensor, sigma: float) -> Tensor:
            return denoise(x, sigma)[0]

        if self.sde is not None:
            return self.sde(single, x, sigmas, noise, **self.options)
        assert self.ode is not None
        return self.ode(single, x, sigmas, **self.options)
