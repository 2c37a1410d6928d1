"""Makes sampling faster by using what a network computed in one step again in the next ones."""

from typing import Annotated

from models.adapters.attention_broadcast import AttentionBroadcast
from models.adapters.faster_cache import FasterCache
from models.adapters.first_block_cache import FirstBlockCache
from models.adapters.step_memory import Window
from models.adapters.taylor_seer import TaylorSeer
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Range
from schedulers.tables import sigma_table

CATEGORY = "model_patches/step caches"
Threshold = Annotated[float, Range(0.0, 3.0, step=0.005)]
Percent = Annotated[float, Range(0.0, 1.0, step=0.01)]
Every = Annotated[int, Range(1, 20)]
# The parts of sampling in which low and high frequencies differ more from step to step (FasterCache, eq. 11).
LOW, HIGH = (0.1, 0.9), (0.7, 1.0)


@node(id="FirstBlockCache", display_name="First Block Cache", category=CATEGORY)
def cache_first_block(
    model: Model,
    reuse_threshold: Threshold = 0.05,
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
    max_consecutive: Annotated[int, Range(0, 100)] = 0,
    verbose: bool = False,
) -> Model:
    """Run all blocks of a network but the first only where the first one changes.

    Args:
        model: what is sampled.
        reuse_threshold: how much the first block may change before the others run; 0 runs them always. UNets
            need 0.1 to 0.2.
        start_percent: part of sampling after which blocks are left out.
        end_percent: part of sampling after which every step runs all blocks.
        max_consecutive: after so many steps in a row without the other blocks one runs them; 0: no limit.
        verbose: write to the log what is left out.
    """
    window = sampling_window(model, start_percent, end_percent)
    return model.with_patch(FirstBlockCache(reuse_threshold, window, max_consecutive, verbose))


@node(id="TaylorSeerCache", display_name="TaylorSeer", category=CATEGORY)
def predict_steps(
    model: Model,
    interval: Every = 2,
    warmup_steps: Annotated[int, Range(1, 100)] = 3,
    order: Annotated[int, Range(0, 4)] = 1,
    lite: bool = True,
    start_percent: Percent = 0.15,
    end_percent: Percent = 1.0,
) -> Model:
    """Run the network in some steps only and predict the others from how it has been changing.

    Args:
        model: what is sampled.
        interval: of so many steps one is computed; 1 computes all.
        warmup_steps: the first steps, which are all computed.
        order: how the change goes on: 0 not at all, 1 along a line, 2 along a curve.
        lite: predict the end of the network alone instead of all its layers, which is fastest and takes
            least memory; with long intervals all layers come closer.
        start_percent: part of sampling after which steps are predicted.
        end_percent: part of sampling after which every step is computed.
    """
    window = sampling_window(model, start_percent, end_percent)
    return model.with_patch(TaylorSeer(interval, warmup_steps, order, lite, window))


@node(id="PyramidAttentionBroadcast", display_name="Pyramid Attention Broadcast", category=CATEGORY)
def broadcast_attention(
    model: Model,
    self_attention_range: Every = 2,
    cross_attention_range: Every = 6,
    start_percent: Percent = 0.2,
    end_percent: Percent = 0.9,
) -> Model:
    """Use what attention gave in one step again in the next ones.

    Args:
        model: what is sampled.
        self_attention_range: of so many steps attention within the picture is computed in one; 1: in all.
        cross_attention_range: of so many steps attention to the prompt is computed in one; 1: in all.
        start_percent: part of sampling after which attention is used again.
        end_percent: part of sampling after which every step computes it.
    """
    window = sampling_window(model, start_percent, end_percent)
    return model.with_patch(AttentionBroadcast(self_attention_range, cross_attention_range, window))


@node(id="FasterCache", display_name="FasterCache", category=CATEGORY)
def approximate_guidance(
    model: Model,
    guidance_range: Every = 5,
    attention_range: Every = 2,
    attention_weight: Percent = 0.5,
    alpha: Annotated[float, Range(0.5, 2.0, step=0.01)] = 1.1,
    guidance_start: Percent = 0.36,
    attention_start: Percent = 0.32,
    end_percent: Percent = 1.0,
) -> Model:
    """Run the negative prompt in some steps only and approximate it in the others from the positive one.

    Args:
        model: what is sampled, with a guidance scale above 1.
        guidance_range: of so many steps the negative prompt is computed in one; 1: in all.
        attention_range: of so many steps attention within the picture is computed in one; 1: in all. It is
            left out only where the negative prompt is.
        attention_weight: how far attention that is left out goes on as it changed last.
        alpha: by what the difference of the two prompts grows in each step that is approximated.
        guidance_start: part of sampling after which the negative prompt is left out.
        attention_start: part of sampling after which attention is.
        end_percent: part of sampling after which everything is computed.
    """
    windows = [sampling_window(model, start, end_percent) for start in (guidance_start, attention_start)]
    windows += [sampling_window(model, *LOW), sampling_window(model, *HIGH)]
    return model.with_patch(FasterCache(guidance_range, attention_range, attention_weight, alpha, *windows))


def sampling_window(model: Model, start: float, end: float) -> Window:
    """The part of sampling from `start` to `end`, 0 to 1, by the noise levels of a model."""
    return Window(*sigma_table(model.base.noise).window(start, end))
