"""Does a folder as diffusers writes it open like the checkpoint it stands for?"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from loaders.checkpoint import open_checkpoint, open_vae
from loaders.errors import BrokenFile
from loaders.opening import open_weights
from nodes.api.errors import NodeError

UNET: dict[str, Any] = {
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
SD1 = {**UNET, "cross_attention_dim": 64, "attention_head_dim": 8}
SDXL = {
    **UNET,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 128,
    "attention_head_dim": (1, 1),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
    "transformer_layers_per_block": 1,
}


def text_config(layers: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=1,
        projection_dim=64,
    )


def pipeline(
    folder: Path, unet: dict[str, Any], *, second: bool = False, prediction: str = "epsilon"
) -> None:
    torch.manual_seed(1)
    index = {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "scheduler": ["diffusers", "DDIMScheduler"],
    }
    UNet2DConditionModel(**unet).save_pretrained(folder / "unet")
    AutoencoderKL(
        block_out_channels=(32, 64),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
    ).save_pretrained(folder / "vae", variant="fp16")
    CLIPTextModel(text_config(2)).save_pretrained(folder / "text_encoder")
    if second:
        index["text_encoder_2"] = ["transformers", "CLIPTextModelWithProjection"]
        CLIPTextModelWithProjection(text_config(2)).save_pretrained(folder / "text_encoder_2")
    (folder / "scheduler").mkdir()
    scheduler = {
        "_class_name": "DDIMScheduler",
        "prediction_type": prediction,
        "rescale_betas_zero_snr": True,
    }
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    (folder / "model_index.json").write_text(json.dumps(index))


@torch.no_grad()
def test_a_pipeline_opens_with_all_its_parts(tmp_path: Path) -> None:
    pipeline(tmp_path, SD1, prediction="v_prediction")
    checkpoint = open_checkpoint(tmp_path)
    model = checkpoint.model.base
    assert (model.family, model.prediction, model.name) == ("sd15", "v", tmp_path.name)
    assert checkpoint.clip is not None
    assert checkpoint.vae is not None
    x, t, context = torch.randn(2, 4, 8, 8), torch.tensor([3.0, 500.0]), torch.randn(2, 5, 64)
    oracle = UNet2DConditionModel.from_pretrained(tmp_path / "unet")
    expected = oracle(x, t, context).sample
    torch.testing.assert_close(
        model.network(x, t, context), expected, rtol=0, atol=5e-5 * float(expected.abs().max())
    )


def test_two_text_encoders_make_it_the_larger_family(tmp_path: Path) -> None:
    pipeline(tmp_path, SDXL, second=True)
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.model.base.family == "sdxl"
    assert checkpoint.clip is not None
    assert list(checkpoint.clip.base.network) == ["clip_l", "clip_g"]


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_one_component_opens_alone(tmp_path: Path, part: str) -> None:
    pipeline(tmp_path, SD1)
    if part == "vae":
        assert open_vae(tmp_path / "vae").base.network is not None
    else:
        assert open_checkpoint(tmp_path / "unet").clip is None


@torch.no_grad()
def test_shards_are_one_network(tmp_path: Path) -> None:
    torch.manual_seed(1)
    whole = UNet2DConditionModel(**SD1)
    whole.save_pretrained(tmp_path / "sharded", max_shard_size="1MB")
    whole.save_pretrained(tmp_path / "whole")
    index = tmp_path / "sharded" / "diffusion_pytorch_model.safetensors.index.json"
    assert len(set(json.loads(index.read_text())["weight_map"].values())) > 1
    x, t, context = torch.randn(1, 4, 8, 8), torch.tensor([3.0]), torch.randn(1, 5, 64)
    results = [
        open_checkpoint(path).model.base.network(x, t, context)
        for path in (index, tmp_path / "sharded", tmp_path / "whole")
    ]
    assert torch.equal(results[0], results[2])
    assert torch.equal(results[1], results[2])


def test_one_shard_alone_is_refused_with_what_to_open(tmp_path: Path) -> None:
    UNet2DConditionModel(**SD1).save_pretrained(tmp_path, max_shard_size="1MB")
    shards = sorted(tmp_path.glob("*-of-*.safetensors"))
    assert len(shards) > 1
    for shard in shards:
        with pytest.raises(NodeError, match="one of several files: open the index"):
            open_checkpoint(shard)


def test_the_only_weights_of_a_folder_may_have_any_name(tmp_path: Path) -> None:
    UNet2DConditionModel(**SD1).save_pretrained(tmp_path)
    made = tmp_path / "diffusion_pytorch_model.safetensors"
    made.rename(tmp_path / "mine.safetensors")
    assert open_checkpoint(tmp_path).model.base.family == "sd15"
    (tmp_path / "other.ckpt").write_bytes(b"")
    with pytest.raises(BrokenFile, match=r"2 files of weights, name one: mine\.safetensors, other\.ckpt"):
        open_checkpoint(tmp_path)


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match=r"model_index\.json"):
        open_weights(tmp_path)
    pipeline(tmp_path, SD1)
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(BrokenFile, match="unet cannot be read: it has no weights"):
        open_weights(tmp_path)


def test_an_index_that_promises_more_than_its_shards_hold_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "one.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "one.safetensors"}}))
    with pytest.raises(BrokenFile, match="1 tensors are in no shard: b"):
        open_weights(index)
    index.write_text(json.dumps({"weight_map": {"a": "../one.safetensors"}}))
    with pytest.raises(BrokenFile, match=r"\.\./one"):
        open_weights(index)
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors"}}))
    assert torch.equal(open_weights(index).read("a"), load_file(tmp_path / "one.safetensors")["a"])
