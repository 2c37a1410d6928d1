"""Do patched modules learn what the network is run on, and only while it runs?"""

import pytest
import torch

from models.call import Call, Run, calling, current_call


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


def test_a_runs_numbers_go_on_where_the_initial_noise_ended() -> None:
    shape, cpu = (2, 4, 5, 3), torch.device("cpu")
    generator = torch.Generator().manual_seed(7)
    torch.randn(shape, generator=generator)
    expected = torch.randint(100, (4,), generator=generator).tolist()
    run = Run(7, shape)
    drawn = [int(torch.randint(100, (1,), generator=run.generator(cpu))) for _ in range(4)]
    assert drawn == expected
