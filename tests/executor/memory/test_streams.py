"""The buffer for two: what is fetched when, and that nothing is overwritten while it computes."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from executor.memory.blocks import packed_bytes
from executor.memory.bounded import BoundedTier
from executor.memory.streams import Copies, StraightLane, Stream
from models.adapters.patch import Patched
from tests.fixtures.streaming import KINDS, Holder, bounded, weight_bytes

pytestmark = pytest.mark.usefixtures("tiny_leaves")


class LateLane:
    """Makes each copy when somebody waits for it and not before, and spoils what nobody waits for."""

    def __init__(self, tier: BoundedTier) -> None:
        self._tier = tier

    def adopt(self, buffer: Tensor) -> None:
        pass

    def start(self, copies: Copies) -> list[Any]:
        waiting = list(copies)
        for target, _ in waiting:
            target.view(torch.uint8).fill_(0xFF) if target.ndim else target.fill_(float("nan"))
        return waiting

    def wait(self, ticket: list[Any]) -> None:
        self._tier.copy(ticket)
        ticket.clear()

    def mark(self) -> None:
        pass


@pytest.mark.parametrize("kind", ["unet", "vae", "text"])
def test_copies_that_are_late_change_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build, run = KINDS[kind]
    network = build()
    expected = run(network)
    monkeypatch.setattr(BoundedTier, "lane", lambda tier: LateLane(tier))
    residency, _ = bounded(0.4 * weight_bytes(network))
    with residency.borrow(Patched(Holder(network))):
        assert all(torch.equal(run(network), expected) for _ in range(3))
        assert residency.report()[0].streamed


class Cargo:
    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.weights = [torch.full((size // 4,), float(ord(name)))]

    def parcels(self) -> Sequence[Tensor]:
        return self.weights


class Log:
    """A lane that writes down what is copied, and by whom it is used."""

    def __init__(self, tier: BoundedTier, cargo: Sequence[Cargo]) -> None:
        self._straight = StraightLane(tier.copy)
        self._names = {one.weights[0].data_ptr(): one.name for one in cargo}
        self.lines: list[str] = []

    def adopt(self, buffer: Tensor) -> None:
        pass

    def start(self, copies: Copies) -> None:
        listed = list(copies)
        self.lines.append(f"fetch {self._names[listed[0][1].data_ptr()]}")
        self._straight.start(listed)

    def wait(self, ticket: None) -> None:
        pass

    def mark(self) -> None:
        self.lines.append("done")


def streaming(cap: int, buffer: int, cargo: Sequence[Cargo]) -> tuple[Stream, Log]:
    tier = BoundedTier(cap)
    log = Log(tier, cargo)
    return Stream(tier.block(buffer), log, {}, tier.block), log


def use(stream: Stream, log: Log, *cargo: Cargo) -> None:
    for one in cargo:
        lent = stream.take(one)
        log.lines.append(f"use {one.name}")
        assert torch.equal(lent[0], one.weights[0])
        stream.give(one)


def test_the_first_pass_measures_and_the_second_fetches_ahead() -> None:
    cargo = [Cargo(name, 256) for name in "abcde"]
    stream, log = streaming(512, 512, cargo)
    use(stream, log, *cargo)
    assert [line for line in log.lines if line != "done"] == [
        f"{verb} {one.name}" for one in cargo for verb in ("fetch", "use")
    ]
    use(stream, log, *cargo)
    log.lines.clear()
    use(stream, log, *cargo)
    order = [line.removeprefix("fetch ") for line in log.lines if line.startswith("fetch")]
    # A pass begins with the first two there already, and ends with fetching them for the next.
    assert order == ["c", "d", "e", "a", "b"]
    assert log.lines.index("fetch c") < log.lines.index("use b") < log.lines.index("fetch d")


def test_a_leaf_is_fetched_once_a_pass_whatever_the_sizes() -> None:
    sizes = (64, 1024, 256, 64, 512, 1024, 128)
    cargo = [Cargo(name, size) for name, size in zip("abcdefg", sizes, strict=True)]
    buffer = max(one + other for one, other in pairwise([*sizes, sizes[0]]))
    stream, log = streaming(buffer, buffer, cargo)
    for _ in range(3):
        use(stream, log, *cargo)
    fetched = [line for line in log.lines if line.startswith("fetch")]
    assert all(3 <= fetched.count(f"fetch {one.name}") <= 4 for one in cargo)
    assert len(fetched) <= 3 * len(cargo) + 2


def test_another_order_costs_time_and_nothing_else() -> None:
    cargo = [Cargo(name, 256) for name in "abcd"]
    a, b, c, d = cargo
    stream, log = streaming(512, 512, cargo)
    for order in ([a, b, c, d], [d, c, b, a], [a, a, c, c, b], [b, d, a, c], [a, b, c, d]):
        use(stream, log, *order)


def test_changed_weights_are_fetched_anew() -> None:
    one, other = Cargo("a", 256), Cargo("b", 256)
    stream, log = streaming(512, 512, [one, other])
    use(stream, log, one, other, one, other)
    one.weights = [one.weights[0] + 1]
    log._names[one.weights[0].data_ptr()] = "changed a"
    use(stream, log, one)
    assert "fetch changed a" in log.lines


def test_what_is_larger_than_the_buffer_comes_beside_it_and_goes() -> None:
    small, large = Cargo("a", 256), Cargo("b", 1024)
    tier = BoundedTier(2048)
    stream = Stream(tier.block(512), tier.lane(), {}, tier.block)
    for _ in range(3):
        assert torch.equal(stream.take(large)[0], large.weights[0])
        inner = stream.take(small)[0]
        assert torch.equal(inner, small.weights[0])
        stream.give(small)
        del inner
        assert tier.held_bytes == 512 + 1024
        stream.give(large)
        assert tier.held_bytes == 512
    assert tier.peak_bytes == 512 + packed_bytes(large.weights)
