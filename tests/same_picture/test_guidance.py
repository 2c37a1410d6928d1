"""Checks whole SDXL graphs with each node that changes guidance against its formula written out."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from executor.session import Session
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.tiny_xl import TinyXl
from tests.oracle.xl_graphs import CFG, SIZES, drawn, link, prompts, run, sampler

Formula = Callable[[Tensor, float, Tensor, Tensor], Tensor]


def plain(good: Tensor, bad: Tensor) -> Tensor:
    return bad + CFG * (good - bad)


def rows(planes: Tensor) -> Tensor:
    return planes.flatten(1).norm(dim=1)[:, None, None, None]


def renormed(x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
    if sigma >= 5.0:
        return good
    moved = plain(good, bad)
    return moved * torch.minimum(torch.ones(()), 0.8 * rows(good) / rows(moved))


def zero_star(x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
    one, other = (x - good).flatten(1), (x - bad).flatten(1)
    share = ((one * other).sum(1) / ((other * other).sum(1) + 1e-8))[:, None, None, None]
    return plain(good, bad) + bad * (share - 1) + CFG * bad * (1 - share)


def normed(x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
    moved = plain(good, bad)
    ratio = good.pow(2).sum(1, keepdim=True).sqrt() / (moved.pow(2).sum(1, keepdim=True).sqrt() + 1e-8)
    return moved * ratio.clamp(0, 1) * 0.9


def mahiro(x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
    def root(planes: Tensor) -> Tensor:
        return planes.abs().sqrt() * planes.sign()

    out, leap = plain(good, bad), good * CFG
    one, other = root(bad * CFG), root((leap + out) / 2)
    likeness = (one * other).sum(1) / (one.norm(dim=1) * other.norm(dim=1)).clamp(min=1e-8)
    share = 2 * (likeness.mean() + 1)
    return (share * out + (4 - share) * leap) / 4


class Projected:
    """Guidance parted along the positive prediction, with a momentum."""

    def __init__(self) -> None:
        self.average: Tensor | None = None

    def __call__(self, x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
        moved = good - bad
        if self.average is not None:
            moved = -0.4 * self.average + moved
        self.average = moved
        moved = moved * (3.0 / rows(moved)).clamp(max=1.0)
        unit = good.double() / rows(good.double())
        along = (moved * unit).sum(dim=(1, 2, 3), keepdim=True) * unit
        changed = bad + (moved - along) + 0.5 * along + (good - bad) / CFG
        return (bad + CFG * (changed - bad)).float()


def damped(x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
    changed = []
    for one, other in zip((x - good).flatten(1), (x - bad).flatten(1), strict=True):
        first = torch.linalg.svd(torch.stack([other, one]), full_matrices=False)[2][0]
        changed.append((other @ first) * first)
    return plain(good, x - torch.stack(changed).reshape(x.shape))


def tone_mapped(x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
    moved = good - bad
    length = moved.pow(2).sum(1, keepdim=True).sqrt() + 1e-10
    mean = length.mean(dim=(1, 2, 3), keepdim=True)
    top = 0.7 * (5 * length.std(dim=(1, 2, 3), keepdim=True) + mean)
    return plain(moved / length * top * (length / top) / (length / top + 1) + bad, bad)


def rescaled_score(x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
    signal = math.exp(2 * -math.log(sigma)) * 1.2**2
    return x + (signal + 1) / (signal / 0.9 + 1) * (plain(good, bad) - x)


def by_frequency(x: Tensor, sigma: float, good: Tensor, bad: Tensor) -> Tensor:
    spectrum = torch.fft.fft2((good - bad).double())
    down, across = (torch.fft.fftfreq(side, 1 / side) for side in x.shape[-2:])
    slow = ((down >= -2) & (down < 2))[:, None] & ((across >= -2) & (across < 2))[None]
    changed = torch.fft.ifft2(spectrum * torch.where(slow, 0.8, 1.3)).real.float()
    return plain(changed + bad, bad)


CHANGES: dict[str, tuple[dict[str, Any], Callable[[], Formula]]] = {
    "RenormCFG": ({"cfg_trunc": 5.0, "renorm_cfg": 0.8}, lambda: renormed),
    "CFGZeroStar": ({}, lambda: zero_star),
    "CFGNorm": ({"strength": 0.9}, lambda: normed),
    "Mahiro": ({}, lambda: mahiro),
    "APG": ({"eta": 0.5, "norm_threshold": 3.0, "momentum": -0.4}, Projected),
    "TCFG": ({}, lambda: damped),
    "LatentApplyOperationCFG": ({"operation": ["tone", 0]}, lambda: tone_mapped),
    "Epsilon Scaling": (
        {"scaling_factor": 1.02},
        lambda: lambda x, sigma, good, bad: x - (x - plain(good, bad)) / 1.02,
    ),
    "TemporalScoreRescaling": ({"tsr_k": 0.9, "tsr_sigma": 1.2}, lambda: rescaled_score),
    "FreSca": ({"scale_low": 0.8, "scale_high": 1.3, "freq_cutoff": 2}, lambda: by_frequency),
    "VideoLinearCFGGuidance": (
        {"min_cfg": 2.0},
        lambda: lambda x, sigma, good, bad: bad + torch.tensor([2.0, CFG]).reshape(2, 1, 1, 1) * (good - bad),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_node_changes_guidance_by_its_formula(oracle: TinyXl, session: Session, name: str) -> None:
    inputs, make = CHANGES[name]
    got = run(
        session,
        tone=link("LatentOperationTonemapReinhard", multiplier=0.7),
        changed=link(name, model=["load", 0], **inputs),
        sample=sampler(model=["changed", 0]),
    )
    told, formula = prompts(oracle), make()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return formula(x, sigma, *(x - sigma * oracle.noise(x, sigma, one) for one in told))

    assert worst_ratio(got, drawn(denoise)) <= 5e-4


def test_the_older_perp_neg_asks_for_the_empty_prompt_itself(oracle: TinyXl, session: Session) -> None:
    got = run(
        session,
        sea=link("CLIPTextEncode", text="the sea", clip=["load", 1]),
        changed=link("PerpNeg", model=["load", 0], empty_conditioning=["sea", 0], neg_scale=0.8),
        sample=sampler(model=["changed", 0]),
    )
    told = (*prompts(oracle), oracle.tell([("the sea", 1.0)], [("the sea", 1.0)], SIZES))

    def denoise(x: Tensor, sigma: float) -> Tensor:
        good, bad, sea = (x - sigma * oracle.noise(x, sigma, one) for one in told)
        along = ((bad - sea) * (good - sea)).sum() / (good - sea).pow(2).sum() * (good - sea)
        return sea + CFG * ((good - sea) - 0.8 * ((bad - sea) - along))

    assert worst_ratio(got, drawn(denoise)) <= 5e-4


class Watched:
    """A processor of diffusers' attention that leaves its scores behind."""

    def __init__(self) -> None:
        self.scores = torch.empty(0)

    def __call__(self, attention: Any, states: Tensor, *others: Any, **named: Any) -> Tensor:
        query, key, value = attention.to_q(states), attention.to_k(states), attention.to_v(states)
        self.scores = (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(dim=-1)
        mixed: Tensor = attention.to_out[0](self.scores @ value)
        return mixed


@pytest.mark.parametrize("scale", [CFG, 1.0])
def test_self_attention_guidance_blurs_what_the_middle_looks_at(
    oracle: TinyXl, session: Session, scale: float
) -> None:
    got = run(
        session,
        changed=link("SelfAttentionGuidance", model=["load", 0], scale=0.7, blur_sigma=1.5),
        sample=sampler(model=["changed", 0], cfg=scale),
    )
    watched, watch = copy.deepcopy(oracle), Watched()
    watched.unet.mid_block.attentions[0].transformer_blocks[0].attn1.set_processor(watch)
    red, blurry = prompts(oracle)
    line = torch.exp(-0.5 * (torch.arange(-4.0, 5.0) / 1.5) ** 2)
    line = line / line.sum()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        good = x - sigma * watched.noise(x, sigma, red)
        bad = x - sigma * watched.noise(x, sigma, blurry)
        # One head; the middle has half the cells of the latent on each side.
        seen = (watch.scores.sum(dim=1) > 1.0).float().reshape(-1, 1, 4, 6)
        seen = interpolate(seen, x.shape[-2:])
        padded = pad(bad, (4, 4, 4, 4), mode="reflect")
        blurred = torch.zeros_like(bad)
        for down in range(9):
            for across in range(9):
                part = padded[..., down : down + x.shape[2], across : across + x.shape[3]]
                blurred += line[down] * line[across] * part
        spoilt = blurred * seen + bad * (1 - seen)
        state = spoilt + x - bad
        again = state - sigma * oracle.noise(state, sigma, blurry)
        return bad + scale * (good - bad) + 0.7 * (spoilt - again)

    assert worst_ratio(got, drawn(denoise)) <= 5e-4
