"""Says how much memory may be used, and whether networks may be streamed; what a person decides, no more."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from executor.memory.plan import Need, least_bytes, size_text
from nodes.api.errors import OutOfMemory

Streaming: TypeAlias = Literal["never", "needed", "early", "always"]

DEFAULT_RESERVE_BYTES = 256 * 2**20
"""What is left of a graphics card's memory for what else draws there, where nobody says."""


@dataclass(frozen=True)
class Limits:
    """Hard caps, all in bytes.

    Attributes:
        vram_bytes: most of the compute device's memory, or None for all there is.
        ram_bytes: most of the computer's memory that one process takes, or None for all there is.
        reserve_bytes: what stays free on the compute device.
        streaming: "needed" streams what does not fit; "never" refuses it; "early" keeps at most half of the
            weights on the device; "always" keeps none that can be streamed.
    """

    vram_bytes: int | None = None
    ram_bytes: int | None = None
    reserve_bytes: int = DEFAULT_RESERVE_BYTES
    streaming: Streaming = "needed"

    def cap(self, free_bytes: int) -> int:
        """What all may take of a device that has so many bytes free for us, ours included."""
        left = max(0, free_bytes - self.reserve_bytes)
        return left if self.vram_bytes is None else min(left, self.vram_bytes)

    def weight_room(self, need: Need, room_bytes: int) -> int:
        """How much of `room_bytes` the weights of a network may take.

        Raises:
            OutOfMemory: if it would have to be streamed and may not be.
        """
        total = need.weight_bytes
        if self.streaming == "never" and total > room_bytes:
            raise OutOfMemory(
                total,
                max(0, room_bytes),
                f"not enough memory: {need.network} has {size_text(total)} of weights, but "
                f"{size_text(max(0, room_bytes))} are free for them, and --highvram and --gpu-only forbid to "
                "stream it; leave them away",
            )
        if self.streaming == "always":
            return min(room_bytes, least_bytes(need))
        if self.streaming == "early":
            return min(room_bytes, max(least_bytes(need), total // 2))
        return room_bytes
