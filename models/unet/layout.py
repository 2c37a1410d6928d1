"""Answers in which order a UNet runs its parts."""

from collections.abc import Mapping

from torch import nn

from models.layout import Layout
from models.unet.blocks import ResidualBlock, TransformerBlock

_PARTS = {"input_blocks": "input", "middle_block": "middle", "output_blocks": "output"}


def unet_layout(network: nn.Module) -> Layout:
    """The parts of a UNet; the layers before its blocks are `input_blocks.0`, those after them `out`."""
    modules = dict(network.named_modules())
    down, up = (len(list(modules[name].children())) for name in ("input_blocks", "output_blocks"))
    blocks = [f"input_blocks.{index}" for index in range(1, down)]
    blocks += ["middle_block"] if "middle_block" in modules else []
    blocks += [f"{part}.{index}" for index in range(up) for part in ("joins", "output_blocks")]
    attending = [
        (name,)
        for name in modules
        if name.endswith((".attn1", ".attn2", ".ff")) and ".transformer_blocks." in name
    ]
    residual = [
        tuple(f"{name}.{part}" for part in ("in_layers", "emb_layers", "out_layers"))
        for name, module in modules.items()
        if isinstance(module, ResidualBlock)
    ]
    return Layout(
        blocks=tuple(blocks),
        self_attention=tuple(name for name in modules if name.endswith(".attn1")),
        cross_attention=tuple(name for name in modules if name.endswith(".attn2")),
        branches=(*residual, *attending),
        layers=_layers(modules),
    )


def _layers(modules: Mapping[str, nn.Module]) -> dict[str, tuple[str, ...]]:
    """The transformer blocks of "input.4", "middle", "output.7" and so on."""
    found: dict[str, tuple[str, ...]] = {}
    for name, module in modules.items():
        if isinstance(module, TransformerBlock):
            part, number, *_ = name.split(".")
            word = _PARTS[part] if part == "middle_block" else f"{_PARTS[part]}.{number}"
            found[word] = (*found.get(word, ()), name)
    return found
