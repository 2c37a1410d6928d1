"""Writes OpenEXR files as "OpenEXR File Layout" describes them: one part, scan lines, ZIP compression."""

import struct
import zlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

MAGIC, VERSION = 20000630, 2
LONG_NAMES, SHORT_NAME = 0x400, 31
HALF, FLOAT = 1, 2
ZIP, LINES = 3, 16
CHANNELS = {1: ("Y",), 3: ("B", "G", "R"), 4: ("A", "B", "G", "R")}
"""Names by number of channels, in the order of the file: the alphabet's."""

SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def exr(frame: Tensor, *, half: bool, primaries: Sequence[float], texts: Mapping[str, str]) -> bytes:
    """Return a frame (H, W, C) of light, C = 1, 3 or 4, as an OpenEXR file.

    half: 16 bits a value rather than 32.
    primaries: x and y of red, green, blue and white in the CIE 1931 diagram.
    texts: what stands in the file beside the pixels.
    """
    height, width, channels = frame.shape
    blocks = [_block(frame[top : top + LINES], top, half=half) for top in range(0, height, LINES)]
    head = _header(width, height, channels, half, primaries, texts)
    place = len(head) + 8 * len(blocks)
    offsets = []
    for block in blocks:
        offsets.append(place)
        place += len(block)
    return head + struct.pack(f"<{len(offsets)}Q", *offsets) + b"".join(blocks)


def _header(
    width: int, height: int, channels: int, half: bool, primaries: Sequence[float], texts: Mapping[str, str]
) -> bytes:
    kind = HALF if half else FLOAT
    listed = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", kind, 0, 1, 1) for name in CHANNELS[channels]
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    attributes = [
        ("channels", "chlist", listed + b"\0"),
        ("chromaticities", "chromaticities", struct.pack("<8f", *primaries)),
        ("compression", "compression", bytes([ZIP])),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
        *((key, "string", text.encode()) for key, text in texts.items()),
    ]
    written = b"".join(
        name.encode() + b"\0" + kind_name.encode() + b"\0" + struct.pack("<i", len(value)) + value
        for name, kind_name, value in attributes
    )
    flags = LONG_NAMES if any(len(name) > SHORT_NAME for name in texts) else 0
    return struct.pack("<ii", MAGIC, VERSION | flags) + written + b"\0"


def _block(lines: Tensor, top: int, *, half: bool) -> bytes:
    """Return up to 16 lines (h, W, C) with their place and length before them."""
    import numpy

    order = [2, 1, 0] if lines.shape[-1] == 3 else [3, 2, 1, 0] if lines.shape[-1] == 4 else [0]
    kind = torch.float16 if half else torch.float32
    planar = lines[..., order].permute(0, 2, 1).to(kind).contiguous().cpu().numpy()
    raw = numpy.frombuffer(planar.astype(planar.dtype.newbyteorder("<")).tobytes(), dtype=numpy.uint8)
    # All low bytes before all high ones, then differences: what makes numbers of one size compressible.
    mixed = numpy.concatenate((raw[0::2], raw[1::2]))
    different = mixed.copy()
    different[1:] = mixed[1:] - mixed[:-1] + numpy.uint8(128)
    packed = zlib.compress(different.tobytes())
    data = packed if len(packed) < raw.size else raw.tobytes()
    return struct.pack("<ii", top, len(data)) + data
