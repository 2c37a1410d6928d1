"""Which command line options do packs read? (`comfy.cli_args` to packs)"""

import argparse
from enum import StrEnum
from typing import Any

from custom_nodes.host.state import get_host


class LatentPreviewMethod(StrEnum):
    """How previews are made."""

    NoPreviews = "none"
    Auto = "auto"
    Latent2RGB = "latent2rgb"
    TAESD = "taesd"


DEFAULTS: dict[str, Any] = {
    "listen": "127.0.0.1",
    "port": 8188,
    "base_directory": None,
    "output_directory": None,
    "input_directory": None,
    "temp_directory": None,
    "user_directory": None,
    "extra_model_paths_config": None,
    "preview_method": LatentPreviewMethod.Auto,
    "disable_metadata": False,
    "multi_user": False,
    "cpu": False,
    "cpu_vae": False,
    "highvram": False,
    "lowvram": False,
    "novram": False,
    "gpu_only": False,
    "deterministic": False,
    "disable_all_custom_nodes": False,
    "whitelist_custom_nodes": [],
    "verbose": "INFO",
    "disable_xformers": False,
}
# Options that are one here, by what it is when they are given.
CHOICES: dict[str, tuple[str, Any]] = {
    "use_split_cross_attention": ("attention", "split"),
    "use_quad_cross_attention": ("attention", "sub-quadratic"),
    "use_pytorch_cross_attention": ("attention", "torch"),
    "use_sage_attention": ("attention", "sage"),
    "use_flash_attention": ("attention", "flash-attn"),
    "force_upcast_attention": ("upcast_attention", True),
    "dont_upcast_attention": ("upcast_attention", False),
}


class Options(argparse.Namespace):
    """The options of this process; what was not given has its default."""

    def __getattr__(self, name: str) -> Any:
        if name in CHOICES:
            option, value = CHOICES[name]
            return get_host().options.get(option) == value
        if name not in DEFAULTS:
            raise AttributeError(f"there is no option {name}")
        value = get_host().options.get(name, DEFAULTS[name])
        return LatentPreviewMethod(value) if name == "preview_method" else value


args = Options()
