"""The memory of a process whose nodes have no networks."""

from contextlib import nullcontext

from nodes.api.precision import Precision


class NoMemory:
    precision = Precision()

    def borrow(self, value):
        return nullcontext(value)

    def release(self):
        pass

    def describe(self):
        return {"name": "cpu", "type": "cpu", "index": None}

    def surroundings(self):
        return nullcontext()

    def shortage(self, error):
        return None
