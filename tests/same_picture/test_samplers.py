"""Checks more samplers in whole SDXL graphs against their formulas, with what a KSampler adds to them."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from executor.session import Session
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.tiny_xl import TinyXl, step_of, table
from tests.oracle.xl_graphs import (
    SCALE,
    Brownian,
    Denoise,
    fresh,
    guided,
    link,
    normal,
    prompts,
    run,
    sampler,
    split,
    start,
)


def uni_pc(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    """UniPC of order 3 with B(h) = h on the path of unit variance; the last level is 0.001, not 0."""
    levels = torch.tensor([*sigmas[:-1], 0.001], dtype=torch.float32)
    log_alpha = 0.5 * torch.log(1 / (levels * levels + 1))
    deviation = torch.sqrt(1 - torch.exp(2 * log_alpha))
    lam = (log_alpha - torch.log(deviation)).double()
    alpha, deviation = log_alpha.exp().double(), deviation.double()
    steps = len(levels) - 1
    x, known = x.double() / math.sqrt(1 + sigmas[0] ** 2), []

    def predicted(x: Tensor, index: int) -> Tensor:
        sigma = float(levels[index])
        return denoise((x * math.sqrt(sigma**2 + 1)).float(), sigma).double()

    known.append(predicted(x, 0))
    for k in range(1, steps + 1):
        order = min(3, steps - 1, k, steps + 1 - k)
        h = lam[k] - lam[k - 1]
        base = deviation[k] / deviation[k - 1] * x - alpha[k] * torch.expm1(-h) * known[-1]
        places = [(lam[k - 1 - j] - lam[k - 1]) / h for j in range(1, order)]
        slopes = [(known[-1 - j] - known[-1]) / place for j, place in enumerate(places, start=1)]
        places = torch.tensor([*places, 1.0], dtype=torch.float64)
        power, targets = torch.expm1(-h) / -h - 1, []
        for n in range(1, order + 1):
            targets.append(power * math.factorial(n) / -h)
            power = power / -h - 1 / math.factorial(n + 1)
        system = torch.stack([places ** (n - 1) for n in range(1, order + 1)])
        if order == 1:
            ahead = []
        elif order == 2:
            ahead = [0.5]
        else:
            ahead = torch.linalg.solve(system[:-1, :-1], torch.stack(targets[:-1]))
        x = base - alpha[k] * -h * sum((w * d for w, d in zip(ahead, slopes, strict=True)), start=base * 0)
        if k < steps:
            new = predicted(x, k)
            weights = [0.5] if order == 1 else torch.linalg.solve(system, torch.stack(targets))
            moved = sum(w * d for w, d in zip(weights, [*slopes, new - known[-1]], strict=True))
            x = base - alpha[k] * -h * moved
            known.append(new)
    return (x / alpha[steps]).float()


def three_steps_sde(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    draw, known, widths = Brownian(sigmas), [], []
    for s, t in pairwise(sigmas):
        d = denoise(x, s)
        if t == 0:
            return d
        h = math.log(s / t)
        two = 2 * h
        x = t / s * math.exp(-h) * x - math.expm1(-two) * d
        second = math.expm1(-two) / two + 1
        if len(known) > 1:
            one, other = widths[-1] / h, widths[-2] / h
            near, far = (d - known[-1]) / one, (known[-1] - known[-2]) / other
            slope, bend = near + (near - far) * one / (one + other), (near - far) / (one + other)
            x = x + second * slope - (second / two - 0.5) * bend
        elif known:
            x = x + second * (d - known[-1]) / (widths[-1] / h)
        x = x + draw(s, t) * t * math.sqrt(-math.expm1(-2 * h))
        known.append(d)
        widths.append(h)
    return x


def adams(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    slopes: list[Tensor] = []
    for index, (s, t) in enumerate(pairwise(sigmas)):
        d = denoise(x, s)
        slopes.insert(0, (x - d) / s)
        if t == 0:
            return d
        nodes = [sigmas[index - back] for back in range(min(4, index + 1))]
        places = torch.linspace(s, t, 4001, dtype=torch.float64)
        for one, slope in zip(nodes, slopes, strict=False):
            basis = torch.ones_like(places)
            for other in nodes:
                if other != one:
                    basis = basis * (places - other) / (one - other)
            x = x + float(torch.trapezoid(basis, places)) * slope
    return x


def midpoint(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    for s, t in pairwise(sigmas):
        slope = (x - denoise(x, s)) / s
        if t > 0:
            middle = math.sqrt(s * t)
            half = x + slope * (middle - s)
            slope = (half - denoise(half, middle)) / middle
        x = x + slope * (t - s)
    return x


def two_stages(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    draw = fresh()
    for s, t in pairwise(sigmas):
        d = denoise(x, s)
        down, up = split(s, t)
        if t == 0:
            return d
        middle = math.sqrt(s * down)
        half = middle / s * x + (1 - middle / s) * d
        x = down / s * x + (1 - down / s) * denoise(half, middle) + draw() * up
    return x


def without_last_but_one(steps: int) -> list[float]:
    return [*normal(steps + 1)[:-2], 0.0]


@pytest.mark.filterwarnings("ignore:Should have t[ab]")
@pytest.mark.parametrize(
    ("name", "steps", "sample", "levels"),
    [
        ("uni_pc", 6, uni_pc, without_last_but_one),
        ("uni_pc", 2, uni_pc, without_last_but_one),
        ("dpmpp_3m_sde", 6, three_steps_sde, normal),
        ("lms", 6, adams, normal),
        ("dpm_2", 5, midpoint, without_last_but_one),
        ("dpmpp_2s_ancestral", 5, two_stages, normal),
    ],
)
def test_a_sampler_gives_the_latent_of_its_formula(
    oracle: TinyXl,
    session: Session,
    name: str,
    steps: int,
    sample: Callable[..., Tensor],
    levels: Callable[[int], list[float]],
) -> None:
    got = run(session, sample=sampler(sampler_name=name, steps=steps))
    sigmas = levels(steps)
    expected = sample(guided(oracle, prompts(oracle)), start(sigmas), sigmas) / SCALE
    assert worst_ratio(got, expected) <= 5e-4


def test_a_consistency_model_knows_every_twentieth_step(oracle: TinyXl, session: Session) -> None:
    got = run(
        session,
        changed=link("ModelSamplingDiscrete", model=["load", 0], sampling="lcm", zsnr=False),
        sample=sampler(model=["changed", 0], sampler_name="lcm", scheduler="sgm_uniform", cfg=1.5),
    )
    known = table().float()[19::20]
    times = torch.linspace(999, 19, 5)[:-1]
    sigmas = []
    for t in (times - 19) / 20:
        low, high, part = known[t.floor().long()].log(), known[t.ceil().long()].log(), t.frac()
        sigmas.append(float(((1 - part) * low + part * high).exp()))

    def nearest(sigma: float) -> int:
        return int((known.log() - math.log(sigma)).abs().argmin()) * 20 + 19

    def denoise(x: Tensor, sigma: float) -> Tensor:
        time = 10.0 * nearest(sigma)
        at = float(table()[nearest(sigma)])
        outcome = []
        for told in prompts(oracle):
            # The network is told the step, but its input is scaled by the level itself.
            seen = x * math.sqrt(at**2 + 1) / math.sqrt(sigma**2 + 1)
            assert step_of(at) == nearest(sigma)
            clean = x - sigma * oracle.noise(seen, at, told)
            outcome.append(time / math.sqrt(time**2 + 0.25) * clean + 0.25 / (time**2 + 0.25) * x)
        return outcome[1] + 1.5 * (outcome[0] - outcome[1])

    x, draw = start(sigmas), fresh()
    for s, t in pairwise([*sigmas, 0.0]):
        x = denoise(x, s)
        if t > 0:
            x = x + t * draw()
    assert worst_ratio(got, x / SCALE) <= 5e-4
