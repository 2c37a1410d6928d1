"""Do patched modules learn what the network is run on, and only while it runs?"""

import pytest

from models.call import Call, calling, current_call


def test_the_innermost_call_is_current_and_nothing_is_left_behind() -> None:
    outer, inner = Call(2.0, ("positive",), 1, 8, 8), Call(1.0, ("negative",), 1, 8, 8)

    def fail() -> None:
        with calling(inner):
            assert current_call() is inner
            raise ValueError("stop")

    with calling(outer):
        with pytest.raises(ValueError, match="stop"):
            fail()
        assert current_call() is outer
    with pytest.raises(LookupError):
        current_call()
