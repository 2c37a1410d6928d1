"""Leaves whole transformer blocks out of a network, so that it sees worse.

References: skip-layer guidance, Stability AI 2024 (sd3.5); spatiotemporal skip guidance, Hyung et al. 2024
(arXiv:2411.18664), section 3.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from models.adapters.places import change_forward
from models.layout import HasLayout


@dataclass(frozen=True)
class SkippedLayers:
    """The transformer blocks of some names give what they are given.

    Attributes:
        names: their dotted names, see `layers_at`.
    """

    names: tuple[str, ...]

    @property
    def key(self) -> Hashable:
        """Where it holds."""
        return ("skipped layers", self.names)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Stand in for the blocks."""
        for name in self.names:
            change_forward(root.get_submodule(name), _skipping, undo)


def _skipping(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    del forward

    def skip(x: Tensor, *others: Any, **named: Any) -> Tensor:
        return x

    return skip


def layers_at(network: nn.Module, places: str) -> tuple[str, ...]:
    """The dotted names of the transformer blocks at places.

    Args:
        network: the network.
        places: words with commas between them: "middle" or "input.4" stands for all transformer blocks there,
            "middle.0" or "input.4.0" for the first of them.

    Raises:
        ValueError: the network has no transformer blocks, none at one of the places, or no place is named.
    """
    layers = network.layout().layers if isinstance(network, HasLayout) else {}
    if not layers:
        raise ValueError(f"{type(network).__name__} names no transformer blocks that could be skipped")
    words = re.findall(r"[^\s,]+", places)
    if not words:
        raise ValueError(f"no transformer blocks are named; there are {_listed(layers)}")
    found: list[str] = []
    for word in words:
        place, _, number = word.rpartition(".")
        among = layers.get(place, ())
        if word in layers:
            found.extend(layers[word])
        elif number.isdecimal() and int(number) < len(among):
            found.append(among[int(number)])
        else:
            raise ValueError(
                f"{type(network).__name__} has no transformer blocks at {word!r}; there are {_listed(layers)}"
            )
    return tuple(dict.fromkeys(found))


def _listed(layers: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{word} ({len(names)})" for word, names in layers.items())
