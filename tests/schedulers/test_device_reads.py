"""Does a step of sampling ever wait for the device? Counts numbers that are read back from tensors."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from models.adapters.skipped_layers import SkippedLayers
from schedulers.guiders.cfg import Guidance
from schedulers.guiders.frequency import FrequencyDecoupled, FrequencyScaled
from schedulers.guiders.masks import DifferentialDiffusion
from schedulers.guiders.projection import AdaptiveProjected, PerpNeg, TangentialDamping
from schedulers.guiders.rescaling import (
    DynamicThresholding,
    MagnitudeAware,
    Mahiro,
    Normed,
    NormedNoise,
    Renormed,
    Rescaled,
    ZeroStar,
)
from schedulers.guiders.scaling import EpsilonScaling, ScaleByFrame, ScaleInPart, TemporalScoreRescaling
from schedulers.guiders.several import DualGuidance, PerpendicularGuidance
from schedulers.guiders.skip_layer import SkipLayer, SkipLayerNegative
from schedulers.sample import sample_guided
from schedulers.samplers.table import SAMPLERS
from schedulers.step import Step
from tests.schedulers.toys import entry, toy_model

RULES: tuple[Any, ...] = (
    Rescaled(),
    Renormed(),
    ZeroStar(),
    Normed(),
    NormedNoise(),
    Mahiro(),
    MagnitudeAware(),
    DynamicThresholding(),
    AdaptiveProjected(momentum=-0.5),
    TangentialDamping(),
    PerpNeg((entry(5),)),
    FrequencyScaled(),
    FrequencyDecoupled(),
    EpsilonScaling(),
    TemporalScoreRescaling(),
    ScaleByFrame(),
    ScaleInPart(0.1, 0.9, outside=1.0),
    DifferentialDiffusion(),
    SkipLayer(SkippedLayers(()), start=0.0, end=1.0, rescaling=0.5),
    SkipLayerNegative(SkippedLayers(())),
)
LISTS = {
    "positive": (entry(1), entry(2, end=0.5)),
    "negative": (entry(3),),
    "middle": (entry(4),),
    "perp_neg_empty": (entry(6),),
}


class Reads(TorchDispatchMode):
    """Counts what makes a program wait for its device: numbers taken out of what was computed from latents.

    Latents have four dimensions. Tables of noise levels have one; they always lie on the CPU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.computed: dict[int, Tensor] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        waits = ("_local_scalar_dense", "is_nonzero", "equal.", "nonzero", "unique", "masked_select")
        first = args[0] if args else None
        if (
            any(name in str(func) for name in waits)
            and isinstance(first, Tensor)
            and id(first) in self.computed
        ):
            self.count += 1
        out = func(*args, **(kwargs or {}))
        inputs = [one for one in torch.utils._pytree.tree_leaves(args) if isinstance(one, Tensor)]
        if any(one.ndim == 4 or id(one) in self.computed for one in inputs):
            for one in torch.utils._pytree.tree_leaves(out):
                if isinstance(one, Tensor):
                    self.computed[id(one)] = one
        return out


def reads(guider: Any = None, sampler: str = "euler", rules: tuple[Any, ...] = (), **given: Any) -> int:
    """How many numbers are read back between the first and the last step."""
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    model = replace(toy_model(), rules=rules)
    mode = Reads()

    def on_step(step: Step) -> None:
        if step.index == 0:
            mode.__enter__()
        elif step.index == 4:
            mode.__exit__(None, None, None)

    sample_guided(
        model,
        guider or Guidance(5.0),
        LISTS,
        latent,
        latent,
        chosen=SAMPLERS[sampler],
        sigmas=torch.tensor([14.6, 6.0, 2.5, 1.0, 0.3, 0.1, 0.0]),
        seed=3,
        on_step=on_step,
        **given,
    )
    return mode.count


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name not in ("dpm_adaptive", "dpm_fast")])
def test_no_sampler_reads_back(sampler: str) -> None:
    assert reads(sampler=sampler, noise_mask=torch.ones(1, 8, 8)) == 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_no_rule_reads_back(rule: Any) -> None:
    assert reads(rules=(rule,), noise_mask=torch.rand(1, 8, 8)) == 0


@pytest.mark.parametrize(
    "guider", [DualGuidance(3.0, 2.0), DualGuidance(3.0, 2.0, "nested"), PerpendicularGuidance(3.0)]
)
def test_no_guider_reads_back(guider: Any) -> None:
    assert reads(guider) == 0


def test_what_reads_back_is_counted() -> None:
    class Asking:
        stage = "after"
        needs_negative = False

        def apply(self, guided: Any) -> Any:
            return guided.with_result(guided.result / float(guided.result.std()))

    assert reads(rules=(Asking(),)) == 4
