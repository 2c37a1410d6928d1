"""Does attention turn away from the negative prompt as the paper says? Written anew in float64."""

import math
from contextlib import ExitStack
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from models.adapters.normalized_attention import NormalizedAttention, NormalizedSelfAttention
from models.call import Call, Run, Weighed, calling
from models.layout import Layout
from models.unet.blocks import CrossAttention
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.fixtures.checkpoints import redrawn
from tests.fixtures.tiny_transformer import TinyPairTransformer
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.tiny_unet import OURS

WIDTH, CONTEXT, HEADS, TOKENS = 32, 24, 4, 10
GENERATOR = torch.Generator().manual_seed(5)
X = torch.randn(4, TOKENS, WIDTH, generator=GENERATOR)
TEXTS = torch.randn(4, 7, CONTEXT, generator=GENERATOR)
UNWANTED, OTHER = torch.randn(2, 2, 9, CONTEXT, generator=GENERATOR)


class Layers(nn.Module):
    """A network that is one attention to a prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.attn2 = CrossAttention(WIDTH, CONTEXT, HEADS)

    def layout(self) -> Layout:
        return Layout(cross_attention=("attn2",))


def against(*texts: tuple[Tensor, float]) -> Call:
    def given(chunk: int) -> Weighed:
        assert chunk == 1
        return texts

    return Call(1.0, ("negative", "positive"), 2, 1, TOKENS, against=given)


def run(network: Layers, call: Call, *patches: NormalizedAttention) -> Tensor:
    with torch.no_grad(), ExitStack() as undo, calling(call):
        for patch in patches:
            patch.install(network, undo)
        output: Tensor = network.attn2(X, TEXTS)
    return output


def found(network: Layers, rows: Tensor, text: Tensor) -> Tensor:
    """Attention of rows to a text in float64, head by head, before the projection of what it finds."""
    layer = network.attn2
    q, k, v = (
        data.double() @ part.weight.double().T
        for data, part in ((rows, layer.to_q), (text, layer.to_k), (text, layer.to_v))
    )
    size = WIDTH // HEADS
    heads = []
    for first in range(0, WIDTH, size):
        span = slice(first, first + size)
        scores = q[..., span] @ k[..., span].transpose(1, 2) / math.sqrt(size)
        heads.append(scores.softmax(dim=-1) @ v[..., span])
    return torch.cat(heads, dim=-1)


def guided(plus: Tensor, minus: Tensor, phi: float, alpha: float, tau: float) -> Tensor:
    """Extrapolation, normalisation by the L1 norm and refinement, token by token."""
    outcome = torch.empty_like(plus)
    for picture in range(plus.shape[0]):
        for token in range(plus.shape[1]):
            wanted, other = plus[picture, token], minus[picture, token]
            moved = wanted + phi * (wanted - other)
            ratio = float(moved.abs().sum() / wanted.abs().sum())
            if ratio > tau:
                moved = moved * tau / ratio
            outcome[picture, token] = alpha * moved + (1 - alpha) * wanted
    return outcome


def projected(network: Layers, mixed: Tensor) -> Tensor:
    layer = network.attn2.to_out[0]
    return mixed @ layer.weight.double().T + layer.bias.double()


@pytest.fixture(scope="module")
def network() -> Layers:
    made = Layers()
    redrawn(made, 3)
    return made.requires_grad_(False)


@pytest.mark.parametrize(("scale", "alpha", "tau"), [(5.0, 0.5, 1.5), (3.0, 1.0, 1.0), (1.5, 0.3, 10.0)])
def test_it_is_what_the_equations_say(network: Layers, scale: float, alpha: float, tau: float) -> None:
    ours = run(network, against((UNWANTED, 1.0)), NormalizedAttention(scale, alpha, tau))
    plus, minus = found(network, X[2:], TEXTS[2:]), found(network, X[2:], UNWANTED)
    expected = projected(network, guided(plus, minus, scale - 1, alpha, tau))
    assert worst_ratio(ours[2:].double(), expected) <= 5e-6
    plain = run(network, against())
    assert torch.equal(ours[:2], plain[:2])
    assert worst_ratio(plain[2:].double(), expected) > 1e-2


def test_several_negative_prompts_count_by_their_strengths(network: Layers) -> None:
    ours = run(network, against((UNWANTED, 3.0), (OTHER, 1.0)), NormalizedAttention())
    minus = 0.75 * found(network, X[2:], UNWANTED) + 0.25 * found(network, X[2:], OTHER)
    expected = projected(network, guided(found(network, X[2:], TEXTS[2:]), minus, 4.0, 0.5, 1.5))
    assert worst_ratio(ours[2:].double(), expected) <= 5e-6


def test_a_scale_of_one_a_share_of_nought_and_no_negative_prompt_change_nothing(network: Layers) -> None:
    plain, call = run(network, against()), against((UNWANTED, 1.0))
    assert torch.equal(run(network, call, NormalizedAttention(scale=1.0)), plain)
    assert torch.equal(run(network, call, NormalizedAttention(alpha=0.0)), plain)
    assert torch.equal(run(network, against(), NormalizedAttention()), plain)
    assert torch.equal(run(network, against((UNWANTED, 0.0)), NormalizedAttention()), plain)
    assert torch.equal(run(network, replace(call, rows=("negative", "middle")), NormalizedAttention()), plain)


def test_two_of_them_add_up_and_what_the_prompts_project_to_is_kept(network: Layers) -> None:
    call = replace(against((UNWANTED, 1.0)), run=Run())
    twice = run(network, call, NormalizedAttention(tau=10.0), NormalizedAttention(tau=10.0, alpha=1.0))
    plus, minus = found(network, X[2:], TEXTS[2:]), found(network, X[2:], UNWANTED)
    once = guided(plus, minus, 4.0, 0.5, 10.0)
    expected = projected(network, guided(once, minus, 4.0, 1.0, 10.0))
    assert worst_ratio(twice[2:].double(), expected) <= 5e-6
    assert torch.equal(
        run(network, call, NormalizedAttention(tau=10.0), NormalizedAttention(tau=10.0, alpha=1.0)), twice
    )


def test_a_network_without_attention_to_prompts_is_refused() -> None:
    with pytest.raises(ValueError, match="TinyPairTransformer names no attention to the prompt"):
        NormalizedAttention().install(TinyPairTransformer(), ExitStack())


def test_it_leaves_no_trace_in_a_unet() -> None:
    network = UNet(UNetConfig(**OURS, context_width=CONTEXT))
    with ExitStack() as undo:
        NormalizedAttention().install(network, undo)
        changed = [name for name, module in network.named_modules() if "forward" in module.__dict__]
        assert changed == [f"{name}.core" for name in network.layout().cross_attention]
    assert not any("forward" in module.__dict__ for module in network.modules())


class Itself(nn.Module):
    """A network that is one self-attention."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.ModuleDict({"attn1": CrossAttention(WIDTH, WIDTH, HEADS)})


def seen(network: Itself, rows: tuple[str, ...], *patches: NormalizedSelfAttention) -> Tensor:
    with torch.no_grad(), ExitStack() as undo, calling(Call(1.0, rows, 4 // len(rows), 1, TOKENS)):
        for patch in patches:
            patch.install(network, undo)
        output: Tensor = network.block["attn1"](X)
    return output


@pytest.mark.parametrize(("scale", "alpha", "tau"), [(5.0, 0.5, 1.5), (3.0, 1.0, 1.0), (1.0, 0.3, 10.0)])
def test_in_self_attention_rows_of_both_prompts_get_what_moved(
    scale: float, alpha: float, tau: float
) -> None:
    network = Itself()
    redrawn(network, 4)
    patch = NormalizedSelfAttention(scale, alpha, tau)
    plain = seen(network, ("positive", "negative"))
    plus, minus = plain[:2].double(), plain[2:].double()
    expected = guided(plus, minus, scale - 1, alpha, tau)
    other = guided(minus, plus, scale - 1, alpha, tau)
    for rows, wanted in ((("positive", "negative"), expected), (("negative", "positive"), other)):
        ours = seen(network, rows, patch)
        assert worst_ratio(ours.double(), torch.cat([wanted, wanted])) <= 5e-6
    for rows in (("positive",), ("negative", "middle")):
        assert torch.equal(seen(network, rows, patch), seen(network, rows))
