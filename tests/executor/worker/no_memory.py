"""The memory of a process whose nodes have no networks."""

from contextlib import nullcontext

from nodes.api.precision import Precision


class NoMemory:
    precision = Precision()

    def borrow(self, value, shape=None):
        return nullcontext(value)

    def fits(self, value, shape):
        return True

    def release(self):
        pass

    def describe(self):
        return {"name": "cpu", "type": "cpu", "index": None}

    def surroundings(self):
        return nullcontext()

    def shortage(self, error):
        return None

    def relieve(self):
        pass

    def forecast(self, steps):
        raise LookupError("there is no memory to plan with")
