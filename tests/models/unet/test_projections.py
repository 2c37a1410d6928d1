"""Are keys and values of prompts made once a run, and anew whenever they could be others?"""

import copy

import pytest
import torch
from torch import Tensor, nn

from models.call import Call, Run, calling
from models.unet.blocks import CrossAttention

TOKENS, PROMPT = torch.randn(2, 5, 8), torch.randn(2, 3, 6)


class Counting:
    """How often the keys and values are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real = nn.Linear.forward

        def forward(layer: nn.Linear, x: Tensor) -> Tensor:
            self.count += x.shape[-1] == PROMPT.shape[-1]
            return real(layer, x)

        monkeypatch.setattr(nn.Linear, "forward", forward)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(monkeypatch)


@pytest.fixture
def attention() -> CrossAttention:
    torch.manual_seed(0)
    return CrossAttention(8, 6, 2).requires_grad_(False)


def step(attention: CrossAttention, run: Run, prompt: Tensor = PROMPT) -> Tensor:
    with torch.no_grad(), calling(Call(1.0, ("positive",), 2, 1, 5, run=run)):
        return attention(TOKENS, prompt)


def by_hand(attention: CrossAttention, prompt: Tensor = PROMPT) -> Tensor:
    with torch.no_grad():
        mixed = attention.core(attention.to_q(TOKENS), attention.to_k(prompt), attention.to_v(prompt))
        return attention.to_out(mixed)


def test_they_are_made_once_a_run(attention: CrossAttention, made: Counting) -> None:
    run = Run()
    first = step(attention, run)
    assert torch.equal(first, step(attention, run))
    assert made.count == 2
    step(attention, Run())
    assert made.count == 4
    assert torch.equal(first, by_hand(attention))


def test_another_prompt_has_its_own(attention: CrossAttention) -> None:
    run, other = Run(), PROMPT + 1
    step(attention, run)
    assert torch.equal(step(attention, run, other), by_hand(attention, other))
    assert torch.equal(step(attention, run), by_hand(attention))


def test_weights_that_a_patch_puts_in_count_at_once(attention: CrossAttention) -> None:
    run, own = Run(), attention.to_k.weight
    before = step(attention, run)
    attention.to_k.weight = nn.Parameter(own + 1, requires_grad=False)
    assert torch.equal(step(attention, run), by_hand(attention))
    assert not torch.equal(step(attention, run), before)
    attention.to_k.weight = own
    assert torch.equal(step(attention, run), before)


def test_weights_that_are_changed_in_place_count_at_once(attention: CrossAttention) -> None:
    run = Run()
    step(attention, run)
    attention.to_v.weight.mul_(2)
    assert torch.equal(step(attention, run), by_hand(attention))


def test_what_is_hooked_on_a_layer_counts_in_every_step(attention: CrossAttention) -> None:
    run = Run()
    before = step(attention, run)
    handle = attention.to_v.register_forward_hook(lambda module, inputs, output: output * 2)
    assert not torch.equal(step(attention, run), before)
    handle.remove()
    assert torch.equal(step(attention, run), before)


def test_nothing_is_remembered_outside_sampling_or_where_gradients_are_wanted(
    attention: CrossAttention, made: Counting
) -> None:
    with torch.no_grad():
        attention(TOKENS, PROMPT)
        attention(TOKENS, PROMPT)
    assert made.count == 4
    with calling(Call(1.0, ("positive",), 2, 1, 5)):
        attention(TOKENS, PROMPT)
        attention(TOKENS, PROMPT)
    assert made.count == 8


def test_a_copy_remembers_nothing_of_its_own(attention: CrossAttention) -> None:
    run = Run()
    step(attention, run)
    copied = copy.deepcopy(attention)
    copied.to_k.weight.mul_(3)
    assert torch.equal(step(copied, run), by_hand(copied))


def test_what_is_remembered_ends_with_the_run(attention: CrossAttention) -> None:
    run = Run()
    step(attention, run)
    assert len(attention.projections._runs) == 1
    del run
    assert len(attention.projections._runs) == 0
