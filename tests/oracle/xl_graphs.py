"""Runs graphs on the small SDXL, and writes the plainest sampling out, for the tests that compare them."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from executor.session import Session
from nodes.api.declare import node
from nodes.api.sockets import Latent
from schedulers.latent import LatentBatch
from tests.oracle.tiny_xl import TinyXl, Told, level_at

SEED, CFG, SCALE = 1234567890123, 5.5, 0.13025
WIDTH, HEIGHT = 96, 64
SHAPE = (2, 4, HEIGHT // 8, WIDTH // 8)
SIZES = (HEIGHT, WIDTH, 0, 0, HEIGHT, WIDTH)
Denoise = Callable[[Tensor, float], Tensor]
kept: list[LatentBatch] = []


@node(id="KeepLatent", output_node=True, category="test")
def keep(samples: Latent) -> None:
    """Remember what came.

    Args:
        samples: (B, C, h, w).
    """
    kept.append(samples)


@node(id="GivenLatent", category="test")
def given(batch: int = 2) -> Latent:
    """Make a latent of numbers that a seed gives.

    Args:
        batch: how many.
    """
    return LatentBatch(picture(batch))


def picture(batch: int = 2) -> Tensor:
    return 4 * torch.randn((batch, *SHAPE[1:]), generator=torch.Generator().manual_seed(5))


def link(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def sampler(**changes: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "model": ["load", 0],
        "positive": ["positive", 0],
        "negative": ["negative", 0],
        "latent_image": ["empty", 0],
        "seed": SEED,
        "steps": 4,
        "cfg": CFG,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    return link("KSampler", **(inputs | changes))


def run(session: Session, **nodes: dict[str, Any]) -> Tensor:
    """The latent that the node "sample" of a graph gives."""
    graph = {
        "load": link("CheckpointLoaderSimple", ckpt_name="xl.safetensors"),
        "positive": link("CLIPTextEncode", text="a small (red:1.3) circle", clip=["load", 1]),
        "negative": link("CLIPTextEncode", text="blurry", clip=["load", 1]),
        "empty": link("EmptyLatentImage", width=WIDTH, height=HEIGHT, batch_size=2),
        "keep": link("KeepLatent", samples=["sample", 0]),
    }
    kept.clear()
    session.run(graph | nodes)
    return kept[-1].samples


def prompts(oracle: TinyXl, layer: int = -2) -> tuple[Told, Told]:
    red = [("a small ", 1.0), ("red", 1.3), (" circle", 1.0)]
    blurry = [("blurry", 1.0)]
    return oracle.tell(red, red, SIZES, layer), oracle.tell(blurry, blurry, SIZES, layer)


def guided(oracle: TinyXl, told: tuple[Told, Told], scale: float = CFG) -> Denoise:
    def denoise(x: Tensor, sigma: float) -> Tensor:
        with_prompt, without = (x - sigma * oracle.noise(x, sigma, one) for one in told)
        return without + scale * (with_prompt - without)

    return denoise


def noise() -> Tensor:
    torch.manual_seed(SEED)
    return torch.randn(SHAPE)


def start(sigmas: list[float]) -> Tensor:
    return noise() * math.sqrt(1 + sigmas[0] ** 2)


def euler(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    for s, t in pairwise(sigmas):
        x = x + (x - denoise(x, s)) / s * (t - s)
    return x


def normal(steps: int) -> list[float]:
    return [*(level_at(t) for t in torch.linspace(999, 0, steps)), 0.0]


def drawn(denoise: Denoise, steps: int = 4) -> Tensor:
    """The latent that Euler's method gives on the levels of "normal"."""
    sigmas = normal(steps)
    return euler(denoise, start(sigmas), sigmas) / SCALE


def save(base: Path, folder: str, name: str, tensors: dict[str, Tensor]) -> None:
    place = base / "models" / folder
    place.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous().clone() for key, tensor in tensors.items()}, place / name)


def fresh() -> Callable[[], Tensor]:
    """What draws noise for one step after the other, as samplers do on the CPU."""
    generator = torch.Generator().manual_seed(SEED + 1)
    return lambda: torch.randn(SHAPE, generator=generator)


def split(s: float, t: float) -> tuple[float, float]:
    """How far down an ancestral step goes, and how much noise takes it up again."""
    up = min(t, math.sqrt(t**2 * (s**2 - t**2) / s**2))
    return math.sqrt(t**2 - up**2), up


class Brownian:
    """Increments of torchsde's tree at unit variance, with the sign of falling levels."""

    def __init__(self, sigmas: list[float]) -> None:
        torchsde = pytest.importorskip("torchsde")
        ends = torch.tensor([min(s for s in sigmas if s > 0), max(sigmas)])
        self.tree = torchsde.BrownianTree(ends[0], torch.zeros(SHAPE), ends[1], entropy=SEED)

    def __call__(self, s: float, t: float) -> Tensor:
        walked: Tensor = self.tree(torch.tensor(t), torch.tensor(s))
        return -walked / math.sqrt(s - t)
