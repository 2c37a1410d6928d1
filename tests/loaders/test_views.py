"""Is Zero123 known by what stands beside its UNet, opened whole, and computed as diffusers computes it?"""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.anything import Change, open_anything
from loaders.checkpoint import open_checkpoint, open_diffusion
from loaders.errors import UnknownFormat
from loaders.identify.verdict import identify_path
from models.conditioner import Surroundings
from models.diffusion import DiffusionModel
from models.unet.viewing import ViewUNet
from schedulers.conditioning import Entry, Setting, Term, resolve
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.fixtures.views import views_checkpoint, views_state
from tests.oracle.diffusers_names import redraw, unet_state, worst_ratio

PROJECTION = ("cc_projection.weight", "cc_projection.bias")


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def term(model: DiffusionModel, entry: Entry, x: Tensor) -> Term:
    where = Surroundings(x, x, None, 0, x.device, network=model.network)
    resolved = resolve({"positive": (entry,)}, Setting(model.conditioner, where, lambda part: part))
    return resolved["positive"][0]


def test_it_is_known_by_the_projection_beside_its_unet(tmp_path: Path) -> None:
    verdict = identify_path(views_checkpoint(tmp_path / "x.safetensors"))
    assert [one.kind for one in verdict.findings] == ["zero123", "clip_vision", "kl"]
    assert "cc_projection.weight is there" in verdict.findings[0].evidence
    assert "input_blocks.0.0.weight has 8 on axis 1" in verdict.findings[0].evidence
    assert verdict.sockets == ("MODEL", "CLIP_VISION", "VAE")
    assert verdict.place is not None
    assert verdict.place.use.startswith("Image Only Checkpoint Loader")


def test_without_the_projection_it_is_another_family(tmp_path: Path) -> None:
    bare = {name: tensor for name, tensor in views_state().items() if name not in PROJECTION}
    save_file(bare, tmp_path / "x.safetensors")
    assert open_diffusion(tmp_path / "x.safetensors").base.family == "sd15_edit"


def test_all_parts_are_opened_as_one_file_or_by_whatever_opens_files(tmp_path: Path) -> None:
    path = views_checkpoint(tmp_path / "x.safetensors")
    opened = open_checkpoint(path, with_vision=True)
    assert (opened.report.family, opened.clip) == ("zero123", None)
    assert opened.report.unexpected == ("cond_stage_model.model.ln_final.weight",)
    assert opened.vision is not None
    assert opened.vision.base.network.config.projection == 48
    anything = open_anything(identify_path(path), Change())
    assert set(anything.values) == {"MODEL", "CLIP_VISION", "VAE"}
    assert isinstance(open_checkpoint(path).model.base.network, ViewUNet)
    assert open_checkpoint(path).report.unexpected == ("cond_stage_model.model.ln_final.weight",)


def test_the_network_with_picture_and_point_of_view_agrees_with_the_oracle(tmp_path: Path) -> None:
    diffusers = pytest.importorskip("diffusers")
    oracle = redraw(
        diffusers.UNet2DConditionModel(
            sample_size=8, in_channels=8, out_channels=4, block_out_channels=(32, 64), layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=48, attention_head_dim=8,
        )
    )  # fmt: skip
    projection = redraw(torch.nn.Linear(52, 48), 9)
    state = {f"model.diffusion_model.{n}": t for n, t in unet_state(oracle.state_dict(), blocks=1).items()}
    state |= {f"cc_projection.{name}": tensor for name, tensor in projection.state_dict().items()}
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "x.safetensors")
    model = open_diffusion(tmp_path / "x.safetensors").base
    x, picture, told = draw(2, 4, 8, 6, seed=1), draw(1, 4, 8, 6, seed=2), draw(2, 1, 52, seed=3)
    made = term(model, Entry(told, extra={"concat_latent_image": picture}), x)
    t = torch.tensor([981.0, 3.0])
    with torch.no_grad():
        got = model.network(torch.cat([x, made.inputs["concat"]], dim=1), t, made.embedding)
        beside = torch.cat([x, picture.expand(2, -1, -1, -1)], dim=1)
        expected = oracle(beside, t, encoder_hidden_states=projection(told)).sample
    assert worst_ratio(got, expected) <= 5e-5


def test_what_has_the_width_of_the_network_already_is_not_projected(tmp_path: Path) -> None:
    model = open_diffusion(views_checkpoint(tmp_path / "x.safetensors")).base
    x, nothing = draw(1, 4, 8, 8, seed=1), torch.zeros(1, 1, 48)
    assert torch.equal(term(model, Entry(nothing), x).embedding, nothing)
    assert torch.equal(term(model, Entry(nothing), x).inputs["concat"], torch.zeros_like(x))
    with pytest.raises(ValueError, match="52 wide, not 50"):
        term(model, Entry(torch.zeros(1, 1, 50)), x)


def test_a_video_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    state = views_state()
    state["model.diffusion_model.input_blocks.1.0.time_stack.in_layers.0.weight"] = torch.zeros(4)
    path = tiny_checkpoint(tmp_path / "svd.safetensors", state=state)
    with pytest.raises(UnknownFormat, match="Stable Video Diffusion"):
        open_checkpoint(path, with_vision=True)
