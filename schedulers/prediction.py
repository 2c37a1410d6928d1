"""What a network's output means: turns a network trained on (x, t) into denoised latents at a sigma.

Preconditioning follows Karras et al. 2022, table 1, with the noise left at variance sigma^2; flows follow
Lipman et al. 2023.
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
from schedulers.conditioning import CONTROL_CONTEXT
from schedulers.path import Path
from schedulers.tables import SigmaTable, sigma_table

if TYPE_CHECKING:
    from schedulers.control import BoundControl

_CONSISTENCY_TIME = 10.0
_CONSISTENCY_DATA = 0.5


@dataclass(frozen=True)
class Prediction:
    """How a network's input is scaled and what its output means.

    input_divisor: (sigma, sigma_data) -> what x is divided by for the network.
    denoised: (output, x, sigma, sigma_data, timestep) -> the clean latent (B, C, H, W); output and x alike.
    flow: x = (1 - sigma) picture + sigma noise; else noise is added to the picture.
    unit_start: at the highest level training saw x of unit variance, picture included.
    """

    input_divisor: Callable[[float, float], float]
    denoised: Callable[[Tensor, Tensor, float, float, float], Tensor]
    flow: bool = False
    unit_start: bool = True


def _to_unit(sigma: float, sigma_data: float) -> float:
    """Brings x to unit variance."""
    return math.sqrt(sigma**2 + sigma_data**2)


def _unscaled(sigma: float, sigma_data: float) -> float:
    del sigma, sigma_data
    return 1.0


def _to_flow(sigma: float, sigma_data: float) -> float:
    """Makes x a mix of picture and noise."""
    del sigma_data
    return sigma + 1.0


def _from_noise(output: Tensor, x: Tensor, sigma: float, sigma_data: float, timestep: float) -> Tensor:
    """The output is the noise in x, or a flow's velocity."""
    del sigma_data, timestep
    return x - output * sigma


def _from_velocity(output: Tensor, x: Tensor, sigma: float, sigma_data: float, timestep: float) -> Tensor:
    """The output is the velocity of Salimans & Ho 2022."""
    del timestep
    variance = sigma**2 + sigma_data**2
    return x * (sigma_data**2 / variance) - output * (sigma * sigma_data / math.sqrt(variance))


def _from_edm(output: Tensor, x: Tensor, sigma: float, sigma_data: float, timestep: float) -> Tensor:
    """The output is F of Karras et al. 2022, equation 7: the velocity with the other sign."""
    return _from_velocity(-output, x, sigma, sigma_data, timestep)


def _from_picture(output: Tensor, x: Tensor, sigma: float, sigma_data: float, timestep: float) -> Tensor:
    """The output is the clean latent itself."""
    del x, sigma, sigma_data, timestep
    return output


def _from_consistency(output: Tensor, x: Tensor, sigma: float, sigma_data: float, timestep: float) -> Tensor:
    """The noise of a latent consistency model, with its boundary condition (Luo et al. 2023, section 4.1)."""
    del sigma_data
    time, data = timestep * _CONSISTENCY_TIME, _CONSISTENCY_DATA
    kept = data**2 / (time**2 + data**2)
    return (x - output * sigma) * (time / math.sqrt(time**2 + data**2)) + x * kept


def _from_scaled_flow(output: Tensor, x: Tensor, sigma: float, sigma_data: float, timestep: float) -> Tensor:
    """The velocity of a flow from picture to noise, for x = picture + sigma noise."""
    del sigma_data, timestep
    time = sigma / (sigma + 1.0)
    return x * (1.0 - time) - output * time


PREDICTIONS: Mapping[str, Prediction] = MappingProxyType(
    {
        "eps": Prediction(_to_unit, _from_noise),
        "v": Prediction(_to_unit, _from_velocity),
        "x0": Prediction(_to_unit, _from_picture),
        "edm": Prediction(_to_unit, _from_edm),
        "lcm": Prediction(_to_unit, _from_consistency),
        "img_to_img": Prediction(_unscaled, _from_picture),
        "flow": Prediction(_unscaled, _from_noise, flow=True, unit_start=False),
        "cosmos_flow": Prediction(_to_flow, _from_scaled_flow, unit_start=False),
    }
)


def prediction_of(model: DiffusionModel) -> Prediction:
    """What a model's output means; raises ValueError for a prediction it does not know."""
    if model.prediction not in PREDICTIONS:
        raise ValueError(f"unknown prediction {model.prediction!r}; known are {', '.join(PREDICTIONS)}")
    return PREDICTIONS[model.prediction]


def path_of(model: DiffusionModel) -> Path:
    """The way from noise to picture that a model was trained on."""
    return Path(sigma_table(model.noise).percent_to_sigma, prediction_of(model).flow)


@dataclass(frozen=True, eq=False)
class NetworkDenoiser:
    """A network with its prediction: (x, sigma, context) -> denoised."""

    model: DiffusionModel
    prediction: Prediction
    table: SigmaTable
    dtype: torch.dtype

    @classmethod
    def of(cls, model: DiffusionModel) -> NetworkDenoiser:
        """The denoiser of a loaded model; raises ValueError for a prediction it does not know."""
        dtype = next((weight.dtype for weight in model.network.parameters()), torch.float32)
        return cls(model, prediction_of(model), sigma_table(model.noise), dtype)

    def __call__(
        self,
        x: Tensor,
        sigma: float,
        context: Tensor,
        inputs: Mapping[str, Tensor] | None = None,
        controls: Sequence[BoundControl] = (),
    ) -> Tensor:
        """The denoised latents (B, C, H, W) float32 of x (B, C, H, W) under context (B, T, D).

        The network sees x scaled as in its training, in its own dtype, and the time its table gives.

        Args:
            x: (B, C, H, W).
            sigma: the noise level of x.
            context: (B, T, D).
            inputs: what else the network takes, (B, ...) each; "concat" is put behind the channels of x, and
                CONTROL_CONTEXT is what `controls` read instead of the context.
            controls: what steers it.
        """
        sigma_data, timestep = self.model.sigma_data, float(self.table.timestep(sigma))
        divisor = self.prediction.input_divisor(sigma, sigma_data)
        scaled = (x if divisor == 1.0 else x / divisor).to(self.dtype)
        t = torch.full((x.shape[0],), timestep, device=x.device)
        context = context.to(self.dtype)
        named: dict[str, Any] = {key: self._cast(value) for key, value in (inputs or {}).items()}
        told = named.pop(CONTROL_CONTEXT, context)
        steering = summed(
            [
                residuals
                for control in controls
                if (residuals := control.residuals(scaled, sigma, t, told, named)) is not None
            ]
        )
        if steering is not None:
            named["control"] = steering
        if (concatenated := named.pop("concat", None)) is not None:
            scaled = torch.cat([scaled, concatenated], dim=1)
        output = self.model.network(scaled, t, context, **named)
        return self.prediction.denoised(output.float(), x, sigma, sigma_data, timestep)

    def _cast(self, value: Tensor) -> Tensor:
        """Numbers in the network's dtype; indices stay whole."""
        return value.to(self.dtype) if value.is_floating_point() else value


def initial_state(model: DiffusionModel, latent: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """The latent (B, C, H, W) that sampling starts from at sigma; noise has its shape and unit variance.

    At the table's highest level the noise is scaled by sqrt(1 + sigma^2) instead of sigma where training saw
    x of unit variance there, latent included.
    """
    top = sigma_table(model.noise).sigma_max
    is_highest = math.isclose(top, sigma, rel_tol=1e-5) or sigma > top
    if is_highest and prediction_of(model).unit_start:
        return latent + noise * math.sqrt(1.0 + sigma**2)
    return path_of(model).noised(latent, noise, sigma)
