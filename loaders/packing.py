"""Answers which weights of a network are packed while it is loaded, how, and what that saves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from loaders.assemble import build_empty
from models.adapters.exact import exact_of, remember
from models.adapters.weight_change import original_parameter
from models.packed.affine import Affine
from models.packed.away import waiting
from models.packed.blocks import MxFp8, NvFp4
from models.packed.codebook import Codebook
from models.packed.float8 import Float8
from models.packed.integers import Integers
from models.packed.levels import Levels
from models.packed.plain import is_compressed
from models.packed.tensor import Format, dense, pack, stored_bytes

# What can be asked for by name.
FORMATS: Mapping[str, Format] = {
    "float8_e4m3fn": Float8(is_scaled=True),
    "float8_e5m2": Float8(torch.float8_e5m2, is_scaled=True),
    "float8_e4m3fn_rowwise": Float8(is_scaled=True, by_row=True),
    "int8": Integers(8, by_row=True),
    "int8_convrot": Integers(8, by_row=True, rotation=256),
    "mxfp8": MxFp8(),
    "int4": Affine(4, 64),
    "nf4": Levels("nf4"),
    "fp4": Levels("fp4"),
    "nvfp4": NvFp4(),
    "w4a8_convrot": Codebook(),
}
# Beginnings of names of the first and last layers, and of those that say time, size and the like: small, and
# what they say goes everywhere. What is no matrix or convolution is never packed: norms, embeddings, biases.
SPARED = ("time_embed.", "label_emb.", "input_blocks.0.", "out.", "text_projection")
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_LEAST = 1024


@dataclass(frozen=True)
class Chosen:
    """One format for all large weights but some.

    Attributes:
        packing: the format. Where it cannot hold a shape, whole numbers of eight bits are used.
        spared: parts of names, whole words between dots, of what is left as it is beside `SPARED`.
        everywhere: whether `SPARED` layers are packed too.
    """

    packing: Format
    spared: tuple[str, ...] = ()
    everywhere: bool = False

    def formats(self, network: nn.Module) -> Mapping[str, Format]:
        """Names of the parameters that are packed, and how."""
        found = {}
        for path, layer in network.named_modules():
            name = f"{path}.weight" if path else "weight"
            if isinstance(layer, _LAYERS) and layer.weight.numel() >= _LEAST and not self._spares(name):
                found[name] = self._fitting(layer.weight.shape)
        return found

    def _spares(self, name: str) -> bool:
        own = any(f".{part}." in f".{name}." for part in self.spared)
        return own or (not self.everywhere and name.startswith(SPARED))

    def _fitting(self, shape: torch.Size) -> Format:
        group = getattr(self.packing, "rotation", 0)
        fits = not group or (len(shape) == 2 and shape[1] % group == 0)
        return self.packing if fits else Integers(8, by_row=True)


def named_parts(text: str) -> tuple[str, ...]:
    """Parts of names, from a text with commas or line breaks between them."""
    return tuple(part.strip(" .") for part in text.replace("\n", ",").split(",") if part.strip(" ."))


def repacked(network: Any, chosen: Chosen) -> nn.Module:
    """A network built like another from its `config`, with the large weights packed and the others shared.

    Args:
        network: the other one; what is installed on it makes no difference.
        chosen: what is packed; what is so already, stays as it is.
    """
    made: nn.Module = build_empty(lambda: type(network)(network.config))
    formats = chosen.formats(made)
    state: dict[str, Tensor] = {}
    for name, _ in made.named_parameters():
        original = waiting(original_parameter(network, name))
        packs = name in formats and not is_compressed(original)
        state[name] = pack(dense(original), formats[name]) if packs else original
        if (exact := exact_of(network, name)) is not None:
            remember(made, exact[0])
    made.load_state_dict(state, strict=True, assign=True)
    return made.requires_grad_(False).eval()


@dataclass(frozen=True)
class Kept:
    """What the weights of a network take.

    Attributes:
        packed: name of a format -> how many weights are in it.
        plain: how many are not packed.
        stored_bytes: what all of them take.
        dense_bytes: what they would take unpacked, in the type they are computed with.
    """

    packed: Mapping[str, int]
    plain: int
    stored_bytes: int
    dense_bytes: int

    def line(self, title: str) -> str:
        """The same in a sentence."""
        kinds = ", ".join(f"{count} as {name}" for name, count in self.packed.items())
        before, after = _size(self.dense_bytes), _size(self.stored_bytes)
        if not kinds:
            return f"{title}: {after}, nothing is packed"
        count = self.plain + sum(self.packed.values())
        return f"{title}: {after} instead of {before}; of {count} weights {kinds}"


def kept(network: nn.Module) -> Kept:
    """What the weights of a network take, whatever is installed on it."""
    packed: dict[str, int] = {}
    plain = stored = unpacked = 0
    for name, _ in network.named_parameters():
        parameter = waiting(original_parameter(network, name))
        stored += stored_bytes(parameter)
        unpacked += parameter.numel() * parameter.dtype.itemsize
        if is_compressed(parameter):
            packed[parameter.format.name] = packed.get(parameter.format.name, 0) + 1
        else:
            plain += 1
    return Kept(packed, plain, stored, unpacked)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
