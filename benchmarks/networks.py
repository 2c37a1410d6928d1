"""The UNets that are measured, by name, with random weights."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from loaders.assemble import build_empty
from models.unet.config import UNetConfig
from models.unet.unet import UNet

U = TypeVar("U", bound=UNet)

SMALL = UNetConfig(channels=64, multipliers=(1, 2, 4, 4), context_width=256)
XL = UNetConfig(
    multipliers=(1, 2, 4),
    input_depths=((0, 0), (2, 2), (10, 10)),
    output_depths=((0,) * 3, (2,) * 3, (10,) * 3),
    middle_depth=10,
    context_width=2048,
    heads=None,
    linear_projections=True,
    vector_width=2816,
)
CONFIGS = {"small": SMALL, "sd15": UNetConfig(), "sdxl": XL}


def random_network(build: Callable[[], U], dtype: torch.dtype) -> U:
    """A network of small random weights, laid out as the loader lays it out."""
    network = build_empty(build)
    layout = torch.channels_last if dtype is torch.bfloat16 else torch.contiguous_format
    state = {}
    for name, tensor in network.state_dict().items():
        drawn = (torch.randn(tensor.shape) * 0.02).to(dtype)
        state[name] = drawn.contiguous(memory_format=layout if drawn.ndim == 4 else torch.contiguous_format)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def put_channels_last(network: nn.Module) -> None:
    """Lay the kernels of convolutions out with their channels last, in memory of their own."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
