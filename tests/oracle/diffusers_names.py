"""Writes down, for the parity tests, how diffusers' parameter names read in the original checkpoints."""

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


def redraw(module: nn.Module, seed: int = 1) -> nn.Module:
    """Give every parameter a random value, so that layers made of zeros or ones cannot hide a mistake."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim >= 2:
                parameter.copy_(noise / max(1, parameter[0].numel()) ** 0.5)
            elif name.endswith("weight"):
                parameter.copy_(1 + 0.1 * noise)
            else:
                parameter.copy_(0.1 * noise)
    return module.eval()


RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def unet_name(name: str, blocks: int) -> str:
    """The original name of a UNet parameter; `blocks` is diffusers' layers_per_block."""
    for old, new in (
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("time_embedding.cond_proj", "time_embed.cond_proj"),
        ("add_embedding.linear_1", "label_emb.0.0"),
        ("add_embedding.linear_2", "label_emb.0.2"),
        ("class_embedding.linear_1", "label_emb.0.0"),
        ("class_embedding.linear_2", "label_emb.0.2"),
        ("class_embedding", "label_emb"),
        ("conv_in", "input_blocks.0.0"),
        ("conv_norm_out", "out.0"),
        ("conv_out", "out.2"),
    ):
        if name.startswith(old + "."):
            return name.replace(old, new, 1)
    if match := re.match(
        r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", name
    ):
        way, level, kind, index, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
        if way == "down":
            entry = 1 + level * (blocks + 1) + (blocks if kind == "downsamplers" else index)
            part = {"resnets": "0", "attentions": "1", "downsamplers": "0"}[kind]
            prefix = f"input_blocks.{entry}.{part}"
        else:
            entry = level * (blocks + 1) + (blocks if kind == "upsamplers" else index)
            prefix = (
                f"output_blocks.{entry}." + {"resnets": "0", "attentions": "1", "upsamplers": "{up}"}[kind]
            )
        if kind == "downsamplers":
            rest = rest.replace("conv", "op", 1)
        return f"{prefix}.{_resnet(rest) if kind == 'resnets' else rest}"
    match = re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name)
    assert match, name
    if match[1] == "attentions":
        return f"middle_block.1.{match[3]}"
    return f"middle_block.{2 * int(match[2])}.{_resnet(match[3])}"


def _resnet(rest: str) -> str:
    head, tail = rest.split(".", 1)
    return f"{RESNET[head]}.{tail}"


def unet_state(state: Mapping[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """A whole UNet state dict under original names."""
    renamed = {unet_name(name, blocks): tensor for name, tensor in state.items()}
    result = {}
    for name, tensor in renamed.items():
        if "{up}" in name:
            # The upsampler comes after the transformer where the level has one.
            entry = name.split(".")[1]
            attended = any(other.startswith(f"output_blocks.{entry}.1.norm") for other in renamed)
            name = name.replace("{up}", "2" if attended else "1")
        result[name] = tensor
    return result


def vae_state(state: Mapping[str, Tensor], levels: int) -> dict[str, Tensor]:
    """A whole AutoencoderKL state dict under original names; attention becomes 1x1 convolutions."""
    result = {}
    for name, tensor in state.items():
        new = _vae_name(name, levels)
        if ".attn_1." in new and new.endswith("weight") and ".norm." not in new:
            tensor = tensor[:, :, None, None]
        result[new] = tensor
    return result


def _vae_name(name: str, levels: int) -> str:
    swaps: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
        (r"encoder\.down_blocks\.(\d+)\.resnets\.(\d+)", r"encoder.down.\1.block.\2"),
        (r"encoder\.down_blocks\.(\d+)\.downsamplers\.0", r"encoder.down.\1.downsample"),
        (
            r"decoder\.up_blocks\.(\d+)\.resnets\.(\d+)",
            lambda m: f"decoder.up.{levels - 1 - int(m[1])}.block.{m[2]}",
        ),
        (
            r"decoder\.up_blocks\.(\d+)\.upsamplers\.0",
            lambda m: f"decoder.up.{levels - 1 - int(m[1])}.upsample",
        ),
        (r"mid_block\.resnets\.(\d+)", lambda m: f"mid.block_{int(m[1]) + 1}"),
        (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
        (r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1"),
        (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
        (r"conv_norm_out", "norm_out"),
        (r"conv_shortcut", "nin_shortcut"),
    ]
    for pattern, replacement in swaps:
        name = re.sub(pattern, replacement, name)
    return name


def worst_ratio(got: Tensor, expected: Tensor) -> float:
    """The largest difference as a part of the largest expected value."""
    return float((got - expected).abs().max() / expected.abs().max())
