"""Mixes two models of a known family, with a share for each block of its network."""

from typing import Annotated

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Grow, Range
from nodes.model.merge import CATEGORY, by_blocks, mixed

MENU = f"{CATEGORY}/model_specific"
_SHARE = Range(0.0, 1.0, step=0.01, extra={"default": 1.0})
_ENDS = ("time_embed.", "label_emb.")


def _numbered(stem: str, count: int, end: str) -> tuple[str, ...]:
    return tuple(f"{stem}.{index}{end}" for index in range(count))


SD1_BLOCKS = (
    *_ENDS,
    *_numbered("input_blocks", 12, "."),
    *_numbered("middle_block", 3, "."),
    *_numbered("output_blocks", 12, "."),
    "out.",
)
SDXL_BLOCKS = (
    *_ENDS,
    *_numbered("input_blocks", 9, ""),
    *_numbered("middle_block", 3, ""),
    *_numbered("output_blocks", 9, ""),
    "out.",
)
SD1Ratios = Annotated[float, _SHARE, Grow(names=SD1_BLOCKS)]
SDXLRatios = Annotated[float, _SHARE, Grow(names=SDXL_BLOCKS)]


@node(id="ModelMergeSD1", display_name="ModelMergeSD1", category=MENU)
def merge_sd1(ctx: Context, model1: Model, model2: Model, **ratios: SD1Ratios) -> Model:
    """Mix two models of Stable Diffusion 1.x, with a share for each block.

    Args:
        model1: the model whose sampling and sizes count.
        model2: the model that is mixed in, with the LoRAs it has.
        ratios: the share of the first model in this block.
    """
    return mixed(ctx, model1, model2, *by_blocks(ratios))


@node(id="ModelMergeSD2", display_name="ModelMergeSD2", category=MENU)
def merge_sd2(ctx: Context, model1: Model, model2: Model, **ratios: SD1Ratios) -> Model:
    """Mix two models of Stable Diffusion 2.x, with a share for each block.

    Args:
        model1: the model whose sampling and sizes count.
        model2: the model that is mixed in, with the LoRAs it has.
        ratios: the share of the first model in this block.
    """
    return mixed(ctx, model1, model2, *by_blocks(ratios))


@node(id="ModelMergeSDXL", display_name="ModelMergeSDXL", category=MENU)
def merge_sdxl(ctx: Context, model1: Model, model2: Model, **ratios: SDXLRatios) -> Model:
    """Mix two models of Stable Diffusion XL, with a share for each block.

    Args:
        model1: the model whose sampling and sizes count.
        model2: the model that is mixed in, with the LoRAs it has.
        ratios: the share of the first model in this block.
    """
    return mixed(ctx, model1, model2, *by_blocks(ratios))
