"""GGUF files are opened packed, and such as lie about themselves are refused at once."""

import contextlib
import struct
from pathlib import Path

import gguf
import numpy
import pytest
import torch

from loaders.errors import BrokenFile
from loaders.files import DTYPES
from loaders.identify.gguf_header import OPENED, TYPES, WRITTEN, read_gguf
from loaders.identify.verdict import identify_path
from loaders.opening import open_weights
from loaders.room import asking, claimed
from models.packed.gguf import BLOCK_TYPES
from models.packed.mapped import is_mapped
from models.packed.tensor import Packed
from tests.fixtures.gguf_files import entry, field, header, text, write_gguf


def test_a_file_of_the_oracle_is_read_as_the_oracle_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    writer = gguf.GGUFWriter(path, "sd1")
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc"] * 500)
    drawn = numpy.random.default_rng(3).standard_normal((4, 6, 256), dtype=numpy.float32)
    kinds = ("F32", "F16", "BF16", "Q4_0", "Q8_0")
    for kind in kinds:
        data = gguf.quants.quantize(drawn, gguf.GGMLQuantizationType[kind])
        writer.add_tensor(f"{kind}.weight", data, raw_dtype=gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    weights = open_weights(path)
    assert weights.metadata["general.architecture"] == "sd1"
    assert dict(weights) == {f"{kind}.weight": (4, 6, 256) for kind in kinds}
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for name, tensor in weights.read_many(weights):
        wanted = gguf.quants.dequantize(theirs[name].data.copy(), theirs[name].tensor_type)
        assert isinstance(tensor, Packed) == (name[0] == "Q")
        assert torch.equal(tensor.to(torch.float64), torch.from_numpy(wanted).double().view(4, 6, 256))
    assert weights.taken == set(weights)


def test_the_types_are_those_of_the_oracle_and_of_the_formats() -> None:
    sizes = {kind.name: (kind.numbers, kind.size_bytes) for kind in TYPES.values()}
    theirs = {kind.name: size for kind, size in gguf.GGML_QUANT_SIZES.items() if kind in TYPES}
    # gguf-py has 40 bytes for Q8_1 and 292 for Q8_K, as ggml does; neither is ever stored in files.
    assert sizes == theirs
    assert {
        name: (block.numbers, block.size_bytes) for name, block in BLOCK_TYPES.items()
    }.items() <= sizes.items()
    assert set(BLOCK_TYPES) | (set(DTYPES) & set(sizes)) == OPENED
    assert set(WRITTEN) == {name for name, block in BLOCK_TYPES.items() if block.pack is not None}


def test_shapes_of_before_rearranging_come_back(tmp_path: Path) -> None:
    tensors = {
        "a.weight": torch.randn(8, 32, 3, 3),
        "b.weight": torch.randn(4, 256),
        "b.bias": torch.randn(4),
    }
    path = write_gguf(tmp_path / "x.gguf", tensors, "Q6_K", rearranged=True)
    weights = open_weights(path)
    assert dict(weights) == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name, tensor in weights.read_many(weights):
        assert isinstance(tensor, Packed) == (name != "b.bias")
        assert (tensor.float() - tensors[name]).abs().max() < 0.2


def test_the_header_is_read_once_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tmp_path / "x.gguf", {"a.weight": torch.randn(4, 32)})
    first = read_gguf(path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", None)
        assert read_gguf(path) is first
    write_gguf(path, {"a.weight": torch.randn(4, 32), "b.weight": torch.randn(4, 32)})
    assert set(read_gguf(path).entries) == {"a.weight", "b.weight"}


def test_files_for_which_there_is_no_room_stay_where_they_are(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "x.gguf", {f"{i}.weight": torch.randn(64, 64) for i in range(4)})
    weights = open_weights(path)
    with asking(lambda what, most, sizes: False), claimed("a network", 1 << 20, lambda: (0, 0)):
        read = dict(weights.read_many(weights))
    assert all(is_mapped(tensor) for tensor in read.values())
    assert len({tensor.parts["blocks"].untyped_storage().data_ptr() for tensor in read.values()}) == 1
    assert not is_mapped(weights.read("0.weight"))


def crafted(entries: list[bytes], fields: list[bytes] | None = None, data: bytes = bytes(64)) -> bytes:
    return header(entries, fields or []) + data


def counts(tensors: int, fields: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, fields) + rest


ONE = entry("a", (16,), "F32", 0)
LIST = text("k") + struct.pack("<I", 9)
HOSTILE: dict[str, tuple[bytes, str]] = {
    "no more": (b"GGUF", "cut off inside its header"),
    "version": (counts(0, 0, version=1), "of version 1"),
    "byte order": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "in the other order"),
    "tensors": (counts(2**63, 0, bytes(999)), "claims 9223372036854775808 tensors"),
    "fields": (counts(0, 2**63, bytes(999)), "9223372036854775808 fields"),
    "cut off": (counts(1, 0, bytes(30)), "no valid shape|cut off"),
    "long text": (counts(0, 1, struct.pack("<Q", 2**63) + bytes(99)), "text of its header claims"),
    "text to the end": (counts(0, 1, struct.pack("<Q", 9999) + bytes(99)), "cut off inside its header"),
    "kind": (counts(0, 1, text("k") + struct.pack("<I", 13) + bytes(99)), "unknown kind 13"),
    "long list": (
        counts(0, 1, LIST + struct.pack("<IQ", 0, 2**63) + bytes(99)),
        "claims 9223372036854775808",
    ),
    "short list": (counts(0, 1, LIST + struct.pack("<IQ", 10, 99) + bytes(99)), "cut off inside its header"),
    "nested": (counts(0, 1, LIST + struct.pack("<IQ", 9, 1) + bytes(99)), "values of kind 9"),
    "nameless field": (crafted([ONE], [field("", 1)]), "without a name"),
    "field twice": (crafted([ONE], [field("k", 1), field("k", 2)]), "field 'k' twice"),
    "alignment 0": (crafted([ONE], [field("general.alignment", 0)]), "multiples of 0"),
    "alignment 3": (crafted([ONE], [field("general.alignment", 3)]), "multiples of 3"),
    "alignment huge": (crafted([ONE], [field("general.alignment", 2**30)]), "multiples of 1073741824"),
    "alignment text": (crafted([ONE], [field("general.alignment", "x")]), "multiples of 'x'"),
    "rank": (crafted([text("a") + struct.pack("<IQIQ", 2**32 - 1, 1, 0, 0)]), "4294967295 dimensions"),
    "size 0": (crafted([entry("a", (4, 0), "F32", 0)]), "no valid shape"),
    "wrapped": (crafted([entry("a", (2**32, 2**32), "F32", 0)]), "no valid shape"),
    "beyond": (crafted([entry("a", (99,), "F32", 0)]), "is cut off: 'a' ends at byte"),
    "offset": (crafted([entry("a", (16,), "F32", 2**63)]), "is cut off: 'a' ends at byte"),
    "between": (crafted([entry("a", (8,), "F32", 4)]), "no multiple of 32 bytes"),
    "shared": (crafted([ONE, entry("b", (8,), "F32", 32)]), "'b' overlaps another tensor"),
    "twice": (crafted([ONE, ONE]), "'a' occurs twice"),
    "rows": (crafted([entry("a", (4, 16), "Q4_0", 0)]), "rows of 16, no multiple of the 32 of Q4_0"),
    "other shape": (crafted([ONE], [field("comfy.gguf.orig_shape.a", [3, 5])]), "cannot have been of shape"),
    "bad shape": (crafted([ONE], [field("comfy.gguf.orig_shape.a", [-4, -4])]), "no valid shape"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_header_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    content, message = HOSTILE[case]
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(BrokenFile, match=message):
        open_weights(tmp_path / "x.gguf")
    assert identify_path(tmp_path / "x.gguf").contents is None


@pytest.mark.parametrize("size", [1, 9, 33, 130])
def test_a_file_that_ends_anywhere_is_refused(tmp_path: Path, size: int) -> None:
    whole = write_gguf(tmp_path / "x.gguf", {"a.weight": torch.randn(16, 32)}).read_bytes()
    (tmp_path / "y.gguf").write_bytes(whole[:-size])
    with pytest.raises(BrokenFile, match="cut off"):
        open_weights(tmp_path / "y.gguf")


@pytest.mark.parametrize("kind", ["IQ2_XXS", 99])
def test_a_type_that_cannot_be_opened_is_named(tmp_path: Path, kind: str | int) -> None:
    shown = f"type {kind}" if isinstance(kind, int) else kind
    (tmp_path / "x.gguf").write_bytes(crafted([entry("a", (256,), kind, 0)], data=bytes(128)))
    weights = open_weights(tmp_path / "x.gguf")
    with pytest.raises(BrokenFile, match=f"a is stored as {shown}, which cannot be opened"):
        weights.read("a")
    assert shown in identify_path(tmp_path / "x.gguf").problem


def test_random_damage_never_does_worse_than_be_refused(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.randn(2, 32), "b.weight": torch.randn(2, 64)}
    whole = write_gguf(tmp_path / "x.gguf", tensors, "Q4_0", {"k": "v", "l": [1, 2], "m": ["x", "y"]})
    content = whole.read_bytes()
    drawn = numpy.random.default_rng(7)
    for turn in range(300):
        damaged = bytearray(content)
        for _ in range(drawn.integers(1, 4)):
            damaged[drawn.integers(4, 300)] = drawn.integers(256)
        path = tmp_path / f"{turn}.gguf"
        path.write_bytes(damaged)
        with contextlib.suppress(BrokenFile):
            weights = open_weights(path)
            assert sum(tensor.numel() for _, tensor in weights.read_many(weights)) < 10_000
        path.unlink()
