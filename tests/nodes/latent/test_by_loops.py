"""Checks what nodes make of latents, masks and prompts against the same rules in plain loops of floats."""

import math

import pytest
import torch
from torch import Tensor

from models.resize import bislerp
from nodes.conditioning.combine import average
from nodes.image.geometry import pad_for_outpainting
from nodes.image.resize import resize
from nodes.latent.combine import composite, composite_masked, interpolate
from schedulers.conditioning import CellArea, ConditioningValue, Entry, Setting, Term, resolve
from schedulers.latent import LatentBatch
from schedulers.overlay import laid_over

CELL = 8


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def agree(got: Tensor, expected: list, tolerance: float = 2e-5) -> None:
    wanted = torch.tensor(expected, dtype=torch.float64)
    assert got.shape == wanted.shape
    assert float((got.double() - wanted).abs().max()) <= tolerance * max(1.0, float(wanted.abs().max()))


def between(old: int, new: int, place: int, numbers: list[float]) -> float:
    """The number that linear resizing without aligned corners puts at a place of `new`."""
    at = max(0.0, (place + 0.5) * old / new - 0.5)
    low = min(int(at), old - 1)
    high = min(low + 1, old - 1)
    return numbers[low] * (1 - (at - low)) + numbers[high] * (at - low)


def turned(first: list[float], second: list[float], part: float) -> list[float]:
    """Two vectors mixed on the sphere, their lengths mixed linearly."""
    lengths = [math.sqrt(sum(value * value for value in vector)) for vector in (first, second)]
    ones = [
        [value / length if length else 0.0 for value in vector]
        for vector, length in zip((first, second), lengths, strict=True)
    ]
    cosine = sum(a * b for a, b in zip(*ones, strict=True))
    if cosine > 1 - 1e-5:
        return first
    if cosine < 1e-5 - 1:
        return [a * (1 - part) + b * part for a, b in zip(first, second, strict=True)]
    angle = math.acos(cosine)
    weights = math.sin((1 - part) * angle) / math.sin(angle), math.sin(part * angle) / math.sin(angle)
    length = lengths[0] * (1 - part) + lengths[1] * part
    return [(a * weights[0] + b * weights[1]) * length for a, b in zip(*ones, strict=True)]


def turned_row(row: list[list[float]], new: int) -> list[list[float]]:
    """A row of vectors at another length."""
    old = len(row)
    ramp = [float(index) for index in range(old)]
    after = [float(min(index + 1, old - 1)) for index in range(old)]
    made = []
    for place in range(new):
        at = between(old, new, place, ramp)
        made.append(turned(row[int(at)], row[int(between(old, new, place, after))], at - math.floor(at)))
    return made


# Sizes at which no new cell lies on an old one, where a rounding would decide which neighbour counts.
@pytest.mark.parametrize("size", [(7, 10), (6, 4), (9, 7)])
def test_bislerp_goes_along_rows_and_then_along_columns(size: tuple[int, int]) -> None:
    height, width = size
    latent = drawn(1, 4, 5, 6)
    rows = latent[0].double().permute(1, 2, 0).tolist()
    wide = [turned_row(row, width) for row in rows]
    columns = [turned_row([row[place] for row in wide], height) for place in range(width)]
    expected = [
        [
            [[columns[column][row][channel] for column in range(width)] for row in range(height)]
            for channel in range(4)
        ]
    ]
    agree(bislerp(latent, width, height), expected, 1e-4)


def test_the_nearest_cell_is_the_one_whose_middle_is_nearest() -> None:
    latent = drawn(1, 1, 5, 7)
    got = resize(latent, 11, 3, "nearest-exact")
    expected = [
        [
            [
                [
                    float(latent[0, 0, int((row + 0.5) * 5 / 3), int((column + 0.5) * 7 / 11)])
                    for column in range(11)
                ]
                for row in range(3)
            ]
        ]
    ]
    agree(got, expected, 0.0)


@pytest.mark.parametrize(("x", "y", "feather"), [(0, 0, 16), (16, 8, 24), (40, 24, 16), (16, 16, 0)])
def test_a_composite_fades_towards_sides_inside(x: int, y: int, feather: int) -> None:
    under, over = drawn(1, 2, 8, 9), drawn(1, 2, 5, 4, seed=1)
    left, top, fade = x // CELL, y // CELL, feather // CELL
    expected = under.double().tolist()
    rows, columns = min(5, 8 - top), min(4, 9 - left)
    for channel in range(2):
        for row in range(rows):
            for column in range(columns):
                weight = 1.0
                for step in range(fade):
                    part = (step + 1) / fade
                    weight *= part if top and row == step else 1.0
                    weight *= part if left and column == step else 1.0
                    weight *= part if top + rows < 8 and row == rows - 1 - step else 1.0
                    weight *= part if left + columns < 9 and column == columns - 1 - step else 1.0
                here = expected[0][channel][top + row]
                new = float(over[0, channel, row, column])
                here[left + column] = new * weight + here[left + column] * (1 - weight)
    made = composite(LatentBatch(under), LatentBatch(over), x, y, feather)
    agree(made.samples, expected)


def test_the_mask_of_a_composite_is_stretched_to_what_is_pasted() -> None:
    under, over, mask = drawn(2, 2, 6, 6), drawn(1, 2, 4, 5, seed=1), torch.rand(1, 3, 9)
    expected = under.double().tolist()
    tall = [[between(3, 4, row, mask[0, :, column].tolist()) for column in range(9)] for row in range(4)]
    weights = [[between(9, 5, column, row) for column in range(5)] for row in tall]
    for index in range(2):
        for channel in range(2):
            for row in range(4):
                for column in range(2):
                    weight = weights[row][column]
                    here = expected[index][channel][1 + row]
                    here[4 + column] = (
                        weight * float(over[0, channel, row, column]) + (1 - weight) * here[4 + column]
                    )
    made = composite_masked(LatentBatch(under), LatentBatch(over), 32, 8, mask=mask)
    agree(made.samples, expected)


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_interpolation_mixes_directions_and_lengths(ratio: float) -> None:
    first, second = drawn(1, 4, 3, 3), drawn(1, 4, 3, 3, seed=1)
    first[0, :, 1, 1] = 0.0
    expected = torch.zeros(1, 4, 3, 3, dtype=torch.float64).tolist()
    for row in range(3):
        for column in range(3):
            vectors = [latent[0, :, row, column].double().tolist() for latent in (first, second)]
            lengths = [math.sqrt(sum(value * value for value in vector)) for vector in vectors]
            mixed = [0.0] * 4
            for vector, length, share in zip(vectors, lengths, (ratio, 1 - ratio), strict=True):
                if length:
                    mixed = [m + share * v / length for m, v in zip(mixed, vector, strict=True)]
            total = math.sqrt(sum(value * value for value in mixed))
            size = lengths[0] * ratio + lengths[1] * (1 - ratio)
            for channel in range(4):
                expected[0][channel][row][column] = mixed[channel] / total * size if total else 0.0
    agree(interpolate(LatentBatch(first), LatentBatch(second), ratio).samples, expected)


@pytest.mark.parametrize("sides", [(8, 0, 0, 16), (0, 8, 8, 0), (8, 8, 8, 8), (0, 0, 0, 0)])
def test_the_mask_of_a_larger_canvas_fades_by_the_square_of_the_distance(sides: tuple[int, ...]) -> None:
    left, top, right, bottom = sides
    height, width, feather = 13, 15, 5
    _, mask = pad_for_outpainting(torch.rand(1, height, width, 3), left, top, right, bottom, feather)
    expected = [[1.0] * (left + width + right) for _ in range(top + height + bottom)]
    for row in range(height):
        for column in range(width):
            distance = min(
                row if top else height,
                height - row if bottom else height,
                column if left else width,
                width - column if right else width,
            )
            fade = (feather - distance) / feather if distance < feather else 0.0
            expected[top + row][left + column] = fade * fade
    agree(mask, [expected])


@pytest.mark.parametrize(("length", "other_length"), [(4, 2), (2, 4), (3, 3)])
def test_prompts_are_averaged_token_by_token(ctx, length: int, other_length: int) -> None:
    one = Entry(drawn(1, length, 3), drawn(1, 2, seed=1))
    other = Entry(drawn(1, other_length, 3, seed=2), drawn(1, 2, seed=3))
    (made,) = average(ctx, (one,), (other,), 0.3)
    expected = [
        [
            float(one.embedding[0, token, place]) * 0.3
            + (float(other.embedding[0, token, place]) if token < other_length else 0.0) * 0.7
            for place in range(3)
        ]
        for token in range(length)
    ]
    agree(made.embedding, [expected])
    agree(
        made.pooled,
        [[float(a) * 0.3 + float(b) * 0.7 for a, b in zip(one.pooled[0], other.pooled[0], strict=True)]],
    )


def weight_at(term_area: CellArea, row: int, column: int, height: int, width: int) -> float:
    """How much an area counts at a cell inside it."""
    weight = 1.0
    for size, start, whole, place in (
        (term_area.height, term_area.top, height, row - term_area.top),
        (term_area.width, term_area.left, width, column - term_area.left),
    ):
        reach = min(8, size // 4)
        for step in range(reach):
            weight *= (step + 1) / reach if start and place == step else 1.0
            weight *= (step + 1) / reach if start + size < whole and place == size - 1 - step else 1.0
    return weight


def answers(entries: ConditioningValue, x: Tensor) -> list[tuple[Term, Tensor]]:
    terms = resolve({"positive": entries}, Setting.plain(x.shape, lambda part: 1 - part))["positive"]
    sizes = [(x.shape[2:] if t.area is None else (t.area.height, t.area.width)) for t in terms]
    return [
        (term, drawn(1, 1, *size, seed=index))
        for index, (term, size) in enumerate(zip(terms, sizes, strict=True))
    ]


def test_areas_masks_and_strengths_are_weighed_against_each_other() -> None:
    height, width = 20, 24
    x, words = torch.zeros(1, 1, height, width), drawn(1, 2, 4)
    areas = (CellArea(16, 20, 4, 4), CellArea(12, 8, 0, 16))
    mask = torch.rand(1, height, width)
    entries = (
        Entry(words, area=areas[0], strength=0.7),
        Entry(words, area=areas[1], strength=1.5),
        Entry(words, mask=mask, mask_strength=0.4, strength=2.0),
    )
    given = answers(entries, x)
    expected = [[0.0] * width for _ in range(height)]
    for row in range(height):
        for column in range(width):
            total, weights = 0.0, 1e-37
            for index, area in enumerate(areas):
                inside = (
                    area.top <= row < area.top + area.height and area.left <= column < area.left + area.width
                )
                if inside:
                    weight = weight_at(area, row, column, height, width) * entries[index].strength
                    total += weight * float(given[index][1][0, 0, row - area.top, column - area.left])
                    weights += weight
            weight = float(mask[0, row, column]) * 0.4 * 2.0
            total += weight * float(given[2][1][0, 0, row, column])
            expected[row][column] = total / (weights + weight)
    agree(laid_over(x, given), [[expected]])
