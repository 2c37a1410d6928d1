"""Do the nodes that mix models give the mixtures that workflows mean by their numbers?"""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from executor.session import Session
from loaders.checkpoint import Checkpoint, open_checkpoint
from models.adapters.patch import Patched, applied
from models.diffusion import DiffusionModel
from nodes.api.declare import node_of
from nodes.api.errors import NodeError
from nodes.model.merge import (
    add_encoders,
    add_models,
    merge_blocks,
    merge_encoders,
    merge_models,
    subtract_encoders,
    subtract_models,
)
from nodes.model.merge_blocks import SD1_BLOCKS, merge_sd1, merge_sdxl
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.nodes.conftest import Recorded


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(tiny_checkpoint(tmp_path_factory.mktemp("models") / "other.safetensors", seed=9))


def weights(patched: Patched[Any]) -> dict[str, Tensor]:
    with applied(patched) as base:
        return {name: tensor.clone() for name, tensor in base.network.named_parameters()}


def assert_mixed(mixed: Patched[Any], one: Patched[Any], two: Patched[Any], a: float, b: float) -> None:
    first, second = weights(one), weights(two)
    # Text encoders are kept as if in 16 bits.
    tolerance = {} if isinstance(one.base, DiffusionModel) else {"rtol": 1e-3, "atol": 1e-6}
    for name, tensor in weights(mixed).items():
        torch.testing.assert_close(tensor, a * first[name] + b * second[name], **tolerance)


def test_models_are_mixed_added_and_subtracted(
    ctx: Recorded, checkpoint: Checkpoint, other: Checkpoint
) -> None:
    one, two = checkpoint.model, other.model
    assert_mixed(merge_models(ctx, one, two, 0.3), one, two, 0.3, 0.7)
    assert_mixed(merge_models(ctx, one, two, 1.0), one, two, 1.0, 0.0)
    assert_mixed(add_models(ctx, one, two), one, two, 1.0, 1.0)
    assert_mixed(subtract_models(ctx, one, two, 2.0), one, two, 2.0, -2.0)
    assert merge_models(ctx, one, two, 0.3).base is one.base


def test_text_encoders_are_mixed_added_and_subtracted(
    ctx: Recorded, checkpoint: Checkpoint, other: Checkpoint
) -> None:
    one, two = checkpoint.clip, other.clip
    assert one is not None
    assert two is not None
    assert_mixed(merge_encoders(ctx, one, two, 0.3), one, two, 0.3, 0.7)
    assert_mixed(add_encoders(ctx, one, two), one, two, 1.0, 1.0)
    assert_mixed(subtract_encoders(ctx, one, two, -1.5), one, two, -1.5, 1.5)


def test_thirds_have_their_own_shares_and_the_rest_that_of_the_first(
    ctx: Recorded, checkpoint: Checkpoint, other: Checkpoint
) -> None:
    one, two = weights(checkpoint.model), weights(other.model)
    merged = merge_blocks(ctx, model1=checkpoint.model, model2=other.model, input=0.2, middle=0.5, out=0.9)
    shares = {"input_blocks": 0.2, "middle_block": 0.5, "output_blocks": 0.9, "out": 0.9, "time_embed": 0.2}
    for name, tensor in weights(merged).items():
        share = shares[name.partition(".")[0]]
        torch.testing.assert_close(tensor, share * one[name] + (1 - share) * two[name])


@pytest.mark.parametrize("merge", [merge_sd1, merge_sdxl])
def test_blocks_have_their_own_shares(
    ctx: Recorded, checkpoint: Checkpoint, other: Checkpoint, merge: Any
) -> None:
    names = [entry.name for entry in node_of(merge).spec.inputs[2:]]
    ratios = dict(zip(names, torch.linspace(0, 1, len(names)).tolist(), strict=True))
    one, two = weights(checkpoint.model), weights(other.model)
    merged = merge(ctx, checkpoint.model, other.model, **ratios)
    for name, tensor in weights(merged).items():
        share = ratios[max((prefix for prefix in names if name.startswith(prefix)), key=len)]
        torch.testing.assert_close(tensor, share * one[name] + (1 - share) * two[name])


def test_what_both_have_is_shown(ctx: Recorded, checkpoint: Checkpoint, other: Checkpoint) -> None:
    merge_models(ctx, checkpoint.model, other.model, 0.5)
    count = len(list(checkpoint.model.base.network.parameters()))
    assert ctx.shown["text"] == [f"{count} weights in common."]


def test_a_model_and_a_text_encoder_are_not_mixed(ctx: Recorded, checkpoint: Checkpoint) -> None:
    with pytest.raises(NodeError, match="nothing in common"):
        merge_models(ctx, checkpoint.model, checkpoint.clip, 0.5)


def test_a_mixture_by_blocks_runs_as_a_workflow(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("two", 9)):
        tiny_checkpoint(tmp_path / f"models/checkpoints/{name}.safetensors", seed=seed)
    graph: dict[str, Any] = {
        name: {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": f"{name}.safetensors"}}
        for name in ("one", "two")
    }
    ratios = dict.fromkeys(SD1_BLOCKS, 0.5)
    graph["merge"] = {
        "class_type": "ModelMergeSD1",
        "inputs": {"model1": ["one", 0], "model2": ["two", 0], **ratios},
    }
    graph["save"] = {"class_type": "ModelSave", "inputs": {"model": ["merge", 0], "filename_prefix": "mixed"}}
    with Session(tmp_path) as session:
        session.run(graph)
    assert (tmp_path / "output/mixed_00001_.safetensors").stat().st_size > 0
