"""Compiled blocks compute what the network computes, whatever patches come and go."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from models.adapters import compiled, ways
from models.adapters.compiled import CompiledBlocks, compiler_lack, repeated_blocks, structure
from models.adapters.deltas import Added, Delta, Difference, Magnitude
from models.adapters.hypertile import HyperTile
from models.adapters.kept import KeptChanges
from models.adapters.patch import Patched, Substitution, applied, install
from models.adapters.products import LowRank
from models.adapters.ways import Rates
from models.adapters.weights import DeltaSet, WeightPatch
from models.attention import AttentionCore
from models.call import Call, calling
from models.packed.float8 import Float8
from models.packed.tensor import pack
from models.unet.blocks import ResidualBlock, TransformerBlock
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from nodes.api.errors import NodeError
from tests.fixtures.checkpoints import redrawn

SIZES = UNetConfig(
    channels=32,
    multipliers=(1,),
    input_depths=((1, 1),),
    output_depths=((0, 0, 0),),
    context_width=64,
    middle_depth=None,
)
QUERY = "input_blocks.1.1.transformer_blocks.0.attn1.to_q"
CONVOLUTION = "input_blocks.1.0.in_layers.2"


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def output(network: Callable[..., Tensor], cells: int = 8) -> Tensor:
    with torch.no_grad():
        return network(drawn(2, 4, cells, cells), torch.tensor([300.0, 300.0]), drawn(2, 7, 64))


def graphs() -> int:
    """How many times something was compiled since the process began."""
    count: int = counters["stats"]["unique_graphs"]
    return count


@pytest.fixture
def model() -> Iterator[Patched[SimpleNamespace]]:
    torch._dynamo.reset()
    compiled._made.clear()
    network = redrawn(UNet(SIZES), 1).requires_grad_(False)
    yield Patched(SimpleNamespace(network=network))
    torch._dynamo.reset()
    compiled._made.clear()


def lora(seed: int, rank: int = 4) -> WeightPatch:
    deltas: dict[str, Delta] = {
        f"{QUERY}.weight": Added(LowRank(drawn(32, rank, seed=seed), drawn(rank, 32, seed=seed))),
        f"{CONVOLUTION}.weight": Added(
            LowRank(drawn(32, rank, 1, 1, seed=seed), drawn(rank, 32, 3, 3, seed=seed))
        ),
    }
    return WeightPatch(DeltaSet(deltas, "tested"), 0.5)


def pack_layers(network: nn.Module) -> None:
    for name in (QUERY, CONVOLUTION):
        layer = network.get_submodule(name)
        packed = pack(layer.get_parameter("weight").data, Float8())
        layer.register_parameter("weight", nn.Parameter(packed, requires_grad=False))


def test_steps_that_change_no_patch_do_not_look_at_the_blocks_again(
    model: Patched[SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, kept = model.base.network, KeptChanges(model.base.network)
    looked: list[nn.Module] = []
    own = structure
    monkeypatch.setattr(compiled, "structure", lambda block: looked.append(block) or own(block))
    with applied(model.with_patch(CompiledBlocks("eager"))):
        for _ in range(3):
            with ExitStack() as undo:
                kept.install((), undo)
                install(network, (), undo)
                output(network)
    assert len(looked) == len(list(repeated_blocks(network)))


def test_alike_blocks_share_a_compilation_and_loras_are_exchanged_without_another(
    model: Patched[SimpleNamespace],
) -> None:
    network = model.base.network
    kinds = [type(block) for block in repeated_blocks(network)]
    assert set(kinds) == {ResidualBlock, TransformerBlock}
    before, tensors = output(network), dict(network.named_parameters())
    blocks = CompiledBlocks("aot_eager")
    with applied(model.with_patch(blocks)):
        torch.testing.assert_close(output(network), before)
    first = graphs()
    assert 0 < len(compiled._made) < len(kinds)
    dora = Difference(drawn(32, 32)), Added(LowRank(drawn(32, 2), drawn(2, 32)), Magnitude(drawn(32, 1)))
    stacks = [lora(1), lora(2, rank=8), WeightPatch(DeltaSet({f"{QUERY}.weight": dora[0]}), 1.0)]
    stacks.append(WeightPatch(DeltaSet({f"{QUERY}.weight": dora[1]}), 1.0))
    for patch in stacks:
        with applied(model.with_patch(patch)):
            expected = output(network)
        for stack in ((blocks, patch), (patch, blocks)):
            with applied(model.with_patch(*stack)):
                torch.testing.assert_close(output(network), expected)
        assert not torch.allclose(expected, before, atol=1e-3)
    with applied(model.with_patch(blocks)):
        torch.testing.assert_close(output(network), before)
    assert graphs() == first
    assert {name: id(tensor) for name, tensor in network.named_parameters()} == {
        name: id(tensor) for name, tensor in tensors.items()
    }
    assert not any("forward" in module.__dict__ for module in network.modules())
    assert torch.equal(output(network), before)


def test_packed_weights_keep_their_loras_beside_them_without_new_compilations(
    model: Patched[SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "measured_rates", lambda device: Rates(0.0, 0.0, 1.0))
    network = model.base.network
    pack_layers(network)
    before, blocks = output(network), CompiledBlocks("aot_eager")
    counts = []
    for seed in range(4):
        with applied(model.with_patch(lora(seed))):
            expected = output(network)
        with applied(model.with_patch(blocks, lora(seed))):
            torch.testing.assert_close(output(network), expected, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(expected, before, atol=1e-3)
        counts.append(graphs())
    assert len(set(counts)) == 1
    with applied(model.with_patch(blocks)):
        torch.testing.assert_close(output(network), before, rtol=1e-4, atol=1e-4)
    assert torch.equal(output(network), before)


def test_a_block_with_more_than_weights_changed_runs_as_it_is_written(
    model: Patched[SimpleNamespace],
) -> None:
    network, blocks = model.base.network, CompiledBlocks("aot_eager")
    with applied(model.with_patch(blocks)):
        output(network)
    count = graphs()
    with calling(Call(1.0, ("positive", "negative"), 1, 8, 8)):
        tile = HyperTile(tile_size=32)
        with applied(model.with_patch(tile)):
            expected = output(network)
        for stack in ((blocks, tile), (tile, blocks)):
            with applied(model.with_patch(*stack)):
                torch.testing.assert_close(output(network), expected)
    assert graphs() == count
    block = next(block for block in repeated_blocks(network) if isinstance(block, TransformerBlock))
    assert structure(block) is not None
    with ExitStack() as undo:
        Substitution("attn1.core", AttentionCore(4)).install(block, undo)
        assert structure(block) is None
    with ExitStack() as undo:
        undo.callback(block.attn1.to_q.__dict__.pop, "forward")
        block.attn1.to_q.__dict__["forward"] = lambda x: x
        assert structure(block) is None
    assert structure(block) is not None


def test_patches_that_come_during_a_run_are_not_overlooked(model: Patched[SimpleNamespace]) -> None:
    network = model.base.network
    kept, tile = KeptChanges(network), HyperTile(tile_size=32)
    with calling(Call(1.0, ("positive", "negative"), 1, 8, 8)):
        plain = output(network)
        with applied(model.with_patch(tile)):
            tiled = output(network)
        with applied(model.with_patch(lora(1))):
            changed = output(network)
        with applied(model.with_patch(CompiledBlocks("eager"))):
            for stack, expected in (((), plain), ((tile,), tiled), ((lora(1),), changed), ((), plain)):
                with ExitStack() as undo:
                    kept.install(stack, undo)
                    torch.testing.assert_close(output(network), expected)


def test_other_sizes_are_compiled_as_sizes_of_any_kind_and_failure_leaves_no_trace(
    model: Patched[SimpleNamespace],
) -> None:
    network = model.base.network
    sizes = (8, 12, 16)
    expected, counts = [output(network, cells) for cells in sizes], []
    with applied(model.with_patch(CompiledBlocks("eager"))):
        for cells, whole in zip(sizes, expected, strict=True):
            torch.testing.assert_close(output(network, cells), whole)
            counts.append(graphs())
    assert counts[0] < counts[1] == counts[2]
    with pytest.raises(ZeroDivisionError), applied(model.with_patch(CompiledBlocks("eager"))):
        raise ZeroDivisionError(output(network))
    assert not any("forward" in module.__dict__ for module in network.modules())


def test_where_there_is_no_compiler_the_sentence_says_so(
    model: Patched[SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    with (
        pytest.raises(NodeError, match=r"needs a C\+\+ compiler"),
        applied(model.with_patch(CompiledBlocks("inductor"))),
    ):
        pytest.fail("never reached")
    assert compiler_lack("eager", torch.device("cpu")) == ""
    if not torch.cuda.is_available():
        assert "triton" in compiler_lack("inductor", torch.device("cuda"))
    with (
        pytest.raises(NodeError, match="Linear has no blocks that repeat"),
        applied(Patched(SimpleNamespace(network=nn.Linear(1, 1))).with_patch(CompiledBlocks("eager"))),
    ):
        pytest.fail("never reached")


def test_like_members_of_lists_are_the_blocks_of_other_networks() -> None:
    network = nn.ModuleDict(
        {
            "many": nn.ModuleList(nn.Sequential(nn.ModuleList([nn.ReLU(), nn.ReLU()])) for _ in range(3)),
            "one": nn.ModuleList([nn.Linear(1, 1)]),
            "mixed": nn.ModuleList([nn.Linear(1, 1), nn.ReLU()]),
        }
    )
    assert list(repeated_blocks(network)) == list(network["many"])
