"""Holds the grammar of scenes: what may be in a picture, and which combinations are kept for testing."""

import random
import zlib
from dataclasses import dataclass
from typing import Literal

from training.shapes import BACKGROUNDS, COLOURS, KINDS, RADII, Figure

Layout = Literal["single", "pair", "group"]

NEAR, MIDDLE, FAR = 32.0, 64.0, 96.0
PLACES: dict[str, tuple[float, float]] = {
    "centre": (MIDDLE, MIDDLE),
    "left": (NEAR, MIDDLE),
    "right": (FAR, MIDDLE),
    "top": (MIDDLE, NEAR),
    "bottom": (MIDDLE, FAR),
    "top left": (NEAR, NEAR),
    "top right": (FAR, NEAR),
    "bottom left": (NEAR, FAR),
    "bottom right": (FAR, FAR),
}
RELATIONS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "left of": ((NEAR, MIDDLE), (FAR, MIDDLE)),
    "right of": ((FAR, MIDDLE), (NEAR, MIDDLE)),
    "above": ((MIDDLE, NEAR), (MIDDLE, FAR)),
    "below": ((MIDDLE, FAR), (MIDDLE, NEAR)),
}
GROUPS: dict[int, tuple[tuple[float, float], ...]] = {
    2: ((NEAR, MIDDLE), (FAR, MIDDLE)),
    3: ((MIDDLE, NEAR), (NEAR, FAR), (FAR, FAR)),
    4: ((NEAR, NEAR), (FAR, NEAR), (NEAR, FAR), (FAR, FAR)),
}
POSITION_JITTER = 3.0
RADIUS_JITTER = 0.04
COLOUR_JITTER = 6
KEPT_BACK_PERCENT = 12


@dataclass(frozen=True)
class Look:
    """What one object looks like, in words of the grammar."""

    kind: str
    colour: str
    size: str


@dataclass(frozen=True)
class Scene:
    """A picture in words: one object at a place, two in a relation, or a group of equal ones."""

    layout: Layout
    first: Look
    background: str
    place: str = "centre"
    relation: str = ""
    second: Look | None = None
    count: int = 1

    def looks(self) -> tuple[Look, ...]:
        """The objects, in the order in which they are named."""
        if self.second is not None:
            return (self.first, self.second)
        return (self.first,) * self.count

    def anchors(self) -> tuple[tuple[float, float], ...]:
        """Where the centre of each object belongs, in pixels."""
        if self.layout == "single":
            return (PLACES[self.place],)
        return RELATIONS[self.relation] if self.layout == "pair" else GROUPS[self.count]

    def combination(self) -> str:
        """The words whose combination decides on which side of the split a scene is."""
        first = self.first
        if self.layout == "single":
            return f"{first.size} {first.colour} {first.kind} {self.place}"
        if self.second is not None:
            second = self.second
            return f"{first.colour} {first.kind} {self.relation} {second.colour} {second.kind}"
        return f"{self.count} {first.colour} {first.kind}"

    def is_kept_back(self) -> bool:
        """Whether the scene is for testing only."""
        return zlib.crc32(self.combination().encode()) % 100 < KEPT_BACK_PERCENT


def default_background(colours: tuple[str, ...]) -> str:
    """The background of a prompt that names none."""
    return "gray" if "white" in colours else "white"


def random_scene(rng: random.Random, *, kept_back: bool, layout: Layout | None = None) -> Scene:
    """A scene of one side of the split."""
    wanted = layout or rng.choices(("single", "pair", "group"), (0.42, 0.40, 0.18))[0]
    while True:
        scene = _propose(rng, wanted)
        if scene.is_kept_back() == kept_back:
            return scene


def _propose(rng: random.Random, layout: Layout) -> Scene:
    first = _random_look(rng)
    if layout == "single":
        place = "centre" if rng.random() < 0.12 else rng.choice(list(PLACES))
        return Scene(layout, first, _random_background(rng, (first.colour,)), place=place)
    if layout == "group":
        return Scene(layout, first, _random_background(rng, (first.colour,)), count=rng.choice(list(GROUPS)))
    second = _random_look(rng)
    while (second.kind, second.colour) == (first.kind, first.colour):
        second = _random_look(rng)
    background = _random_background(rng, (first.colour, second.colour))
    return Scene(layout, first, background, relation=rng.choice(list(RELATIONS)), second=second)


def _random_look(rng: random.Random) -> Look:
    return Look(rng.choice(list(KINDS)), rng.choice(list(COLOURS)), rng.choice(list(RADII)))


def _random_background(rng: random.Random, taken: tuple[str, ...]) -> str:
    if rng.random() < 0.25:
        return default_background(taken)
    return rng.choice([name for name in BACKGROUNDS if name not in taken])


def arrange(scene: Scene, rng: random.Random) -> tuple[list[Figure], tuple[int, int, int]]:
    """Figures to draw and the colour behind them, each a little off its anchor."""
    figures = []
    for look, (x, y) in zip(scene.looks(), scene.anchors(), strict=True):
        radius = RADII[look.size] * rng.uniform(1 - RADIUS_JITTER, 1 + RADIUS_JITTER)
        x += rng.uniform(-POSITION_JITTER, POSITION_JITTER)
        y += rng.uniform(-POSITION_JITTER, POSITION_JITTER)
        figures.append(Figure(look.kind, x, y, radius, _jittered(COLOURS[look.colour], rng)))
    return figures, _jittered(BACKGROUNDS[scene.background], rng)


def _jittered(colour: tuple[int, int, int], rng: random.Random) -> tuple[int, int, int]:
    red, green, blue = (
        min(255, max(0, value + rng.randint(-COLOUR_JITTER, COLOUR_JITTER))) for value in colour
    )
    return red, green, blue
