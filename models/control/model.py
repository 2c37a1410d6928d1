"""Says what a loaded control network is."""

from dataclasses import dataclass

from torch import nn

from models.control.control_lora import ControlLora
from models.control.controlnet import ControlNet
from models.control.t2i_adapter import T2IAdapter


@dataclass(frozen=True, eq=False)
class ControlModel:
    """A network that steers another; CONTROL_NET on the wires, under its patches.

    Attributes:
        network: the network.
        pools: whether only the mean over the cells of what it says counts (ControlNet Shuffle).
        types: the kinds of hint it is told, for a union of ControlNets.
        name: the file it came from.
    """

    network: ControlNet | ControlLora | T2IAdapter
    pools: bool = False
    types: tuple[int, ...] = ()
    name: str = ""


def is_union(network: nn.Module) -> bool:
    """Whether a control network tells kinds of hints apart."""
    return isinstance(network, ControlNet) and network.sizes.types is not None
