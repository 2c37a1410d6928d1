import json
import os
import pickle
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import save_file

from loaders.errors import BrokenFile
from loaders.opening import open_weights


def crafted(path: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return path


def entry(begin: int, end: int, shape: list[Any] | None = None, dtype: Any = "F32") -> dict[str, Any]:
    return {
        "dtype": dtype,
        "shape": [(end - begin) // 4] if shape is None else shape,
        "data_offsets": [begin, end],
    }


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    tensors = {
        "half": torch.randn(3, 5).half(),
        "brain": torch.randn(7).bfloat16(),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(2.5),
        "long": torch.arange(4),
        "flags": torch.tensor([True, False]),
        "eight": torch.randn(4, 4).to(torch.float8_e4m3fn),
    }
    path = tmp_path / "x.safetensors"
    save_file(tensors, path, metadata={"made": "here"})
    weights = open_weights(path)
    assert dict(weights) == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert weights.metadata == {"made": "here"}
    for name, tensor in weights.read_many(weights):
        assert tensor.dtype == tensors[name].dtype
        assert torch.equal(
            tensor.view(torch.uint8) if name == "eight" else tensor,
            tensors[name].view(torch.uint8) if name == "eight" else tensors[name],
        )
    assert weights.taken == set(tensors)
    assert torch.equal(weights.read("scalar"), tensors["scalar"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html>\n<html>", "it is text, not weights: it starts with '<!DOCTYPE html>'"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "it is text, not weights"),
    ],
)
def test_what_was_saved_in_the_place_of_weights_is_named(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "page.safetensors"
    path.write_bytes(content)
    with pytest.raises(BrokenFile, match=re.escape(message)):
        open_weights(path)


def test_opening_reads_the_header_only(tmp_path: Path) -> None:
    path = tmp_path / "sparse.safetensors"
    size = 4 * 2**30
    crafted(path, {"x": entry(0, size)})
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + size)
    assert open_weights(path)["x"] == (2**30,)


BROKEN: list[tuple[str, Any, bytes, int | None, str]] = [
    ("claims more header than there is", {}, b"", 2**63, "claims 9223372036854775808 bytes; more than"),
    ("has a cut header", {}, b"", 500, "cut off"),
    ("has no JSON", b"{x", b"", None, "not valid"),
    ("has no UTF-8", b'{"\xff": 1}', b"", None, "not valid"),
    ("has a list", [], b"", None, "not a table"),
    ("names a tensor twice", b'{"a":1,"a":2}', b"", None, "occurs twice"),
    ("is nested without end", b'{"a":' + b"[" * 100_000, b"", None, "not valid"),
    ("has metadata that is no texts", {"__metadata__": {"a": 1}}, b"", None, "__metadata__"),
    ("has an unknown type", {"a": entry(0, 4, dtype="F3")}, b"abcd", None, "'F3', which is not known"),
    ("has a type that is no text", {"a": entry(0, 4, dtype=["F32"])}, b"abcd", None, "not known"),
    ("has a negative size", {"a": entry(0, 4, [-1])}, b"abcd", None, "no valid shape"),
    ("has a fractional size", {"a": entry(0, 4, [1.0])}, b"abcd", None, "no valid shape"),
    ("has a true size", {"a": entry(0, 4, [True])}, b"abcd", None, "no valid shape"),
    ("has too many axes", {"a": entry(0, 4, [1] * 1000)}, b"abcd", None, "no valid shape"),
    ("has sizes whose product is huge", {"a": entry(0, 4, [2**62, 2**62])}, b"abcd", None, "needs"),
    ("has reversed offsets", {"a": entry(4, 0, [0])}, b"abcd", None, "no valid place"),
    (
        "has one offset",
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}},
        b"abcd",
        None,
        "no valid place",
    ),
    (
        "has another size than its shape",
        {"a": entry(0, 8, [1])},
        b"abcdefgh",
        None,
        "needs 4 bytes but has 8",
    ),
    ("overlaps", {"a": entry(0, 8), "b": entry(4, 12)}, b"a" * 12, None, "overlaps"),
    ("aliases", {"a": entry(0, 8), "b": entry(0, 8)}, b"a" * 8, None, "overlaps"),
    ("has a gap", {"a": entry(0, 4), "b": entry(8, 12)}, b"a" * 12, None, "gap"),
    ("is cut short", {"a": entry(0, 8)}, b"abcd", None, "cut off"),
    (
        "has more behind it",
        {"a": entry(0, 4)},
        b"abcdefgh",
        None,
        "4 bytes that its header does not describe",
    ),
    ("describes nothing", {"a": "text"}, b"", None, "nothing usable"),
]


@pytest.mark.parametrize(("name", "header", "data", "length", "problem"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_damaged_file_is_refused_with_a_reason(
    tmp_path: Path, name: str, header: Any, data: bytes, length: int | None, problem: str
) -> None:
    path = crafted(tmp_path / "bad.safetensors", header, data, length)
    with pytest.raises(BrokenFile, match=r"bad.safetensors cannot be used: ") as caught:
        open_weights(path)
    assert problem in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"1234567", b"\0" * 8])
def test_a_file_of_next_to_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "short.safetensors"
    path.write_bytes(content)
    with pytest.raises(BrokenFile):
        open_weights(path)


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(1000)}, path)
    weights = open_weights(path)
    with path.open("r+b") as file:
        file.truncate(500)
    with pytest.raises(BrokenFile, match="became shorter"):
        weights.read("a")


class Attack:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("ending", [".ckpt", ".pt", ".bin", ".pth"])
def test_a_pickle_with_code_is_refused_and_never_run(tmp_path: Path, ending: str, zipped: bool) -> None:
    path, mark = tmp_path / f"evil{ending}", tmp_path / "was-run"
    content = {"state_dict": {"a": torch.zeros(1)}, "x": Attack(f"touch {mark}")}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        BrokenFile, match=rf"evil{ending} cannot be used: .*asks to run (posix|nt).system.*refused"
    ):
        open_weights(path)
    assert not mark.exists()


def test_a_plain_pickle_with_code_is_refused(tmp_path: Path) -> None:
    path, mark = tmp_path / "evil.pkl", tmp_path / "was-run"
    path.write_bytes(pickle.dumps(Attack(f"touch {mark}")))
    with pytest.raises(BrokenFile):
        open_weights(path)
    assert not mark.exists()


def test_a_pickle_renamed_to_safetensors_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(BrokenFile, match="pickle that was given the ending"):
        open_weights(path)


def test_safetensors_under_another_ending_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    save_file({"a": torch.zeros(1)}, path)
    assert dict(open_weights(path)) == {"a": (1,)}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"a": torch.arange(6.0).reshape(2, 3), "steps": 5}, "epoch": 3},
        {"params": {"a": torch.arange(6.0).reshape(2, 3)}},
        {"a": torch.arange(6.0).reshape(3, 2).T.contiguous().T.reshape(2, 3), "b": 1},
        {"state_dict": {"a": torch.arange(6.0).reshape(2, 3)}, "score": numpy.float64(0.5)},
    ],
)
def test_weights_are_found_where_training_programs_put_them(
    tmp_path: Path, content: Any, zipped: bool
) -> None:
    path = tmp_path / "x.ckpt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    weights = open_weights(path)
    assert dict(weights) == {"a": (2, 3)}
    assert torch.equal(weights.read("a"), torch.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("content", [b"", b"not a pickle at all", b"PK\x03\x04broken", b"\x80\x02"])
def test_nonsense_with_a_pickles_ending_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(content)
    with pytest.raises(BrokenFile, match=r"x.ckpt cannot be used"):
        open_weights(path)


def test_a_cut_off_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    torch.save({"a": torch.randn(1000)}, path)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(BrokenFile):
        open_weights(path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../outside", "x")
    with pytest.raises(BrokenFile):
        open_weights(path)


def test_a_pickle_without_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": 1, "b": [torch.zeros(1)]}, path)
    with pytest.raises(BrokenFile, match="no tensors by name"):
        open_weights(path)
