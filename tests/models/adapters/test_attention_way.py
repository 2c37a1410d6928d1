"""Does one network compute its attention as it was told, and only as long as it is told?"""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.adapters.attention_way import AttentionWay
from models.adapters.compiled import CompiledBlocks
from models.adapters.patch import Patched, applied
from models.attention import AttentionCore
from models.attention_backends import choice
from models.attention_backends.choice import Attender, AttentionSettings
from models.attention_backends.chunked import Chunked
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.fixtures.checkpoints import redrawn
from tests.oracle.tiny_unet import OURS

WIDTH = 24


def model(seed: int) -> Patched[Any]:
    return Patched(SimpleNamespace(network=redrawn(UNet(UNetConfig(**OURS, context_width=WIDTH)), seed)))


def output(network: nn.Module) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 4, 8, 8, generator=generator)
    context = torch.randn(1, 7, WIDTH, generator=generator)
    with torch.no_grad():
        made: Tensor = network(x, torch.full((1,), 300.0), context)
    return made


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often attention was computed in parts, by the name of the way."""
    count: Counter[str] = Counter()
    attend = Chunked.attend

    def counted(self: Chunked, *given: Any) -> Tensor:
        count[self.name] += 1
        return attend(self, *given)

    monkeypatch.setattr(Chunked, "attend", counted)
    return count


def test_only_the_told_network_computes_so_and_only_as_long_as_it_is_told(used: Counter[str]) -> None:
    told, other = model(1), model(2)
    network, plain = told.base.network, output(told.base.network)
    cores = sum(isinstance(module, AttentionCore) for module in network.modules())
    with applied(told.with_patch(AttentionWay("split"))):
        torch.testing.assert_close(output(network), plain, rtol=1e-4, atol=1e-4)
        assert used == {"split": cores}
        output(other.base.network)
        assert used == {"split": cores}
    assert torch.equal(output(network), plain)
    assert used == {"split": cores}
    assert all(module.way is None for module in network.modules() if isinstance(module, AttentionCore))


def test_of_several_ways_the_last_holds(used: Counter[str]) -> None:
    told = model(1)
    with applied(told.with_patch(AttentionWay("split"), AttentionWay("sub-quadratic"))):
        output(told.base.network)
    assert list(used) == ["sub-quadratic"]
    first, second = (told.with_patch(AttentionWay(name)) for name in ("split", "sub-quadratic"))
    assert first.stack != second.stack


def test_compiled_blocks_compute_so_too_and_are_not_compiled_again(used: Counter[str]) -> None:
    told = model(1)
    network, plain = told.base.network, output(told.base.network)
    counts = []
    for _ in range(3):
        with applied(told.with_patch(CompiledBlocks("eager"), AttentionWay("torch"))):
            torch.testing.assert_close(output(network), plain, rtol=1e-4, atol=1e-4)
        counts.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert len(set(counts)) == 1
    with applied(told.with_patch(CompiledBlocks("eager"), AttentionWay("split"))):
        torch.testing.assert_close(output(network), plain, rtol=1e-4, atol=1e-4)
    assert torch.equal(output(network), plain)


def test_what_is_not_here_is_refused_with_what_is() -> None:
    attender = Attender(AttentionSettings(without=frozenset({"split"})))
    with pytest.raises(ValueError, match="attention of split cannot be used here: it is switched off"):
        attender.by("split")
    with pytest.raises(ValueError, match=r"nothing is known of it; there are torch, .*sub-quadratic"):
        attender.by("comfy kitchen attention")
    assert attender.by("torch math") is attender.by("torch math")
    assert attender.by("torch math").settings.without == {"split"}


def test_a_network_without_attention_is_refused() -> None:
    bare = Patched(SimpleNamespace(network=nn.Linear(2, 2))).with_patch(AttentionWay("torch"))
    with pytest.raises(ValueError, match="Linear has no attention"), applied(bare):
        pass


def test_a_way_follows_what_the_process_was_told_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice._Current, "attender", choice.current())
    before = choice.current().by("split")
    choice.use(AttentionSettings(upcast=True))
    assert choice.current().by("split") is not before
    assert choice.current().by("split").settings.upcast is True
