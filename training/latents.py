"""Keeps the encoded training pictures on disk: drawn and encoded once, read at every step."""

import logging
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.diffusion import LatentFormat
from models.vae.kl import AutoencoderKL
from training.autoencoder import encode
from training.scenes import Scene, arrange, random_scene
from training.shapes import SIDE, Bytes, Figure, Style, draw

logger = logging.getLogger(__name__)

CELLS = SIDE // 8
CHUNK = 32
BLOCK = 2048
MARGIN = 4.0


def scene_of(index: int, seed: int) -> tuple[Scene, list[Figure], tuple[int, int, int]]:
    """The training scene of an index, its figures and the colour behind them; never one that is kept back."""
    rng = random.Random(f"scene {seed}:{index}")
    scene = random_scene(rng, kept_back=False)
    figures, background = arrange(scene, rng)
    return scene, figures, background


def picture_of(index: int, seed: int, style: Style = "solid") -> Bytes:
    """The training picture of an index."""
    _, figures, background = scene_of(index, seed)
    return draw(figures, background, style)


def cover_of(figures: list[Figure]) -> NDArray[np.bool_]:
    """Which latent cells (h, w) a figure may touch."""
    cover = np.zeros((CELLS, CELLS), dtype=np.bool_)
    for figure in figures:
        reach = figure.radius + MARGIN
        rows = slice(max(0, int((figure.y - reach) // 8)), int((figure.y + reach) // 8) + 1)
        columns = slice(max(0, int((figure.x - reach) // 8)), int((figure.x + reach) // 8) + 1)
        cover[rows, columns] = True
    return cover


class LatentSet:
    """Scenes with their latents, scaled for the denoiser."""

    def __init__(self, latents: Tensor, seed: int) -> None:
        self.latents = latents
        self.scenes: list[Scene] = []
        covers = []
        for index in range(len(latents)):
            scene, figures, _ = scene_of(index, seed)
            self.scenes.append(scene)
            covers.append(cover_of(figures))
        self.covers = torch.from_numpy(np.stack(covers))

    def __len__(self) -> int:
        return len(self.scenes)


def prepare(
    file: Path, network: AutoencoderKL, count: int, seed: int, style: Style = "solid", threads: int = 2
) -> LatentSet:
    """The latents of the first `count` training pictures, encoding only those that the file lacks."""
    done = torch.from_numpy(np.load(file)) if file.exists() else torch.empty(0, 4, CELLS, CELLS).half()
    file.parent.mkdir(parents=True, exist_ok=True)

    def one(first: int) -> Tensor:
        torch.set_num_threads(1)
        pictures = [picture_of(index, seed, style) for index in range(first, first + CHUNK)]
        return (encode(network, pictures) * LatentFormat().scale).half()

    with ThreadPoolExecutor(max_workers=threads) as pool:
        while len(done) < count:
            first = len(done)
            done = torch.cat([done, *pool.map(one, range(first, first + BLOCK, CHUNK))])
            np.save(file, done.numpy())
            logger.info("encoded %d of %d pictures", len(done), count)
    return LatentSet(done[:count], seed)
