"""Makes sampling faster by leaving out steps whose change was measured beforehand, and measures it."""

import re
from collections.abc import Callable
from typing import Annotated

from models.adapters.mag_cache import MagCache, MagCacheCalibration
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Model
from nodes.api.widgets import Range, Text
from nodes.model.step_caches import CATEGORY, Percent, Threshold, sampling_window
from nodes.saving.files import write_file


@node(id="MagnitudeCache", display_name="MagCache", category=CATEGORY)
def cache_by_magnitude(
    model: Model,
    ratios: Annotated[str, Text(multiline=True)] = "",
    reuse_threshold: Threshold = 0.06,
    max_consecutive: Annotated[int, Range(0, 20)] = 3,
    retention: Percent = 0.2,
    end_percent: Percent = 1.0,
    verbose: bool = False,
) -> Model:
    """Leave out steps that are known beforehand to change little in this model.

    Args:
        model: what is sampled.
        ratios: how the change of each step compares in size with that of the step before, as MagCache
            Calibrate writes it for this model: numbers, the first being 1.
        reuse_threshold: how far the ratios may drift from 1 before a step is computed; 0 leaves nothing out.
        max_consecutive: after so many steps in a row one is computed.
        retention: the first part of the steps, which is always computed.
        end_percent: part of sampling after which every step is computed.
        verbose: write to the log what is left out.
    """
    window = sampling_window(model, 0.0, end_percent)
    table = _numbers(ratios)
    return model.with_patch(MagCache(table, reuse_threshold, max_consecutive, retention, window, verbose))


@node(id="MagnitudeCacheCalibrate", display_name="MagCache Calibrate", category=CATEGORY)
def calibrate_magnitudes(ctx: Context, model: Model, filename_prefix: str = "magcache/ratios") -> Model:
    """Measure while sampling what MagCache must know of a model; write it to the output folder and the log.

    Args:
        model: what is sampled, with the sampler, the schedule and the number of steps that will be used.
        filename_prefix: how the name of the text file begins; each run of sampling writes one.
    """
    return model.with_patch(MagCacheCalibration(_writer(ctx, filename_prefix)))


def _numbers(text: str) -> tuple[float, ...]:
    """Numbers between commas, blanks, ends of lines or brackets; NodeError for anything else."""
    words = [word for word in re.split(r"[\s,;\[\]()]+", text) if word]
    try:
        numbers = tuple(float(word) for word in words)
    except ValueError as error:
        raise NodeError(f"the ratios must be numbers, and there is {str(error).split(': ')[-1]}") from error
    if not numbers:
        raise NodeError("MagCache needs the ratios of this model: sample once with MagCache Calibrate")
    if not all(0.0 < number < 100.0 for number in numbers):
        raise NodeError(
            f"the ratios must lie between 0 and 100, and there is {min(numbers)} or {max(numbers)}"
        )
    return numbers


def _writer(ctx: Context, prefix: str) -> Callable[[tuple[float, ...]], None]:
    files, log = ctx.files, ctx.log

    def write(ratios: tuple[float, ...]) -> None:
        text = ", ".join(f"{ratio:.5f}" for ratio in ratios)
        saved = files.reserve(prefix, "txt")
        write_file(saved, text.encode())
        log.info("MagCache ratios of %d steps in %s: %s", len(ratios), saved.path, text)

    return write
