"""Edges, against a second implementation that goes from pixel to pixel."""

import math

import pytest
import torch

from nodes.api.errors import NodeError
from nodes.image.canny import find_edges


def by_pixel(grey: list[list[float]], low: float, high: float) -> list[list[bool]]:
    height, width = len(grey), len(grey[0])

    def mirrored(place: int, length: int) -> int:
        place = abs(place)
        return 2 * (length - 1) - place if place >= length else place

    weights = [math.exp(-(offset**2) / 2) for offset in range(-2, 3)]
    weights = [weight / sum(weights) for weight in weights]
    smooth = [
        [
            sum(
                weights[i + 2] * weights[j + 2] * grey[mirrored(y + i, height)][mirrored(x + j, width)]
                for i in range(-2, 3)
                for j in range(-2, 3)
            )
            for x in range(width)
        ]
        for y in range(height)
    ]

    def at(y: int, x: int) -> float:
        return smooth[min(max(y, 0), height - 1)][min(max(x, 0), width - 1)]

    length, angle = {}, {}
    for y in range(height):
        for x in range(width):
            across = sum(w * (at(y + i, x + 1) - at(y + i, x - 1)) for i, w in ((-1, 1), (0, 2), (1, 1)))
            down = sum(w * (at(y + 1, x + i) - at(y - 1, x + i)) for i, w in ((-1, 1), (0, 2), (1, 1)))
            length[y, x] = math.sqrt(across**2 + down**2 + 1e-6)
            angle[y, x] = round(math.degrees(math.atan2(down, across)) / 45) * 45
    kept = {}
    for (y, x), value in length.items():
        step_y = round(math.sin(math.radians(angle[y, x])))
        step_x = round(math.cos(math.radians(angle[y, x])))
        sides = [length.get((y + sign * step_y, x + sign * step_x), 0.0) for sign in (1, -1)]
        kept[y, x] = value if value > max(sides) else 0.0
    edges = {place for place, value in kept.items() if value > high}
    pending = list(edges)
    while pending:
        y, x = pending.pop()
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                near = (y + i, x + j)
                if near not in edges and kept.get(near, 0.0) > low:
                    edges.add(near)
                    pending.append(near)
    return [[(y, x) in edges for x in range(width)] for y in range(height)]


@pytest.mark.parametrize("seed", range(3))
def test_edges_are_those_of_the_definition(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 6, generator=generator)
    image = torch.nn.functional.interpolate(coarse, size=(30, 36), mode="bilinear").movedim(1, -1)
    image = (image + 0.1 * torch.rand(image.shape, generator=generator)).clamp(0, 1)
    grey = (image[0] * torch.tensor([0.299, 0.587, 0.114])).sum(-1).tolist()
    found = find_edges(image, 0.2, 0.4)[0]
    assert found.shape == (30, 36, 3)
    expected = torch.tensor(by_pixel(grey, 0.2, 0.4))
    assert 5 < expected.sum() < 400
    assert torch.equal(found[..., 0].bool(), expected)
    assert torch.equal(found[..., 0], found[..., 2])


def test_a_square_has_one_thin_outline() -> None:
    image = torch.zeros(1, 40, 40, 3)
    image[:, 10:30, 10:30] = 1
    edges = find_edges(image)[0, ..., 0]
    assert edges[20].nonzero().flatten().tolist() in ([9, 29], [10, 30], [10, 29], [9, 30])
    assert edges[:5].sum() == edges[15:25, 15:25].sum() == 0


def test_weak_edges_stay_only_where_they_continue_strong_ones() -> None:
    step = torch.cat((torch.zeros(20), torch.tensor([0.5]), torch.ones(19))).reshape(1, 40, 1, 1)
    steepness = torch.linspace(0.2, 1, 60).reshape(1, 1, 60, 1)
    image = (step * steepness).repeat(1, 1, 1, 3)
    assert find_edges(image, 0.2, 0.9)[0, 20, :, 0].sum() == 60
    assert find_edges(image[:, :, :5], 0.2, 0.9).sum() == 0


def test_grey_and_transparent_pictures_are_taken() -> None:
    image = torch.rand(1, 12, 12, 3, generator=torch.Generator().manual_seed(0))
    with_alpha = torch.cat((image, torch.zeros(1, 12, 12, 1)), dim=-1)
    assert torch.equal(find_edges(with_alpha), find_edges(image))
    grey = image[..., :1]
    assert torch.equal(find_edges(grey), find_edges(grey.repeat(1, 1, 1, 3)))


def test_bad_inputs_are_refused() -> None:
    with pytest.raises(NodeError, match="too small"):
        find_edges(torch.zeros(1, 2, 9, 3))
    with pytest.raises(NodeError, match=r"low_threshold 0\.8 is above high_threshold 0.4"):
        find_edges(torch.zeros(1, 9, 9, 3), 0.8, 0.4)
