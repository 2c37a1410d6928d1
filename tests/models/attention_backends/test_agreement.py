"""Every way to compute attention that can run here gives what the formula gives."""

import math
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from models.attention_backends.backend import Case, case_of
from models.attention_backends.choice import known_backends
from models.attention_backends.chunked import chunked_attention
from models.attention_backends.extras import FLASH, FLASH_3, SAGE, XFORMERS, _function

CPU = torch.device("cpu")
SHAPES = ((2, 3, 70, 70, 16), (1, 1, 33, 5, 512), (1, 4, 9, 700, 8))
MASKS = ("none", "boolean", "rows", "added", "causal")


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def case(shape: tuple[int, int, int, int, int], kind: str) -> tuple[list[Tensor], Tensor | None, bool]:
    batch, heads, queries, keys, width = shape
    tensors = [drawn(batch, heads, count, width, seed=count) for count in (queries, keys, keys + 1)]
    tensors[2] = tensors[2][:, :, :keys]
    masks = {
        "boolean": lambda: drawn(batch, 1, queries, keys, seed=4) > -0.5,
        "rows": lambda: drawn(batch, 1, 1, keys, seed=5) > 0,
        "added": lambda: drawn(queries, keys, seed=6),
    }
    return tensors, masks[kind]() if kind in masks else None, kind == "causal"


def formula(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
    scores = query.double() @ key.double().transpose(-1, -2) / math.sqrt(query.shape[-1])
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype is torch.bool else scores + mask
    return scores.softmax(-1) @ value.double()


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_backend_of_this_machine_agrees_with_the_formula(
    shape: tuple[int, int, int, int, int], kind: str
) -> None:
    tensors, mask, causal = case(shape, kind)
    expected = formula(*tensors, mask, causal)
    tried = []
    for backend in known_backends(lambda _: 2**20).values():
        if not backend.missing() and not backend.refusal(case_of(tensors[0], tensors[1], mask, causal)):
            made = backend.attend(*tensors, mask, causal)
            torch.testing.assert_close(made.double(), expected, atol=2e-5, rtol=1e-4)
            tried.append(backend.name)
    assert {"torch", "torch math", "split", "sub-quadratic"} <= set(tried)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", MASKS)
def test_every_backend_of_the_device_agrees_with_the_formula(kind: str, dtype: torch.dtype) -> None:
    tensors, mask, causal = case((2, 4, 1000, 1000, 64), kind)
    expected = formula(*tensors, mask, causal)
    halves = [tensor.to("cuda", dtype) for tensor in tensors]
    mask = None if mask is None else mask.cuda() if mask.dtype is torch.bool else mask.to("cuda", dtype)
    for backend in known_backends().values():
        if not backend.missing() and not backend.refusal(case_of(halves[0], halves[1], mask, causal)):
            try:
                made = backend.attend(*halves, mask, causal)
            except RuntimeError:
                assert "torch" in backend.name
                continue
            limit = 0.03 if dtype is torch.bfloat16 or not backend.is_exact else 0.01
            assert (made.cpu().double() - expected).abs().max() < limit, backend.name


@pytest.mark.parametrize("whole_rows", [True, False])
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("room_bytes", [2**10, 2**14, 2**18])
def test_parts_of_any_size_make_the_same_whole(room_bytes: int, kind: str, whole_rows: bool) -> None:
    tensors, mask, causal = case((2, 3, 70, 1100, 16), kind)
    made = chunked_attention(*tensors, mask, causal, room_bytes, whole_rows=whole_rows)
    torch.testing.assert_close(made.double(), formula(*tensors, mask, causal), atol=2e-5, rtol=1e-4)


def test_queries_that_may_see_no_key_get_zeros() -> None:
    tensors, _, _ = case((1, 2, 6, 1100, 8), "none")
    mask = torch.ones(6, 1100, dtype=torch.bool)
    mask[2] = False
    mask[4, :600] = False
    made = chunked_attention(*tensors, mask, False, 2**12)
    expected = scaled_dot_product_attention(*tensors, attn_mask=mask)
    assert not made[:, :, 2].any()
    torch.testing.assert_close(made[:, :, [0, 1, 3, 4, 5]], expected[:, :, [0, 1, 3, 4, 5]])


def test_16_bits_are_widened_inside_unless_somebody_forbids_it() -> None:
    tensors, _, _ = case((1, 2, 200, 200, 64), "none")
    halves = [tensor.bfloat16() for tensor in tensors]
    expected = formula(*halves, None, False)
    wide, narrow = (chunked_attention(*halves, None, False, 2**16, upcast=upcast) for upcast in (True, False))
    assert wide.dtype is narrow.dtype is torch.bfloat16
    errors = [(made.double() - expected).abs().max().item() for made in (wide, narrow)]
    assert errors[0] < errors[1] < 0.03


class _Peak(TorchDispatchMode):
    """Adds up the bytes of all storages that operations made and that are still alive."""

    def __init__(self, *inputs: Tensor) -> None:
        super().__init__()
        self.given = {tensor.untyped_storage()._cdata for tensor in inputs}
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and made.untyped_storage()._cdata not in self.given:
            storage = made.untyped_storage()
            self.alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.alive = {key: entry for key, entry in self.alive.items() if not entry[0].expired()}
        self.most = max(self.most, sum(size for _, size in self.alive.values()))
        return made


@pytest.mark.parametrize("shape", [(1, 8, 4096, 4096, 40), (2, 4, 1024, 8192, 64)])
def test_memory_between_input_and_output_stays_within_the_budget(
    shape: tuple[int, int, int, int, int],
) -> None:
    tensors, _, _ = case(shape, "none")
    room = 8 * 2**20
    with _Peak(*tensors) as peak:
        made = chunked_attention(*tensors, None, False, room)
    assert made.nbytes < peak.most <= made.nbytes + room
    assert shape[0] * shape[1] * shape[2] * shape[3] * 4 > 16 * room
    torch.testing.assert_close(made, scaled_dot_product_attention(*tensors), atol=1e-5, rtol=1e-4)


def _on_cuda(shape: tuple[int, ...], dtype: torch.dtype = torch.float16, **further: object) -> Case:
    return Case(torch.device("cuda"), dtype, 8, 64, 64, shape[-1], **further)


def test_packages_are_called_in_their_own_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors, _, _ = case((2, 3, 16, 16, 8), "none")

    def heads_last(query: Tensor, key: Tensor, value: Tensor, causal: bool = False) -> Tensor:
        turned = [tensor.transpose(1, 2) for tensor in (query, key, value)]
        return scaled_dot_product_attention(*turned, is_causal=causal).transpose(1, 2)

    def sage(query: Tensor, key: Tensor, value: Tensor, tensor_layout: str, is_causal: bool) -> Tensor:
        assert tensor_layout == "HND"
        return scaled_dot_product_attention(query, key, value, is_causal=is_causal)

    def biased(query: Tensor, key: Tensor, value: Tensor, attn_bias: object) -> Tensor:
        return heads_last(query, key, value, attn_bias is not None)

    for name, content in (
        ("flash_attn", {"flash_attn_func": heads_last}),
        ("flash_attn_interface", {"flash_attn_func": lambda *all_, **named: (heads_last(*all_, **named), 0)}),
        ("sageattention", {"sageattn": sage}),
        ("xformers", {}),
        ("xformers.ops", {"memory_efficient_attention": biased, "LowerTriangularMask": SimpleNamespace}),
    ):
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    try:
        for backend in (FLASH, FLASH_3, SAGE, XFORMERS):
            for causal in (False, True):
                expected = scaled_dot_product_attention(*tensors, is_causal=causal)
                torch.testing.assert_close(backend.attend(*tensors, None, causal), expected)
    finally:
        _function.cache_clear()


def test_packages_say_what_they_do_not_take() -> None:
    assert FLASH.refusal(_on_cuda((64,))) == ""
    assert "no mask" in FLASH.refusal(_on_cuda((64,), mask="added"))
    assert "float32" in FLASH.refusal(_on_cuda((64,), torch.float32))
    assert XFORMERS.refusal(_on_cuda((64,), torch.float32)) == ""
    assert "by eights" in FLASH.refusal(_on_cuda((20,)))
    assert "up to 128" in SAGE.refusal(_on_cuda((160,)))
    assert "positions" in FLASH.refusal(_on_cuda((64,), causal=True, is_square=False))
    assert "CUDA" in FLASH.refusal(Case(CPU, torch.float16, 8, 64, 64, 64))
