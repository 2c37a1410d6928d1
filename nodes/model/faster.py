"""Makes models faster at some cost in exactness."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import torch

from models.adapters.deep_cache import DeepCache
from models.adapters.hypertile import HyperTile
from models.adapters.number_type import NumberType
from models.adapters.reuse import StepReuse
from models.adapters.token_merging import TokenMerging
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Choice, Range
from nodes.sampling.guidance import ruled
from schedulers.guiders.reuse import GuidanceReuse
from schedulers.tables import sigma_table

CATEGORY = "model_patches/unet"
DEBUG_CATEGORY = "advanced/debug/model"
TYPES: Mapping[str, torch.dtype | None] = MappingProxyType(
    {"default": None, "fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
)
Part = Annotated[float, Range(0.0, 1.0, step=0.01)]
Threshold = Annotated[float, Range(0.0, 3.0, step=0.01)]
Percent = Annotated[float, Range(0.0, 1.0, step=0.001)]


@node(id="HyperTile", display_name="HyperTile", category=CATEGORY)
def hyper_tile(
    model: Model,
    tile_size: Annotated[int, Range(1, 2048)] = 256,
    swap_size: Annotated[int, Range(1, 128)] = 2,
    max_depth: Annotated[int, Range(0, 10)] = 0,
    scale_depth: bool = False,
) -> Model:
    """Let the finest attention look only around itself, which makes large pictures much faster.

    Args:
        model: a model with a UNet.
        tile_size: side of a tile in pixels, at least 32.
        swap_size: among how many tile sizes one is drawn by chance in each step.
        max_depth: how many coarser levels are tiled too.
        scale_depth: whether tiles grow with the level.
    """
    return model.with_patch(HyperTile(tile_size, swap_size, max_depth, scale_depth))


@node(id="TomePatchModel", display_name="Token Merging", category=CATEGORY)
def merge_tokens(model: Model, ratio: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.3) -> Model:
    """Merge cells that resemble each other before the finest attention, which makes it faster.

    Args:
        model: a model with a UNet.
        ratio: part of the cells that is merged; at most three quarters are.
    """
    return model.with_patch(TokenMerging(ratio))


@node(id="DeepCache", display_name="Deep Cache", category=CATEGORY)
def cache_deep_features(
    model: Model,
    interval: Annotated[int, Range(2, 20)] = 3,
    depth: Annotated[int, Range(0, 12)] = 3,
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
) -> Model:
    """Run the deep part of a UNet in some steps only and use what it gave again in those between.

    Args:
        model: a model with a UNet.
        interval: of so many steps the first runs everything.
        depth: the last block on the way down that always runs; fewer are faster.
        start_percent: part of sampling after which features are used again.
        end_percent: part of sampling after which every step runs everything.
    """
    window = sigma_table(model.base.noise).window(start_percent, end_percent)
    return model.with_patch(DeepCache(interval, depth, *window))


@node(id="EasyCache", display_name="EasyCache", category=DEBUG_CATEGORY, experimental=True)
def reuse_steps(
    model: Model,
    reuse_threshold: Threshold = 0.2,
    start_percent: Part = 0.15,
    end_percent: Part = 0.95,
    verbose: bool = False,
) -> Model:
    """Leave out runs of the network whose answer would hardly change.

    Args:
        model: what is sampled.
        reuse_threshold: how much change may be left out before the network runs again; 0 leaves nothing out.
        start_percent: part of sampling after which runs are left out.
        end_percent: part of sampling after which every step runs the network.
        verbose: write to the log which runs are left out.
    """
    window = sigma_table(model.base.noise).window(start_percent, end_percent)
    return model.with_patch(StepReuse(reuse_threshold, *window, verbose))


@node(id="LazyCache", display_name="LazyCache", category=DEBUG_CATEGORY, experimental=True)
def reuse_guidance(
    model: Model,
    reuse_threshold: Threshold = 0.2,
    start_percent: Part = 0.15,
    end_percent: Part = 0.95,
    verbose: bool = False,
) -> Model:
    """Leave out whole steps whose outcome would hardly change; it works with any model.

    Args:
        model: what is sampled.
        reuse_threshold: how much change may be left out before a step is computed; 0 leaves nothing out.
        start_percent: part of sampling after which steps are left out.
        end_percent: part of sampling after which every step is computed.
        verbose: write to the log which steps are left out.
    """
    window = sigma_table(model.base.noise).window(start_percent, end_percent)
    rule = GuidanceReuse(reuse_threshold, *window, verbose)
    return ruled(model, rule)


@node(id="ModelComputeDtype", display_name="ModelComputeDtype", category=DEBUG_CATEGORY)
def compute_in(model: Model, dtype: Annotated[str, Choice(TYPES)]) -> Model:
    """Have a model compute in another number type.

    Args:
        model: what is sampled.
        dtype: fp32 is exact, fp16 and bf16 take half the memory; default leaves it as it was loaded.
    """
    chosen = TYPES[dtype]
    return model if chosen is None else model.with_patch(NumberType(chosen))
