"""Are IP-Adapters known by what is in a file, and do they say what diffusers' do, number by number?"""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders.errors import BrokenFile, UnknownFormat
from loaders.ip_adapter import open_ip_adapter
from models.adapters.image_prompt import ImagePromptConfig, ImagePromptNetwork
from models.adapters.ip_adapter import IpAdapter
from models.adapters.patch import Patched, applied
from models.call import Call, calling
from models.diffusion import DiffusionModel
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from models.vision.clip import VisionOutput
from tests.oracle.diffusers_names import redraw, unet_state, worst_ratio

diffusers = pytest.importorskip("diffusers")
WIDTHS = (64, 64, 64, 64, 64, 64)
KINDS = {
    "base": ImagePromptConfig("base", 48, 32, 4, WIDTHS),
    "full": ImagePromptConfig("full", 40, 32, 0, WIDTHS),
    "plus": ImagePromptConfig("plus", 40, 32, 5, WIDTHS, inner_width=128, layers=4),
}
UNET = UNetConfig(
    channels=32,
    multipliers=(1, 2),
    input_depths=((0, 0), (1, 1)),
    output_depths=((0, 0, 0), (1, 1, 1)),
    context_width=32,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def adapter_state(kind: str, seed: int = 1) -> dict[str, Tensor]:
    network = redraw(ImagePromptNetwork(KINDS[kind]), seed)
    return {name: tensor.contiguous() for name, tensor in network.state_dict().items()}


def seen(rows: int, seed: int = 4) -> VisionOutput:
    return VisionOutput(drawn(rows, 6, 40), drawn(rows, 48, seed=seed), drawn(rows, 6, 40, seed=seed + 1))


@pytest.fixture(scope="module")
def unets() -> tuple[Any, UNet]:
    oracle = redraw(
        diffusers.UNet2DConditionModel(
            in_channels=4,
            out_channels=4,
            block_out_channels=(32, 64),
            layers_per_block=2,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=8,
        )
    )
    ours = UNet(UNET).eval()
    ours.load_state_dict(unet_state(oracle.state_dict(), blocks=2))
    return oracle, ours


@torch.no_grad()
@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_unet_under_an_ip_adapter_agrees_with_the_oracle(
    unets: tuple[Any, UNet], kind: str, suffix: str, tmp_path: Path
) -> None:
    oracle, ours = unets
    state, path = adapter_state(kind), tmp_path / f"adapter.{suffix}"
    tables = {
        table: {n.removeprefix(f"{table}."): t for n, t in state.items() if n.startswith(f"{table}.")}
        for table in ("image_proj", "ip_adapter")
    }
    if suffix == "bin":
        torch.save(tables, path)
    else:
        save_file(state, path)
    plain = oracle.attn_processors
    oracle._load_ip_adapter_weights([tables])
    for processor in oracle.attn_processors.values():
        if hasattr(processor, "scale"):
            processor.scale = [0.7]
    x, t, context = drawn(2, 4, 8, 6, seed=2), torch.tensor([981.0, 3.0]), drawn(2, 7, 32, seed=3)
    network = open_ip_adapter(path).base.network
    pictures, nothing = seen(1), seen(1, seed=8)
    looked = torch.cat([network.seen(nothing), network.seen(pictures)])
    added = {"image_embeds": [looked[:, None]]}
    expected = oracle(x, t, encoder_hidden_states=context, added_cond_kwargs=added).sample
    oracle.encoder_hid_proj, oracle.config.encoder_hid_dim_type = None, None
    oracle.set_attn_processor(plain)
    positive, negative = (network.prompt(network(network.seen(one))) for one in (pictures, nothing))
    model = Patched(DiffusionModel(ours, "sd15")).with_patch(IpAdapter(positive, negative, 0.7))
    with applied(model), calling(Call(1.0, ("negative", "positive"), 1, 8, 6)):
        got = ours(x, t, context)
    assert worst_ratio(got, expected) <= 5e-5
    assert worst_ratio(ours(x, t, context), expected) > 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_come_from_shapes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    save_file(adapter_state(kind), path)
    assert open_ip_adapter(path).base.network.sizes == KINDS[kind]


def test_other_files_and_torn_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    save_file({"image_proj.norm.weight": torch.zeros(1)}, path)
    with pytest.raises(UnknownFormat, match="plus"):
        open_ip_adapter(path)
    state = adapter_state("base")
    del state["ip_adapter.5.to_k_ip.weight"]
    save_file(state, path)
    with pytest.raises(BrokenFile, match="missing"):
        open_ip_adapter(path)


def test_a_picture_seen_by_another_tower_is_refused() -> None:
    with pytest.raises(ValueError, match="gives 48 numbers, but this one gives 64"):
        ImagePromptNetwork(KINDS["base"]).seen(VisionOutput(drawn(1, 6, 40), drawn(1, 64), drawn(1, 6, 40)))


def test_an_adapter_for_another_network_is_refused(unets: tuple[Any, UNet]) -> None:
    network: nn.Module = unets[1]
    short = ImagePromptNetwork(ImagePromptConfig("base", 48, 32, 4, WIDTHS[:4])).eval()
    narrow = ImagePromptNetwork(ImagePromptConfig("base", 48, 32, 4, (32, *WIDTHS[1:]))).eval()
    for adapter, message in ((short, "4 attentions to prompts, but this one has 6"), (narrow, "64 wide")):
        prompt = adapter.prompt(torch.zeros(1, 4, 32))
        patched = Patched(DiffusionModel(network, "sd15")).with_patch(IpAdapter(prompt, prompt, 1.0))
        with pytest.raises(ValueError, match=message), applied(patched):
            pass
