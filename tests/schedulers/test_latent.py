"""Is an empty latent fitted to a network, and a picture left alone?"""

import torch

from schedulers.latent import LatentBatch, with_channels


def test_an_empty_latent_takes_the_channels_asked_for() -> None:
    assert with_channels(torch.zeros(2, 4, 8, 6), 16).shape == (2, 16, 8, 6)
    assert with_channels(torch.zeros(2, 16, 8, 6), 4).shape == (2, 4, 8, 6)


def test_a_latent_with_a_picture_is_left_as_it_is() -> None:
    samples = torch.ones(2, 4, 8, 6)
    assert with_channels(samples, 16) is samples
    assert with_channels(samples, 4) is samples


def test_a_batch_carries_what_nodes_hang_on_it() -> None:
    batch = LatentBatch(torch.zeros(1, 4, 2, 2))
    assert batch.noise_mask is None
    assert batch.batch_index is None
    assert batch.extra == {}
