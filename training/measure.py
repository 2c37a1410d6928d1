"""Measures a picture of shapes by colour, area and outline, and says what of a prompt is right."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from training.scenes import Scene
from training.shapes import BACKGROUNDS, COLOURS, KINDS, RADII, Bytes, Figure, coverage

Mask = NDArray[np.bool_]

CONTRAST = 0.22
SMALLEST_AREA = 60
PLACE_LIMIT = 20.0
BORDER = 3


@dataclass(frozen=True)
class Found:
    """One object of a picture: what it looks like and where its centre is, in pixels."""

    kind: str
    colour: str
    size: str
    x: float
    y: float
    overlap: float
    fill: float


@dataclass(frozen=True)
class Verdict:
    """Which attributes of a prompt its picture has; place covers position, relation and count."""

    shape: bool
    colour: bool
    size: bool
    place: bool
    background: bool

    @property
    def everything(self) -> bool:
        """Whether shape, colour, size, place and background are all right."""
        return self.shape and self.colour and self.size and self.place and self.background


def nearest_colour(colour: NDArray[np.floating], names: dict[str, tuple[int, int, int]]) -> str:
    """The name of the closest colour to (3,) from 0 to 255."""
    return min(names, key=lambda name: float(np.abs(np.asarray(names[name]) - colour).sum()))


def components(mask: Mask) -> list[Mask]:
    """The connected parts (4 neighbours) of a mask (H, W), largest first."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        spread = labels.copy()
        spread[1:] = np.maximum(spread[1:], labels[:-1])
        spread[:-1] = np.maximum(spread[:-1], labels[1:])
        spread[:, 1:] = np.maximum(spread[:, 1:], labels[:, :-1])
        spread[:, :-1] = np.maximum(spread[:, :-1], labels[:, 1:])
        spread[~mask] = 0
        if np.array_equal(spread, labels):
            break
        labels = spread
    names, counts = np.unique(labels[labels > 0], return_counts=True)
    return [labels == names[i] for i in np.argsort(-counts)]


def background_of(picture: Bytes) -> NDArray[np.float64]:
    """The colour (3,) along the border of a picture."""
    edges = [picture[:BORDER], picture[-BORDER:], picture[:, :BORDER], picture[:, -BORDER:]]
    middle: NDArray[np.float64] = np.median(np.concatenate([edge.reshape(-1, 3) for edge in edges]), axis=0)
    return middle


def find(picture: Bytes) -> list[Found]:
    """The objects in a picture (H, W, 3), largest first."""
    values = picture.astype(np.float64)
    background = background_of(picture)
    rough = np.linalg.norm(values - background, axis=-1) / 255.0 > CONTRAST
    found = []
    for part in components(rough):
        if part.sum() < SMALLEST_AREA:
            continue
        core = _eroded(part)
        inside = values[core if core.sum() > 20 else part]
        colour = np.median(inside, axis=0)
        # The edge of a smooth outline is where the two colours mix half and half.
        axis = colour - background
        share = ((values - background) @ axis) / max(1e-9, float(axis @ axis))
        found.append(_describe(_grown(part) & (share > 0.5), colour))
    return found


def _eroded(mask: Mask) -> Mask:
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner


def _grown(mask: Mask) -> Mask:
    return ~_eroded(~mask)


def _describe(mask: Mask, colour: NDArray[np.floating]) -> Found:
    """Fit each kind to a mask; the best overlap names the kind and the radius."""
    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        return Found("none", "none", "none", -1.0, -1.0, 0.0, 0.0)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    middle = (float(columns.mean()) + 0.5, float(rows.mean()) + 0.5)
    best, kind, radius = max((_best_fit(mask, name, middle) for name in KINDS), key=lambda fit: fit[0])
    size = min(RADII, key=lambda name: abs(math.log(RADII[name] / radius)))
    # What is judged is where the centre of the figure is, which for some kinds is not that of its area.
    y = middle[1] - _unit(kind)[1] * radius
    fill = float(mask.sum()) / float(height * width)
    return Found(kind, nearest_colour(colour, COLOURS), size, middle[0], y, best, fill)


@lru_cache
def _unit(kind: str) -> tuple[float, float]:
    """The area of a kind with radius 1, and how far below the centre its centre of area is."""
    radius, side = 40.0, 128
    rows, _, cover = coverage(Figure(kind, side / 2, side / 2, radius, (0, 0, 0)), side=side)
    heights = np.arange(rows.start, rows.stop) + 0.5 - side / 2
    area = float(cover.sum())
    return area / radius**2, float((cover.sum(axis=1) * heights).sum()) / area / radius


def _best_fit(mask: Mask, kind: str, middle: tuple[float, float]) -> tuple[float, str, float]:
    """Overlap (intersection over union) of a mask with a kind of its area and centre of area; radius."""
    area, below = _unit(kind)
    best, best_radius = -1.0, 1.0
    for factor in (0.95, 1.0, 1.05):
        radius = math.sqrt(float(mask.sum()) / area) * factor
        figure = Figure(kind, middle[0], middle[1] - below * radius, radius, (0, 0, 0))
        drawn = np.zeros_like(mask)
        rows, columns, cover = coverage(figure, side=mask.shape[0])
        drawn[rows, columns] = cover > 0.5
        overlap = float((drawn & mask).sum()) / float((drawn | mask).sum())
        if overlap > best:
            best, best_radius = overlap, radius
    return best, kind, best_radius


def judge(picture: Bytes, scene: Scene) -> Verdict:
    """Compare a picture with the scene that its prompt asked for.

    Objects are matched to where the scene wants them by the nearest arrangement; every object must
    be there, and none more.
    """
    found = find(picture)
    wanted, anchors = scene.looks(), scene.anchors()
    background = nearest_colour(background_of(picture), BACKGROUNDS) == scene.background
    if len(found) < len(wanted):
        missing = [
            *found,
            *[Found("none", "none", "none", -1e3, -1e3, 0.0, 0.0)] * (len(wanted) - len(found)),
        ]
    else:
        missing = found[: len(wanted)]

    def distance(order: tuple[Found, ...]) -> float:
        return sum(math.hypot(o.x - x, o.y - y) for o, (x, y) in zip(order, anchors, strict=True))

    order = min(permutations(missing), key=distance)
    return Verdict(
        shape=all(o.kind == look.kind for o, look in zip(order, wanted, strict=True)),
        colour=all(o.colour == look.colour for o, look in zip(order, wanted, strict=True)),
        size=all(o.size == look.size for o, look in zip(order, wanted, strict=True)),
        place=len(found) == len(wanted)
        and all(np.hypot(o.x - x, o.y - y) < PLACE_LIMIT for o, (x, y) in zip(order, anchors, strict=True)),
        background=background,
    )
