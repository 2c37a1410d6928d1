"""Answers which way attention is computed: as somebody asked, or as is fastest here for calls of a shape."""

import logging
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from weakref import WeakMethod

import torch
from torch import Tensor

from models.attention_backends.backend import Backend, Case, case_of
from models.attention_backends.chunked import Chunked
from models.attention_backends.extras import FLASH, FLASH_3, SAGE, XFORMERS
from models.attention_backends.fused import KERNELS, PLAIN, TORCH, Fused, is_in_the_open
from models.host_memory import host_room

logger = logging.getLogger(__name__)

# Below it, attention in the open is left to torch without a look at the memory.
_SMALL_BYTES = 64 * 2**20
_PART_OF_FREE = 4
# Another way must be so much faster than torch's own choice, so that chance does not choose.
_FASTER = 0.95
_ENOUGH_SECONDS = 0.05
_ROUNDS = 3

Seconds = Callable[[Backend, Callable[[], Tensor]], float]


@dataclass(frozen=True)
class AttentionSettings:
    """What was asked for about attention.

    Attributes:
        wanted: the name of a backend, or None for the fastest that is exact.
        without: names of backends that are not used.
        upcast: True has everything computed in float32, False nothing; None leaves it to each backend.
        measures: whether backends are timed; otherwise torch chooses, in the same way each time.
    """

    wanted: str | None = None
    without: frozenset[str] = frozenset()
    upcast: bool | None = None
    measures: bool = True


class _Current:
    """The attender of this process, and who knows how much memory is free."""

    attender: "Attender"
    asked: "WeakMethod[Callable[[torch.device], int]] | None" = None


def free_part(device: torch.device) -> int:
    """Bytes that attention may take on a device: a part of what is free there."""
    told = None if _Current.asked is None else _Current.asked()
    if told is not None:
        return max(0, told(device)) // _PART_OF_FREE
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return (int(free) + int(idle)) // _PART_OF_FREE
    return host_room().free // _PART_OF_FREE


def seconds(backend: Backend, compute: Callable[[], Tensor]) -> float:
    """The least time that a computation on the current CUDA device takes, the first run not counted."""
    del backend
    torch.cuda.synchronize()
    found = float("inf")
    for round_ in range(_ROUNDS + 1):
        start = time.perf_counter()
        compute()
        torch.cuda.synchronize()
        taken = time.perf_counter() - start
        if round_:
            found = min(found, taken)
            if taken > _ENOUGH_SECONDS:
                break
    return found


def known_backends(
    room: Callable[[torch.device], int] = free_part, upcast: bool | None = None
) -> Mapping[str, Backend]:
    """All backends by name, in the order in which people see them."""
    wide = upcast is not False
    parts = (
        Chunked("split", room, whole_rows=True, upcast=wide),
        Chunked("sub-quadratic", room, upcast=wide),
    )
    found: tuple[Backend, ...] = (TORCH, *KERNELS, PLAIN, FLASH, FLASH_3, XFORMERS, SAGE, *parts)
    return {backend.name: backend for backend in found}


@dataclass
class Attender:
    """Computes attention, each shape class in the way that is best for it.

    On CUDA devices the exact backends are timed at the first call of a class. Elsewhere torch chooses, except
    where it would write more scores to memory at once than there is room for.

    Attributes:
        settings: what was asked for.
        room: bytes that attention may take on a device.
        timer: seconds that a computation takes.
        chosen: the backend of each class that was met, by name.
        taken: how long the backends took that were timed, in seconds.
    """

    settings: AttentionSettings = AttentionSettings()
    room: Callable[[torch.device], int] = free_part
    timer: Seconds = seconds
    timed_devices: tuple[str, ...] = ("cuda",)
    chosen: dict[Case, str] = field(default_factory=dict)
    taken: dict[Case, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the backends.

        Raises:
            ValueError: if one is asked for that this machine does not have.
        """
        self.backends = known_backends(self.room, self.settings.upcast)
        self._lock = threading.Lock()
        self._ways: dict[str, Attender] = {}
        wanted = self.settings.wanted
        if wanted is not None and wanted not in self.backends:
            raise ValueError(f"no attention is named {wanted!r}; there are {', '.join(self.backends)}")
        if wanted is not None and (lack := self.backends[wanted].missing()):
            raise ValueError(f"attention of {wanted} was asked for, but {lack}")

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """Softmax attention, scaled by 1/sqrt(D): (B, H, N, D) of (B, H, N, D) and twice (B, H, M, D)."""
        call = (query, key, value, mask, causal)
        if self.settings.upcast and query.dtype.itemsize < torch.float32.itemsize:
            wide = _in_type(call, torch.float32)
            return self._backend(*wide).attend(*wide).to(query.dtype)
        if torch.compiler.is_compiling():
            return self._compiled().attend(*call)
        backend = self._backend(*call)
        try:
            return backend.attend(*call)
        except torch.OutOfMemoryError:
            if isinstance(backend, Chunked):
                raise
        logger.info("attention of %s found no memory; it is computed in parts", backend.name)
        return self.backends["sub-quadratic"].attend(*call)

    def by(self, name: str) -> "Attender":
        """What computes by the named backend wherever that can; one and the same each time.

        Raises:
            ValueError: if this machine does not have it, or it is switched off.
        """
        if name not in self._ways:
            lacks = {row["name"]: row["missing"] for row in self.report()}
            if lack := lacks.get(name, "nothing is known of it"):
                there = ", ".join(other for other, missing in lacks.items() if not missing)
                raise ValueError(f"attention of {name} cannot be used here: {lack}; there are {there}")
            settings = replace(self.settings, wanted=name)
            self._ways[name] = replace(self, settings=settings, chosen={}, taken={})
        return self._ways[name]

    def report(self) -> list[dict[str, str]]:
        """For each backend its name, what it lacks here if anything, and what it is used for."""
        rows = []
        for name, backend in self.backends.items():
            lack = backend.missing()
            if not lack and name in self.settings.without:
                lack = "it is switched off"
            rows.append({"name": name, "missing": lack, "use": "" if lack else self._use(name, backend)})
        return rows

    def _use(self, name: str, backend: Backend) -> str:
        if self.settings.wanted == name:
            return "asked for"
        if name == TORCH.name:
            return "where the one asked for cannot" if self.settings.wanted else "usual"
        if name == "sub-quadratic":
            return "where memory is short"
        if name in (PLAIN.name, "split") or not backend.is_exact or self.settings.wanted:
            return "when asked for"
        return "where it is the fastest" if self.settings.measures else "when asked for"

    def _compiled(self) -> Backend:
        """What a network that is being compiled uses: nothing can be tried out there."""
        wanted = self.settings.wanted
        backend = self.backends[wanted] if wanted is not None else TORCH
        return backend if isinstance(backend, Chunked | Fused) else TORCH

    def _backend(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool
    ) -> Backend:
        wanted = self.settings.wanted
        if wanted is None and query.device.type not in self.timed_devices:
            return self._unmeasured(query, key, value, mask, causal)
        case = case_of(query, key, mask, causal)
        if wanted is not None:
            backend = self.backends[wanted]
            if not backend.refusal(case):
                return backend
            return self._unmeasured(query, key, value, mask, causal)
        if query.requires_grad or key.requires_grad or not self.settings.measures:
            return self._unmeasured(query, key, value, mask, causal)
        found = self.chosen.get(case)
        if found is None:
            if query.is_cuda and torch.cuda.is_current_stream_capturing():
                return TORCH
            with self._lock:
                found = self.chosen.get(case) or self._measured(case, query, key, value, mask, causal)
        return self.backends[found]

    def _unmeasured(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool
    ) -> Backend:
        """Torch's own choice, unless that would take more memory than there is for it."""
        scores = query.shape[:-1].numel() * key.shape[-2] * 4
        if scores < _SMALL_BYTES or query.is_meta or not is_in_the_open(query, key, value, mask, causal):
            return TORCH
        return self.backends["sub-quadratic"] if 2 * scores > self.room(query.device) else TORCH

    def _measured(
        self, case: Case, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool
    ) -> str:
        """Time what can compute a case, and remember the fastest."""
        usual = self._unmeasured(query, key, value, mask, causal)
        found: dict[str, float] = {}
        for backend in (usual, *KERNELS, FLASH_3, FLASH, XFORMERS):
            if backend.name in self.settings.without or backend.missing() or backend.refusal(case):
                continue
            try:
                with warnings.catch_warnings():
                    # Torch warns of each reason for which a kernel cannot, and then refuses.
                    warnings.simplefilter("ignore")
                    compute = _bound(backend, query, key, value, mask, causal)
                    found[backend.name] = self.timer(backend, compute)
            except (RuntimeError, ValueError, ImportError) as problem:
                logger.debug("attention of %s cannot compute %s: %s", backend.name, case, problem)
        best = min(found, key=lambda name: found[name], default=usual.name)
        if usual.name in found and found[best] > _FASTER * found[usual.name]:
            best = usual.name
        self.chosen[case], self.taken[case] = best, found
        logger.debug("attention of %s for %s", best, case)
        return best


def _in_type(
    call: tuple[Tensor, Tensor, Tensor, Tensor | None, bool], dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, bool]:
    """A call (shapes as in `Attender.attend`) with its numbers in another type."""
    query, key, value, mask, causal = call
    if mask is not None and mask.dtype is not torch.bool:
        mask = mask.to(dtype)
    return query.to(dtype), key.to(dtype), value.to(dtype), mask, causal


def _bound(
    backend: Backend, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool
) -> Callable[[], Tensor]:
    return lambda: backend.attend(query, key, value, mask, causal)


_Current.attender = Attender()


def current() -> Attender:
    """What computes attention in this process."""
    return _Current.attender


def use(settings: AttentionSettings) -> Attender:
    """Compute attention by these settings in this process from now on.

    Raises:
        ValueError: if a backend is asked for that this machine does not have.
    """
    _Current.attender = replace(_Current.attender, settings=settings, chosen={}, taken={})
    return _Current.attender


def ask_for_room(free: Callable[[torch.device], int]) -> None:
    """Ask a bound method how many bytes are free on a device, as long as its object lives."""
    _Current.asked = WeakMethod(free)
