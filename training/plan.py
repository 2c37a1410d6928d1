"""Teaches a text encoder where a prompt puts what: a side task whose linear head is thrown away afterwards.

Without it "left" and "right" can stay alike for thousands of steps: while the UNet does not tell them apart
the encoder gains nothing by doing so, and the other way round.
"""

import random

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from training.captions import caption
from training.prompts import WordTable
from training.scenes import PLACES, Scene, random_scene
from training.shapes import COLOURS, KINDS, RADII

# Every attribute of a place has one class more, for nothing there.
CLASSES = (len(KINDS) + 1, len(COLOURS) + 1, len(RADII) + 1)
OUTPUTS = len(PLACES) * sum(CLASSES)
_NAMES = (list(KINDS), list(COLOURS), list(RADII))
_CELLS = list(PLACES.values())


def plan_of(scene: Scene) -> list[list[int]]:
    """The classes of kind, colour and size at each place; 0 where nothing is."""
    plan = [[0, 0, 0] for _ in _CELLS]
    for look, anchor in zip(scene.looks(), scene.anchors(), strict=True):
        words = (look.kind, look.colour, look.size)
        plan[_CELLS.index(anchor)] = [
            1 + names.index(word) for names, word in zip(_NAMES, words, strict=True)
        ]
    return plan


def plan_batch(table: WordTable, count: int, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Rows (B, 77) of captions of fresh training scenes, and their plans (B, places, 3)."""
    scenes = [random_scene(rng, kept_back=False) for _ in range(count)]
    rows = table.encode([caption(scene, rng) for scene in scenes])
    return rows, torch.tensor([plan_of(scene) for scene in scenes])


def plan_loss(outputs: Tensor, plans: Tensor) -> Tensor:
    """Mean cross entropy of outputs (B, OUTPUTS) and plans (B, places, 3)."""
    parts = torch.split(outputs.view(len(outputs), len(PLACES), sum(CLASSES)), list(CLASSES), dim=-1)
    losses = [cross_entropy(part.flatten(0, 1), plans[..., i].flatten()) for i, part in enumerate(parts)]
    return torch.stack(losses).mean()
