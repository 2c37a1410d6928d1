"""Makes models faster at some cost in exactness."""

from typing import Annotated

from models.adapters.deep_cache import DeepCache
from models.adapters.hypertile import HyperTile
from models.adapters.token_merging import TokenMerging
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Range
from schedulers.tables import sigma_table

CATEGORY = "model_patches/unet"
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
    percent_to_sigma = sigma_table(model.base.noise).percent_to_sigma
    window = (percent_to_sigma(start_percent), percent_to_sigma(end_percent))
    return model.with_patch(DeepCache(interval, depth, *window))
