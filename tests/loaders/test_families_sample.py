"""A network of every family can be sampled: what it takes beside the text reaches it."""

from pathlib import Path

import pytest
import torch

from schedulers.conditioning import Entry
from schedulers.sample import sample
from tests.loaders.test_families import CONFIGS, opened


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("is_masked", [False, True])
def test_a_network_of_each_family_is_sampled(tmp_path: Path, name: str, is_masked: bool) -> None:
    model = opened(tmp_path, CONFIGS[name])
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 4, 8, 8, generator=generator)
    entries = [
        (Entry(torch.randn(1, 7, 48, generator=generator), torch.randn(1, 1280, generator=generator)),)
        for _ in range(2)
    ]
    drawn = sample(
        model,
        noise,
        torch.zeros(2, 4, 8, 8),
        *entries,
        cfg=3.0,
        sampler="euler",
        sigmas=torch.tensor([5.0, 1.0, 0.0]),
        seed=20,
        noise_mask=torch.ones(1, 16, 16) if is_masked else None,
    )
    assert drawn.shape == noise.shape
    assert drawn.isfinite().all()
