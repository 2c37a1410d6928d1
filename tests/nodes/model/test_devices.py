"""Do the nodes that choose a device say so, and does what meets in a step meet on one?"""

from typing import Any

import pytest
import torch

from loaders.checkpoint import Checkpoint
from models.adapters.patch import Patched
from nodes.conditioning.text import encode
from nodes.model.devices import select_clip_device, select_model_device, select_vae_device
from nodes.sampling import guiders
from nodes.sampling.custom import random_noise, sampler_custom_advanced
from schedulers.latent import LatentBatch
from schedulers.samplers.table import SAMPLERS
from tests.nodes.conftest import Recorded


def test_each_node_says_where_and_changes_nothing_else(checkpoint: Checkpoint) -> None:
    model = select_model_device(model=checkpoint.model, device="cpu")
    clip = select_clip_device(clip=checkpoint.clip, device="cpu")
    vae = select_vae_device(vae=checkpoint.vae, device="cpu")
    for chosen, before in ((model, checkpoint.model), (clip, checkpoint.clip), (vae, checkpoint.vae)):
        assert chosen.stays_on_cpu
        assert not before.stays_on_cpu
        assert chosen.base is before.base
        assert chosen.stack == before.stack
    assert not select_model_device(model=model).stays_on_cpu


def test_what_meets_in_a_step_is_borrowed_for_one_device(
    ctx: Recorded, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    borrowed: list[str] = []
    resident = ctx.resident

    def spied(value: Patched[Any], shape: Any = None) -> Any:
        borrowed.append(value.device)
        return resident(value, shape)

    positive = encode(ctx, text="a cat", clip=checkpoint.clip)
    monkeypatch.setattr(ctx, "resident", spied)
    chosen = select_model_device(model=checkpoint.model, device="cpu")
    sigmas, latent = torch.tensor([2.0, 0.0]), LatentBatch(torch.zeros(1, 4, 4, 4))

    def draw(first: Any, second: Any) -> torch.Tensor:
        guider = guiders.dual_model(model=first, model_negative=second, positive=positive, cfg=2.0)
        return sampler_custom_advanced(
            ctx,
            guider=guider,
            sigmas=sigmas,
            noise=random_noise(noise_seed=1),
            sampler=SAMPLERS["euler"],
            latent_image=latent,
        ).output.samples

    there = draw(chosen, checkpoint.model)
    assert borrowed == ["cpu", "cpu"]
    borrowed.clear()
    assert torch.equal(draw(checkpoint.model, chosen), there)
    assert borrowed == ["default", "default"]
