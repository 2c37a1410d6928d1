"""Keeps the composition of large pictures together."""

from typing import Annotated

from models.adapters.deep_shrink import DeepShrink
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Choice, Range
from schedulers.tables import sigma_table

METHODS = ("bicubic", "nearest-exact", "bilinear", "area", "bislerp")
Percent = Annotated[float, Range(0.0, 1.0, step=0.001)]
Method = Annotated[str, Choice(METHODS)]


@node(
    id="PatchModelAddDownscale",
    display_name="PatchModelAddDownscale (Kohya Deep Shrink)",
    category="model_patches/unet",
)
def shrink_deep_features(
    *,
    model: Model,
    block_number: Annotated[int, Range(1, 32, step=1)] = 3,
    downscale_factor: Annotated[float, Range(0.1, 9.0, step=0.001)] = 2.0,
    start_percent: Percent = 0.0,
    end_percent: Percent = 0.35,
    downscale_after_skip: bool = True,
    downscale_method: Method,
    upscale_method: Method,
) -> Model:
    """Let a UNet see a large picture smaller during the first steps, so that nothing in it is doubled.

    Args:
        model: a model with a UNet.
        block_number: the block on the way down after which features shrink.
        downscale_factor: what both sides are divided by.
        start_percent: part of sampling after which it begins.
        end_percent: part of sampling after which the picture is seen as large as it is.
        downscale_after_skip: whether what the block carries over keeps its size.
        downscale_method: how features shrink.
        upscale_method: how they grow again on the way up.
    """
    window = sigma_table(model.base.noise).window(start_percent, end_percent)
    return model.with_patch(
        DeepShrink(
            block_number,
            downscale_factor,
            *window,
            downscale_after_skip,
            downscale_method,
            upscale_method,
        )
    )
