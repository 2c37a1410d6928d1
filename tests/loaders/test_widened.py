"""Encoders and autoencoders keep the sixteen bits of their file, and compute as if they had more."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from loaders import assemble
from loaders.checkpoint import Checkpoint, open_checkpoint
from loaders.packing import Chosen, kept, repacked
from models.adapters.patch import applied
from models.adapters.weight_change import PatchedWeights
from models.packed.integers import Integers
from models.packed.plain import Plain
from models.packed.tensor import Packed, dense, stored_bytes
from tests.fixtures.checkpoints import tiny_state
from tests.fixtures.streaming import (
    bounded,
    have_tiny_leaves_streamed,
    lora,
    run_text,
    run_vae,
)

STATE = {name: tensor.half() for name, tensor in tiny_state().items()}


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Checkpoint, Checkpoint]:
    """A checkpoint of 16 bits, opened as small networks are and as large ones are."""
    path = tmp_path / "half.safetensors"
    save_file(STATE, path)
    plain = open_checkpoint(path)
    monkeypatch.setattr(assemble, "_WIDENED_NETWORK", 0)
    monkeypatch.setattr(assemble, "_WIDENED_WEIGHT", 1 << 10)
    return plain, open_checkpoint(path)


def widened(network: nn.Module) -> set[str]:
    """The names of the weights that are kept so."""
    found = network.named_parameters()
    return {name for name, each in found if isinstance(each, Packed) and isinstance(each.format, Plain)}


def bytes_of(network: nn.Module) -> int:
    """What its weights take."""
    return sum(map(stored_bytes, network.parameters()))


def network_of(opened: Checkpoint, part: str) -> Any:
    return getattr(opened, part).base.network


def computed(opened: Checkpoint) -> list[torch.Tensor]:
    """What an encoder and an autoencoder make."""
    with torch.inference_mode():
        return [run_text(network_of(opened, "clip")["clip_l"]), run_vae(network_of(opened, "vae"))]


def test_they_take_half_and_make_the_same(both: tuple[Checkpoint, Checkpoint]) -> None:
    plain, half = both
    assert not widened(network_of(half, "model"))
    for part in ("clip", "vae"):
        assert not widened(network_of(plain, part))
        assert widened(network_of(half, part))
        assert {each.dtype for each in network_of(half, part).parameters()} == {torch.float32}
        assert bytes_of(network_of(half, part)) < 0.6 * bytes_of(network_of(plain, part))
    for one, other in zip(computed(plain), computed(half), strict=True):
        assert torch.equal(one, other)


def test_changed_weights_are_the_same_and_are_no_packed_ones(both: tuple[Checkpoint, Checkpoint]) -> None:
    made = []
    for opened in both:
        assert opened.clip is not None
        patched = opened.clip.with_patch(lora(opened.clip.base.network, every=1))
        with torch.no_grad(), applied(patched) as model:
            made.append(run_text(model.network["clip_l"]))
            assert not kept(model.network).packed
        weights = PatchedWeights(patched)
        name = sorted(widened(network_of(both[1], "clip")))[0]
        made.append(dense(weights.read(name)))
        assert weights.packed(name) is None
    assert torch.equal(made[0], made[2])
    assert torch.equal(made[1], made[3])


def test_they_can_be_packed_afterwards(both: tuple[Checkpoint, Checkpoint]) -> None:
    ways = [repacked(network_of(one, "clip")["clip_l"], Chosen(Integers(8, by_row=True))) for one in both]
    first, second = (dict(way.named_parameters()) for way in ways)
    names = [name for name in first if name.endswith("q_proj.weight")]
    assert names
    assert all(torch.equal(dense(first[name]), dense(second[name])) for name in names)
    assert kept(ways[1]).packed == kept(ways[0]).packed


@pytest.mark.parametrize("part", ["clip", "vae"])
def test_they_are_streamed_in_half_the_bytes(
    both: tuple[Checkpoint, Checkpoint], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_tiny_leaves_streamed(monkeypatch)
    expected = computed(both[1])
    size = bytes_of(network_of(both[1], part))
    assert size < 0.6 * bytes_of(network_of(both[0], part))
    residency, tier = bounded(0.6 * size)
    with torch.no_grad(), residency.borrow(getattr(both[1], part), 0):
        found = computed(both[1])
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))
    assert tier.peak_bytes <= 0.6 * size
