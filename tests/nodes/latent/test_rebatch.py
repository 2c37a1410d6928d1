import pytest
import torch

from nodes.api.errors import NodeError
from nodes.latent.empty import empty_16, empty_flux_2
from nodes.latent.rebatch import join, rebatch
from nodes.latent.size import size
from nodes.mask.batch import join as join_masks
from schedulers.latent import LatentBatch

GENERATOR = torch.Generator().manual_seed(0)


def latent(count: int, height: int = 4, width: int = 6, **fields: object) -> LatentBatch:
    return LatentBatch(torch.rand(count, 4, height, width, generator=GENERATOR), **fields)


def test_latents_are_joined_with_their_places_in_the_noise() -> None:
    first = latent(2, noise_mask=torch.ones(1, 1, 8, 8), batch_index=(5, 6), extra={"kept": 1})
    joined = join(first, latent(3), latent(1, 8, 12, batch_index=(9,)))
    assert joined.samples.shape == (6, 4, 4, 6)
    assert torch.equal(joined.samples[:2], first.samples)
    assert joined.batch_index == (5, 6, 0, 1, 2, 9)
    assert joined.noise_mask is first.noise_mask
    assert joined.extra == {"kept": 1}


def test_latents_of_other_channels_are_refused() -> None:
    with pytest.raises(NodeError, match="4 and 16 channels"):
        join(latent(1), LatentBatch(torch.zeros(1, 16, 4, 6)))


def test_latents_are_regrouped_and_counted_on() -> None:
    batches = [latent(3), latent(2, batch_index=(7, 7)), latent(1)]
    groups = rebatch(batches, 4)
    assert [group.samples.shape[0] for group in groups] == [4, 2]
    assert [group.batch_index for group in groups] == [(0, 1, 2, 7), (7, 5)]
    assert [group.noise_mask for group in groups] == [None, None]
    whole = torch.cat([batch.samples for batch in batches])
    assert torch.equal(torch.cat([group.samples for group in groups]), whole)


def test_a_new_size_begins_a_new_batch() -> None:
    groups = rebatch([latent(1), latent(1), latent(1, 5, 6), latent(1)], 10)
    assert [tuple(group.samples.shape[::2]) for group in groups] == [(2, 4), (1, 5), (1, 4)]


def test_masks_travel_and_what_has_none_is_open() -> None:
    mask = torch.rand(2, 1, 10, 12, generator=GENERATOR)
    (group,) = rebatch([latent(1), latent(2, noise_mask=mask)], 10)
    assert torch.equal(group.noise_mask[1:], mask)
    assert (group.noise_mask[0] == 1).all()
    (open_group,) = rebatch([latent(1, noise_mask=torch.ones(1, 1, 9, 9)), latent(1)], 10)
    assert open_group.noise_mask is None
    other = latent(1, noise_mask=torch.zeros(1, 1, 5, 5))
    (mixed,) = rebatch([other, latent(2, noise_mask=mask)], 10)
    assert mixed.noise_mask.shape == (3, 1, 32, 48)
    assert (mixed.noise_mask[0] == 0).all()


def test_sizes_are_told_in_cells() -> None:
    assert size(latent(3)) == (6, 4, 1, 3)
    assert size(LatentBatch(torch.zeros(2, 16, 5, 7, 9))) == (9, 7, 5, 2)


def test_empty_latents_of_other_families() -> None:
    assert empty_16(1000, 512, 2).samples.shape == (2, 16, 64, 125)
    assert empty_flux_2(1000, 512, 1).samples.shape == (1, 128, 32, 62)


def test_masks_are_joined() -> None:
    first = torch.rand(2, 4, 6, generator=GENERATOR)
    joined = join_masks(first, torch.ones(8, 12), torch.zeros(1, 4, 6))
    assert joined.shape == (4, 4, 6)
    assert torch.equal(joined[:2], first)
    assert (joined[2] == 1).all()
    assert joined[3].sum() == 0
