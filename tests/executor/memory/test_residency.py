import gc
import random
import threading
import weakref
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from executor.memory.devices import Devices, choose_devices
from executor.memory.limits import Limits
from executor.memory.residency import Residency
from models.adapters.deltas import Difference
from models.adapters.patch import Patched
from models.adapters.weights import DeltaSet, WeightPatch
from nodes.api.errors import OutOfMemory


@dataclass(frozen=True, eq=False)
class Holder:
    network: nn.Module = field(default_factory=lambda: nn.Linear(8, 8))


BYTES = 256 + 64  # parts lie at multiples of 64


def adding(value: float) -> WeightPatch:
    return WeightPatch(DeltaSet({"weight": Difference(torch.full((8, 8), value))}), 1.0)


class Moves:
    """Stands on a network as a patch and counts how often it is put on and taken off."""

    def __init__(self) -> None:
        self.on = self.installs = 0

    @property
    def key(self) -> str:
        return f"moves {id(self)}"

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        self.on += 1
        self.installs += 1
        undo.callback(self._off)

    def _off(self) -> None:
        self.on -= 1


def bounded(size: int) -> Residency:
    return Residency(choose_devices(f"bounded:{size}"))


@pytest.fixture
def residency() -> Residency:
    return Residency(Devices())


def test_patches_stay_on_until_another_stack_is_asked_for(residency: Residency) -> None:
    holder, patch = Holder(), Moves()
    plain = Patched(holder)
    patched = plain.with_patch(patch)
    for _ in range(3):
        with residency.borrow(patched) as base:
            assert base is holder
            assert patch.on == 1
    assert (patch.on, patch.installs) == (1, 1)
    with residency.borrow(plain):
        assert patch.on == 0
    with residency.borrow(plain.with_patch(patch)):
        assert patch.installs == 2


def test_a_borrowed_network_has_its_weights_changed_and_gets_them_back(residency: Residency) -> None:
    holder = Holder()
    original = holder.network.weight
    before = original.detach().clone()
    with residency.borrow(Patched(holder).with_patch(adding(1.0))):
        torch.testing.assert_close(holder.network.weight, before + 1)
    with residency.borrow(Patched(holder)):
        assert holder.network.weight is original
        assert torch.equal(original, before)


def test_borrows_of_different_networks_nest(residency: Residency) -> None:
    one, two = Moves(), Moves()
    with residency.borrow(Patched(Holder()).with_patch(one)):
        with residency.borrow(Patched(Holder()).with_patch(two)):
            assert (one.on, two.on) == (1, 1)
        assert one.on == 1


def test_an_inner_borrow_of_the_same_network_gives_the_outer_one_its_stack_back(residency: Residency) -> None:
    plain = Patched(Holder())
    outer, inner = Moves(), Moves()
    with residency.borrow(plain.with_patch(outer)):
        with residency.borrow(plain.with_patch(inner)):
            assert (outer.on, inner.on) == (0, 1)
        assert (outer.on, inner.on) == (1, 0)
        with pytest.raises(ZeroDivisionError), residency.borrow(plain.with_patch(outer, inner)):
            raise ZeroDivisionError
        assert (outer.on, inner.on) == (1, 0)


def test_a_failing_patch_leaves_the_network_usable(residency: Residency) -> None:
    holder, patch = Holder(), Moves()
    tensors = [id(p) for p in holder.network.parameters()]
    wrong = WeightPatch(DeltaSet({"weight": Difference(torch.zeros(3))}), 1.0)
    patched = Patched(holder).with_patch(adding(1.0), patch, wrong)
    with pytest.raises(ValueError, match="does not fit"), residency.borrow(patched):
        pytest.fail("never reached")
    assert patch.on == 0
    with residency.borrow(Patched(holder)):
        assert [id(p) for p in holder.network.parameters()] == tensors


def test_freeing_takes_off_everything_that_is_not_in_use() -> None:
    residency = bounded(10 * BYTES)
    idle, used = Moves(), Moves()
    holder = Holder()
    with residency.borrow(Patched(holder).with_patch(idle)):
        pass
    other = Holder()
    with residency.borrow(Patched(other).with_patch(used)):
        residency.free()
        assert (idle.on, used.on) == (0, 1)
        assert residency.resident_bytes() == BYTES
    residency.free()
    assert (used.on, residency.resident_bytes()) == (0, 0)


def test_a_network_that_nobody_holds_is_let_go(residency: Residency) -> None:
    holder: Any = Holder()
    gone = weakref.ref(holder.network)
    with residency.borrow(Patched(holder).with_patch(adding(1.0))):
        pass
    del holder
    gc.collect()
    assert gone() is None
    assert residency.resident_bytes() == 0


def test_the_network_unused_for_longest_makes_room() -> None:
    residency = bounded(2 * BYTES)
    holders = [Holder() for _ in range(3)]
    patches = [Moves() for _ in holders]
    models = [Patched(h).with_patch(p) for h, p in zip(holders, patches, strict=True)]
    for index in (0, 1, 0, 2):
        with residency.borrow(models[index]):
            assert residency.resident_bytes() <= 2 * BYTES
    assert [patch.on for patch in patches] == [1, 0, 1]


def test_a_network_in_use_is_never_moved_away() -> None:
    residency = bounded(BYTES)
    patch, holder = Moves(), Holder()
    with residency.borrow(Patched(holder).with_patch(patch)):
        with pytest.raises(OutOfMemory) as caught, residency.borrow(Patched(Holder())):
            pytest.fail("never reached")
        assert caught.value.requested_bytes == BYTES
        assert patch.on == 1
    with residency.borrow(Patched(Holder())):
        assert patch.on == 0


def test_a_network_larger_than_the_limit_is_refused_with_numbers() -> None:
    with (
        pytest.raises(OutOfMemory, match="Linear needs 1 KiB at least"),
        bounded(100).borrow(Patched(Holder())),
    ):
        pytest.fail("never reached")


def test_two_threads_never_hold_one_network_at_once(residency: Residency) -> None:
    holder, wrong = Holder(), []
    before = holder.network.weight.detach().clone()

    def work(value: float) -> None:
        patched = Patched(holder).with_patch(adding(value))
        for _ in range(30):
            with residency.borrow(patched):
                if not torch.allclose(holder.network.weight, before + value):
                    wrong.append(value)

    threads = [threading.Thread(target=work, args=(value,)) for value in (1.0, 2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_books_are_right_after_any_order_of_borrows_and_failures() -> None:
    generator = random.Random(0)
    residency = bounded(3 * BYTES)
    holders = [Holder() for _ in range(5)]
    originals = [[(id(p), p.detach().clone()) for p in h.network.parameters()] for h in holders]
    values = {adding(float(value)): float(value) for value in range(3)}
    patches = list(values)

    def run(depth: int) -> None:
        chosen = generator.sample(patches, generator.randrange(3))
        patched = Patched(generator.choice(holders)).with_patch(*chosen)
        with residency.borrow(patched) as base:
            assert residency.resident_bytes() <= 3 * BYTES
            if depth < 2 and generator.random() < 0.5:
                run(depth + 1)
            if generator.random() < 0.2:
                raise KeyError
            expected = originals[holders.index(base)][0][1] + sum(values[patch] for patch in chosen)
            torch.testing.assert_close(base.network.weight.detach(), expected)

    for _ in range(200):
        try:
            run(0)
        except (KeyError, OutOfMemory):
            continue
    residency.free()
    assert residency.resident_bytes() == 0
    for holder, tensors in zip(holders, originals, strict=True):
        for parameter, (identity, value) in zip(holder.network.parameters(), tensors, strict=True):
            assert id(parameter) == identity
            assert torch.equal(parameter, value)


def test_devices_are_chosen_by_name() -> None:
    assert choose_devices("cpu").compute == torch.device("cpu")
    info = choose_devices("cpu").info()
    assert (info["name"], info["type"], info["index"]) == ("cpu", "cpu", None)
    assert 0 < info["vram_free"] <= info["vram_total"]
    for name in ("tpu", "mps", "cuda:99"):
        with pytest.raises(ValueError, match=name):
            choose_devices(name)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_networks_move_to_the_device_and_back() -> None:
    residency = Residency(choose_devices("cuda"))
    holder = Holder()
    before = holder.network.weight.detach().clone()
    with residency.borrow(Patched(holder).with_patch(adding(1.0))):
        assert holder.network.weight.device.type == "cuda"
        torch.testing.assert_close(holder.network.weight.cpu(), before + 1)
    residency.free()
    assert torch.equal(holder.network.weight, before)


def test_a_network_that_stays_on_the_cpu_is_not_moved_and_takes_no_room() -> None:
    residency = Residency(Devices(torch.device("meta"), limits=Limits(vram_bytes=BYTES)))
    staying, moving = Holder(), Holder()
    staying.network.stays_on_cpu = True
    with residency.borrow(Patched(moving)), residency.borrow(Patched(staying)):
        assert moving.network.weight.device.type == "meta"
        assert staying.network.weight.device.type == "cpu"
        assert residency.resident_bytes() == BYTES
