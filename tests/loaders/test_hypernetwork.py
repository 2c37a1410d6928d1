from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from loaders.checkpoint import Checkpoint, open_checkpoint
from loaders.errors import BrokenFile, UnknownFormat
from loaders.hypernetwork import open_hypernetwork
from models.adapters.hypernetwork import HypernetworkPatch
from models.adapters.patch import applied
from nodes.loading.hypernetwork import load_hypernetwork
from tests.fixtures.checkpoints import tiny_checkpoint

X = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny.safetensors"))


def state(seed: int, width: int = 64, *, norm: bool = False) -> dict[str, Tensor]:
    """Twice as wide inside; the layers have the numbers that a program that adds activations gives them."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * 0.2

    named = {"linear.0.weight": draw(2 * width, width), "linear.0.bias": draw(2 * width)}
    if norm:
        named |= {"linear.1.weight": 1 + draw(2 * width), "linear.1.bias": draw(2 * width)}
    return named | {"linear.2.weight": draw(width, 2 * width), "linear.2.bias": draw(width)}


def saved(folder: Path, **settings: Any) -> Path:
    path = folder / "style.pt"
    torch.save({64: (state(1, **settings.pop("layers", {})), state(2)), "name": "style", **settings}, path)
    return path


def by_hand(x: Tensor, tensors: dict[str, Tensor], activation: Any, *, at_end: bool = False) -> Tensor:
    hidden = activation(x @ tensors["linear.0.weight"].T + tensors["linear.0.bias"])
    if "linear.1.weight" in tensors:
        norm = (tensors["linear.1.weight"], tensors["linear.1.bias"])
        hidden = nn.functional.layer_norm(hidden, (hidden.shape[-1],), *norm)
    out = hidden @ tensors["linear.2.weight"].T + tensors["linear.2.bias"]
    return activation(out) if at_end else out


def test_layers_are_those_of_the_file(tmp_path: Path) -> None:
    plain = open_hypernetwork(saved(tmp_path)).networks[64]
    for network, tensors in zip(plain, (state(1), state(2)), strict=True):
        assert torch.allclose(network(X), by_hand(X, tensors, lambda x: x), atol=1e-5)
    file = saved(tmp_path, activation_func="relu", activate_output=True, layers={"norm": True})
    network = open_hypernetwork(file).networks[64][0]
    assert torch.allclose(network(X), by_hand(X, state(1, norm=True), torch.relu, at_end=True), atol=1e-5)


def test_a_norm_at_the_end_leaves_the_last_linear_layer_its_activation(tmp_path: Path) -> None:
    last = {"linear.3.weight": torch.full((64,), 2.0), "linear.3.bias": torch.full((64,), 0.5)}
    tensors = state(1, norm=True)
    torch.save(
        {64: (tensors | last, state(2)), "activation_func": "relu", "is_layer_norm": True}, tmp_path / "n.pt"
    )
    network = open_hypernetwork(tmp_path / "n.pt").networks[64][0]
    hidden = by_hand(X, tensors, torch.relu, at_end=True)
    assert torch.allclose(network(X), nn.functional.layer_norm(hidden, (64,), *last.values()), atol=1e-5)


def test_keys_and_values_are_made_of_the_changed_context(tmp_path: Path, checkpoint: Checkpoint) -> None:
    source = open_hypernetwork(saved(tmp_path, activation_func="mish"))
    network = checkpoint.model.base.network
    attention = network.get_submodule("input_blocks.1.1.transformer_blocks.0.attn2")
    with torch.no_grad():
        before = [attention.get_submodule(part)(X) for part in ("to_k", "to_v")]
        wanted = [
            attention.get_submodule(part)(X + 0.5 * by_hand(X, state(seed), nn.functional.mish))
            for part, seed in (("to_k", 1), ("to_v", 2))
        ]
        with applied(checkpoint.model.with_patch(HypernetworkPatch(source, 0.5))):
            found = [attention.get_submodule(part)(X) for part in ("to_k", "to_v")]
        after = [attention.get_submodule(part)(X) for part in ("to_k", "to_v")]
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(found, wanted, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(after, before, strict=True))


def test_a_node_applies_it(tmp_path: Path, checkpoint: Checkpoint) -> None:
    path = saved(tmp_path)

    class Files:
        def find(self, folder: str, name: str) -> Path:
            assert (folder, name) == ("hypernetworks", "style.pt")
            return path

    class Running:
        files = Files()

    ctx: Any = Running()
    patched = load_hypernetwork(ctx, model=checkpoint.model, hypernetwork_name="style.pt", strength=-1.0)
    inputs = torch.zeros(1, 4, 8, 8), torch.tensor([300.0]), X[:1]
    with torch.no_grad():
        plain = checkpoint.model.base.network(*inputs)
        with applied(patched) as base:
            changed = base.network(*inputs)
    assert not torch.allclose(changed, plain, atol=1e-3)


def test_what_is_none_is_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    path = tmp_path / "none.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(UnknownFormat, match="number of each width"):
        open_hypernetwork(path)
    with pytest.raises(UnknownFormat, match="'wavy'"):
        open_hypernetwork(saved(tmp_path, activation_func="wavy"))
    torch.save({32: (state(1), state(2))}, path)
    with pytest.raises(BrokenFile, match="is for 32"):
        open_hypernetwork(path)
    torch.save({48: (state(1, 48), state(2, 48))}, path)
    patch = HypernetworkPatch(open_hypernetwork(path), 1.0)
    with pytest.raises(ValueError, match="widths of 48"), applied(checkpoint.model.with_patch(patch)):
        pass
