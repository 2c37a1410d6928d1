"""The memory of a process whose nodes have no networks."""

import os
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

    def held_bytes(self):
        return 0

    def unaccounted_limit(self):
        return int(os.environ.get("TOY_UNACCOUNTED_LIMIT", 2**40))

    def forecast(self, steps):
        from executor.forecast.forecast import Forecaster
        from executor.memory.estimate import Estimates
        from executor.memory.limits import Limits

        return Forecaster(None, Limits(), Estimates(), 2**40).forecast("cpu", steps)
