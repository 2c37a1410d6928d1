"""Says how ControlNets and adapters in files of diffusers' layout read under their original names."""

import re
from collections.abc import Iterable

from loaders.conditions import Shapes
from loaders.families.ldm_unet import diffusers_levels, original_names
from loaders.keymap import Sources

HINT = "controlnet_cond_embedding."
ADAPTER = "adapter."


def controlnet_sources(sources: Sources, shapes: Shapes) -> Sources:
    """Where a ControlNet's parameters are under original names, whichever layout the file has."""
    if f"{HINT}conv_in.weight" not in sources:
        return {_attention(name): source for name, source in sources.items()}
    renamed = original_names(sources, diffusers_levels(shapes))
    last = (
        2 * sum(1 for name in sources if name.startswith(f"{HINT}blocks.") and name.endswith(".weight")) + 2
    )
    return {
        _attention(renamed.get(name) or _controlnet_name(name, last)): source
        for name, source in sources.items()
    }


def _controlnet_name(name: str, last: int) -> str:
    """The original name of what a ControlNet has beside a UNet's way down; `last` numbers the hint's end."""
    swaps = (
        (rf"{HINT}conv_in\.", "input_hint_block.0."),
        (rf"{HINT}conv_out\.", f"input_hint_block.{last}."),
        (r"controlnet_mid_block\.", "middle_block_out.0."),
    )
    for pattern, replacement in swaps:
        name = re.sub(pattern, replacement, name)
    name = re.sub(rf"{HINT}blocks\.(\d+)\.", lambda found: f"input_hint_block.{2 * int(found[1]) + 2}.", name)
    return re.sub(r"controlnet_down_blocks\.(\d+)\.", r"zero_convs.\1.0.", name)


def _attention(name: str) -> str:
    """Projections in one matrix stand in some files as a parameter of the attention itself."""
    return name.replace(".attn.in_proj_", ".attn.in_proj.")


def adapter_sources(sources: Sources) -> Sources:
    """Where an adapter's parameters are under original names, whichever layout the file has."""
    plain = {name.removeprefix(ADAPTER): source for name, source in sources.items()}
    if "body.0.resnets.0.block1.weight" not in plain:
        return plain
    if "body.0.out_conv.weight" in plain:
        return {name.replace(".resnets.", ".body."): source for name, source in plain.items()}
    blocks = _blocks(plain)
    return {_full_name(name, blocks): source for name, source in plain.items()}


def _blocks(names: Iterable[str]) -> int:
    return len({name.split(".")[3] for name in names if name.startswith("body.0.resnets.")})


def _full_name(name: str, blocks: int) -> str:
    """The original name of a parameter of a full adapter, whose levels have some blocks each."""
    if found := re.match(r"body\.(\d+)\.resnets\.(\d+)\.(.*)", name):
        return f"body.{int(found[1]) * blocks + int(found[2])}.{found[3]}"
    if found := re.match(r"body\.(\d+)\.in_conv\.(.*)", name):
        return f"body.{int(found[1]) * blocks}.in_conv.{found[2]}"
    return name
