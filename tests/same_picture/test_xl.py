"""Checks whole SDXL graphs against the networks of other libraries and sampling written out here."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from executor.session import Session
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.tiny_xl import TinyXl, Told, level_at, table
from tests.oracle.xl_graphs import (
    CFG,
    HEIGHT,
    SCALE,
    SEED,
    SHAPE,
    SIZES,
    WIDTH,
    Brownian,
    Denoise,
    euler,
    fresh,
    guided,
    link,
    noise,
    normal,
    picture,
    prompts,
    run,
    sampler,
    split,
    start,
)


def ancestral(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    draw = fresh()
    for s, t in pairwise(sigmas):
        d = denoise(x, s)
        down, up = split(s, t)
        x = d if t == 0 else x + (x - d) / s * (down - s) + draw() * up
    return x


def multistep(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    before, width_before = None, 0.0
    for s, t in pairwise(sigmas):
        d = denoise(x, s)
        if t == 0:
            return d
        h = math.log(s / t)
        ahead = d if before is None else d + h / (2 * width_before) * (d - before)
        x = t / s * x - math.expm1(-h) * ahead
        before, width_before = d, h
    return x


def multistep_sde(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    draw, before, width_before = Brownian(sigmas), None, 0.0
    for s, t in pairwise(sigmas):
        d = denoise(x, s)
        if t == 0:
            return d
        h = math.log(s / t)
        x = t / s * math.exp(-h) * x - math.expm1(-2 * h) * d
        if before is not None:
            x = x - 0.5 * math.expm1(-2 * h) * (h / width_before) * (d - before)
        x = x + draw(s, t) * t * math.sqrt(-math.expm1(-2 * h))
        before, width_before = d, h
    return x


def two_stages_sde(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    draw = Brownian(sigmas)

    def moved(x: Tensor, d: Tensor, s: float, t: float) -> Tensor:
        down, up = split(s, t)
        return down / s * x + (1 - down / s) * d + draw(s, t) * up

    for s, t in pairwise(sigmas):
        d = denoise(x, s)
        if t == 0:
            return d
        middle = float((torch.tensor(s).log() + 0.5 * (torch.tensor(t).log() - torch.tensor(s).log())).exp())
        x = moved(x, denoise(moved(x, d, s, middle), middle), s, t)
    return x


def sgm_uniform(steps: int) -> list[float]:
    return [*(level_at(t) for t in torch.linspace(999, 0, steps + 1)[:-1]), 0.0]


def simple(steps: int) -> list[float]:
    return [*(float(table().float()[-1 - int(k * 1000 / steps)]) for k in range(steps)), 0.0]


def karras(steps: int) -> list[float]:
    low, high = (float(one) ** (1 / 7) for one in table().float()[[0, -1]])
    return [*((high + torch.linspace(0, 1, steps) * (low - high)) ** 7).tolist(), 0.0]


def exponential(steps: int) -> list[float]:
    low, high = (math.log(one) for one in table().float()[[0, -1]])
    return [*torch.linspace(high, low, steps).exp().tolist(), 0.0]


# torchsde rounds the ends of its tree, and so finds the first level outside it.
@pytest.mark.filterwarnings("ignore:Should have t[ab]")
@pytest.mark.parametrize(
    ("name", "scheduler", "steps", "sample", "levels"),
    [
        ("euler", "sgm_uniform", 4, euler, sgm_uniform),
        ("ddim", "simple", 5, euler, simple),
        ("euler_ancestral", "normal", 5, ancestral, normal),
        ("dpmpp_2m", "karras", 6, multistep, karras),
        ("dpmpp_2m_sde", "exponential", 5, multistep_sde, exponential),
        ("dpmpp_sde", "karras", 4, two_stages_sde, karras),
    ],
)
def test_a_graph_gives_the_latent_of_the_oracle(
    oracle: TinyXl,
    session: Session,
    name: str,
    scheduler: str,
    steps: int,
    sample: Callable[..., Tensor],
    levels: Callable[[int], list[float]],
) -> None:
    got = run(session, sample=sampler(sampler_name=name, scheduler=scheduler, steps=steps))
    sigmas = levels(steps)
    expected = sample(guided(oracle, prompts(oracle)), start(sigmas), sigmas) / SCALE
    assert worst_ratio(got, expected) <= 5e-4


def test_two_samplers_share_the_steps_of_one_picture(oracle: TinyXl, session: Session) -> None:
    shared = sampler(steps=6, sampler_name="dpmpp_2m")["inputs"]
    del shared["seed"], shared["denoise"]
    first = shared | {"add_noise": "enable", "noise_seed": SEED, "start_at_step": 0, "end_at_step": 3}
    second = shared | {"add_noise": "disable", "noise_seed": 3, "start_at_step": 3, "end_at_step": 10_000}
    got = run(
        session,
        half=link("KSamplerAdvanced", **first, return_with_leftover_noise="enable"),
        sample=link(
            "KSamplerAdvanced",
            **(second | {"latent_image": ["half", 0]}),
            return_with_leftover_noise="disable",
        ),
    )
    sigmas = normal(6)
    denoise = guided(oracle, prompts(oracle))
    x = multistep(denoise, start(sigmas), sigmas[:4])
    assert worst_ratio(got, multistep(denoise, x, sigmas[3:]) / SCALE) <= 5e-4


def test_steps_cut_short_end_without_noise_unless_it_is_left(oracle: TinyXl, session: Session) -> None:
    shared = sampler(steps=6)["inputs"] | {"add_noise": "enable", "noise_seed": SEED, "start_at_step": 1}
    del shared["seed"], shared["denoise"]
    got = run(
        session,
        sample=link("KSamplerAdvanced", **shared, end_at_step=4, return_with_leftover_noise="disable"),
    )
    sigmas = [*normal(6)[1:4], 0.0]
    expected = euler(guided(oracle, prompts(oracle)), noise() * sigmas[0], sigmas)
    assert worst_ratio(got, expected / SCALE) <= 5e-4


def test_a_picture_is_drawn_anew_in_part_and_inside_a_mask(oracle: TinyXl, session: Session) -> None:
    got = run(
        session,
        given=link("GivenLatent", batch=2),
        white=link("SolidMask", value=1.0, width=WIDTH // 2, height=HEIGHT),
        black=link("SolidMask", value=0.0, width=WIDTH, height=HEIGHT),
        mask=link("MaskComposite", destination=["black", 0], source=["white", 0], x=16, y=0, operation="add"),
        masked=link("SetLatentNoiseMask", samples=["given", 0], mask=["mask", 0]),
        sample=sampler(latent_image=["masked", 0], denoise=0.6, steps=3, sampler_name="euler_ancestral"),
    )
    latent, drawn = picture() * SCALE, noise()
    mask = torch.zeros(SHAPE)
    mask[..., 2:8] = 1.0
    inner = guided(oracle, prompts(oracle))

    def denoise(x: Tensor, sigma: float) -> Tensor:
        seen = x * mask + (latent + sigma * drawn) * (1 - mask)
        return inner(seen, sigma) * mask + latent * (1 - mask)

    sigmas = normal(5)[-4:]
    expected = ancestral(denoise, latent + drawn * sigmas[0], sigmas) / SCALE
    assert worst_ratio(got, expected) <= 5e-4
    assert (
        torch.equal(got[..., 8:], picture()[..., 8:]) or worst_ratio(got[..., 8:], picture()[..., 8:]) < 1e-6
    )


LONG = "a very long tale of a fox, a hare and a hedgehog who went to sea " * 8


def test_prompts_of_their_own_for_each_encoder_with_sizes_and_clip_skip(
    oracle: TinyXl, session: Session
) -> None:
    sizes = {
        "width": 640,
        "height": 480,
        "crop_w": 8,
        "crop_h": 16,
        "target_width": 1024,
        "target_height": 768,
    }
    got = run(
        session,
        skip=link("CLIPSetLastLayer", clip=["load", 1], stop_at_clip_layer=-1),
        positive=link(
            "CLIPTextEncodeSDXL", clip=["skip", 0], text_g=LONG, text_l="((old)) [oil:2] \\(on\\)", **sizes
        ),
        sample=sampler(cfg=1.0),
    )
    small = [("old", 1.1 * 1.1), (" [oil:2] (on)", 1.0)]
    told = tell_apart(oracle, small, [(LONG, 1.0)], (480, 640, 16, 8, 768, 1024))
    sigmas = normal(4)
    denoise = guided(oracle, (told, told), 1.0)
    assert worst_ratio(got, euler(denoise, start(sigmas), sigmas) / SCALE) <= 5e-4


def tell_apart(oracle: TinyXl, small: Any, large: Any, sizes: Any) -> Told:
    """What `TinyXl.tell` gives where one prompt has a chunk more, the other filled up with empty ones."""
    both = oracle.tell(large, large, sizes, -1)
    one = oracle.tell(small, small, sizes, -1)
    empty = oracle.tell([], [], sizes, -1)
    parts = [one.embedding] + [empty.embedding] * (both.embedding.shape[1] // 77 - 1)
    joined = torch.cat(parts, dim=1)
    return Told(torch.cat([joined[..., :64], both.embedding[..., 64:]], dim=-1), both.pooled, sizes)


def test_regions_and_times_of_several_prompts(oracle: TinyXl, session: Session) -> None:
    got = run(
        session,
        sea=link("CLIPTextEncode", text="the sea", clip=["load", 1]),
        there=link(
            "ConditioningSetArea",
            conditioning=["sea", 0],
            width=64,
            height=64,
            x=32,
            y=0,
            strength=0.7,
        ),
        early=link("ConditioningSetTimestepRange", conditioning=["there", 0], start=0.0, end=0.6),
        both=link("ConditioningCombine", conditioning_1=["positive", 0], conditioning_2=["early", 0]),
        sample=sampler(positive=["both", 0], steps=5),
    )
    red, blurry = prompts(oracle)
    sea = oracle.tell([("the sea", 1.0)], [("the sea", 1.0)], SIZES)
    end = level_at(torch.tensor(0.4 * 999))
    ramp = torch.ones(8)
    ramp[:2] = torch.tensor([0.5, 1.0])
    weight = (0.7 * ramp).expand(SHAPE[0], 4, 8, 8)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        def predicted(told: Told, here: Tensor) -> Tensor:
            return here - sigma * oracle.noise(here, sigma, told)

        outcome = []
        for whole, part in ((red, sea), (blurry, blurry)):
            total, weights = predicted(whole, x), torch.ones(SHAPE)
            if sigma >= end:
                total[..., 4:12] += predicted(part, x[..., 4:12].contiguous()) * weight
                weights[..., 4:12] += weight
            outcome.append(total / weights)
        return outcome[1] + CFG * (outcome[0] - outcome[1])

    sigmas = normal(5)
    assert worst_ratio(got, euler(denoise, start(sigmas), sigmas) / SCALE) <= 5e-4
