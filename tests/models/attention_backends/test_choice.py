"""The way attention is computed is asked for, or measured once for calls of a shape."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from models.attention import attention
from models.attention_backends import choice
from models.attention_backends.backend import Backend
from models.attention_backends.choice import Attender, AttentionSettings
from models.attention_backends.fused import KERNELS, TORCH


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tensors(count: int = 32, width: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    return drawn(1, 2, count, width), drawn(1, 2, count, width, seed=1), drawn(1, 2, count, width, seed=2)


USUAL = AttentionSettings()


class Clock:
    """Gives each backend the time that a test wants it to take, and remembers which it was asked about."""

    def __init__(self, **times: float) -> None:
        self.times = times
        self.asked: list[str] = []

    def __call__(self, backend: Backend, compute: Callable[[], Tensor]) -> float:
        compute()
        self.asked.append(backend.name)
        return self.times[backend.name.replace(" ", "_")]


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Attender, Clock]]:
    """Make an attender that measures on the CPU, where the plain kernel stands in for a fast one."""
    fast = replace(KERNELS[0], name="fast", kernel=torch.nn.attention.SDPBackend.MATH)
    monkeypatch.setattr(choice, "KERNELS", (fast,))

    def make(settings: AttentionSettings = USUAL, **times: float) -> tuple[Attender, Clock]:
        clock = Clock(**times)
        return Attender(settings, timer=clock, timed_devices=("cpu",)), clock

    return make


def test_each_class_of_shapes_is_measured_once_and_gets_the_fastest(
    measuring: Callable[..., tuple[Attender, Clock]],
) -> None:
    attender, clock = measuring(torch=2.0, fast=1.0)
    for count in (20, 27, 32):
        made = attender.attend(*tensors(count), None, False)
        torch.testing.assert_close(made, scaled_dot_product_attention(*tensors(count)))
    assert clock.asked == ["torch", "fast"]
    assert list(attender.chosen.values()) == ["fast"]
    attender.attend(*tensors(33), None, False)
    attender.attend(*tensors(32), None, True)
    assert len(clock.asked) == 6
    assert [found["fast"] for found in attender.taken.values()] == [1.0] * 3


def test_what_is_hardly_faster_does_not_take_the_place_of_the_usual(
    measuring: Callable[..., tuple[Attender, Clock]],
) -> None:
    attender, _ = measuring(torch=1.0, fast=0.96)
    attender.attend(*tensors(), None, False)
    assert list(attender.chosen.values()) == ["torch"]


def test_what_is_switched_off_or_fails_is_not_used(
    measuring: Callable[..., tuple[Attender, Clock]],
) -> None:
    attender, clock = measuring(AttentionSettings(without=frozenset({"fast"})), torch=1.0)
    attender.attend(*tensors(), None, False)
    assert clock.asked == ["torch"]

    def broken(backend: Backend, compute: Callable[[], Tensor]) -> float:
        if backend.name == "fast":
            raise RuntimeError("no kernel for this")
        return 1.0

    attender, _ = measuring(torch=1.0)
    attender.timer = broken
    attender.attend(*tensors(), None, False)
    assert list(attender.chosen.values()) == ["torch"]


def test_nothing_is_measured_where_equal_bits_are_wanted_or_gradients(
    measuring: Callable[..., tuple[Attender, Clock]],
) -> None:
    attender, clock = measuring(AttentionSettings(measures=False))
    attender.attend(*tensors(), None, False)
    attender, other = measuring()
    query, key, value = tensors()
    attender.attend(query.requires_grad_(), key, value, None, False).sum().backward()
    assert query.grad is not None
    assert clock.asked == other.asked == []


def test_attention_in_the_open_is_computed_in_parts_where_memory_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "_SMALL_BYTES", 2**10)
    monkeypatch.setattr(choice, "is_in_the_open", lambda *call: True)
    for room, expected in ((2**30, "torch"), (2**14, "sub-quadratic")):
        attender = Attender(room=lambda _, room=room: room)
        assert attender._backend(*tensors(64), None, False).name == expected
    made = attender.attend(*tensors(64), None, False)
    torch.testing.assert_close(made, scaled_dot_product_attention(*tensors(64)))


def test_what_finds_no_memory_is_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*call: object) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(type(TORCH), "attend", full)
    query, key, value = tensors()
    expected = (query @ key.transpose(-1, -2) / 8**0.5).softmax(-1) @ value
    torch.testing.assert_close(Attender().attend(query, key, value, None, False), expected)


@pytest.mark.parametrize("wanted", ["torch", "torch math", "split", "sub-quadratic"])
def test_what_is_asked_for_is_used_for_everything(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attender = Attender(AttentionSettings(wanted))
    assert attender._backend(*tensors(), None, False) is attender.backends[wanted]
    torch.testing.assert_close(
        attender.attend(*tensors(), None, True), scaled_dot_product_attention(*tensors(), is_causal=True)
    )
    assert [row["name"] for row in attender.report() if row["use"] == "asked for"] == [wanted]


def test_what_is_not_there_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="no attention is named 'fastest'; there are torch, torch flash"):
        Attender(AttentionSettings("fastest"))
    if "sage" in {row["name"] for row in Attender().report() if row["missing"]}:
        with pytest.raises(ValueError, match="attention of sage was asked for, but"):
            Attender(AttentionSettings("sage"))


def test_upcasting_computes_16_bits_in_float32() -> None:
    halves = [tensor.half() for tensor in tensors(300, 64)]
    expected = scaled_dot_product_attention(*(half.float() for half in halves)).half()
    mask = torch.zeros(300, 300, dtype=torch.float16)
    for given in (None, mask):
        made = Attender(AttentionSettings(upcast=True)).attend(*halves, given, False)
        assert torch.equal(made, expected)
    assert not Attender(AttentionSettings(upcast=False)).backends["split"].upcast


def test_settings_hold_for_every_network_of_the_process() -> None:
    before = choice.current()
    try:
        choice.use(AttentionSettings("split"))
        seen: list[str] = []
        backend = choice.current().backends["split"]
        room = backend.room
        choice.current().backends["split"] = replace(
            backend,
            room=lambda device: seen.append("asked") or room(device),
        )
        torch.testing.assert_close(attention(*tensors()), scaled_dot_product_attention(*tensors()))
        assert seen == ["asked"]
    finally:
        choice._Current.attender = before


def test_a_compiled_network_takes_a_way_that_can_be_compiled() -> None:
    torch._dynamo.reset()
    for wanted in (None, "sub-quadratic"):
        attender = Attender(AttentionSettings(wanted, upcast=None), timed_devices=("cpu",))
        compiled = torch.compile(attender.attend, backend="aot_eager")
        torch.testing.assert_close(
            compiled(*tensors(), None, False), scaled_dot_product_attention(*tensors())
        )
        assert attender.chosen == {}
    torch._dynamo.reset()
