"""Steers a network by pictures: ControlNets and adapters with a hint, in the part of sampling they hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.adapters.patch import Patched
from models.call import current_call
from models.conditioner import Surroundings
from models.control.control_lora import ControlLora
from models.control.controlnet import ControlNet
from models.control.model import ControlModel
from models.control.residuals import ControlResiduals, DeferredResiduals, Residuals
from models.control.t2i_adapter import T2IAdapter
from models.resize import crop_to_aspect, resized
from schedulers.control import BoundControl

CELL = 8


@dataclass(frozen=True, eq=False)
class HintControl:
    """A control network with a picture, as a CONDITIONING carries it in its field "control".

    model: the network.
    hint: (B, K, H, W), as the network was trained on it (mostly in [0, 1]), of any size.
    strength: factor of all that it says.
    start, end: part of sampling during which it holds, 0 = first step, 1 = last.
    """

    model: Patched[ControlModel]
    hint: Tensor
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0

    @property
    def network(self) -> Patched[ControlModel]:
        """The model value that must be on the compute device."""
        return self.model

    def bind(self, where: Surroundings, percent_to_sigma: Callable[[float], float]) -> BoundControl:
        """The control for one run; a Control-LoRA is built over the network that is sampled with.

        Raises ValueError where it does not fit that network.
        """
        network = self.model.base.network
        if isinstance(network, ControlLora):
            if where.network is None:
                raise ValueError("a Control-LoRA needs the network that it is built over")
            network = network.over(where.network)
        window = (percent_to_sigma(self.start), percent_to_sigma(self.end))
        speaks = _Adapter(network, self) if isinstance(network, T2IAdapter) else _ControlNet(network, self)
        return _Bound(self, window, speaks)


@dataclass(frozen=True, eq=False)
class _Bound:
    """A hint control in one run."""

    control: HintControl
    window: tuple[float, float]
    speaks: _ControlNet | _Adapter

    def residuals(
        self, x: Tensor, sigma: float, t: Tensor, context: Tensor, inputs: Mapping[str, Tensor]
    ) -> Residuals | None:
        """What the network adds, or None outside its part of sampling.

        x: (B, C, h, w). t: (B,). context: (B, T, D).
        """
        start, end = self.window
        if not end <= sigma <= start:
            return None
        said: Residuals = self.speaks(x, t, context, inputs)
        if self.control.model.base.pools:
            said = said.each(lambda part: part.mean(dim=(2, 3), keepdim=True).expand_as(part))
        strength = self.control.strength
        return said if strength == 1.0 else said.each(lambda part: part * strength)


class _ControlNet:
    """Runs a ControlNet in every step that wants it; what it makes of the hint is made once for each size."""

    def __init__(self, network: ControlNet, control: HintControl) -> None:
        self._network = network
        self._control = control
        self._types = control.model.base.types
        self._dtype = next(network.parameters()).dtype
        self._hints: dict[tuple[int, ...], Tensor] = {}

    def __call__(
        self, x: Tensor, t: Tensor, context: Tensor, inputs: Mapping[str, Tensor]
    ) -> DeferredResiduals:
        expected = self._network.config.context_width
        if context.shape[-1] != expected:
            raise ValueError(
                f"{self._control.model.base.name or 'this ControlNet'} goes with models whose prompts have "
                f"{expected} numbers a token, but here they have {context.shape[-1]}"
            )
        return DeferredResiduals(lambda: self._run(x, t, context, inputs.get("vector")))

    def _run(self, x: Tensor, t: Tensor, context: Tensor, vector: Tensor | None) -> ControlResiduals:
        said: ControlResiduals = self._network(
            x.to(self._dtype),
            t,
            context.to(self._dtype),
            None if vector is None else vector.to(self._dtype),
            _spread(self._hint(x), x.shape[0]),
            self._types,
        )
        return said

    def _hint(self, x: Tensor) -> Tensor:
        size = tuple(x.shape[-2:])
        if size not in self._hints:
            hint = _fitted(self._control.hint, size[0] * CELL, size[1] * CELL, x)
            self._hints[size] = self._network.encode_hint(hint.to(x.device, self._dtype), self._types)
        return self._hints[size]


class _Adapter:
    """What an adapter says depends on the hint alone, so it is asked once for each size."""

    def __init__(self, network: T2IAdapter, control: HintControl) -> None:
        self._network = network
        self._control = control
        self._dtype = next(network.parameters()).dtype
        self._said: dict[tuple[int, ...], ControlResiduals] = {}

    def __call__(
        self, x: Tensor, t: Tensor, context: Tensor, inputs: Mapping[str, Tensor]
    ) -> ControlResiduals:
        del t, context, inputs
        size = tuple(x.shape[-2:])
        if size not in self._said:
            cell = self._network.sizes.unshuffle
            height, width = (math.ceil(side * CELL / cell) * cell for side in size)
            hint = _fitted(self._control.hint, height, width, x)
            if self._network.sizes.hint_channels == 1 and hint.shape[1] > 1:
                hint = hint.mean(dim=1, keepdim=True)
            self._said[size] = self._network(hint.to(x.device, self._dtype))
        batch = x.shape[0]
        return self._said[size].each(lambda part: _spread(part, batch))


def _fitted(hint: Tensor, height: int, width: int, x: Tensor) -> Tensor:
    """As many hints (B, K, height, width) as a chunk of x (B, C, h, w) has rows; cut at the centre."""
    hint = hint[: _chunk(x.shape[0])]
    return resized(crop_to_aspect(hint, width, height), width, height, "nearest-exact")


def _spread(features: Tensor, batch: int) -> Tensor:
    """Features (1, ...) as they are, or (N, ...) for every row of a batch: round each chunk of it."""
    if features.shape[0] == 1:
        return features
    rows = torch.arange(batch, device=features.device) % _chunk(batch) % features.shape[0]
    return features[rows]


def _chunk(batch: int) -> int:
    """How many rows of a batch belong to one list of conditions."""
    return batch // len(current_call().rows)
