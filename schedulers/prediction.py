"""What a network's output means: turns a network trained on (x, t) into denoised latents at a sigma.

Preconditioning follows Karras et al. 2022, table 1 ("VP", with the noise left at variance sigma^2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.control.residuals import summed
from models.diffusion import DiffusionModel
from schedulers.sigmas import SigmaTable, sigma_table

if TYPE_CHECKING:
    from schedulers.control import BoundControl


def denoised_from_eps(output: Tensor, x: Tensor, sigma: float) -> Tensor:
    """The clean latent when output (B, C, H, W) is the noise in x (B, C, H, W)."""
    return x - output * sigma


def denoised_from_v(output: Tensor, x: Tensor, sigma: float) -> Tensor:
    """The clean latent when output is the velocity of Salimans & Ho 2022; both (B, C, H, W)."""
    variance = sigma**2 + 1.0
    return x / variance - output * (sigma / math.sqrt(variance))


def denoised_from_x0(output: Tensor, x: Tensor, sigma: float) -> Tensor:
    """The clean latent when output (B, C, H, W) is the clean latent itself."""
    del x, sigma
    return output


PREDICTIONS: Mapping[str, Callable[[Tensor, Tensor, float], Tensor]] = MappingProxyType(
    {"eps": denoised_from_eps, "v": denoised_from_v, "x0": denoised_from_x0}
)


@dataclass(frozen=True, eq=False)
class NetworkDenoiser:
    """A network with its prediction: (x, sigma, context) -> denoised."""

    model: DiffusionModel
    table: SigmaTable
    dtype: torch.dtype

    @classmethod
    def of(cls, model: DiffusionModel) -> NetworkDenoiser:
        """The denoiser of a loaded model; raises ValueError for a prediction it does not know."""
        if model.prediction not in PREDICTIONS:
            known = ", ".join(PREDICTIONS)
            raise ValueError(f"unknown prediction {model.prediction!r}; known are {known}")
        dtype = next((weight.dtype for weight in model.network.parameters()), torch.float32)
        return cls(model, sigma_table(model.noise), dtype)

    def __call__(
        self,
        x: Tensor,
        sigma: float,
        context: Tensor,
        inputs: Mapping[str, Tensor] | None = None,
        controls: Sequence[BoundControl] = (),
    ) -> Tensor:
        """The denoised latents (B, C, H, W) float32 of x (B, C, H, W) under context (B, T, D).

        The network sees x at unit variance, in its own dtype, and the nearest step it was trained on.

        Args:
            x: (B, C, H, W).
            sigma: the noise level of x.
            context: (B, T, D).
            inputs: what else the network takes, (B, ...) each; "concat" is put behind the channels of x.
            controls: what steers it.
        """
        scaled = (x / math.sqrt(sigma**2 + 1.0)).to(self.dtype)
        t = torch.full((x.shape[0],), float(self.table.timestep(sigma)), device=x.device)
        context = context.to(self.dtype)
        named: dict[str, Any] = {key: self._cast(value) for key, value in (inputs or {}).items()}
        steering = summed(
            [
                residuals
                for control in controls
                if (residuals := control.residuals(scaled, sigma, t, context, named)) is not None
            ]
        )
        if steering is not None:
            named["control"] = steering
        if (concatenated := named.pop("concat", None)) is not None:
            scaled = torch.cat([scaled, concatenated], dim=1)
        output = self.model.network(scaled, t, context, **named)
        return PREDICTIONS[self.model.prediction](output.float(), x, sigma)

    def _cast(self, value: Tensor) -> Tensor:
        """Numbers in the network's dtype; indices stay whole."""
        return value.to(self.dtype) if value.is_floating_point() else value


def noised(latent: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """A clean latent (B, C, H, W) at noise level sigma; noise has its shape and unit variance."""
    return latent + noise * sigma


def initial_state(latent: Tensor, noise: Tensor, sigma: float, table: SigmaTable) -> Tensor:
    """The latent (B, C, H, W) that sampling starts from at sigma.

    At the table's highest level the noise is scaled by sqrt(1 + sigma^2) instead of sigma: there training saw
    x of unit variance, latent included.
    """
    is_highest = math.isclose(table.sigma_max, sigma, rel_tol=1e-5) or sigma > table.sigma_max
    return noised(latent, noise, math.sqrt(1.0 + sigma**2) if is_highest else sigma)
