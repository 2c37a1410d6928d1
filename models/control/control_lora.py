"""Holds a ControlNet that is stored as small changes to the UNet it steers, and built over that UNet to run.

Reference: Control-LoRA (huggingface.co/stabilityai/control-lora): the way down of the steered UNet, some
layers with low-rank additions (Hu et al. 2021, arXiv:2106.09685), others replaced.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from models.control.controlnet import ControlNet, ControlNetConfig
from models.unet.config import UNetConfig


class ControlLora(nn.Module):
    """The weights of a Control-LoRA, under their names in the file, less what they share with a UNet."""

    def __init__(
        self, tensors: Mapping[str, Tensor], hint_channels: int, hint_widths: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.hint_channels = hint_channels
        self.hint_widths = hint_widths
        self.names = tuple(tensors)
        # A module's parameters cannot have dots in their names, so they are kept by number.
        self.tensors = nn.ParameterList(
            nn.Parameter(tensors[name], requires_grad=False) for name in self.names
        )

    def over(self, base: nn.Module) -> ControlNet:
        """The ControlNet over a UNet: weights that it did not change are the UNet's own, shared.

        Raises:
            ValueError: if the network is no UNet, or has layers of other sizes.
        """
        config = getattr(base, "config", None)
        if not isinstance(config, UNetConfig):
            raise ValueError(f"a Control-LoRA is built over a UNet, not over {type(base).__name__}")
        with torch.device("meta"):
            network = ControlNet(ControlNetConfig(config, self.hint_channels, self.hint_widths))
        stored = dict(zip(self.names, self.tensors, strict=True))
        shared = dict(base.named_parameters())
        for name, empty in list(network.named_parameters()):
            parameter = stored.get(name, shared.get(name))
            if parameter is None or parameter.shape != empty.shape:
                has = "nothing" if parameter is None else f"the shape {tuple(parameter.shape)}"
                raise ValueError(f"this Control-LoRA is for another network: {name} has {has} there")
            path, _, last = name.rpartition(".")
            network.get_submodule(path).register_parameter(last, parameter)
        for name, up in stored.items():
            if name.endswith(".up"):
                _add_low_rank(
                    network, name.removesuffix(".up"), up, stored[f"{name.removesuffix('.up')}.down"]
                )
        return network.requires_grad_(False).eval()


class _LowRank(nn.Module):
    """A layer with a low-rank addition beside it, so that its own weight stays shared."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, up: Tensor, down: Tensor) -> None:
        super().__init__()
        self.layer = layer
        rank = up.flatten(1).shape[1]
        self.up = up.reshape(up.shape[0], rank, *[1] * (layer.weight.ndim - 2))
        self.down = down.reshape(rank, *layer.weight.shape[1:])

    def forward(self, x: Tensor) -> Tensor:
        whole: Tensor = self.layer(x)
        up, down = self.up.to(x.dtype), self.down.to(x.dtype)
        if isinstance(self.layer, nn.Linear):
            return whole + nn.functional.linear(nn.functional.linear(x, down), up)
        options: dict[str, Any] = {"stride": self.layer.stride, "padding": self.layer.padding}
        return whole + nn.functional.conv2d(nn.functional.conv2d(x, down, **options), up)


def _add_low_rank(network: nn.Module, path: str, up: Tensor, down: Tensor) -> None:
    parent, _, name = path.rpartition(".")
    layer = network.get_submodule(path)
    if not isinstance(layer, nn.Linear | nn.Conv2d):
        raise ValueError(f"a Control-LoRA changes {path}, which is a {type(layer).__name__}")
    setattr(network.get_submodule(parent), name, _LowRank(layer, up, down))
