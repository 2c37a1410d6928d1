"""What a quantised file is told to be, from its header and a few bytes of markers."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from loaders.identify.contents import read_contents
from loaders.identify.verdict import identify_path
from loaders.opening import open_weights
from loaders.packing import FORMATS
from loaders.quantised.written import written
from models.packed.tensor import pack
from tests.fixtures.checkpoints import tiny_state

FILES = Path(__file__).parents[2] / "fixtures" / "quantised"
STATE = tiny_state()
QUERY = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
SAID = {
    "float8_e4m3fn": "1 as float8_e4m3fn",
    "int8": "1 as int8_tensorwise",
    "nvfp4": "1 as nvfp4",
    "mxfp8": "1 as mxfp8",
    "nf4": "1 as nf4 (bitsandbytes)",
}


@pytest.mark.parametrize("kind", SAID)
def test_a_checkpoint_is_known_by_shapes_that_it_has_unpacked(tmp_path: Path, kind: str) -> None:
    tensors = written(QUERY, pack(STATE[QUERY], FORMATS[kind]))
    assert tensors is not None
    path = tmp_path / "x.safetensors"
    save_file({name: t for name, t in STATE.items() if name != QUERY} | tensors, path)
    verdict = identify_path(path)
    assert verdict.contents is not None
    assert verdict.contents.remarks == (f"quantised weights: {SAID[kind]}",)
    assert verdict.contents.shapes[QUERY] == tuple(STATE[QUERY].shape)
    assert {"MODEL", "CLIP", "VAE"} <= set(verdict.sockets)


@pytest.mark.parametrize("file", ["comfy", "bitsandbytes", "quanto", "torchao"])
def test_headers_tell_the_shapes_that_opening_tells(file: str) -> None:
    path = FILES / f"{file}.safetensors"
    opened, told = open_weights(path), read_contents(path).shapes
    assert {name: tuple(opened[name]) for name in opened} == {name: told[name] for name in opened}
    assert set(told) == set(opened)


def test_plain_floats_of_eight_bits_are_told(tmp_path: Path) -> None:
    save_file({"a.weight": torch.zeros(2, 2).to(torch.float8_e5m2)}, tmp_path / "x.safetensors")
    assert read_contents(tmp_path / "x.safetensors").remarks == ("quantised weights: 1 as float8_e5m2",)
    layers = {"layers": {"a": {"format": "float8_e5m2"}}}
    scaled = {"a.weight": torch.zeros(2, 2).to(torch.float8_e5m2), "a.weight_scale": torch.ones(())}
    save_file(scaled, tmp_path / "y.safetensors", {"_quantization_metadata": json.dumps(layers)})
    assert any("as float8_e5m2" in text for text in read_contents(tmp_path / "y.safetensors").remarks)


def test_what_cannot_be_opened_is_told_by_name_and_gives_nothing(tmp_path: Path) -> None:
    save_file({"a.qweight": torch.zeros(2, 2), "a.wscales": torch.zeros(2)}, tmp_path / "x.safetensors")
    verdict = identify_path(tmp_path / "x.safetensors")
    assert "SVDQuant (Nunchaku), which cannot be opened (a.wscales)" in verdict.problem
    scale = QUERY.removesuffix("weight") + "weight_scale_inv"
    save_file(STATE | {scale: torch.ones(1, 1)}, tmp_path / "y.safetensors")
    verdict = identify_path(tmp_path / "y.safetensors")
    assert [one.kind for one in verdict.findings] == ["sd15", "clip", "kl"]
    assert "a scale for each square of 128" in verdict.problem
    assert verdict.sockets == ()
    assert verdict.place is None
    assert sum("square of 128" in line for line in verdict.lines()) == 1


@pytest.mark.parametrize(
    "marker", [b"{", b"[1]", b'{"format": 3}', b'{"format": "nvfp4"}', b'{"shape": "a"}', b"\xff\x00"]
)
def test_damaged_markers_leave_a_verdict(tmp_path: Path, marker: bytes) -> None:
    bytes_ = torch.tensor(list(marker), dtype=torch.uint8)
    tensors = {
        "a.weight": torch.zeros(2),
        "a.comfy_quant": bytes_,
        "b.weight.quant_state.bitsandbytes__nf4": bytes_.clone(),
    }
    save_file(tensors, tmp_path / "x.safetensors", {"tensor_names": marker.decode("latin-1")})
    assert identify_path(tmp_path / "x.safetensors").contents is not None
