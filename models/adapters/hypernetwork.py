"""Changes what attention looks at by small networks, one for keys and one for values of each width.

The idea is NovelAI's (2022, "Improvements on Stable Diffusion"): context -> context + strength * h(context).
Shapes: B batch, T tokens, D width of what is looked at.
"""

from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from models.adapters.places import attentions, change_inputs

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        "linear": nn.Identity,
        "relu": nn.ReLU,
        "leakyrelu": nn.LeakyReLU,
        "elu": nn.ELU,
        "swish": nn.Hardswish,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "softsign": nn.Softsign,
        "mish": nn.Mish,
    }
)


@dataclass(frozen=True, eq=False)
class Hypernetwork:
    """The small networks of a file.

    Attributes:
        networks: width D -> the networks for keys and for values, (B, T, D) to (B, T, D).
        name: the file.
    """

    networks: Mapping[int, tuple[nn.Module, nn.Module]]
    name: str = ""


@dataclass(frozen=True, eq=False)
class HypernetworkPatch:
    """Puts a hypernetwork before the keys and values of every attention that looks at a width it knows.

    Attributes:
        source: the hypernetwork.
        strength: how strongly it works; below 0 the other way.
    """

    source: Hypernetwork
    strength: float

    @property
    def key(self) -> Hashable:
        """The very networks and their strength."""
        return ("hypernetwork", self.source, self.strength)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Hook on the projections; raises ValueError where no attention looks at a width it knows."""
        places = [
            (projection, network)
            for kind in ("attn1", "attn2")
            for path in attentions(root, kind)
            for index, part in enumerate(("to_k", "to_v"))
            if (network := self._for(projection := root.get_submodule(f"{path}.{part}"), index)) is not None
        ]
        if not places:
            widths = ", ".join(map(str, self.source.networks))
            raise ValueError(
                f"{self.source.name} is for widths of {widths}: this network looks at none of them"
            )
        ready: dict[nn.Module, nn.Module] = {}
        for projection, network in places:
            if network not in ready:
                ready[network] = deepcopy(network).to(projection.get_parameter("weight"))
            change_inputs(projection, self._added(ready[network]), undo)

    def _for(self, projection: nn.Module, index: int) -> nn.Module | None:
        pair = self.source.networks.get(projection.get_parameter("weight").shape[1])
        return None if pair is None else pair[index]

    def _added(self, network: nn.Module) -> Callable[..., tuple[Any, ...]]:
        def change(context: Tensor, *others: Any) -> tuple[Any, ...]:
            return (context + self.strength * network(context), *others)

        return change
