from collections.abc import Iterator

import pytest
import torch

from tests.fixtures.streaming import have_tiny_leaves_streamed


@pytest.fixture
def tiny_leaves(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have leaves of tiny networks streamed, without gradients."""
    have_tiny_leaves_streamed(monkeypatch)
    with torch.no_grad():
        yield
