"""Recordings of a network play what the network computes, and only where that is possible."""

from collections.abc import Callable
from contextlib import ExitStack
from contextvars import Context
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from models.adapters.deltas import Difference
from models.adapters.graphed import Graphed, Recorded
from models.adapters.kept import KeptChanges
from models.adapters.patch import Patched, applied
from models.adapters.places import change_forward, change_output
from models.adapters.weight_change import count_exchange
from models.adapters.weights import DeltaSet, WeightPatch
from models.call import Call, Run, calling, current_call
from models.control.residuals import ControlResiduals
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from nodes.api.errors import NodeError
from tests.fixtures.checkpoints import redrawn

SIZES = UNetConfig(
    channels=32,
    multipliers=(1,),
    input_depths=((1,),),
    output_depths=((0, 1),),
    context_width=64,
    middle_depth=None,
)
BIAS = "out.2.bias"


class Tape:
    """Stands in for a graph: it computes the recorded again, and counts."""

    def __init__(self) -> None:
        self.recorded = 0
        self.played = 0

    def __call__(self, compute: Callable[[], Tensor]) -> Callable[[], Tensor]:
        self.recorded += 1
        with pytest.raises(LookupError):
            current_call()

        def replay() -> Tensor:
            self.played += 1
            return Context().run(compute)

        return replay


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def inputs(seed: int = 0, cells: int = 8) -> tuple[Tensor, ...]:
    return drawn(1, 4, cells, cells, seed=seed), torch.tensor([300.0 + seed]), drawn(1, 7, 64, seed=seed)


def raised(seed: int) -> WeightPatch:
    return WeightPatch(DeltaSet({BIAS: Difference(drawn(4, seed=seed))}), 1.0)


@pytest.fixture
def network() -> nn.Module:
    return redrawn(UNet(SIZES), 1).requires_grad_(False)


def test_each_shape_is_recorded_once_and_given_other_inputs(network: nn.Module) -> None:
    tape, undo = Tape(), ExitStack()
    with torch.no_grad(), undo:
        expected = [network(*inputs(seed, cells)) for cells in (8, 12) for seed in range(3)]
        change_forward(network, lambda forward: Recorded(network, forward, tape), undo)
        with calling(Call(1.0, ("positive",), 1, 8, 8, run=Run())):
            made = [network(*inputs(seed, cells)) for cells in (8, 12) for seed in range(3)]
        for ours, theirs in zip(made, expected, strict=True):
            torch.testing.assert_close(ours, theirs)
        assert (tape.recorded, tape.played) == (2, 6)
        torch.testing.assert_close(network(inputs()[0], inputs()[1], context=inputs()[2]), expected[0])
        assert tape.recorded == 3
        for cells in range(3, 8):
            network(*inputs(cells=cells))
        network(*inputs())
        assert tape.recorded == 9


def test_other_weights_are_recorded_anew(network: nn.Module) -> None:
    tape, undo, kept = Tape(), ExitStack(), KeptChanges(network)
    with torch.no_grad(), undo:
        before = network(*inputs())
        change_forward(network, lambda forward: Recorded(network, forward, tape), undo)
        for seed in (1, 2, 1):
            with ExitStack() as inner:
                kept.install((raised(seed),), inner)
                made = network(*inputs())
            torch.testing.assert_close(made, before + drawn(4, seed=seed)[:, None, None])
            torch.testing.assert_close(network(*inputs()), before)
        assert tape.recorded == 6


def test_what_cannot_be_recorded_runs_as_it_is_written(network: nn.Module) -> None:
    tape, undo = Tape(), ExitStack()
    with undo:
        change_forward(network, lambda forward: Recorded(network, forward, tape), undo)
        network(*inputs())
        with torch.no_grad():
            network(*inputs(), control=ControlResiduals())
            with ExitStack() as inner:
                count_exchange(inner)
                change_output(network.get_submodule("out.2"), lambda output, *_: output * 2, inner)
                network(*inputs())
                Recorded(network, lambda *args: args[0], tape)(*inputs())
    assert tape.recorded == 0


def test_on_other_devices_it_is_refused(network: nn.Module) -> None:
    patched = Patched(SimpleNamespace(network=network)).with_patch(Graphed())
    with (
        pytest.raises(NodeError, match="CUDA graphs need a CUDA device, and UNet runs on cpu"),
        applied(patched),
    ):
        pytest.fail("never reached")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_graphs_of_the_device_play_what_the_network_computes(network: nn.Module) -> None:
    network.cuda()
    patched = Patched(SimpleNamespace(network=network))
    on_device = [tuple(tensor.cuda() for tensor in inputs(seed)) for seed in range(3)]
    with torch.no_grad():
        for stack in ((), (raised(1),), (raised(2),)):
            with applied(patched.with_patch(*stack)):
                expected = [network(*given) for given in on_device]
            with applied(patched.with_patch(*stack, Graphed())):
                made = [network(*given) for given in on_device]
            for ours, theirs in zip(made, expected, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
