"""Answers how large a latent-diffusion UNet in a file is, and how its names read in the other common layout.

Original names read `input_blocks.1.0.in_layers.0`, those of diffusers `down_blocks.0.resnets.0.norm1`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loaders.conditions import Shapes, below, count
from models.unet.config import UNetConfig

_RESIDUAL = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_ENDS = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "time_embed.cond_proj": "time_embedding.cond_proj",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
    "label_emb": "class_embedding",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}
_GUIDANCE = "time_embed.cond_proj.weight"
# What diffusers calls the extra condition where it is a vector not made of sizes.
_VECTOR = {"class_embedding.linear_1": "label_emb.0.0", "class_embedding.linear_2": "label_emb.0.2"}


@dataclass(frozen=True)
class Level:
    """One resolution of a UNet: its residual blocks on the way down, and whether attention follows each."""

    blocks: int
    attends: bool


def unet_config(shapes: Shapes) -> UNetConfig:
    """The sizes of a UNet from its shapes under original names.

    Stable Diffusion 1.x has eight heads at every width, and so has the x4 upscaler, which is known by its
    classes of noise; other networks with linear projections have heads of width 64.
    """
    first = shapes["input_blocks.0.0.weight"]
    channels = first[0]
    input_rows: list[list[int]] = [[]]
    multipliers = [1]
    twice = [False]
    for index in range(1, count(shapes, "input_blocks.")):
        block = f"input_blocks.{index}."
        if block + "0.op.weight" in shapes:
            input_rows.append([])
            multipliers.append(multipliers[-1])
            twice.append(False)
            continue
        multipliers[-1] = shapes[block + "0.out_layers.3.weight"][0] // channels
        input_rows[-1].append(_depth(shapes, block))
        twice[-1] = _looks_twice(shapes, block)
    output_rows, index = [], 0
    for row in reversed(input_rows):
        output_rows.append(tuple(_depth(shapes, f"output_blocks.{index + i}.") for i in range(len(row) + 1)))
        index += len(row) + 1
    attention = next((name for name in shapes if name.endswith(".attn2.to_k.weight")), None)
    linear = any(name.endswith("1.proj_in.weight") and len(shape) == 2 for name, shape in shapes.items())
    classes = shapes.get("label_emb.weight")
    has_middle = "middle_block.0.in_layers.0.weight" in shapes
    return UNetConfig(
        in_channels=first[1],
        out_channels=shapes["out.2.weight"][0],
        channels=channels,
        multipliers=tuple(multipliers),
        input_depths=tuple(tuple(row) for row in input_rows),
        output_depths=tuple(reversed(output_rows)),
        middle_depth=_depth(shapes, "middle_block.") if has_middle else None,
        context_width=shapes[attention][1] if attention else 768,
        heads=None if linear and classes is None else 8,
        linear_projections=linear,
        vector_width=shapes["label_emb.0.0.weight"][1] if "label_emb.0.0.weight" in shapes else None,
        classes=classes[0] if classes else None,
        guidance_width=shapes[_GUIDANCE][1] if _GUIDANCE in shapes else None,
        cross_only=tuple(twice) if any(twice) else (),
    )


def original_names(names: Iterable[str], levels: Sequence[Level]) -> dict[str, str]:
    """Name under diffusers names -> original name, of those parameters that have one."""
    table = {other: name for name, other in diffusers_prefixes(levels).items()} | _VECTOR
    return {name: original for name in names if (original := translate(name, table)) is not None}


def levels_of(config: UNetConfig) -> list[Level]:
    """What of a configuration the names depend on."""
    return [Level(len(row), any(row)) for row in config.input_depths]


def diffusers_levels(shapes: Shapes) -> list[Level]:
    """The same, read from a file under diffusers names."""
    return [
        Level(
            count(shapes, f"down_blocks.{index}.resnets."),
            bool(below(shapes, f"down_blocks.{index}.attentions.")),
        )
        for index in range(count(shapes, "down_blocks."))
    ]


def diffusers_prefixes(levels: Sequence[Level]) -> dict[str, str]:
    """Original name -> diffusers name, of modules and of blocks whose inside is named alike in both."""
    table = dict(_ENDS)
    entry = 1
    for index, level in enumerate(levels):
        for block in range(level.blocks):
            table.update(_block(f"input_blocks.{entry}", f"down_blocks.{index}", block, level.attends))
            entry += 1
        if index < len(levels) - 1:
            table[f"input_blocks.{entry}.0.op"] = f"down_blocks.{index}.downsamplers.0.conv"
            entry += 1
    table.update(_residual("middle_block.0", "mid_block.resnets.0"))
    table["middle_block.1"] = "mid_block.attentions.0"
    table.update(_residual("middle_block.2", "mid_block.resnets.1"))
    entry = 0
    for index, level in enumerate(reversed(levels)):
        for block in range(level.blocks + 1):
            table.update(_block(f"output_blocks.{entry}", f"up_blocks.{index}", block, level.attends))
            entry += 1
        if index < len(levels) - 1:
            part = 2 if level.attends else 1
            table[f"output_blocks.{entry - 1}.{part}.conv"] = f"up_blocks.{index}.upsamplers.0.conv"
    return table


def translate(name: str, prefixes: Mapping[str, str]) -> str | None:
    """A dotted name with its longest known prefix replaced, or None where no prefix of it is known."""
    for prefix in _prefixes_of(name):
        if prefix in prefixes:
            return prefixes[prefix] + name[len(prefix) :]
    return None


def _prefixes_of(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]


def _block(original: str, diffusers: str, index: int, attends: bool) -> dict[str, str]:
    table = _residual(f"{original}.0", f"{diffusers}.resnets.{index}")
    if attends:
        table[f"{original}.1"] = f"{diffusers}.attentions.{index}"
    return table


def _residual(original: str, diffusers: str) -> dict[str, str]:
    return {f"{original}.{name}": f"{diffusers}.{other}" for name, other in _RESIDUAL.items()}


def _depth(shapes: Shapes, block: str) -> int:
    return count(shapes, f"{block}1.transformer_blocks.")


def _looks_twice(shapes: Shapes, block: str) -> bool:
    """Whether what is self-attention elsewhere has keys of the context's width."""
    keys = shapes.get(f"{block}1.transformer_blocks.0.attn1.to_k.weight")
    return keys is not None and keys[0] != keys[1]
