import pytest
import torch

from nodes.sampling.operations import apply, blend
from schedulers.latent import LatentBatch


def test_a_latent_is_moved_towards_another_of_any_size() -> None:
    latent = LatentBatch(torch.zeros(3, 4, 8, 8))
    reference = LatentBatch(torch.arange(4.0).reshape(1, 1, 2, 2).expand(1, 4, 2, 2))
    moved = apply(samples=latent, operation=blend(reference=reference, strength=0.25)).samples
    wanted = torch.tensor([[0.0, 0.25], [0.5, 0.75]]).repeat_interleave(4, 0).repeat_interleave(4, 1)
    assert torch.equal(moved, wanted.expand(3, 4, 8, 8))
    there = apply(samples=latent, operation=blend(reference=LatentBatch(torch.ones(3, 4, 8, 8)))).samples
    assert torch.equal(there, torch.ones(3, 4, 8, 8))


def test_a_reference_with_other_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="16 channels, but the latent 4"):
        apply(
            samples=LatentBatch(torch.zeros(1, 4, 8, 8)),
            operation=blend(reference=LatentBatch(torch.zeros(1, 16, 8, 8))),
        )
