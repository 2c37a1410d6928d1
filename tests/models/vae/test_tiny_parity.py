"""Checks the tiny autoencoder number by number against diffusers, from each kind of file."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.assemble import Storage
from loaders.checkpoint import open_vae
from loaders.families.latents import SDXL
from loaders.families.tiny_vae import read_tiny_halves
from tests.oracle.diffusers_names import redraw, worst_ratio

diffusers = pytest.importorskip("diffusers")


def original(state: dict[str, Tensor], half: str) -> dict[str, Tensor]:
    """A half under the names of its own file: the decoder begins with a layer that has no weights."""
    first = 1 if half == "decoder" else 0
    renamed = {}
    for name, tensor in state.items():
        start, _, number, *rest = name.split(".")
        if start == half:
            renamed[".".join([str(int(number) + first), *rest])] = tensor
    return renamed


@pytest.fixture(scope="module")
def oracle() -> torch.nn.Module:
    return redraw(diffusers.AutoencoderTiny())


def files(folder: Path, oracle: torch.nn.Module) -> Path:
    state = {name: tensor.contiguous() for name, tensor in oracle.state_dict().items()}
    save_file(state, folder / "diffusers.safetensors")
    halves = {half: original(state, half) for half in ("encoder", "decoder")}
    for half, tensors in halves.items():
        save_file(tensors, folder / f"{half}.safetensors")
    joined = {f"taesd_{half}.{name}": t for half, tensors in halves.items() for name, t in tensors.items()}
    save_file(joined, folder / "joined.safetensors")
    scaling = {"vae_scale": torch.tensor(0.5), "vae_shift": torch.tensor(0.25)}
    save_file(joined | scaling, folder / "scaled.safetensors")
    return folder


@pytest.mark.parametrize("layout", ["diffusers", "joined", "scaled", "halves"])
def test_a_tiny_autoencoder_agrees_with_the_oracle(
    tmp_path: Path, oracle: torch.nn.Module, layout: str
) -> None:
    folder = files(tmp_path, oracle)
    if layout == "halves":
        halves = folder / "encoder.safetensors", folder / "decoder.safetensors"
        vae = read_tiny_halves(*halves, Storage(), SDXL)
    else:
        vae = open_vae(folder / f"{layout}.safetensors").base
    scale, shift = {"scaled": (0.5, 0.25), "halves": (0.13025, 0.0)}.get(layout, (1.0, 0.0))
    pixels = torch.rand(2, 16, 24, 3, generator=torch.Generator().manual_seed(3))
    latent = torch.randn(2, 4, 2, 3, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        encoded = oracle.encode(pixels.movedim(-1, 1) * 2 - 1).latents
        assert worst_ratio(vae.network.encode(pixels).mode(), encoded / scale + shift) <= 5e-5
        decoded = oracle.decode((latent - shift) * scale).sample
        assert worst_ratio(vae.network.decode_raw(latent), decoded) <= 5e-5


def test_a_tiny_autoencoder_has_nothing_to_draw(tmp_path: Path, oracle: torch.nn.Module) -> None:
    vae = open_vae(files(tmp_path, oracle) / "joined.safetensors").base
    with torch.no_grad():
        encoded = vae.network.encode(torch.rand(1, 8, 8, 3))
    assert torch.equal(encoded.sample(), encoded.mode())
