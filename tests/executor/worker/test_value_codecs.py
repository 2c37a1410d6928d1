import pytest
import torch

from executor.run.cache import Outcome
from executor.run.disk_cache import DiskCache
from executor.worker.value_codecs import value_codecs
from schedulers.conditioning import CellArea, Entry
from schedulers.latent import LatentBatch


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(2, 3, 4),
        torch.randn(4, 4).T,
        torch.arange(5),
        torch.zeros(0, 3),
        torch.tensor(2.5),
        torch.randn(3).to(torch.bfloat16),
        torch.tensor([True, False]),
        torch.randn(3, requires_grad=True),
    ],
)
def test_a_tensor_comes_back_bit_by_bit(tmp_path, tensor):
    cache = DiskCache(tmp_path, codecs=value_codecs())
    cache.put("a", "", Outcome((tensor,)), 1.0)
    cache.close()
    (again,) = DiskCache(tmp_path, codecs=value_codecs()).get("a").slots
    assert (again.dtype, again.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(again, tensor)
    again.zero_()  # it owns its memory


def test_latents_and_conditioning_come_back(tmp_path):
    latent = LatentBatch(torch.randn(1, 4, 2, 2), batch_index=(3,), extra={"x": torch.ones(2)})
    entry = Entry(torch.randn(1, 7, 8), torch.randn(1, 8), strength=0.5, area=CellArea(1, 2, 3, 4))
    cache = DiskCache(tmp_path, codecs=value_codecs())
    cache.put("a", "", Outcome((latent, (entry,))), 1.0)
    cache.put("network", "", Outcome((torch.nn.Linear(1, 1),)), 1.0)
    cache.flush()
    first, (second,) = cache.get("a").slots
    assert torch.equal(first.samples, latent.samples)
    assert first.batch_index == (3,)
    assert torch.equal(first.extra["x"], torch.ones(2))
    assert torch.equal(second.pooled, entry.pooled)
    assert (second.strength, second.area) == (0.5, CellArea(1, 2, 3, 4))
    assert "network" not in cache
    cache.close()
