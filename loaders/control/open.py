"""Opens ControlNets, Control-LoRAs and T2I-Adapters, each known by what is in the file."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from loaders.assemble import Storage, assemble
from loaders.conditions import Shapes, count
from loaders.consistent import consistent
from loaders.control.names import adapter_sources, controlnet_sources
from loaders.errors import BrokenFile
from loaders.families.kl import sources_shapes
from loaders.families.ldm_unet import unet_config
from loaders.files import Weights
from loaders.identify.kinds import CONTROL
from loaders.keymap import Sources, strip
from loaders.opening import open_weights
from loaders.unfit import unfit
from models.adapters.patch import Patched
from models.control.control_lora import ControlLora
from models.control.controlnet import ControlNet, ControlNetConfig
from models.control.model import ControlModel
from models.control.t2i_adapter import AdapterConfig, T2IAdapter
from models.control.union import UnionControlNet

logger = logging.getLogger(__name__)

PREFIX = "control_model."
LORA = "lora_controlnet"
DIFFERENCE = "difference"
HINT = "input_hint_block.0.weight"
# Files whose names end so, less the extension, hold networks that say one thing for the whole picture.
POOLING_NAMES = ("_shuffle", "_shuffle_fp16")


def open_control(
    path: Path, base: nn.Module | None = None, storage: Storage | None = None
) -> Patched[ControlModel]:
    """Open a control network.

    Args:
        path: a safetensors file or a restricted pickle.
        base: the network it steers, for files that hold the difference to it.
        storage: how it is kept, by default in float32.

    Raises:
        UnknownFormat: if the file holds none that is known.
        BrokenFile: if it is damaged or incomplete, or holds a difference and no network came.
    """
    weights = open_weights(path)
    with consistent(path):
        network = _network(weights, storage or Storage(), base)
    logger.info("%s: %s, %d tensors", path.name, type(network).__name__, sum(1 for _ in network.parameters()))
    return Patched(ControlModel(network, pools=path.stem.endswith(POOLING_NAMES), name=path.name))


def _network(
    weights: Weights, storage: Storage, base: nn.Module | None
) -> ControlNet | ControlLora | T2IAdapter:
    if LORA in weights:
        return _control_lora(weights, storage)
    sources = strip(weights, PREFIX if any(name.startswith(PREFIX) for name in weights) else "")
    shapes = sources_shapes(weights, sources)
    controlnet = controlnet_sources(sources, shapes)
    if "zero_convs.0.0.weight" in controlnet and HINT in controlnet:
        network = _controlnet(weights, controlnet, storage)
        if DIFFERENCE in weights:
            _add_base(weights, network, base)
        return network
    adapter = adapter_sources(sources)
    if "body.0.block1.weight" in adapter or "body.0.body.0.block1.weight" in adapter:
        config = adapter_config(sources_shapes(weights, adapter))
        return assemble(lambda: T2IAdapter(config), weights, adapter, storage, "T2I-Adapter")
    tried = [
        "It is no ControlNet: neither zero_convs.0.0 nor controlnet_cond_embedding.conv_in is there.",
        "It is no T2I-Adapter: body.0.block1.weight is missing.",
        f"It is no Control-LoRA: {LORA} is missing.",
    ]
    raise unfit(weights, CONTROL, "a control network of a known kind", tried)


def _controlnet(weights: Weights, sources: Sources, storage: Storage) -> ControlNet:
    config = controlnet_config(sources_shapes(weights, sources))
    kind = ControlNet if config.types is None else UnionControlNet
    return assemble(lambda: kind(config), weights, sources, storage, "ControlNet")


def controlnet_config(shapes: Shapes) -> ControlNetConfig:
    """The sizes of a ControlNet from its shapes under original names."""
    types = shapes["task_embedding"][0] if "task_embedding" in shapes else None
    type_inputs = shapes.get("control_add_embedding.linear_1.weight", (0, 0))[1]
    return ControlNetConfig(
        # A ControlNet has no way up and so no last layer.
        unet=unet_config({**shapes, "out.2.weight": shapes["input_blocks.0.0.weight"][1:2]}),
        hint_channels=shapes[HINT][1],
        hint_widths=_hint_widths(shapes),
        types=types,
        type_width=type_inputs // types if types else 0,
    )


def _hint_widths(shapes: Shapes) -> tuple[int, ...]:
    """The widths of a hint's convolutions: between two of them stand a convolution and two functions."""
    widths: list[int] = []
    while (name := f"input_hint_block.{4 * len(widths)}.weight") in shapes:
        widths.append(shapes[name][0])
    return tuple(widths)


def adapter_config(shapes: Shapes) -> AdapterConfig:
    """The sizes of a T2I-Adapter from its shapes under original names."""
    if "body.0.out_conv.weight" in shapes:
        levels = count(shapes, "body.")
        return AdapterConfig(
            kind="light",
            hint_channels=shapes["body.0.in_conv.weight"][1] // AdapterConfig("light").unshuffle ** 2,
            channels=tuple(shapes[f"body.{level}.out_conv.weight"][0] for level in range(levels)),
            blocks=count(shapes, "body.0.body."),
        )
    inputs = shapes["conv_in.weight"][1]
    xl = AdapterConfig("xl")
    is_xl = inputs in (xl.unshuffle**2, 3 * xl.unshuffle**2)
    kind = xl if is_xl else AdapterConfig("full")
    widths = [shapes[f"body.{index}.block1.weight"][0] for index in range(count(shapes, "body."))]
    # The first block of the second level is the first that widens.
    wider = (i for i in range(1, len(widths)) if f"body.{i}.in_conv.weight" in shapes)
    blocks = next(wider, len(widths))
    return replace(
        kind,
        hint_channels=inputs // kind.unshuffle**2,
        channels=tuple(widths[::blocks]),
        blocks=blocks,
        kernel=shapes["body.0.block2.weight"][2],
        strided=any(name.endswith("down_opt.op.weight") for name in shapes),
    )


def _control_lora(weights: Weights, storage: Storage) -> ControlLora:
    names = [name for name in weights if name != LORA]
    if HINT not in weights:
        raise BrokenFile(weights.path, f"it is a Control-LoRA without {HINT}")
    read: Mapping[str, Tensor] = {
        name: storage.keep(tensor) for name, tensor in weights.read_many(names, storage.copies)
    }
    lone = [name for name in names if name.endswith(".up") and f"{name.removesuffix('.up')}.down" not in read]
    if lone:
        raise BrokenFile(weights.path, f"it is a Control-LoRA in which {lone[0]} has no partner")
    return ControlLora(read, weights[HINT][1], _hint_widths(weights))


def _add_base(weights: Weights, network: ControlNet, base: nn.Module | None) -> None:
    """Make weights of the differences to a network that a file holds."""
    if base is None:
        raise BrokenFile(
            weights.path,
            "it holds the difference to the network it steers: open it with Load ControlNet Model (diff)",
        )
    shared = dict(base.named_parameters())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            other = shared.get(name)
            if other is None:
                continue
            if other.shape != parameter.shape:
                sizes = f"{tuple(parameter.shape)} here and {tuple(other.shape)} there"
                message = f"it is the difference to another network: {name} has the shape {sizes}"
                raise BrokenFile(weights.path, message)
            parameter.add_(other.to(parameter))
