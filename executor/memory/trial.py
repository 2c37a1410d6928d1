"""Runs a network without memory and without values, to see what it would need."""

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from executor.memory.live import FusedAttention, LiveBytes
from models.blank import as_parts
from models.control.controlnet import ControlNet
from models.packed.away import Away
from models.packed.tensor import Packed, stored
from models.text.clip import ClipText
from models.text.encoders import TextEncoders
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from models.vae.autoencoder import ImageAutoencoder

META = torch.device("meta")
# By the residency.
_HUNG = frozenset({"_resident", "forward"})
# Of a prompt of usual length, and of a picture for a cell of a latent.
TOKENS, CELL = 77, 8

Shape = Sequence[int]


def twin(network: nn.Module) -> nn.Module:
    """A network of the same shape on the meta device; packed weights stay packed."""
    copies: dict[int, Any] = {}
    for module in network.modules():
        for table in (module._parameters, module._buffers):
            for tensor in table.values():
                if tensor is not None and id(tensor) not in copies:
                    copies[id(tensor)] = _without_values(tensor)
        # What holds a network in memory hangs on it, with weights of its own, and stays where it is.
        for name, value in module.__dict__.items():
            if name in _HUNG:
                copies[id(value)] = None
    made = copy.deepcopy(network, copies)
    for module in made.modules():
        module.__dict__.pop("forward", None)
    return made


def compute_type(network: nn.Module) -> torch.dtype:
    """The number type that a network computes in."""
    return next((each.dtype for each in network.parameters() if each.is_floating_point()), torch.float32)


def peak_of(network: nn.Module, shape: Shape, remembered: Mapping[str, int] = MappingProxyType({})) -> int:
    """The most bytes that a network (see `twin`) has in use beside its weights when it runs on a shape.

    What is kept from earlier runs counts: so many tensors like what modules give, by their names.

    What shape and run are, depends on the kind of network:

    - UNet and ControlNet: latents (B, C, h, w), B counting prompts too; one evaluation.
    - autoencoder: latents (B, C, h, w) to decode, or pictures (B, 3, H, W) to encode.
    - text encoders: ids (B, T); the hungriest of them.
    - any other: what its `forward` takes.

    Raises:
        RuntimeError, TypeError, ValueError: if it cannot be run so; networks of others raise anything.
    """
    kept: dict[str, int] = {}
    for name, times in remembered.items():
        network.get_submodule(name).register_forward_hook(_noting(kept, name, times))
    with torch.device(META):
        run = _run(network, shape, compute_type(network))
    known = [part for tensor in network.state_dict(keep_vars=True).values() for part in stored(tensor)]
    with torch.no_grad(), torch.device(META), FusedAttention(), LiveBytes(known) as counted:
        run()
    peak: int = counted.peak
    return peak + sum(kept.values())


def _noting(kept: dict[str, int], name: str, times: int) -> Callable[..., None]:
    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        del module, inputs
        parts = [part for part in as_parts(output) if isinstance(part, Tensor) and part.is_floating_point()]
        kept[name] = times * sum(part.nbytes for part in parts)

    return note


def _run(network: nn.Module, shape: Shape, dtype: torch.dtype) -> Callable[[], Any]:
    if isinstance(network, UNet | ControlNet):
        return _unet_run(network, shape, dtype)
    if isinstance(network, TextEncoders):
        ids = torch.zeros(tuple(shape), dtype=torch.long)
        encoders = [encoder for encoder in network.values() if isinstance(encoder, ClipText)]
        return lambda: [encoder(ids).hidden for encoder in encoders] and None
    given = torch.empty(tuple(shape), dtype=dtype)
    if isinstance(network, ImageAutoencoder):
        decodes = shape[1] == network.latent_channels
        return lambda: (network.decode_raw if decodes else network.encode_raw)(given)
    return lambda: network(given)


def _unet_run(network: nn.Module, shape: Shape, dtype: torch.dtype) -> Callable[[], Any]:
    config: Any = network.config
    assert isinstance(config, UNetConfig)
    batch, _, height, width = shape
    named: dict[str, Tensor] = {}
    if config.vector_width is not None:
        named["vector"] = torch.empty(batch, config.vector_width, dtype=dtype)
    elif config.classes is not None:
        named["vector"] = torch.zeros(batch, dtype=torch.long)
    if config.guidance_width is not None:
        named["guidance"] = torch.empty(batch, config.guidance_width, dtype=dtype)
    x = torch.empty(batch, config.in_channels, height, width, dtype=dtype)
    t, context = torch.empty(batch), torch.empty(batch, TOKENS, config.context_width, dtype=dtype)
    if isinstance(network, ControlNet):
        hint = torch.empty(1, network.sizes.hint_channels, height * CELL, width * CELL, dtype=dtype)
        return lambda: network(x, t, context, named.get("vector"), network.encode_hint(hint))
    return lambda: network(x, t, context, **named)


def _without_values(tensor: Tensor) -> Tensor:
    """A tensor (any shape) on the meta device, packed or a parameter where this one is, wherever it waits."""
    home = tensor.home if isinstance(tensor, Away) else tensor
    if isinstance(home, Packed):
        bare: Tensor = home.with_parts(lambda part: torch.empty_like(part, device=META))
    else:
        bare = torch.empty_strided(home.shape, home.stride(), dtype=home.dtype, device=META)
    return nn.Parameter(bare, requires_grad=False) if isinstance(tensor, nn.Parameter) else bare
