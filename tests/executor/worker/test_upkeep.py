"""What a worker does about its memory between jobs."""

import gc
import queue
import threading

from executor.worker import upkeep
from executor.worker.heap import trim
from executor.worker.upkeep import Upkeep
from models.host_memory import own_bytes

MIB = 2**20


class Accounts:
    """A process that says what it holds."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def held_bytes(self) -> int:
        return self.held

    def unaccounted_limit(self) -> int:
        return self.limit


def test_a_process_is_worn_by_what_nothing_accounts_for():
    # What earlier tests left must not go back in the middle of this one.
    gc.collect()
    trim()
    accounts = Accounts(32 * MIB)
    looked_after = Upkeep(accounts)
    assert not looked_after.is_worn()
    lost = [bytes(bytearray(96 * MIB))]
    assert looked_after.is_worn()
    accounts.held = 96 * MIB
    assert not looked_after.is_worn()
    accounts.held = 0
    lost.clear()
    assert not looked_after.is_worn()


def test_freed_memory_goes_back_to_the_system():
    before = own_bytes()
    pieces = [bytearray(4096) for _ in range(40_000)]
    fence = pieces[-1]
    del pieces[:-1]
    held = own_bytes() - before
    trim()
    assert own_bytes() - before < max(held, 8 * MIB)
    assert own_bytes() - before < 40 * MIB
    assert len(fence) == 4096


def test_memory_is_given_back_when_nothing_comes_after_a_job(monkeypatch):
    given_back = threading.Event()
    monkeypatch.setattr(upkeep, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(upkeep, "trim", given_back.set)
    orders = queue.SimpleQueue()
    looked_after = Upkeep(Accounts(2**50))
    orders.put("first")
    assert looked_after.wait(orders) == "first"
    looked_after.is_worn()
    threading.Thread(target=lambda: given_back.wait(60) and orders.put("second")).start()
    assert looked_after.wait(orders) == "second"


def test_jobs_that_come_without_a_pause_do_not_put_it_off_for_ever(monkeypatch):
    given_back = []
    monkeypatch.setattr(upkeep, "trim", lambda: given_back.append(True))
    looked_after = Upkeep(Accounts(2**50))
    for _ in range(2 * upkeep.MOST_JOBS):
        looked_after.is_worn()
    assert len(given_back) == 2
