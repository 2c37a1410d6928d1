"""Opens networks of every family under both sets of names and checks them against diffusers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.checkpoint import open_checkpoint
from tests.oracle.diffusers_names import redraw, unet_state, worst_ratio

diffusers = pytest.importorskip("diffusers")

OLD: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 48,
    "attention_head_dim": 8,
}
NEW = OLD | {
    "block_out_channels": (64, 128),
    "attention_head_dim": (1, 2),
    "use_linear_projection": True,
}


def xl(pooled: int, sizes: int) -> dict[str, Any]:
    return NEW | {
        "transformer_layers_per_block": (1, 2),
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": pooled + 256 * sizes,
    }


def unclip(width: int) -> dict[str, Any]:
    return NEW | {"class_embed_type": "projection", "projection_class_embeddings_input_dim": width}


UPSCALE = NEW | {
    "in_channels": 7,
    "attention_head_dim": 8,
    "num_class_embeds": 1000,
    "only_cross_attention": (True, True),
}
CASES = {
    "sd15": OLD,
    "sd15 guided": OLD | {"time_cond_proj_dim": 32},
    "sd15_inpaint": OLD | {"in_channels": 9},
    "sd15_edit": OLD | {"in_channels": 8},
    "sd2": NEW,
    "sd2_inpaint": NEW | {"in_channels": 9},
    "sd2_depth": NEW | {"in_channels": 5},
    "sd21_unclip_l": unclip(1536),
    "sd21_unclip_h": unclip(2048),
    "sd_x4": UPSCALE,
    "lotus": unclip(4),
    "sdxl": xl(1280, 6),
    "sdxl_refiner": xl(1280, 5),
    "sdxl_inpaint": xl(1280, 6) | {"in_channels": 9},
    "sdxl_edit": xl(1280, 6) | {"in_channels": 8},
}
# The sizes of a distilled network: the way up as in its relatives, no transformers in the middle.
SMALL = xl(1280, 6) | {
    "mid_block_type": "UNetMidBlock2D",
    "transformer_layers_per_block": (1, 3),
    "reverse_transformer_layers_per_block": ((2, 1), 1),
}


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def conditions(options: dict[str, Any], name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What diffusers and what we take beside latent, time and text."""
    if name == "sd_x4":
        levels = torch.tensor([20, 300])
        return {"class_labels": levels}, {"vector": levels}
    if "class_embed_type" in options:
        vector = draw(2, options["projection_class_embeddings_input_dim"], seed=5)
        return {"class_labels": vector}, {"vector": vector}
    if "time_cond_proj_dim" in options:
        from models.embed import guidance_embedding

        ours = guidance_embedding(8.3, 32).expand(2, -1)
        pipeline = diffusers.LatentConsistencyModelPipeline
        theirs = pipeline.get_guidance_scale_embedding(None, torch.tensor([7.3, 7.3]), 32)
        return {"timestep_cond": theirs}, {"guidance": ours}
    if "addition_embed_type" not in options:
        return {}, {}
    vector = draw(2, options["projection_class_embeddings_input_dim"], seed=5)
    pooled = vector[:, :1280]
    ids = torch.tensor([[512.0, 640, 0, 8, 512, 6][: (vector.shape[1] - 1280) // 256]] * 2)
    from models.embed import timestep_embedding

    ours = torch.cat([pooled, timestep_embedding(ids.flatten(), 256).reshape(2, -1)], dim=1)
    return {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": ids}}, {"vector": ours}


def worst(oracle: Any, file: Path, options: dict[str, Any], name: str) -> tuple[str, float]:
    model = open_checkpoint(file).model.base
    x = draw(2, options["in_channels"], 8, 6, seed=7)
    context = draw(2, 7, 48, seed=8)
    t = torch.tensor([981.0, 3.0])
    theirs, ours = conditions(options, name)
    with torch.no_grad():
        expected = oracle(x, t, encoder_hidden_states=context, **theirs).sample
        return model.family, worst_ratio(model.network(x, t, context, **ours), expected)


@pytest.mark.parametrize("name", [*CASES, "sdxl small"])
def test_a_network_of_a_family_agrees_with_the_oracle_under_both_sets_of_names(
    tmp_path: Path, name: str
) -> None:
    options = CASES.get(name, SMALL)
    oracle = redraw(diffusers.UNet2DConditionModel(**options))
    state = {key: tensor.contiguous() for key, tensor in oracle.state_dict().items()}
    save_file(state, tmp_path / "diffusers.safetensors")
    original = unet_state(state, blocks=1)
    save_file(original, tmp_path / "bare.safetensors")
    whole = {f"model.diffusion_model.{key}": tensor for key, tensor in original.items()}
    save_file(whole, tmp_path / "whole.safetensors")
    for file in ("diffusers", "bare", "whole"):
        family, ratio = worst(oracle, tmp_path / f"{file}.safetensors", options, name)
        assert family == name.split()[0]
        assert ratio <= 5e-5, file
