"""Lists the parameters that a LoRA file may change, under each of the names they are known by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import nn

from loaders.families.ldm_unet import diffusers_prefixes, levels_of, translate
from models.text.encoders import TextEncoders
from models.unet.unet import UNet

Part = Literal["model", "clip"]


@dataclass(frozen=True)
class Target:
    """A parameter of one of the two networks."""

    part: Part
    parameter: str


# What a file calls a module (its stem) -> the parameter meant.
Stems = Mapping[str, Target]


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


def model_weight(module: str) -> Target:
    """The weight of a module of the diffusion network."""
    return Target("model", f"{module}.weight")


def text_weight(encoder: str, module: str) -> Target:
    """The weight of a module of a text encoder."""
    return Target("clip", f"{encoder}.{module}.weight")


def numbered_encoders(layout: Layout) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Each text encoder with its modules and what files write behind "text encoder" to mean it.

    A model's first encoder goes without a number or has 1, its second has 2.
    """
    numbers = (("", "1"), ("2",), ("3",))
    return [
        (name, modules, number) for (name, modules), number in zip(layout.text.items(), numbers, strict=False)
    ]
