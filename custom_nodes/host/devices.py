"""Where do nodes compute, and were they asked to stop? (`comfy.model_management` to packs)"""

import gc
from typing import Any

import torch

from custom_nodes.host.state import get_context, get_host
from models.host_memory import host_room
from nodes.api.errors import Cancelled

OOM_EXCEPTION = torch.OutOfMemoryError
XFORMERS_IS_AVAILABLE = False


class InterruptProcessingException(Cancelled):
    """Ends the job as a person's cancel does."""


def processing_interrupted() -> bool:
    """Whether the job that runs was asked to stop."""
    context = get_context()
    if context is None:
        return False
    try:
        context.check_cancelled()
    except Cancelled:
        return True
    return False


def throw_exception_if_processing_interrupted() -> None:
    """Raise InterruptProcessingException if the job that runs was asked to stop."""
    if processing_interrupted():
        raise InterruptProcessingException("the job was cancelled")


def get_torch_device() -> torch.device:
    """The device that nodes compute on."""
    if torch.cuda.is_available() and not get_host().options.get("cpu"):
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def get_torch_device_name(device: Any) -> str:
    """The name of a device for people."""
    device = torch.device(device)
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else device.type


def unet_offload_device() -> torch.device:
    """Where networks wait."""
    return torch.device("cpu")


intermediate_device = unet_offload_device
text_encoder_offload_device = unet_offload_device
vae_offload_device = unet_offload_device
text_encoder_device = get_torch_device
vae_device = get_torch_device


def intermediate_dtype() -> torch.dtype:
    """The number type of values between nodes."""
    return torch.float32


def get_autocast_device(dev: Any) -> str:
    """The name that torch.autocast wants."""
    return str(getattr(dev, "type", "cuda"))


def is_device_cpu(device: Any) -> bool:
    """Whether a device is the processor."""
    return getattr(device, "type", None) == "cpu"


def is_device_mps(device: Any) -> bool:
    """Whether a device is Apple's."""
    return getattr(device, "type", None) == "mps"


def is_device_cuda(device: Any) -> bool:
    """Whether a device is a CUDA one."""
    return getattr(device, "type", None) == "cuda"


def is_intel_xpu() -> bool:
    """There is no support for these."""
    return False


def is_directml_enabled() -> bool:
    """There is no support for it."""
    return False


def xformers_enabled() -> bool:
    """There is no support for it."""
    return False


def cpu_mode() -> bool:
    """Whether everything runs on the processor."""
    return get_torch_device().type == "cpu"


def get_total_memory(dev: Any = None, torch_total_too: bool = False) -> Any:
    """Bytes of memory of a device."""
    device = get_torch_device() if dev is None else torch.device(dev)
    total = int(torch.cuda.mem_get_info(device)[1]) if device.type == "cuda" else host_room().total
    return (total, total) if torch_total_too else total


def get_free_memory(dev: Any = None, torch_free_too: bool = False) -> Any:
    """Bytes of free memory of a device."""
    device = get_torch_device() if dev is None else torch.device(dev)
    free = int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else host_room().free
    return (free, free) if torch_free_too else free


def should_use_fp16(device: Any = None, **hints: Any) -> bool:
    """Whether half precision pays off on a device."""
    return (get_torch_device() if device is None else torch.device(device)).type == "cuda"


def should_use_bf16(device: Any = None, **hints: Any) -> bool:
    """Whether bfloat16 pays off on a device."""
    chosen = get_torch_device() if device is None else torch.device(device)
    return chosen.type == "cuda" and torch.cuda.is_bf16_supported()


def soft_empty_cache(force: bool = False) -> None:
    """Give cached memory of the device back."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def module_size(module: torch.nn.Module) -> int:
    """Bytes of the weights of a module."""
    return sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())


def cleanup_models_gc() -> None:
    """Collect what nobody holds any more."""
    gc.collect()
    soft_empty_cache()
