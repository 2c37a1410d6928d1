import pytest
import torch

from nodes.api.errors import NodeError
from nodes.latent.cut import concatenate, cut, cut_to_batch
from schedulers.latent import LatentBatch


def latent(*shape: int) -> LatentBatch:
    return LatentBatch(torch.arange(float(torch.Size(shape).numel())).reshape(shape))


def test_latents_are_joined_at_the_named_side() -> None:
    first, second = latent(2, 1, 2, 3), latent(1, 1, 2, 2)
    joined = concatenate(first, second, "x").samples
    assert joined.shape == (2, 1, 2, 5)
    assert torch.equal(joined[..., :3], first.samples)
    assert torch.equal(concatenate(first, second, "-x").samples[..., 2:], first.samples)
    assert concatenate(first, latent(1, 1, 5, 3), "y").samples.shape == (2, 1, 7, 3)
    with pytest.raises(NodeError, match=r"\(2, 1, 2, 3\) and \(2, 1, 2, 2\)"):
        concatenate(first, second, "y")


@pytest.mark.parametrize(
    ("index", "amount", "expected"),
    [(1, 2, [1, 2]), (3, 9, [3]), (99, 9, [3]), (-2, 1, [2]), (-2, 9, [2, 3]), (-99, 2, [0, 1])],
)
def test_strips_stay_inside(index: int, amount: int, expected: list[int]) -> None:
    assert cut(latent(1, 1, 1, 4), "x", index, amount).samples.flatten().tolist() == expected


def test_strips_become_a_batch() -> None:
    made = cut_to_batch(latent(2, 1, 2, 5), "x", 2).samples
    assert made.shape == (4, 1, 2, 2)
    assert made[:, 0, 0].tolist() == [[0, 1], [2, 3], [10, 11], [12, 13]]
    assert cut_to_batch(latent(1, 3, 6, 4), "y", 4).samples.shape == (1, 3, 4, 4)
    assert cut_to_batch(latent(1, 1, 2, 2), "y", 99).samples.shape == (1, 1, 2, 2)
    flat = latent(1, 3, 2, 2)
    assert cut_to_batch(flat, "t", 1) is flat
    assert cut_to_batch(latent(1, 3, 4, 2, 2), "t", 2).samples.shape == (2, 3, 2, 2, 2)
