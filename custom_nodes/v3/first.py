"""What packs import from `comfy_api.v0_0_1`."""

from custom_nodes.v3.api import ComfyAPI, ComfyAPISync, Input, InputImpl, Types

__all__ = ["ComfyAPI", "ComfyAPISync", "Input", "InputImpl", "Types"]
