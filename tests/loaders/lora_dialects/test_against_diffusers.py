"""Do names mean the weights that they mean in diffusers? Its own networks are changed weight by weight."""

import json
from collections.abc import Callable
from pathlib import Path

import diffusers
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders.checkpoint import open_diffusion
from loaders.lora import open_lora
from loaders.lora_alphas import METADATA
from models.adapters.patch import Patched, applied
from models.diffusion import DiffusionModel
from tests.oracle.diffusers_names import redraw, unet_state

SMALL = {"block_out_channels": (32, 32), "layers_per_block": 1, "sample_size": 8}
FIRST = {
    **SMALL,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "cross_attention_dim": 24,
    "attention_head_dim": 8,
}
XL = {
    **SMALL,
    "block_out_channels": (32, 64),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": 2,
    "cross_attention_dim": 24,
    "attention_head_dim": (1, 1),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
PAIRS = {"kohya": ("lora_up.weight", "lora_down.weight"), "peft": ("lora_B.weight", "lora_A.weight")}


def original(name: str, names: list[str]) -> str:
    """A module's name in the original layout."""
    state = {f"{other}.weight": torch.tensor(float(index)) for index, other in enumerate(names)}
    found = {float(value): key for key, value in unet_state(state, 1).items()}
    return found[float(names.index(name))].removesuffix(".weight")


def processor(name: str) -> str:
    return name.replace(".to_", ".processor.to_").removesuffix(".0") if ".to_" in name else name


Naming = Callable[[str, list[str]], str]
NAMINGS: dict[str, tuple[Naming, tuple[str, str]]] = {
    "kohya, diffusers' names": (lambda n, _: f"lora_unet_{n.replace('.', '_')}.", PAIRS["kohya"]),
    "kohya, original names": (lambda n, a: f"lora_unet_{original(n, a).replace('.', '_')}.", PAIRS["kohya"]),
    "lycoris": (lambda n, _: f"lycoris_{n.replace('.', '_')}.", PAIRS["kohya"]),
    "diffusers": (lambda n, _: f"unet.{n}.", PAIRS["peft"]),
    "diffusers of old": (lambda n, _: f"unet.{n}.", ("lora.up.weight", "lora.down.weight")),
    "processors": (lambda n, _: f"unet.{processor(n)}_", ("lora.up.weight", "lora.down.weight")),
    "peft": (lambda n, _: f"base_model.model.{n}.", PAIRS["peft"]),
    "original": (lambda n, a: f"diffusion_model.{original(n, a)}.", PAIRS["peft"]),
}


class Given(nn.Module):
    """Gives what it was made with."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, ignored: Tensor) -> Tensor:
        return self.value


class Bench:
    """A network of diffusers, the same as we open it, and a change for each of its matrices."""

    def __init__(self, folder: Path, options: dict[str, object]) -> None:
        self.theirs = redraw(diffusers.UNet2DConditionModel(**options))
        save_file(self.theirs.state_dict(), folder / "unet.safetensors")
        self.model: Patched[DiffusionModel] = open_diffusion(folder / "unet.safetensors")
        self.layers = {n: m for n, m in self.theirs.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
        self.names = [n for n, m in self.theirs.named_modules() if getattr(m, "weight", None) is not None]
        generator = torch.Generator().manual_seed(3)
        self.factors: dict[str, tuple[Tensor, Tensor]] = {}
        for name, layer in self.layers.items():
            shape = layer.weight.shape
            up = torch.randn(shape[0], 2, *[1] * (len(shape) - 2), generator=generator)
            down = torch.randn(2, *shape[1:], generator=generator)
            self.factors[name] = 0.1 * up, 0.1 * down
        x, context = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 5, 24, generator=generator)
        self.inputs = x, torch.tensor([30.0, 700.0]), context
        self.vector = torch.randn(2, 2816, generator=generator) if options is XL else None

    def expected(self, strengths: dict[str, float]) -> Tensor:
        """What diffusers' network gives with every matrix changed by hand."""
        before = {name: tensor.clone() for name, tensor in self.theirs.state_dict().items()}
        with torch.no_grad():
            for name, strength in strengths.items():
                up, down = self.factors[name]
                weight = self.layers[name].weight
                weight += strength * (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
            result = self.run_theirs()
        self.theirs.load_state_dict(before)
        return result

    def run_theirs(self) -> Tensor:
        more = {}
        if self.vector is not None:
            # Their network makes the vector of a text part and six numbers; ours is handed the whole.
            self.theirs.add_time_proj = Given(self.vector[:, 1280:].reshape(12, 256))
            more = {
                "added_cond_kwargs": {"text_embeds": self.vector[:, :1280], "time_ids": torch.zeros(2, 6)}
            }
        x, t, context = self.inputs
        with torch.no_grad():
            return self.theirs(x, t, context, **more).sample

    def ours(self, patched: Patched[DiffusionModel]) -> Tensor:
        more = {} if self.vector is None else {"vector": self.vector}
        with applied(patched) as base, torch.no_grad():
            return base.network(*self.inputs, **more)


@pytest.fixture(scope="module", params=[FIRST, XL], ids=["first", "XL"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("models"), request.param)


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_matrix_of_a_network_is_meant_by_its_name(bench: Bench, tmp_path: Path, naming: str) -> None:
    name_of, endings = NAMINGS[naming]
    names = [name for name in bench.layers if naming != "processors" or ".to_" in name]
    tensors = {
        name_of(name, bench.names) + ending: factor
        for name in names
        for ending, factor in zip(endings, bench.factors[name], strict=True)
    }
    save_file(tensors, tmp_path / "lora.safetensors")
    load = open_lora(tmp_path / "lora.safetensors", bench.model, None)
    assert load.report.unmatched == {"model": (), "clip": ()}
    assert load.report.changed["model"] == len(names)
    expected = bench.expected(dict.fromkeys(names, -0.6))
    got = bench.ours(load.patch_model(bench.model, -0.6))
    assert (got - expected).abs().max() <= 5e-5 * expected.abs().max()
    assert (bench.run_theirs() - expected).abs().max() > 0.01 * expected.abs().max()


@pytest.mark.parametrize("fused", ["to_qkv", "to_kv"])
def test_attention_in_one_is_shared_among_its_projections(bench: Bench, tmp_path: Path, fused: str) -> None:
    kind, parts = ("attn1", ("q", "k", "v")) if fused == "to_qkv" else ("attn2", ("k", "v"))
    attention = next(name for name in bench.layers if name.endswith(f"{kind}.to_k")).removesuffix(".to_k")
    places = [f"{attention}.to_{letter}" for letter in parts]
    # One product for all: their own factors side by side, each with the others' rows empty.
    up = torch.block_diag(*(bench.factors[place][0] for place in places))
    down = torch.cat([bench.factors[place][1] for place in places])
    stem = f"unet.{attention}.{fused}"
    save_file(
        {f"{stem}.lora_B.weight": up, f"{stem}.lora_A.weight": down, f"{stem}.alpha": torch.tensor(1.0)},
        tmp_path / "x.safetensors",
    )
    load = open_lora(tmp_path / "x.safetensors", bench.model, None)
    assert load.report.changed["model"] == len(places)
    expected = bench.expected(dict.fromkeys(places, 1 / down.shape[0]))
    got = bench.ours(load.patch_model(bench.model, 1.0))
    assert (got - expected).abs().max() <= 5e-5 * expected.abs().max()


STATED = {
    "alpha": ({"r": 2, "lora_alpha": 6}, 3.0),
    "pattern": ({"r": 2, "lora_alpha": 6, "alpha_pattern": {"attn1.to_q": 1}}, 0.5),
    "stabilised": ({"r": 2, "lora_alpha": 6, "use_rslora": True}, 6 / 2**0.5),
}


@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize("place", ["header", "header of a network", "file"])
def test_the_alpha_that_a_file_states_beside_its_tensors_counts(
    bench: Bench, tmp_path: Path, stated: str, place: str
) -> None:

    config, scale = STATED[stated]
    name = next(name for name in bench.layers if name.endswith("attn1.to_q"))
    stem = {"header": f"unet.{name}", "file": f"base_model.model.{name}"}.get(place, name)
    tensors = dict(zip((f"{stem}.lora_B.weight", f"{stem}.lora_A.weight"), bench.factors[name], strict=True))
    path = tmp_path / "adapter_model.safetensors"
    named = {f"unet.{key}": value for key, value in config.items()} if place == "header" else config
    save_file(tensors, path, metadata=None if place == "file" else {METADATA: json.dumps(named)})
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    patched = open_lora(path, bench.model, None).patch_model(bench.model, 1.0)
    expected = bench.expected({name: scale})
    assert (bench.ours(patched) - expected).abs().max() <= 5e-5 * expected.abs().max()
