"""Says where a network does its work, so that patches find their place in any network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from torch import nn


@dataclass(frozen=True)
class Layout:
    """The parts of a network by their dotted names, in the order in which they run.

    A block takes the streams that it changes first, and gives them back in the same order: a tensor, or a
    tuple of them.

    Attributes:
        blocks: what runs one after another between the first layers and the last ones, nothing left out.
        self_attention: attentions of tokens to themselves.
        cross_attention: attentions to the text.
        branches: what is computed to be added to a stream: modules that run one after another, of which only
            what the last one gives is added.
        layers: whole transformer blocks, which give the stream back that they take first, by the words that
            people have for their places.
    """

    blocks: tuple[str, ...] = ()
    self_attention: tuple[str, ...] = ()
    cross_attention: tuple[str, ...] = ()
    branches: tuple[tuple[str, ...], ...] = ()
    layers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@runtime_checkable
class HasLayout(Protocol):
    """A network that says where it does its work."""

    def layout(self) -> Layout:
        """The names of its parts."""
        ...


def layout_of(network: nn.Module, least_blocks: int = 0) -> Layout:
    """Where a network does its work.

    Raises:
        ValueError: it does not say so, or has fewer blocks than needed.
    """
    if not isinstance(network, HasLayout):
        raise ValueError(f"{type(network).__name__} has no layout of blocks, so this patch has no place")
    layout = network.layout()
    if len(layout.blocks) < least_blocks:
        found = len(layout.blocks)
        raise ValueError(f"{type(network).__name__} has {found} blocks, this patch needs {least_blocks}")
    return layout
