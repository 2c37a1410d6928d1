"""Files as other programs quantise them open to the numbers that those programs unpack them to."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from loaders.errors import BrokenFile
from loaders.headers_alone import headers_alone
from loaders.identify.verdict import identify_path
from loaders.opening import open_weights
from loaders.quantised.entry import swizzled, unswizzled
from models.packed.tensor import Packed, stored, stored_bytes

FILES = Path(__file__).parents[2] / "fixtures" / "quantised"
EXPECTED = "expected."
# What each package made, and how many bytes a number may take.
LAYERS = {
    "comfy": {
        "float8_e4m3fn": 1.01,
        "float8_e5m2": 1.01,
        "int8": 1.01,
        "int8_convrot": 1.01,
        "convrot_w4a4": 0.51,
        "w4a8": 0.6,
        "mxfp8": 1.65,
        "nvfp4": 0.68,
    },
    "bitsandbytes": {"nf4": 0.61, "fp4": 0.61, "nf4_double": 1.2, "fp4_double": 1.2, "int8": 1.05},
    "quanto": {"qint8": 1.02, "qfloat8_e4m3fn": 1.02, "qint4": 0.57, "qint2": 0.32},
    "torchao": {"float8": 1.07, "int8": 1.07, "int4": 0.76, "mxfp8": 1.04, "nvfp4": 0.57},
}
CASES = [(file, layer) for file, layers in LAYERS.items() for layer in layers]


@pytest.mark.parametrize(("file", "layer"), CASES)
def test_numbers_are_those_of_the_package_that_packed_them(file: str, layer: str) -> None:
    weights = open_weights(FILES / f"{file}.safetensors")
    expected = weights.read(f"{EXPECTED}{layer}")
    packed = weights.read(f"{layer}.weight")
    assert isinstance(packed, Packed)
    made = packed.unpacked(torch.float32) if packed.shape == expected.shape else None
    if made is None:  # filled up with zeros, as whoever has the layer knows
        made = packed.reshaped(expected.shape).unpacked(torch.float32)
    # torchao unpacks whole numbers in their scale's 16 bits.
    allowed = 0.01 if (file, layer) == ("torchao", "int4") else 2e-6
    assert (made - expected).abs().max() <= allowed * expected.abs().max()
    assert stored_bytes(packed) <= LAYERS[file][layer] * expected.numel()


@pytest.mark.parametrize("file", LAYERS)
def test_a_file_shows_weights_and_hides_what_they_are_stored_in(file: str) -> None:
    weights = open_weights(FILES / f"{file}.safetensors")
    shown = {name for name in weights if not name.startswith(EXPECTED)}
    layers = {f"{layer}.weight" for layer in LAYERS[file]}
    assert layers <= shown
    assert not {name for name in shown - layers if not name.endswith(".bias")}
    assert len(weights) == len(list(weights))
    assert set(dict(weights.read_many(layers))) == layers <= weights.taken


def test_scales_without_a_marker_are_read_by_the_type_of_the_weight(tmp_path: Path) -> None:
    dense = torch.randn(6, 8)
    rows = dense.abs().amax(dim=1) / 127
    save_file(
        {
            "scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn),
            "a.weight": (dense / 0.5).to(torch.float8_e5m2),
            "a.scale_weight": torch.tensor([0.5]),
            "a.scale_input": torch.tensor(1.0),
            "b.weight": (dense / rows[:, None]).round().to(torch.int8),
            "b.weight_scale": rows,
            "c.weight": dense.to(torch.float8_e4m3fn),
            "c.weight_scale": torch.arange(1.0, 7.0)[:, None],
            "d.weight": dense,
            "d.weight_scale": torch.tensor(1.0),
            "norm.weight": dense[0].to(torch.float8_e4m3fn),
            "norm.weight_scale": torch.tensor(3.0),
        },
        tmp_path / "x.safetensors",
    )
    weights = open_weights(tmp_path / "x.safetensors")
    assert sorted(weights) == ["a.weight", "b.weight", "c.weight", "d.weight", "norm.weight"]
    read = dict(weights.read_many(list(weights)))
    assert isinstance(read["a.weight"], Packed)
    assert (read["a.weight"].float() - dense).abs().max() < 0.13 * dense.abs().max()
    assert (read["b.weight"].float() - dense).abs().max() <= rows.max() / 2
    by_row = dense.to(torch.float8_e4m3fn).float() * torch.arange(1.0, 7.0)[:, None]
    assert torch.equal(read["c.weight"].float() + 0, by_row)
    assert torch.equal(read["d.weight"], dense)
    assert torch.equal(read["norm.weight"].float() + 0, dense[0].to(torch.float8_e4m3fn).float() * 3.0)


def test_layers_may_be_marked_in_the_header_and_in_older_containers(tmp_path: Path) -> None:
    comfy = load_file(FILES / "comfy.safetensors")
    tensors = {
        "model.diffusion_model.one.weight": comfy["float8_e4m3fn.weight"].view(torch.uint8),
        "model.diffusion_model.one.weight_scale": comfy["float8_e4m3fn.weight_scale"],
        "model.diffusion_model.one.bias": torch.ones(3),
    }
    layers = {"one": {"format": "float8_e4m3fn"}, "elsewhere": {"format": "nvfp4"}}
    save_file(tensors, tmp_path / "x.safetensors", {"_quantization_metadata": json.dumps({"layers": layers})})
    packed = open_weights(tmp_path / "x.safetensors").read("model.diffusion_model.one.weight")
    assert torch.equal(packed.float() + 0, comfy["expected.float8_e4m3fn"])


REFUSED = {
    "SVDQuant": {"a.qweight": torch.zeros(2, 2), "a.wscales": torch.zeros(2)},
    "GPTQ or AWQ": {"a.qweight": torch.zeros(2, 2), "a.qzeros": torch.zeros(2)},
    "HQQ": {"a.W_q": torch.zeros(2, 2)},
    "square of 128": {"a.weight": torch.zeros(2, 2), "a.weight_scale_inv": torch.ones(1, 1)},
    "only NVFP4 that is marked": {
        "a.weight": torch.zeros(2, 2),
        "a.weight_scale": torch.ones(2, 1),
        "a.weight_scale_2": torch.ones(1),
    },
    "quantised as 'int3'": {"a.comfy_quant": torch.tensor(list(b'{"format": "int3"}'), dtype=torch.uint8)},
    "a.weight is missing": {"a.comfy_quant": torch.tensor(list(b'{"format": "mxfp8"}'), dtype=torch.uint8)},
    "not valid JSON": {"a.comfy_quant": torch.tensor(list(b"{format"), dtype=torch.uint8)},
    "does not say its shape": {
        "a.weight._data._data": torch.zeros(2, 128, dtype=torch.uint8),
        "a.weight._scale": torch.ones(4, 1),
        "a.weight._shift": torch.ones(4, 1),
    },
    "absmax is missing": {
        "a.weight": torch.zeros(8, 1, dtype=torch.uint8),
        "a.weight.quant_state.bitsandbytes__nf4": torch.tensor(
            list(b'{"quant_type": "nf4", "shape": [4, 4], "blocksize": 64}'), dtype=torch.uint8
        ),
    },
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_opened_is_refused_by_name(tmp_path: Path, reason: str) -> None:
    save_file(REFUSED[reason], tmp_path / "x.safetensors")
    with pytest.raises(BrokenFile, match=reason):
        open_weights(tmp_path / "x.safetensors")


def test_a_kind_of_torchao_that_is_not_known_is_refused(tmp_path: Path) -> None:
    about = {"tensor_names": '["a.weight"]', "a.weight": '{"_type": "Int4TilePackedTo4dTensor", "_data": {}}'}
    save_file({"a._weight_qdata": torch.zeros(2)}, tmp_path / "x.safetensors", about)
    with pytest.raises(BrokenFile, match=r"Int4TilePackedTo4dTensor; what can be opened is Float8Tensor"):
        open_weights(tmp_path / "x.safetensors")


def test_parts_that_do_not_go_together_are_named(tmp_path: Path) -> None:
    save_file(
        {"a.weight": torch.zeros(4, 8, dtype=torch.int8), "a.weight_scale": torch.ones(3)},
        tmp_path / "x.safetensors",
    )
    with pytest.raises(
        BrokenFile, match=r"a\.weight cannot be put together: 3 scales are neither one nor one for"
    ):
        open_weights(tmp_path / "x.safetensors").read("a.weight")


def test_the_order_of_tensor_cores_is_undone_by_the_way_there() -> None:
    scale = torch.arange(200 * 7).view(200, 7)
    assert swizzled(scale).shape == (256, 8)
    assert torch.equal(unswizzled(swizzled(scale), 200, 7), scale)
    with pytest.raises(ValueError, match="are not those of 200 rows"):
        unswizzled(torch.zeros(12), 200, 7)


@pytest.mark.parametrize("file", LAYERS)
def test_headers_alone_tell_what_weights_will_take(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = open_weights(FILES / f"{file}.safetensors")
    layers = [f"{layer}.weight" for layer in LAYERS[file]]
    read = {name: (tensor.shape, stored_bytes(tensor)) for name, tensor in weights.read_many(layers)}
    monkeypatch.setattr("loaders.headers_alone.SMALL_BYTES", 48)
    with headers_alone():
        planned = dict(open_weights(FILES / f"{file}.safetensors").read_many(layers))
    assert {name: (tensor.shape, stored_bytes(tensor)) for name, tensor in planned.items()} == read
    assert all(any(part.is_meta for part in stored(tensor)) for tensor in planned.values())


def marker(**table: object) -> torch.Tensor:
    return torch.tensor(list(json.dumps(table).encode()), dtype=torch.uint8)


EIGHT, FOUR = torch.zeros(4, 8, dtype=torch.int8), torch.zeros(8, 1, dtype=torch.uint8)
BITS = {"quant_type": "nf4", "shape": [4, 4], "blocksize": 64}
SIZES = {"a.weight": FOUR, "a.weight.absmax": torch.ones(1), "a.weight.quant_map": torch.zeros(16)}
STATE = "a.weight.quant_state.bitsandbytes__nf4"
ABOUT = {"tensor_names": '["a.weight"]'}
NVFP4 = '{"_type": "NVFP4Tensor", "_data": {}, "_tensor_data_names": ["qdata", "scale"]}'
INT8 = '{"_type": "Int8Tensor", "_data": 3, "_tensor_data_names": ["qdata", "scale"]}'
INTX = '{"_type": "IntxUnpackedToInt8Tensor", "_data": {}, "_tensor_data_names": ["qdata", "scale"]}'
HOSTILE: dict[str, tuple[dict[str, torch.Tensor], dict[str, str]]] = {
    "quanto, scales": ({"a.weight._data": EIGHT, "a.weight._scale": torch.ones(3)}, {}),
    "quanto, axes": (
        {
            "a.weight._data._data": torch.zeros(8, dtype=torch.uint8),
            "a.weight._scale": torch.ones(()),
            "a.weight._shift": torch.ones(4, 1),
            "a.bias": torch.ones(()),
        },
        {},
    ),
    "bitsandbytes, block 0": (SIZES | {STATE: marker(**{**BITS, "blocksize": 0})}, {}),
    "bitsandbytes, sizes": (SIZES | {STATE: marker(**{**BITS, "shape": ["x", None]})}, {}),
    "bitsandbytes, nested": (SIZES | {STATE: marker(**BITS, nested_offset=1, nested_blocksize=None)}, {}),
    "torchao, axes": (
        {"a._weight_qdata": torch.zeros(4, dtype=torch.uint8), "a._weight_scale": torch.ones(4)},
        ABOUT | {"a.weight": NVFP4},
    ),
    "torchao, data": (
        {"a._weight_qdata": EIGHT, "a._weight_scale": torch.ones(3)},
        ABOUT | {"a.weight": INT8},
    ),
    "torchao, scale": ({"a._weight_qdata": EIGHT}, ABOUT | {"a.weight": INT8}),
    "torchao, type": (
        {"a._weight_qdata": EIGHT, "a._weight_scale": torch.ones(4)},
        ABOUT | {"a.weight": INTX},
    ),
    "marked, axes": (
        {
            "a.comfy_quant": marker(format="nvfp4"),
            "a.weight": FOUR[0],
            "a.weight_scale": FOUR,
            "a.weight_scale_2": FOUR,
        },
        {},
    ),
    "marked, list": ({"a.weight": EIGHT}, {"_quantization_metadata": '{"layers": [1]}'}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    tensors, about = HOSTILE[case]
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, tmp_path / "x.safetensors", about)
    with pytest.raises(BrokenFile):
        open_weights(tmp_path / "x.safetensors").read("a.weight")
    assert identify_path(tmp_path / "x.safetensors").contents is not None
