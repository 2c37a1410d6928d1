"""Do rows of LoRAs do what one loader behind another does?"""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from loaders.checkpoint import Checkpoint
from models.adapters.patch import Patched, applied
from nodes.api.errors import NodeError
from nodes.loading.lora import load_lora, load_lora_for_model
from nodes.loading.lora_rows import LoraRow, load_loras_for_model, load_loras_for_text_encoder
from tests.nodes.conftest import Recorded

IN = "input_blocks.1.1.transformer_blocks.0.attn1.to_q"
TEXT = "text_model.encoder.layers.0.self_attn.v_proj"
SIZES = {f"lora_unet_{IN.replace('.', '_')}": 32, f"lora_te_{TEXT.replace('.', '_')}": 64}


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    """Two LoRAs, each for the model and the text encoder."""
    (tmp_path / "models/loras").mkdir(parents=True, exist_ok=True)
    found = []
    for seed in (1, 2):
        generator = torch.Generator().manual_seed(seed)
        tensors = {}
        for stem, size in SIZES.items():
            tensors[f"{stem}.lora_up.weight"] = torch.randn(size, 2, generator=generator)
            tensors[f"{stem}.lora_down.weight"] = torch.randn(2, size, generator=generator)
        found.append(f"{seed}.safetensors")
        save_file(tensors, tmp_path / "models/loras" / found[-1])
    return found


def weight(patched: Patched, name: str) -> torch.Tensor:
    with applied(patched) as base:
        return base.network.get_parameter(f"{name}.weight").detach().clone()


def test_rows_are_applied_one_after_another(ctx: Recorded, checkpoint: Checkpoint, names: list[str]) -> None:
    rows = [LoraRow(names[0], 0.5), LoraRow(names[1], -1.0)]
    stacked = load_loras_for_model(ctx, model=checkpoint.model, loras=rows)
    assert [line for line in ctx.shown["text"] if "(kohya)" in line] == [f"{name} (kohya)" for name in names]
    expected = checkpoint.model
    for row in rows:
        expected = load_lora_for_model(
            ctx, model=expected, lora_name=row.lora_name, strength_model=row.strength
        )
    assert stacked.stack == expected.stack
    assert torch.equal(weight(stacked, IN), weight(expected, IN))
    assert not torch.equal(weight(stacked, IN), weight(checkpoint.model, IN))


def test_the_text_encoder_has_rows_of_its_own(
    ctx: Recorded, checkpoint: Checkpoint, names: list[str]
) -> None:
    stacked = load_loras_for_text_encoder(ctx, clip=checkpoint.clip, loras=[LoraRow(names[1], 2.0)])
    options = {"lora_name": names[1], "strength_model": 0.0, "strength_clip": 2.0}
    _, expected = load_lora(ctx, model=checkpoint.model, clip=checkpoint.clip, **options)
    assert torch.equal(weight(stacked, f"clip_l.{TEXT}"), weight(expected, f"clip_l.{TEXT}"))


def test_rows_that_are_off_are_not_even_opened(ctx: Recorded, checkpoint: Checkpoint) -> None:
    rows = [LoraRow("nowhere", 1.0, enabled=False), LoraRow("nowhere", 0.0)]
    assert load_loras_for_model(ctx, model=checkpoint.model, loras=rows) is checkpoint.model
    assert load_loras_for_text_encoder(ctx, clip=checkpoint.clip, loras=rows) is checkpoint.clip
    with pytest.raises(NodeError, match="loras has no file 'nowhere'"):
        load_loras_for_model(ctx, model=checkpoint.model, loras=[LoraRow("nowhere")])
