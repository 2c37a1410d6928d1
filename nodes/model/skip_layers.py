"""Guides away from what a model predicts with some of its transformer blocks left out."""

from typing import Annotated

from models.adapters.skipped_layers import SkippedLayers, layers_at
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Range, Text
from nodes.sampling.guidance import ruled
from schedulers.guiders.skip_layer import SkipLayer, SkipLayerNegative

Percent = Annotated[float, Range(0.0, 1.0, step=0.001)]
Places = Annotated[str, Text(multiline=False, dynamic_prompts=False)]


@node(id="SkipLayerGuidanceUNet", display_name="Skip-Layer Guidance", category="model_patches/unet")
def guide_by_skipped_layers(
    *,
    model: Model,
    blocks: Places = "middle",
    scale: Annotated[float, Range(0.0, 10.0, step=0.1)] = 3.0,
    start_percent: Percent = 0.01,
    end_percent: Percent = 0.15,
    rescaling_scale: Annotated[float, Range(0.0, 10.0, step=0.01)] = 0.0,
) -> Model:
    """Guide away from the picture that the model sees without some of its transformer blocks.

    Each step in which it holds takes one evaluation more.

    Args:
        model: a model with a UNet.
        blocks: what is left out, with commas between: middle, input.4 or output.7 for all transformer blocks
            there, input.4.0 for the first of them.
        scale: strength; 0 changes nothing.
        start_percent: part of sampling after which it begins.
        end_percent: part of sampling after which it ends.
        rescaling_scale: share by which each picture is brought back to the spread of the positive prediction.
    """
    layers = SkippedLayers(layers_at(model.base.network, blocks))
    rule = SkipLayer(layers, scale, start_percent, end_percent, rescaling_scale)
    return ruled(model, rule)


@node(
    id="SkipLayerGuidanceUNetSimple",
    display_name="Skip-Layer Guidance (Negative Prediction)",
    category="model_patches/unet",
)
def spoil_negative_by_skipped_layers(
    *,
    model: Model,
    blocks: Places = "middle",
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
) -> Model:
    """Make the negative prediction without some transformer blocks of the model.

    It takes no evaluation more, and changes nothing where guidance at scale 1 leaves the negative prompt out.

    Args:
        model: a model with a UNet.
        blocks: what is left out, with commas between: middle, input.4 or output.7 for all transformer blocks
            there, input.4.0 for the first of them.
        start_percent: part of sampling after which it begins.
        end_percent: part of sampling after which it ends.
    """
    rule = SkipLayerNegative(SkippedLayers(layers_at(model.base.network, blocks)), start_percent, end_percent)
    return ruled(model, rule)
