"""The schedulers of diffusers that were made for one network, each as noise levels and a sampler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy
import torch

from schedulers.samplers.listed import relabelled, relabelled_2m_sde, to_first_noise
from schedulers.samplers.score import euler_maruyama, heun_with_churn, predictor_corrector
from schedulers.samplers.table import SAMPLERS
from schedulers.samplers.unipc import uni_pc_on_path
from schedulers.sigmas import closed, exponential
from schedulers.spacing import Combination, Maker, Options, counted_back, ended, level_at
from schedulers.step import Method
from schedulers.tables import SigmaTable

_KARRAS_VE_ENDS = 0.02, 100.0
_KARRAS_VE_CHURN = {"churn": 80.0, "low": 0.05, "high": 50.0, "s_noise": 1.007}
_SCORE_ENDS = 0.01, 1348.0
_RATES = 0.1, 20.0
_LAST_TIME = 1e-3
_DECODER_TIMES, _DECODER_STEPS = (1008, 512), 1024
_COSINE_OFFSET = 0.008
_BELOW_NOISE = 0.999
_JUMP = 10
_VISITS = 10


def even_parts(method: Method) -> Maker:
    """Levels after even parts of the training, the last one 0, for a method."""

    def make(steps: int, table: SigmaTable, options: Options) -> Combination:
        del options
        inner = [table.percent_to_sigma(index / steps) for index in range(1, steps)]
        return Combination(closed([table.sigma_max, *inner]), method)

    return make


def _wuerstchen(steps: int, table: SigmaTable, options: Options) -> Combination:
    """Even parts of the training down to its lowest level, where no noise is drawn."""
    sigmas = even_parts(SAMPLERS["ddpm"])(steps, table, options).sigmas
    sigmas[-1] = table.sigma_min
    return Combination(sigmas, SAMPLERS["ddpm"].with_options(noisy_end=False))


def _unclip(steps: int, table: SigmaTable, options: Options) -> Combination:
    times = numpy.linspace(len(table) - 1, 0, steps).round()
    return Combination(ended(level_at(table, times), table, options), SAMPLERS["ddpm"])


def _counted_back_2m_sde(steps: int, table: SigmaTable, options: Options) -> Combination:
    sigmas, targets = counted_back(steps, table, options)
    return Combination(sigmas, Method(sde=relabelled_2m_sde).with_options(targets=targets))


def _decoder(steps: int, table: SigmaTable, options: Options) -> Combination:
    """Two steps on the cosine table of a decoder (Nichol & Dhariwal 2021, equation 17)."""
    del table, options
    if steps != len(_DECODER_TIMES):
        raise ValueError(f"a consistency decoder takes {len(_DECODER_TIMES)} steps, got {steps}")

    def level(time: float) -> float:
        start, place = (
            math.cos((part + _COSINE_OFFSET) / (1 + _COSINE_OFFSET) * math.pi / 2) ** 2
            for part in (0, (time + 1) / _DECODER_STEPS)
        )
        return math.sqrt(start / place - 1)

    return Combination(closed([level(time) for time in _DECODER_TIMES]), SAMPLERS["lcm"])


def _karras_ve(steps: int, table: SigmaTable, options: Options) -> Combination:
    del table, options
    method = Method(sde=heun_with_churn).with_options(**_KARRAS_VE_CHURN)
    return Combination(exponential(steps, *_KARRAS_VE_ENDS), method)


def _score_ve(steps: int, table: SigmaTable, options: Options) -> Combination:
    del table, options
    return Combination(exponential(steps, *_SCORE_ENDS), Method(sde=predictor_corrector))


def _score_vp(steps: int, table: SigmaTable, options: Options) -> Combination:
    """Even times of the SDE whose rate grows evenly (Song et al. 2021, equation 32)."""
    del table, options
    low, high = _RATES
    times = [float(time) for time in numpy.linspace(1, _LAST_TIME, steps)]
    sigmas = [math.sqrt(math.expm1(time**2 * (high - low) / 2 + time * low)) for time in times]
    rates = [low + time * (high - low) for time in times]
    return Combination(closed(sigmas), Method(sde=euler_maruyama).with_options(rates=rates))


def _helios(steps: int, table: SigmaTable, options: Options) -> Combination:
    """Even parts of the training from just below pure noise."""
    starts = [_BELOW_NOISE * (1 - index / steps) for index in range(steps)]
    sigmas = closed([table.percent_to_sigma(1 - start) for start in starts])
    method = Method(ode=uni_pc_on_path, follows_path=True)
    second_form = options.solver_type == "heun"
    return Combination(sigmas, method.with_options(order=options.order, second_form=second_form))


def _helios_distilled(steps: int, table: SigmaTable, options: Options) -> Combination:
    """The training but its last thousandth, in even parts; one more is counted, and left out."""
    del options
    inner = [table.percent_to_sigma(_BELOW_NOISE * index / (steps + 1)) for index in range(1, steps)]
    return Combination(closed([table.sigma_max, *inner]), Method(ode=to_first_noise, follows_path=True))


def _visits(steps: int) -> list[int]:
    """Steps, counted from the end, as RePaint visits them (Lugmayr et al. 2022, figure 9)."""
    left = dict.fromkeys(range(0, steps - _JUMP, _JUMP), _VISITS - 1)
    visits, place = [], steps
    while place > 0:
        place -= 1
        visits.append(place)
        if left.get(place, 0) > 0:
            left[place] -= 1
            visits += range(place + 1, place + _JUMP + 1)
            place += _JUMP
    return visits


def _repaint(steps: int, table: SigmaTable, options: Options) -> Combination:
    """DDIM that goes back up by noise again and again; the levels rise there.

    A move up covers the training steps from the last one visited, as diffusers does.
    """
    total = len(table)
    steps = min(steps, total)
    width = total // steps
    kept = 1 / (1 + table.sigmas.double().numpy() ** 2)
    sigmas: list[float] = []
    targets: list[float] = []
    last = steps
    for visit in _visits(steps):
        time = visit * width
        if visit < last:
            sigmas.append(float(table.sigmas[time]))
            targets.append(float(table.sigmas[time - width]) if time >= width else 0.0)
        else:
            start = last * width
            ratio = float(kept[start + width - 1]) / (float(kept[start - 1]) if start else 1.0)
            sigmas.append(targets[-1])
            targets.append(math.sqrt((1 + targets[-1] ** 2) / ratio - 1))
        last = visit
    levels = torch.tensor([*sigmas, targets[-1]], dtype=torch.float32)
    return Combination(levels, Method(sde=relabelled).with_options(targets=targets, eta=options.eta))


FURTHER: Mapping[str, Maker] = MappingProxyType(
    {
        "CogVideoXDPMScheduler": _counted_back_2m_sde,
        "ConsistencyDecoderScheduler": _decoder,
        "DDPMWuerstchenScheduler": _wuerstchen,
        "FlowMapEulerDiscreteScheduler": even_parts(SAMPLERS["euler"]),
        "HeliosDMDScheduler": _helios_distilled,
        "HeliosScheduler": _helios,
        "KarrasVeScheduler": _karras_ve,
        "RePaintScheduler": _repaint,
        "ScoreSdeVeScheduler": _score_ve,
        "ScoreSdeVpScheduler": _score_vp,
        "UnCLIPScheduler": _unclip,
    }
)
