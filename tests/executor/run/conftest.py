import pytest

from tests.executor.run import kit


@pytest.fixture
def engine():
    kit.calls.clear()
    with kit.make_engine() as engine:
        yield engine
