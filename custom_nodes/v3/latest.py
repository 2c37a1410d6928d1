"""What packs import from `comfy_api.latest` and `comfy_api.v0_0_2`."""

from custom_nodes.v3 import io, ui
from custom_nodes.v3.api import ComfyAPI, ComfyAPISync, ComfyExtension, Input, InputImpl, Types

IO = io
UI = ui
ComfyAPI_latest = ComfyAPI

__all__ = [
    "IO",
    "UI",
    "ComfyAPI",
    "ComfyAPISync",
    "ComfyAPI_latest",
    "ComfyExtension",
    "Input",
    "InputImpl",
    "Types",
    "io",
    "ui",
]
