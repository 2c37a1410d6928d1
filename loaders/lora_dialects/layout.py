"""Lists the parameters that a LoRA file may change, under each of the names they are known by."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import nn

from loaders.families.ldm_unet import diffusers_prefixes, levels_of, translate
from models.text.encoders import TextEncoders
from models.unet.unet import UNet

Part = Literal["model", "clip"]


@dataclass(frozen=True)
class Target:
    """A parameter of one of the two networks, or some of its rows.

    Attributes:
        part: which network.
        parameter: its name there.
        rows: the first row and how many, where a file has apart what the network has in one.
        share: which of how many equal shares of rows, where a file has in one what the network has apart.
    """

    part: Part
    parameter: str
    rows: tuple[int, int] | None = None
    share: tuple[int, int] | None = None

    def beside(self, name: str) -> "Target | None":
        """Another parameter of the module whose weight this is; None where it is no weight."""
        if not self.parameter.endswith(".weight"):
            return None
        return replace(self, parameter=self.parameter.removesuffix("weight") + name)


# What a file calls a module (its stem) -> the parameters meant, several where it has them in one.
Stems = Mapping[str, tuple[Target, ...]]
# What is in one where programs fuse attention -> what it is made of.
FUSED: Mapping[str, tuple[str, ...]] = {"to_qkv": ("to_q", "to_k", "to_v"), "to_kv": ("to_k", "to_v")}


@dataclass(frozen=True)
class Layout:
    """The module names of the networks that a LoRA is loaded for, all of modules that have a weight.

    Attributes:
        unet: original name -> diffusers name (None where it has none).
        text: name of a text encoder -> names of its modules.
    """

    unet: Mapping[str, str | None] = field(default_factory=dict)
    text: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Dialect:
    """A way to name modules in LoRA files: its id, and its stems for a layout."""

    id: str
    stems: Callable[[Layout], Stems]


def layout_of(unet: nn.Module | None, text: nn.Module | None) -> Layout:
    """The layout of a pair of networks; networks of other kinds have nothing to change."""
    modules: dict[str, str | None] = {}
    if isinstance(unet, UNet):
        prefixes = diffusers_prefixes(levels_of(unet.config))
        modules = {name: translate(name, prefixes) for name in _weighted(unet)}
    encoders = text.items() if isinstance(text, TextEncoders) else ()
    return Layout(modules, {name: tuple(_weighted(encoder)) for name, encoder in encoders})


def _weighted(network: nn.Module) -> list[str]:
    endings = len(".weight")
    return [name[:-endings] for name, _ in network.named_parameters() if name.endswith(".weight")]


def weight_of(part: Part, module: str) -> tuple[Target, ...]:
    """The weight of a module of a network."""
    return (Target(part, f"{module}.weight"),)


def fused_weights(modules: Mapping[str, str | None]) -> Iterator[tuple[str, tuple[Target, ...]]]:
    """What a UNet's attentions are called where their projections are in one -> those projections.

    Args:
        modules: original name -> diffusers name, which is the one that files have.
    """
    for original, diffusers in modules.items():
        attention, _, projection = original.rpartition(".")
        if diffusers is None or projection != "to_k":
            continue
        for fused, parts in FUSED.items():
            targets = tuple(
                Target("model", f"{attention}.{part}.weight", share=(index, len(parts)))
                for index, part in enumerate(parts)
            )
            yield f"{diffusers.rpartition('.')[0]}.{fused}", targets


def numbered_encoders(layout: Layout) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Each text encoder with its modules and what files write behind "text encoder" to mean it.

    A model's first encoder goes without a number or has 1, its second has 2.
    """
    numbers = (("", "1"), ("2",), ("3",))
    return [
        (name, modules, number) for (name, modules), number in zip(layout.text.items(), numbers, strict=False)
    ]
