import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from models.adapters.deltas import Added, Difference, Magnitude, Parts, Replacement, fits
from models.adapters.products import Hadamard, Kronecker, LowRank, RowShare

CPU = torch.device("cpu")


def random(*shape: int) -> Tensor:
    return torch.randn(
        shape, generator=torch.Generator().manual_seed(sum(shape) + len(shape)), dtype=torch.float32
    )


def loops(core: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """core[i, j] * right[j, r] * left[i, p] summed, at p r, by matrix products."""
    out = torch.zeros(left.shape[1], right.shape[1], *core.shape[2:])
    for y in range(core.shape[2]):
        for x in range(core.shape[3]):
            out[:, :, y, x] = left.T @ core[:, :, y, x] @ right
    return out


def test_a_linear_lora_is_up_times_down_scaled_by_alpha_over_rank() -> None:
    up, down, weight = random(6, 2), random(2, 5), random(6, 5)
    changed = Added(LowRank(up, down, alpha=1.0)).change(weight, 0.5)
    torch.testing.assert_close(changed, weight + 0.5 * 0.5 * up @ down)
    torch.testing.assert_close(Added(LowRank(up, down)).change(weight, 1.0), weight + up @ down)


def test_a_convolution_lora_is_two_convolutions_in_a_row() -> None:
    up, down, weight = random(6, 2, 1, 1), random(2, 5, 3, 3), random(6, 5, 3, 3)
    picture = random(1, 5, 8, 8)
    changed = Added(LowRank(up, down)).change(weight, 1.0)
    expected = conv2d(picture, weight) + conv2d(conv2d(picture, down), up)
    torch.testing.assert_close(conv2d(picture, changed), expected, rtol=1e-4, atol=1e-4)


def test_a_tucker_lora_is_three_convolutions_in_a_row() -> None:
    up, mid, down = random(6, 2, 1, 1), random(2, 3, 3, 3), random(3, 5, 1, 1)
    picture, weight = random(1, 5, 8, 8), torch.zeros(6, 5, 3, 3)
    delta = Added(LowRank(up, down, mid))
    assert fits(delta, weight.shape)
    expected = conv2d(conv2d(conv2d(picture, down), mid), up)
    torch.testing.assert_close(conv2d(picture, delta.change(weight, 1.0)), expected, rtol=1e-4, atol=1e-4)


def test_a_loha_is_the_product_of_two_products() -> None:
    first, second = (random(6, 2), random(2, 5)), (random(6, 3), random(3, 5))
    delta = Added(Hadamard(first, second, alpha=3.0))
    expected = 3.0 / 2 * (first[0] @ first[1]) * (second[0] @ second[1])
    assert fits(delta, torch.Size((6, 5)))
    torch.testing.assert_close(delta.change(torch.zeros(6, 5), 1.0), expected)


def test_a_loha_with_cores_is_the_product_of_two_tucker_products() -> None:
    first, second = (random(2, 6), random(2, 5)), (random(2, 6) + 1, random(2, 5) - 1)
    cores = random(2, 2, 3, 3), random(2, 2, 3, 3) + 1
    delta = Added(Hadamard(first, second, cores))
    assert fits(delta, torch.Size((6, 5, 3, 3)))
    expected = loops(cores[0], *first) * loops(cores[1], *second)
    torch.testing.assert_close(delta.change(torch.zeros(6, 5, 3, 3), 1.0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("first", "second", "scale"),
    [
        ((random(2, 3),), (random(4, 5),), 1.0),
        ((random(2, 2), random(2, 3)), (random(4, 5),), 8.0 / 2),
        ((random(2, 3),), (random(4, 4), random(4, 5)), 8.0 / 4),
        ((random(2, 2), random(2, 3)), (random(4, 1), random(1, 5)), 8.0),
    ],
)
def test_a_lokr_is_a_kronecker_product_scaled_only_where_factored(
    first: tuple[Tensor, ...], second: tuple[Tensor, ...], scale: float
) -> None:
    one = first[0] if len(first) == 1 else first[0] @ first[1]
    two = second[0] if len(second) == 1 else second[0] @ second[1]
    delta = Added(Kronecker(first, second, alpha=8.0))
    assert fits(delta, torch.Size((8, 15)))
    assert not fits(delta, torch.Size((8, 16)))
    expected = scale * torch.einsum("ab,cd->acbd", one, two).reshape(8, 15)
    torch.testing.assert_close(delta.change(torch.zeros(8, 15), 1.0), expected)


def test_a_lokr_of_a_convolution_keeps_the_kernel_in_its_second_part() -> None:
    one, two = random(2, 3), random(4, 5, 3, 3)
    expected = torch.einsum("ab,cdhw->acbdhw", one, two).reshape(8, 15, 3, 3)
    whole = Added(Kronecker((one,), (two,)))
    torch.testing.assert_close(whole.change(torch.zeros(8, 15, 3, 3), 1.0), expected)
    left, right, core = random(2, 4), random(2, 5), random(2, 2, 3, 3)
    expected = torch.einsum("ab,cdhw->acbdhw", one, loops(core, left, right)).reshape(8, 15, 3, 3)
    tucker = Added(Kronecker((one,), (left, right), core))
    assert fits(tucker, torch.Size((8, 15, 3, 3)))
    torch.testing.assert_close(tucker.change(torch.zeros(8, 15, 3, 3), 1.0), expected, rtol=1e-4, atol=1e-4)


def test_dora_by_rows_divides_by_the_norm_of_the_weight_before() -> None:
    weight, up, down, magnitude = random(6, 5), random(6, 2), random(2, 5), random(6, 1).abs()
    directed = weight + up @ down
    expected = directed * magnitude / weight.norm(dim=1, keepdim=True)
    delta = Added(LowRank(up, down), Magnitude(magnitude))
    torch.testing.assert_close(delta.change(weight, 1.0), expected)
    torch.testing.assert_close(delta.change(weight, 0.3), weight + 0.3 * (expected - weight))


@pytest.mark.parametrize("kernel", [(), (3, 3)])
def test_dora_by_columns_divides_by_the_norm_of_the_weight_after(kernel: tuple[int, ...]) -> None:
    ones = [1] * len(kernel)
    weight, up, down = random(6, 5, *kernel), random(6, 2, *ones), random(2, 5, *kernel)
    magnitude = random(1, 5, *ones).abs()
    directed = weight + (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
    norm = directed.pow(2).sum(dim=[0, *range(2, weight.ndim)], keepdim=True).sqrt()
    torch.testing.assert_close(
        Added(LowRank(up, down), Magnitude(magnitude)).change(weight, 1.0), directed * magnitude / norm
    )


def test_differences_are_scaled_and_replacements_are_not() -> None:
    weight, other = random(4, 3), random(4, 3) + 1
    torch.testing.assert_close(Difference(other).change(weight, 0.5), weight + 0.5 * other)
    assert torch.equal(Replacement(other).change(weight, 0.5), other)
    assert not fits(Difference(other), torch.Size((3, 4)))
    assert not fits(Replacement(other), torch.Size((12,)))


def test_a_low_rank_delta_does_not_fit_a_vector() -> None:
    assert not fits(Added(LowRank(random(4, 1), random(1, 1))), torch.Size((4,)))


def test_half_precision_factors_are_multiplied_in_full() -> None:
    up, down = random(6, 2).half(), random(2, 5).half()
    expected = up.float() @ down.float()
    assert torch.equal(LowRank(up, down).matrix(CPU), expected)


def test_parts_change_their_own_rows_only() -> None:
    weight = random(9, 4)
    delta = Parts([(3, 2, Difference(random(2, 4))), (6, 3, Added(LowRank(random(3, 1), random(1, 4))))])
    expected = weight.clone()
    expected[3:5] += 0.5 * random(2, 4)
    expected[6:] += 0.5 * random(3, 1) @ random(1, 4)
    torch.testing.assert_close(delta.change(weight, 0.5), expected)
    assert fits(delta, torch.Size((9, 4)))
    assert not fits(delta, torch.Size((8, 4)))
    assert not fits(delta, torch.Size((9, 5)))


def test_shares_are_rows_of_a_whole() -> None:
    whole = LowRank(random(6, 2), random(2, 5), alpha=1.0)
    for index in range(3):
        share = RowShare(whole, index, 3).matrix(CPU).reshape(2, 5)
        assert torch.equal(share, whole.matrix(CPU)[2 * index : 2 * index + 2])
    assert not fits(Added(RowShare(whole, 0, 4)), torch.Size((2, 5)))
