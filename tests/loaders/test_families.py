"""Every family's files are claimed by that family alone, and say what sampling must know."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.assemble import build_empty
from loaders.checkpoint import open_checkpoint
from loaders.families.ldm_unet import diffusers_prefixes, levels_of, translate, unet_config
from loaders.registry import FAMILIES
from models.conditioners.joined import JoinedConditioner
from models.conditioners.pictures import EditConditioner
from models.diffusion import DiffusionModel
from models.noise import ContinuousLog, NoiseTable
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from models.unet.viewing import ViewUNet
from tests.fixtures.checkpoints import redrawn

OLD = UNetConfig(
    channels=32,
    multipliers=(1, 2),
    input_depths=((0,), (1,)),
    output_depths=((0, 0), (1, 1)),
    context_width=48,
)
NEW = replace(OLD, heads=None, head_width=64, linear_projections=True)
XL = replace(NEW, vector_width=2816)
CONFIGS = {
    "sd15": OLD,
    "sd15_inpaint": replace(OLD, in_channels=9),
    "sd15_edit": replace(OLD, in_channels=8),
    "zero123": replace(OLD, in_channels=8),
    "sd2": NEW,
    "sd2_inpaint": replace(NEW, in_channels=9),
    "sd2_depth": replace(NEW, in_channels=5),
    "sd21_unclip_l": replace(NEW, vector_width=1536),
    "sd21_unclip_h": replace(NEW, vector_width=2048),
    "sd_x4": replace(NEW, in_channels=7, classes=1000, heads=8, cross_only=(False, True)),
    "lotus": replace(NEW, vector_width=4),
    "sdxl": XL,
    "sdxl_refiner": replace(NEW, vector_width=2560),
    "sdxl_inpaint": replace(XL, in_channels=9),
    "sdxl_edit": replace(XL, in_channels=8),
}


def shapes_of(config: UNetConfig, kind: type[UNet] = UNet) -> dict[str, tuple[int, ...]]:
    network = build_empty(lambda: kind(config))
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def opened(path: Path, config: UNetConfig, extra: dict[str, Tensor] | None = None) -> DiffusionModel:
    tensors = {f"model.diffusion_model.{n}": t for n, t in redrawn(UNet(config), 3).state_dict().items()}
    save_file(tensors | (extra or {}), path / "x.safetensors")
    return open_checkpoint(path / "x.safetensors").model.base


def test_there_is_a_file_for_each_family() -> None:
    assert set(CONFIGS) == {family.id for family in FAMILIES}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_family_alone_claims_its_files(name: str) -> None:
    shapes = shapes_of(CONFIGS[name], ViewUNet if name == "zero123" else UNet)
    assert unet_config(shapes) == CONFIGS[name]
    assert [family.id for family in FAMILIES if not family.failures(shapes, shapes)] == [name]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_familys_names_in_the_other_layout_are_one_to_one(name: str) -> None:
    names = list(shapes_of(CONFIGS[name]))
    prefixes = diffusers_prefixes(levels_of(CONFIGS[name]))
    there = [translate(name, prefixes) for name in names]
    assert None not in there
    assert len(set(there)) == len(names)


SIZES = {
    "SDXL": ((1, 2, 4), ((0, 0), (2, 2), (10, 10)), ((0,) * 3, (2,) * 3, (10,) * 3), 10),
    "SSD-1B": ((1, 2, 4), ((0, 0), (2, 2), (4, 4)), ((0,) * 3, (2, 1, 1), (4, 4, 10)), 0),
    "Vega": ((1, 2, 4), ((0, 0), (1, 1), (2, 2)), ((0,) * 3, (1,) * 3, (2,) * 3), 0),
    "KOALA-700M": ((1, 2, 4), ((0,), (2,), (5,)), ((0,) * 2, (2,) * 2, (5,) * 2), None),
    "KOALA-1B": ((1, 2, 4), ((0,), (2,), (6,)), ((0,) * 2, (2,) * 2, (6,) * 2), 6),
}


@pytest.mark.parametrize("name", SIZES)
def test_distilled_xl_networks_of_every_size_are_xl_networks(name: str) -> None:
    multipliers, down, up, middle = SIZES[name]
    config = UNetConfig(
        multipliers=multipliers,
        input_depths=down,
        output_depths=up,
        middle_depth=middle,
        context_width=2048,
        heads=None,
        linear_projections=True,
        vector_width=2816,
    )
    shapes = shapes_of(config)
    assert unet_config(shapes) == config
    assert [family.id for family in FAMILIES if not family.failures(shapes, shapes)] == ["sdxl"]


@pytest.mark.parametrize(("spread", "expected"), [(0.05, "eps"), (0.2, "v")])
def test_what_a_768_network_predicts_is_guessed_from_the_spread_of_a_bias(
    tmp_path: Path, spread: float, expected: str
) -> None:
    # The bias that gives it away is in the twelfth block of the way up.
    config = replace(NEW, input_depths=((0,) * 5, (1,) * 5), output_depths=((1,) * 6, (1,) * 6))
    name = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
    bias = torch.randn(32, generator=torch.Generator().manual_seed(0)) * spread
    assert opened(tmp_path, config, {name: bias}).prediction == expected


@pytest.mark.parametrize(
    ("keys", "prediction", "noise", "sigma_data"),
    [
        ({}, "eps", NoiseTable(), 1.0),
        ({"v_pred": 0.0}, "v", NoiseTable(), 1.0),
        ({"v_pred": 0.0, "ztsnr": 0.0}, "v", NoiseTable(zero_terminal_snr=True), 1.0),
        ({"edm_vpred.sigma_max": 80.0}, "v", ContinuousLog(0.002, 80.0), 1.0),
        ({"edm_vpred.sigma_max": 80.0, "edm_vpred.sigma_min": 0.5}, "v", ContinuousLog(0.5, 80.0), 1.0),
        ({"edm_mean": 0.0, "edm_std": 0.0}, "edm", ContinuousLog(0.002, 80.0), 0.5),
    ],
)
def test_keys_without_weights_say_how_an_xl_network_was_trained(
    tmp_path: Path, keys: dict[str, float], prediction: str, noise: object, sigma_data: float
) -> None:
    model = opened(tmp_path, XL, {name: torch.tensor(value) for name, value in keys.items()})
    assert (model.prediction, model.noise, model.sigma_data) == (prediction, noise, sigma_data)


def test_playground_latents_are_standardised_by_channel_and_come_back(tmp_path: Path) -> None:
    marks = {"edm_mean": torch.zeros(4), "edm_std": torch.ones(4)}
    latent = opened(tmp_path, XL, marks).latent
    ours = torch.tensor([-1.6574, 1.886, -1.383, 2.5155]).view(1, 4, 1, 1).expand(2, 4, 3, 3)
    assert torch.equal(latent.to_network(ours), torch.zeros(2, 4, 3, 3))
    drawn = torch.randn(2, 4, 3, 3)
    assert torch.allclose(latent.to_vae(latent.to_network(drawn)), drawn, atol=1e-5)
    one = latent.to_network(ours + torch.tensor([8.4927, 0, 0, 0]).view(1, 4, 1, 1))
    assert torch.allclose(one[:, 0], torch.full((2, 3, 3), 0.5))


def test_an_xl_editor_of_continuous_levels_sees_a_scaled_picture(tmp_path: Path) -> None:
    model = opened(tmp_path, CONFIGS["sdxl_edit"], {"edm_vpred.sigma_max": torch.tensor(80.0)})
    assert isinstance(model.conditioner, JoinedConditioner)
    assert EditConditioner(0.13025) in model.conditioner.parts
