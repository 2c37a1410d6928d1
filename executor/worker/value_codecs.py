"""How do tensors, latents and conditioning become bytes in the result cache on disk, and come back?"""

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from executor.run.stored_values import Codec, Packed
from schedulers.conditioning import CellArea, Entry, FractionArea
from schedulers.latent import LatentBatch


class TensorCodec:
    """Dense tensors of numbers, on any device; they come back in the processor's memory."""

    kind = "tensor"

    def pack(self, value: Any) -> Packed | None:
        """Type of elements, shape and bytes of a tensor."""
        if type(value) is not Tensor or value.layout is not torch.strided or value.is_quantized:
            return None
        plain = value.detach().cpu().contiguous()
        data = plain.reshape(-1).view(torch.uint8).numpy().tobytes()
        return Packed({"dtype": str(plain.dtype).removeprefix("torch."), "shape": list(plain.shape)}, data)

    def unpack(self, packed: Packed) -> Tensor:
        """The tensor, of any shape."""
        dtype = getattr(torch, packed.meta["dtype"])
        if not packed.data:
            return torch.empty(packed.meta["shape"], dtype=dtype)
        return torch.frombuffer(bytearray(packed.data), dtype=dtype).reshape(packed.meta["shape"])


class RecordCodec:
    """Frozen dataclasses whose fields can be stored."""

    def __init__(self, kind: str, record: type[Any]) -> None:
        self.kind = kind
        self.record = record

    def pack(self, value: Any) -> Packed | None:
        """The fields by name."""
        if type(value) is not self.record:
            return None
        return Packed(parts={entry.name: getattr(value, entry.name) for entry in fields(value)})

    def unpack(self, packed: Packed) -> Any:
        """The record."""
        return self.record(**packed.parts)


def value_codecs() -> tuple[Codec, ...]:
    """Codecs for the values on wires that can be stored; networks cannot."""
    records = {"latent": LatentBatch, "condition": Entry, "cells": CellArea, "fractions": FractionArea}
    return (TensorCodec(), *(RecordCodec(kind, record) for kind, record in records.items()))
