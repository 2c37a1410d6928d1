"""Does every patch of a UNet change what it gives, and leave no trace afterwards?"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.adapters.attention_edits import CaptureScores, IdentityAttention, ScoreBox
from models.adapters.deep_cache import DeepCache
from models.adapters.deep_shrink import DeepShrink
from models.adapters.freeu import FreeU
from models.adapters.hypertile import HyperTile
from models.adapters.patch import Patch
from models.adapters.scaled_weights import ScaledWeights
from models.adapters.token_merging import TokenMerging
from models.call import Call, Run, calling
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.fixtures.checkpoints import redrawn

CONFIG = UNetConfig(
    channels=32,
    multipliers=(1, 2, 4),
    input_depths=((1,), (1,), (0,)),
    output_depths=((1, 1), (1, 1), (0, 0)),
    context_width=32,
)
ALWAYS = (float("inf"), 0.0)
PATCHES: dict[str, Patch] = {
    "identity": IdentityAttention(),
    "freeu": FreeU(1.1, 1.2, 0.9, 0.2),
    "freeu 2": FreeU(1.3, 1.4, 0.9, 0.2, follows_mean=True),
    "hypertile": HyperTile(tile_size=32),
    "merging": TokenMerging(0.3),
    "shrink after the skip": DeepShrink(1, 2.0, *ALWAYS),
    "shrink with the skip": DeepShrink(1, 2.0, *ALWAYS, after_skip=False),
    "shrink before the middle": DeepShrink(5, 2.0, *ALWAYS),
    "scaled": ScaledWeights((("attn1.to_q", 1.5), ("attn1.to_out.0", 0.5))),
}


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return redrawn(UNet(CONFIG), 5)


def run(network: nn.Module, call: Call | None = None, *patches: Patch, seed: int = 0) -> Tensor:
    call = call or Call(3.0, ("positive", "negative"), 1, 16, 16)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(call.rows) * call.batch, 4, call.height, call.width, generator=generator)
    context = torch.randn(1, 7, 32, generator=generator).expand(len(x), -1, -1)
    with torch.no_grad(), ExitStack() as undo, calling(call):
        for patch in patches:
            patch.install(network, undo)
        output: Tensor = network(x, torch.full((len(x),), 300.0), context)
    return output


def traces(network: nn.Module) -> Iterator[tuple[Any, ...]]:
    """Everything of a network that a patch could leave changed."""
    for name, module in network.named_modules():
        own = {key: id(value) for key, value in module.__dict__.items() if not isinstance(value, dict)}
        hooks = (tuple(module._forward_hooks.values()), tuple(module._forward_pre_hooks.values()))
        tensors = [
            (key, id(t), t.data_ptr(), t._version) for key, t in module._parameters.items() if t is not None
        ]
        yield name, id(module), own, hooks, tensors, module.__dict__.get("forward")


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_changes_the_output_and_leaves_no_trace(network: nn.Module, name: str) -> None:
    before, plain = list(traces(network)), run(network)
    changed = run(network, None, PATCHES[name])
    assert changed.shape == plain.shape
    assert not torch.allclose(changed, plain, rtol=1e-3)
    assert list(traces(network)) == before
    assert torch.equal(run(network), plain)


def test_all_patches_together_leave_no_trace_even_after_a_failure(network: nn.Module) -> None:
    before, plain = list(traces(network)), run(network)

    class Failing:
        key = "failing"

        def install(self, root: nn.Module, undo: ExitStack) -> None:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        run(network, None, *PATCHES.values(), DeepCache(2, 1, *ALWAYS), Failing())
    assert list(traces(network)) == before
    assert torch.equal(run(network), plain)


def test_patches_that_do_the_same_have_equal_keys_and_others_have_not() -> None:
    assert FreeU(1, 2, 3, 4).key == FreeU(1, 2, 3, 4).key
    keys = [patch.key for patch in PATCHES.values()]
    assert len(set(keys)) == len(keys)


def test_a_patch_for_unets_refuses_another_network() -> None:
    for patch in (IdentityAttention(), FreeU(1, 1, 1, 1), DeepCache(2, 1, *ALWAYS), HyperTile()):
        with pytest.raises(ValueError, match="Linear has no"), ExitStack() as undo:
            patch.install(nn.Linear(1, 1), undo)


def test_captured_scores_are_those_of_the_negative_rows_and_change_nothing(network: nn.Module) -> None:
    box = ScoreBox()
    changed = run(network, None, CaptureScores(box))
    assert torch.allclose(changed, run(network), atol=1e-5)
    scores = box.take()
    assert scores is not None
    assert scores.shape == (1, 8, 16, 16)
    assert torch.allclose(scores.sum(dim=-1), torch.ones(1, 8, 16), atol=1e-5)
    assert box.take() is None
    run(network, Call(3.0, ("positive",), 2, 16, 16), CaptureScores(box))
    assert box.take() is None


@pytest.mark.parametrize("patch", [DeepShrink(1, 2.0, 2.0, 1.0), DeepShrink(1, 2.0, 9.0, 4.0)])
def test_deep_shrink_holds_only_between_its_noise_levels(network: nn.Module, patch: DeepShrink) -> None:
    assert torch.equal(run(network, None, patch), run(network))


def test_a_deep_cache_runs_the_deep_part_at_the_first_of_each_interval(network: nn.Module) -> None:
    visited: list[int] = []
    handle = network.get_submodule("middle_block.0").register_forward_pre_hook(lambda *_: visited.append(1))
    counts = []
    with ExitStack() as undo, torch.no_grad():
        DeepCache(3, 1, 10.0, 2.0).install(network, undo)
        lasting = Run()
        for sigma in (9.0, 8.0, 7.0, 6.0, 1.0, 0.5):
            for rows in (("positive",), ("negative",)):
                visited.clear()
                run(network, Call(sigma, rows, 1, 16, 16, run=lasting), seed=int(sigma))
                counts.append(len(visited))
        run(network, Call(6.0, ("positive",), 1, 16, 16, run=Run()))
        assert len(visited) == 2
    handle.remove()
    # Steps 0 and 3 run everything; the last two lie outside the noise levels.
    assert counts == [1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]


def test_a_deep_cache_gives_the_same_again_for_the_same_latents(network: nn.Module) -> None:
    lasting = Run()
    with ExitStack() as undo:
        DeepCache(2, 2, *ALWAYS).install(network, undo)
        first = run(network, Call(9.0, ("positive",), 1, 16, 16, run=lasting))
        again = run(network, Call(8.0, ("positive",), 1, 16, 16, run=lasting))
    assert torch.allclose(first, again, atol=1e-6)
