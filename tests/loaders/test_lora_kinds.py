"""Does every kind of weight adapter, read from a file, do what its definition says?

The other implementation is in float64 and written from the definitions: tests/oracle/weight_adapters.py.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.checkpoint import Checkpoint, open_checkpoint
from loaders.lora import open_lora
from loaders.lora_dialects.layout import Target
from loaders.lora_formats import Stem, read_deltas
from models.adapters.deltas import fits
from models.adapters.patch import applied
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.oracle.weight_adapters import adapted

LINEAR = "input_blocks.1.1.transformer_blocks.0.attn1.to_q"
WIDE = "input_blocks.1.1.transformer_blocks.0.ff.net.0.proj"
POINT = "input_blocks.1.1.proj_in"
CONVOLUTION = "input_blocks.1.0.in_layers.2"
R = 4


def random(*shape: int) -> Tensor:
    seed = sum((index + 1) * size for index, size in enumerate(shape))
    return 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def lora(shape: tuple[int, ...], *, alpha: float | None = 2.0) -> dict[str, Tensor]:
    ones = [1] * (len(shape) - 2)
    tensors = {"lora_up.weight": random(shape[0], R, *ones), "lora_down.weight": random(R, *shape[1:])}
    return tensors if alpha is None else {**tensors, "alpha": torch.tensor(alpha)}


def tucker_lora(shape: tuple[int, ...]) -> dict[str, Tensor]:
    return {
        "lora_up.weight": random(shape[0], R, 1, 1),
        "lora_mid.weight": random(R, R, *shape[2:]),
        "lora_down.weight": random(R, shape[1], 1, 1),
        "alpha": torch.tensor(2.0),
    }


def loha(shape: tuple[int, ...]) -> dict[str, Tensor]:
    columns = random(*shape).flatten(1).shape[1]
    pairs = {f"hada_w{n}_a": random(shape[0], R) + n for n in (1, 2)}
    return {**pairs, **{f"hada_w{n}_b": random(R, columns) * n for n in (1, 2)}, "alpha": torch.tensor(2.0)}


def tucker_loha(shape: tuple[int, ...]) -> dict[str, Tensor]:
    tensors = {f"hada_t{n}": random(R, R, *shape[2:]) * n for n in (1, 2)}
    tensors |= {f"hada_w{n}_a": random(R, shape[0]) - n for n in (1, 2)}
    return {
        **tensors,
        **{f"hada_w{n}_b": random(R, shape[1]) * n for n in (1, 2)},
        "alpha": torch.tensor(3.0),
    }


def lokr(shape: tuple[int, ...], factored: str = "") -> dict[str, Tensor]:
    rows, columns = shape[0] // 4, shape[1] // 4
    tensors = {"alpha": torch.tensor(3.0)}
    if "1" in factored:
        tensors |= {"lokr_w1_a": random(4, 2), "lokr_w1_b": random(2, 4)}
    else:
        tensors["lokr_w1"] = random(4, 4)
    if "t" in factored:
        tensors |= {"lokr_t2": random(R, R, *shape[2:])}
        tensors |= {"lokr_w2_a": random(R, rows), "lokr_w2_b": random(R, columns)}
    elif "2" in factored:
        flat = random(columns, *shape[2:]).numel()
        tensors |= {"lokr_w2_a": random(rows, R), "lokr_w2_b": random(R, flat)}
    else:
        tensors["lokr_w2"] = random(rows, columns, *shape[2:])
    return tensors


def dora(shape: tuple[int, ...], *, rows: bool) -> dict[str, Tensor]:
    ones = [1] * (len(shape) - 2)
    norms = random(shape[0], 1, *ones) if rows else random(1, shape[1], *ones)
    return {**lora(shape), "dora_scale": 1 + norms}


def peft_dora(shape: tuple[int, ...]) -> dict[str, Tensor]:
    ones = [1] * (len(shape) - 2)
    factors = {"lora_B.weight": random(shape[0], R, *ones), "lora_A.weight": random(R, *shape[1:])}
    return {**factors, "lora_magnitude_vector.weight": 1 + random(shape[0])}


def glora(shape: tuple[int, ...]) -> dict[str, Tensor]:
    ones = [1] * (len(shape) - 2)
    return {
        "a1.weight": random(shape[1], R, *ones),
        "a2.weight": random(R, shape[1], *ones),
        "b1.weight": random(shape[0], R, *ones),
        "b2.weight": random(R, *shape[1:]),
        "alpha": torch.tensor(2.0),
    }


def old_glora(shape: tuple[int, ...]) -> dict[str, Tensor]:
    return {
        "a1.weight": random(R, *shape[1:]),
        "a2.weight": random(random(*shape[1:]).numel(), R),
        "b1.weight": random(R, *shape[1:]),
        "b2.weight": random(shape[0], R),
        "alpha": torch.tensor(2.0),
    }


def oft(shape: tuple[int, ...], alpha: float) -> dict[str, Tensor]:
    return {"oft_blocks": random(shape[0] // 8, 8, 8), "alpha": torch.tensor(alpha)}


def boft(shape: tuple[int, ...], alpha: float, *, scaled: bool) -> dict[str, Tensor]:
    tensors = {"oft_blocks": random(3, shape[0] // 4, 4, 4), "alpha": torch.tensor(alpha)}
    scale = {"rescale": 1 + random(shape[0], *[1] * (len(shape) - 1))}
    return {**tensors, **scale} if scaled else tensors


def ia3(shape: tuple[int, ...], *, on_input: bool) -> dict[str, Tensor]:
    size = shape[int(on_input)]
    numbers = random(size) if len(shape) == 2 else random(1, size, *[1] * (len(shape) - 2))
    return {"weight": numbers, "on_input": torch.tensor(int(on_input))}


KINDS = {
    "LoRA": lora,
    "LoRA without alpha": lambda shape: lora(shape, alpha=None),
    "LoRA through a core": tucker_lora,
    "LoHa": loha,
    "LoHa through cores": tucker_loha,
    "LoKr of whole matrices": lokr,
    "LoKr, first factored": lambda shape: lokr(shape, "1"),
    "LoKr, second factored": lambda shape: lokr(shape, "2"),
    "LoKr, both factored": lambda shape: lokr(shape, "12"),
    "LoKr through a core": lambda shape: lokr(shape, "t"),
    "DoRA by rows": lambda shape: dora(shape, rows=True),
    "DoRA by columns": lambda shape: dora(shape, rows=False),
    "DoRA of PEFT": peft_dora,
    "LoHa with norms": lambda shape: {**loha(shape), "dora_scale": dora(shape, rows=True)["dora_scale"]},
    "LoKr with norms": lambda shape: {**lokr(shape), "dora_scale": dora(shape, rows=False)["dora_scale"]},
    "GLoRA": glora,
    "GLoRA of old": old_glora,
    "OFT": lambda shape: oft(shape, 0.0),
    "OFT within a limit": lambda shape: oft(shape, 1.5),
    "BOFT": lambda shape: boft(shape, 0.0, scaled=False),
    "BOFT within a limit": lambda shape: boft(shape, 1.5, scaled=True),
    "IA3": lambda shape: ia3(shape, on_input=False),
    "IA3 on the input": lambda shape: ia3(shape, on_input=True),
    "difference": lambda shape: {"diff": random(*shape)},
    "whole weight": lambda shape: {"set_weight": random(*shape)},
}
SHAPES = ((32, 32), (32, 32, 3, 3))
ONLY_KERNELS = ("LoRA through a core", "LoHa through cores", "LoKr through a core")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny.safetensors"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_does_what_its_definition_says(checkpoint: Checkpoint, tmp_path: Path, kind: str) -> None:
    network = checkpoint.model.base.network
    modules = [CONVOLUTION] if kind in ONLY_KERNELS else [LINEAR, WIDE, POINT, CONVOLUTION]
    before = {module: network.get_parameter(f"{module}.weight").clone() for module in modules}
    tensors = {module: KINDS[kind](tuple(weight.shape)) for module, weight in before.items()}
    path = tmp_path / "lora.safetensors"
    save_file(
        {f"diffusion_model.{m}.{end}": t for m, found in tensors.items() for end, t in found.items()}, path
    )
    load = open_lora(path, checkpoint.model, None)
    assert load.report.unmatched == {"model": (), "clip": ()}
    assert load.report.changed["model"] == len(modules)
    for strength in (1.0, 0.6, -0.5):
        with applied(load.patch_model(checkpoint.model, strength)) as base:
            for module, weight in before.items():
                expected = adapted(weight, tensors[module], strength)
                got = base.network.get_parameter(f"{module}.weight").double()
                error = (got - expected).abs().max() / expected.abs().max()
                assert error < 1e-5, f"{module} at {strength}"
                assert strength < 0 or not torch.allclose(got, weight.double(), atol=1e-3)


def test_norms_and_biases_get_their_differences(checkpoint: Checkpoint, tmp_path: Path) -> None:
    network = checkpoint.model.base.network
    norm = "input_blocks.1.1.transformer_blocks.0.norm1"
    sizes = network.get_parameter(f"{norm}.weight").shape
    tensors = {
        f"lora_unet_{norm.replace('.', '_')}.w_norm": random(*sizes),
        f"lora_unet_{norm.replace('.', '_')}.b_norm": random(*sizes) + 1,
        "diffusion_model.out.2.bias.diff": random(4),
        "lora_unet_out_0.diff_b": random(32),
    }
    path = tmp_path / "norms.safetensors"
    save_file(tensors, path)
    load = open_lora(path, checkpoint.model, None)
    assert load.report.unmatched["model"] == ()
    names = [f"{norm}.weight", f"{norm}.bias", "out.2.bias", "out.0.bias"]
    before = [network.get_parameter(name).clone() for name in names]
    with applied(load.patch_model(checkpoint.model, -2.0)) as base:
        for name, present, difference in zip(names, before, tensors.values(), strict=True):
            torch.testing.assert_close(base.network.get_parameter(name), present - 2 * difference)


def test_a_grown_weight_takes_more_channels(checkpoint: Checkpoint, tmp_path: Path) -> None:
    network = checkpoint.model.base.network
    weight = network.get_parameter("input_blocks.0.0.weight").clone()
    grown = (weight.shape[0], 9, 3, 3)
    found = {**lora(grown), "reshape_weight": torch.tensor(grown)}
    path = tmp_path / "grown.safetensors"
    save_file({f"diffusion_model.input_blocks.0.0.{end}": tensor for end, tensor in found.items()}, path)
    load = open_lora(path, checkpoint.model, None)
    patched = load.patch_model(checkpoint.model, 0.7)
    x = torch.randn(1, 9, 8, 8)
    with applied(patched) as base, torch.no_grad():
        got = base.network.get_parameter("input_blocks.0.0.weight")
        torch.testing.assert_close(got.double(), adapted(weight, found, 0.7), rtol=1e-5, atol=1e-5)
        assert base.network(x, torch.tensor([3.0]), torch.zeros(1, 7, 64)).shape == (1, 4, 8, 8)
    assert network.get_parameter("input_blocks.0.0.weight").shape == weight.shape


def test_stacks_are_made_in_order(checkpoint: Checkpoint, tmp_path: Path) -> None:
    network = checkpoint.model.base.network
    weight = network.get_parameter(f"{LINEAR}.weight").clone()
    shape = tuple(weight.shape)
    files = [dora(shape, rows=True), glora(shape), {"set_weight": random(*shape)}]
    model, expected = checkpoint.model, weight.double()
    for number, (tensors, strength) in enumerate(zip(files, (0.8, -0.4, 1.0), strict=True)):
        path = tmp_path / f"{number}.safetensors"
        save_file({f"diffusion_model.{LINEAR}.{end}": tensor for end, tensor in tensors.items()}, path)
        model = open_lora(path, model, None).patch_model(model, strength)
        expected = adapted(expected, tensors, strength)
        with applied(model) as base:
            got = base.network.get_parameter(f"{LINEAR}.weight").double()
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def twisted(tensor: Tensor) -> Iterator[Tensor]:
    """A tensor as damaged files might have it."""
    yield torch.empty(0)
    yield torch.tensor(1.0)
    yield tensor.flatten()
    yield tensor[None].clone()
    if tensor.ndim > 0:
        yield tensor[:-1].clone()
    if tensor.ndim > 1:
        yield torch.cat([tensor, tensor], dim=1)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(kind, shape) for kind in KINDS for shape in SHAPES if len(shape) == 4 or kind not in ONLY_KERNELS],
)
def test_what_fits_can_be_applied_and_the_rest_is_known_before(kind: str, shape: tuple[int, ...]) -> None:
    right = {f"x.{ending}": tensor for ending, tensor in KINDS[kind](shape).items()}
    outcomes = set()
    for name in right:
        for tensor in twisted(right[name]):
            found = {**right, name: tensor}
            stem = Stem("x", found.keys(), found.__getitem__)
            for delta in read_deltas(stem, Target("model", "weight")).values():
                outcomes.add(fits(delta, torch.Size(shape)))
                if fits(delta, torch.Size(shape)):
                    assert delta.change(random(*shape), 0.5).shape == shape
    assert False in outcomes
