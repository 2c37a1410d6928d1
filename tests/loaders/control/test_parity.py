"""Do control networks say what diffusers' do, number by number, from files in either layout?"""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.control.open import open_control
from models.control.controlnet import ControlNet
from models.control.t2i_adapter import T2IAdapter
from models.control.union import UnionControlNet
from tests.oracle.control_names import controlnet_state, full_adapter_state, light_adapter_state
from tests.oracle.diffusers_names import redraw, worst_ratio

diffusers = pytest.importorskip("diffusers")
CLOSE = 5e-5
LEVELS = {
    "block_out_channels": (64, 128),
    "layers_per_block": 2,
    "in_channels": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "conditioning_embedding_out_channels": (16, 32, 96, 256),
}
XL = {
    "attention_head_dim": (1, 2),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "transformer_layers_per_block": (1, 2),
    "projection_class_embeddings_input_dim": 80,
    "cross_attention_dim": 64,
}
SD1 = {"cross_attention_dim": 32, "attention_head_dim": 8}
SD2 = {"cross_attention_dim": 32, "attention_head_dim": (1, 2), "use_linear_projection": True}
TYPES = 8


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def inputs(width: int, size: tuple[int, int] = (6, 5)) -> dict[str, Any]:
    """What ControlNets are called with; the oracle makes the vector of its six sizes itself."""
    sizes = torch.tensor([[64.0, 48, 0, 8, 64, 48]]).repeat(2, 1)
    return {
        "x": drawn(2, 4, *size, seed=1),
        "t": torch.tensor([981.0, 3.0]),
        "context": drawn(2, 7, width, seed=2),
        "hint": torch.rand(2, 3, 8 * size[0], 8 * size[1], generator=torch.Generator().manual_seed(3)),
        "text": drawn(2, 32, seed=4),
        "sizes": sizes,
    }


def expected(oracle: Any, given: dict[str, Any], xl: bool, **more: Any) -> list[Tensor]:
    added = {"text_embeds": given["text"], "time_ids": given["sizes"]} if xl else None
    with torch.no_grad():
        down, middle = oracle(
            given["x"],
            given["t"],
            encoder_hidden_states=given["context"],
            added_cond_kwargs=added,
            return_dict=False,
            **more,
        )
    return [*down, middle]


def vector(oracle: Any, given: dict[str, Any], xl: bool) -> Tensor | None:
    if not xl:
        return None
    sizes = oracle.add_time_proj(given["sizes"].flatten()).reshape(2, -1)
    return torch.cat([given["text"], sizes], dim=-1)


def saved(state: dict[str, Tensor], path: Path) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


def agree(got: list[Tensor | None], wanted: list[Tensor]) -> None:
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours is not None
        assert worst_ratio(ours, theirs) <= CLOSE


@pytest.mark.parametrize("layout", ["original", "prefixed", "diffusers"])
@pytest.mark.parametrize(("kind", "width"), [(SD1, 32), (SD2, 32), (XL, 64)], ids=["sd1", "sd2", "sdxl"])
def test_a_controlnet_agrees_with_the_oracle(kind: dict, width: int, layout: str, tmp_path: Path) -> None:
    oracle = redraw(diffusers.ControlNetModel(**LEVELS, **kind))
    state = oracle.state_dict() if layout == "diffusers" else controlnet_state(oracle.state_dict(), 2)
    if layout == "prefixed":
        state = {f"control_model.{name}": tensor for name, tensor in state.items()}
    given = inputs(width)
    network = open_control(saved(state, tmp_path / "net.safetensors")).base.network
    assert isinstance(network, ControlNet)
    with torch.no_grad():
        hint = network.encode_hint(given["hint"])
        ours = network(given["x"], given["t"], given["context"], vector(oracle, given, kind is XL), hint)
    theirs = expected(oracle, given, kind is XL, controlnet_cond=given["hint"])
    agree([*reversed(ours.output), ours.middle], theirs)


@pytest.mark.parametrize("layout", ["original", "diffusers"])
def test_a_union_of_controlnets_agrees_with_the_oracle_one_picture_at_a_time(
    layout: str, tmp_path: Path
) -> None:
    sizes = {"num_trans_channel": 64, "num_proj_channel": 64, "num_trans_head": 8, "num_control_type": TYPES}
    oracle = redraw(diffusers.ControlNetUnionModel(**LEVELS, **XL, **sizes, num_trans_layer=1))
    state = oracle.state_dict() if layout == "diffusers" else controlnet_state(oracle.state_dict(), 2)
    network = open_control(saved(state, tmp_path / "net.safetensors")).base.network
    assert isinstance(network, UnionControlNet)
    whole = inputs(64)
    extra = vector(oracle, whole, True)
    with torch.no_grad():
        hint = network.encode_hint(whole["hint"], (3,))
        ours = network(whole["x"], whole["t"], whole["context"], extra, hint, (3,))
    flags = torch.zeros(1, TYPES)
    flags[:, 3] = 1
    told = {"control_type": flags, "control_type_idx": [3], "conditioning_scale": 1.0}
    for row in range(2):
        one = {name: value[row : row + 1] for name, value in whole.items()}
        theirs = expected(oracle, one, True, controlnet_cond=[one["hint"]], **told)
        got = [
            None if part is None else part[row : row + 1] for part in [*reversed(ours.output), ours.middle]
        ]
        agree(got, theirs)


# Sizes whose levels are even but for the last: odd ones are shrunk as in the ecosystem, which is another way.
@pytest.mark.parametrize("layout", ["original", "diffusers"])
@pytest.mark.parametrize("size", [(128, 128), (128, 64)])
@pytest.mark.parametrize("kind", ["full_adapter", "full_adapter_xl", "light_adapter"])
def test_an_adapter_agrees_with_the_oracle(
    kind: str, size: tuple[int, int], layout: str, tmp_path: Path
) -> None:
    channels = [32, 64, 128] if kind != "full_adapter_xl" else [32, 64, 64]
    factor = 16 if kind == "full_adapter_xl" else 8
    oracle = redraw(
        diffusers.T2IAdapter(
            in_channels=3, channels=channels, num_res_blocks=2, downscale_factor=factor, adapter_type=kind
        )
    )
    state = dict(oracle.state_dict())
    if layout == "original":
        state = light_adapter_state(state) if kind == "light_adapter" else full_adapter_state(state, 2)
    network = open_control(saved(state, tmp_path / "adapter.safetensors")).base.network
    assert isinstance(network, T2IAdapter)
    hint = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        agree(list(network.features(hint)), list(oracle(hint)))
