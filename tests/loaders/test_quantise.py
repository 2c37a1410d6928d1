"""Files are written as GGUF that the oracle reads, keep what is precious, and are whole or not there."""

from pathlib import Path

import gguf
import pytest
import torch
from safetensors.torch import save_file

from loaders.checkpoint import open_diffusion
from loaders.clip_files import open_text_encoders
from loaders.errors import BrokenFile, UnknownFormat
from loaders.identify.verdict import identify_path
from loaders.opening import open_weights
from loaders.quantise import quantise
from models.packed.tensor import Packed
from tests.fixtures.checkpoints import tiny_checkpoint, tiny_state
from tests.fixtures.text_encoders import encoder_state

PREFIX = "model.diffusion_model."
# Shares of their size that weights may lose, the largest loss of any.
LOSS = {"Q8_0": 0.01, "Q4_K": 0.1, "BF16": 0.005}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny.safetensors")


@pytest.mark.parametrize("kind", LOSS)
def test_a_network_is_written_as_the_oracle_reads_it(tmp_path: Path, whole: Path, kind: str) -> None:
    told: list[tuple[int, int]] = []
    target = tmp_path / "x.gguf"
    made = quantise(whole, target, kind, lambda count, total: told.append((count, total)))
    assert told[-1] == (made.packed + made.plain, made.packed + made.plain)
    assert made.size_bytes == target.stat().st_size < 1.2 * made.was_bytes
    state = {n.removeprefix(PREFIX): t.half().float() for n, t in tiny_state().items() if PREFIX in n}
    reader = gguf.GGUFReader(target)
    assert reader.get_field("general.architecture").contents() == "sd1"
    assert {tensor.name for tensor in reader.tensors} == set(state)
    for tensor in reader.tensors:
        theirs = torch.from_numpy(gguf.quants.dequantize(tensor.data.copy(), tensor.tensor_type).copy())
        assert (theirs.flatten() - state[tensor.name].flatten()).norm() <= LOSS[kind] * state[
            tensor.name
        ].norm()
    ours = {name: tensor.float() for name, tensor in open_weights(target).read_many(state)}
    assert all((ours[name] - state[name]).norm() <= LOSS[kind] * state[name].norm() for name in state)
    network = open_diffusion(target).base.network
    few = {name for name, parameter in network.named_parameters() if isinstance(parameter, Packed)}
    assert len(few) == (0 if kind in ("F16", "BF16") else made.packed)
    assert not any(name.startswith(("time_embed.", "input_blocks.0.0.", "out.")) for name in few)
    if few:
        assert any(".in_layers.2." in name for name in few)


def test_what_is_quantised_can_be_quantised_again(tmp_path: Path, whole: Path) -> None:
    quantise(whole, tmp_path / "fine.gguf", "Q8_0")
    made = quantise(tmp_path / "fine.gguf", tmp_path / "coarse.gguf", "Q4_0")
    again = quantise(tmp_path / "fine.gguf", tmp_path / "same.gguf", "Q8_0")
    assert made.size_bytes < again.size_bytes
    assert (tmp_path / "same.gguf").read_bytes()[-4096:] == (tmp_path / "fine.gguf").read_bytes()[-4096:]


def test_how_a_network_is_sampled_is_kept(tmp_path: Path) -> None:
    state = {**tiny_state(), "v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    path = tiny_checkpoint(tmp_path / "v.safetensors", state=state)
    quantise(path, tmp_path / "v.gguf", "Q8_0")
    made, wanted = open_diffusion(tmp_path / "v.gguf").base, open_diffusion(path).base
    assert (made.prediction, made.noise) == (wanted.prediction, wanted.noise)
    assert made.prediction == "v"


@pytest.mark.parametrize("name", ["clip_l", "clip_g"])
def test_a_text_encoder_is_written(tmp_path: Path, name: str) -> None:
    state = {name: tensor.clone().contiguous() for name, tensor in encoder_state(name).items()}
    save_file(state, tmp_path / "x.safetensors")
    quantise(tmp_path / "x.safetensors", tmp_path / "x.gguf", "Q8_0")
    encoder = open_text_encoders([tmp_path / "x.gguf"]).base.network[name]
    assert isinstance(encoder.text_model.encoder.layers[0].self_attn.q_proj.weight, Packed)
    assert not isinstance(encoder.text_model.embeddings.token_embedding.weight, Packed)
    # A narrow bigG is known by none of its sizes.
    assert identify_path(tmp_path / "x.gguf").sockets == (("CLIP",) if name == "clip_l" else ())


def test_what_fails_leaves_nothing_behind(tmp_path: Path, whole: Path) -> None:
    (tmp_path / "there.gguf").write_bytes(b"before")

    def stop(count: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantise(whole, tmp_path / "there.gguf", "Q8_0", stop)
    assert (tmp_path / "there.gguf").read_bytes() == b"before"
    large = {name: tensor * 1e6 for name, tensor in tiny_state().items()}
    path = tiny_checkpoint(tmp_path / "large.safetensors", state=large, dtype=torch.float32)
    with pytest.raises(ValueError, match=r"time_embed\.0\.weight has numbers that F16 cannot say"):
        quantise(path, tmp_path / "large.gguf", "Q8_0")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["large.safetensors", "there.gguf", whole.name]


def test_what_holds_no_network_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2, 2)}, tmp_path / "a.safetensors")
    with pytest.raises(UnknownFormat, match="not a checkpoint of a known family"):
        quantise(tmp_path / "a.safetensors", tmp_path / "a.gguf", "Q8_0")
    (tmp_path / "b.safetensors").write_bytes(b"")
    with pytest.raises(BrokenFile):
        quantise(tmp_path / "b.safetensors", tmp_path / "b.gguf", "Q8_0")
