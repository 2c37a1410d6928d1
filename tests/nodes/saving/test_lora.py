"""Is a saved difference a LoRA that gives the difference back, as near as its rank allows?"""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from loaders.checkpoint import Checkpoint
from loaders.lora import open_lora
from models.adapters.deltas import Added, Delta, Difference
from models.adapters.extraction import nearest_product
from models.adapters.patch import Patched, applied
from models.adapters.products import LowRank
from models.adapters.weights import DeltaSet, WeightPatch
from nodes.api.errors import NodeError
from nodes.model.merge import subtract_encoders, subtract_models
from nodes.saving.lora import save_lora
from tests.nodes.conftest import Recorded


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float32)


@pytest.mark.parametrize("shape", [(12, 20), (20, 12), (12, 4, 3, 3), (9, 9, 1, 1)])
@pytest.mark.parametrize("rank", [1, 3, 100])
def test_no_product_of_its_rank_is_nearer(shape: tuple[int, ...], rank: int) -> None:
    difference = random(*shape)
    factors = nearest_product(difference, rank)
    assert factors is not None
    up, down = factors
    assert up.ndim == down.ndim == len(shape)
    u, s, v = torch.linalg.svd(difference.flatten(1).double(), full_matrices=False)
    best = (u[:, :rank] * s[:rank]) @ v[:rank]
    torch.testing.assert_close((up.flatten(1) @ down.flatten(1)).double(), best, rtol=1e-4, atol=1e-5)
    sizes = up.flatten(1).norm(dim=0), down.flatten(1).norm(dim=1)
    torch.testing.assert_close(*sizes, rtol=1e-3, atol=1e-4)


def test_a_difference_of_less_rank_takes_no_more_and_zeros_take_nothing() -> None:
    factors = nearest_product(random(8, 2) @ random(2, 10), 5)
    assert factors is not None
    assert factors[0].shape == (8, 2)
    assert nearest_product(torch.zeros(3, 4), 2) is None


def trained(patched: Patched[Any], rank: int) -> Patched[Any]:
    """A model whose every matrix differs by one of a rank, and every vector somehow."""
    deltas: dict[str, Delta] = {}
    for name, parameter in patched.base.network.named_parameters():
        shape = parameter.shape
        if parameter.ndim < 2:
            deltas[name] = Difference(0.1 * random(*shape))
        elif name.endswith("weight"):
            ones = [1] * (len(shape) - 2)
            deltas[name] = Added(LowRank(0.1 * random(shape[0], rank, *ones), 0.1 * random(rank, *shape[1:])))
    return patched.with_patch(WeightPatch(DeltaSet(deltas), 1.0))


def weights(patched: Patched[Any]) -> dict[str, Tensor]:
    with applied(patched) as base:
        return {name: tensor.clone() for name, tensor in base.network.named_parameters()}


@pytest.mark.parametrize("kind", ["standard", "full_diff"])
def test_a_saved_difference_gives_the_trained_model_back(
    ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path, kind: str
) -> None:
    model, clip = trained(checkpoint.model, 3), trained(checkpoint.clip, 3)
    save_lora(
        ctx,
        rank=4,
        lora_type=kind,
        model_diff=subtract_models(ctx, model, checkpoint.model),
        text_encoder_diff=subtract_encoders(ctx, clip, checkpoint.clip),
    )
    lora = open_lora(
        tmp_path / "output/loras/ComfyUI_extracted_lora_00001_.safetensors", checkpoint.model, checkpoint.clip
    )
    assert not any(lora.report.unmatched.values())
    for again, wanted in (
        (lora.patch_model(checkpoint.model, 1.0), model),
        (lora.patch_clip(checkpoint.clip, 1.0), clip),
    ):
        ours = weights(again)
        for name, tensor in weights(wanted).items():
            torch.testing.assert_close(ours[name], tensor, rtol=1e-3, atol=2e-3)


def test_biases_are_left_out_where_they_are_not_wanted(
    ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    difference = subtract_models(ctx, trained(checkpoint.model, 1), checkpoint.model)
    save_lora(ctx, "small", rank=1, lora_type="standard", bias_diff=False, model_diff=difference)
    tensors = load_file(tmp_path / "output/small_00001_.safetensors")
    assert all(name.endswith(("lora_up.weight", "lora_down.weight")) for name in tensors)
    assert all(tensor.dtype == torch.float16 for tensor in tensors.values())


def test_without_a_difference_there_is_nothing_to_save(ctx: Recorded) -> None:
    with pytest.raises(NodeError, match="no difference to save"):
        save_lora(ctx, lora_type="standard")
