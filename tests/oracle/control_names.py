"""Writes down, for the parity tests, how diffusers' names of control networks read in the original files."""

import re
from collections.abc import Mapping

from torch import Tensor

from tests.oracle.diffusers_names import unet_name

SAME = ("task_embedding", "transformer_layes", "spatial_ch_projs", "control_add_embedding")


def controlnet_state(state: Mapping[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """A ControlNet's state dict under original names; `blocks` is diffusers' layers_per_block."""
    result = {}
    for name, tensor in state.items():
        if found := re.match(r"controlnet_down_blocks\.(\d+)\.(.*)", name):
            new = f"zero_convs.{found[1]}.0.{found[2]}"
        elif name.startswith("controlnet_mid_block."):
            new = name.replace("controlnet_mid_block.", "middle_block_out.0.")
        elif found := re.match(r"controlnet_cond_embedding\.(conv_in|conv_out|blocks\.\d+)\.(.*)", name):
            numbers = {"conv_in": 0, "conv_out": 14, **{f"blocks.{i}": 2 * i + 2 for i in range(6)}}
            new = f"input_hint_block.{numbers[found[1]]}.{found[2]}"
        else:
            new = name if name.startswith(SAME) else unet_name(name, blocks)
        result[new] = tensor
    return result


def full_adapter_state(state: Mapping[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """A full T2I-Adapter's state dict under original names."""
    result = {}
    for name, tensor in state.items():
        new = name.removeprefix("adapter.")
        if found := re.match(r"body\.(\d+)\.(resnets\.(\d+)|in_conv)\.(.*)", new):
            index = int(found[1]) * blocks + int(found[3] or 0)
            inner = found[4] if found[3] else f"in_conv.{found[4]}"
            new = f"body.{index}.{inner}"
        result[new] = tensor
    return result


def light_adapter_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A light T2I-Adapter's state dict under original names."""
    return {
        name.removeprefix("adapter.").replace("resnets", "body"): tensor for name, tensor in state.items()
    }
