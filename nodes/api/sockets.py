"""The types that links carry: names for annotations, importable without any heavy library."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar, get_args

T = TypeVar("T")


@dataclass(frozen=True)
class Socket:
    """Names the type of a socket: `Annotated[Any, Socket("IMAGE")]`."""

    type: str


@dataclass(frozen=True)
class LazyMark:
    """Marks an input that is computed only if the node awaits it."""


AnyValue: TypeAlias = Annotated[Any, Socket("*")]

if TYPE_CHECKING:
    from torch import Tensor

    from models.adapters.patch import Patched
    from models.diffusion import DiffusionModel, TextModel, VaeModel
    from schedulers.conditioning import ConditioningValue
    from schedulers.hooks import Hooks as HooksValue
    from schedulers.latent import LatentBatch

    Image: TypeAlias = Tensor
    Mask: TypeAlias = Tensor
    Sigmas: TypeAlias = Tensor
    Latent: TypeAlias = LatentBatch
    Model: TypeAlias = Patched[DiffusionModel]
    Clip: TypeAlias = Patched[TextModel]
    Vae: TypeAlias = Patched[VaeModel]
    Conditioning: TypeAlias = ConditioningValue
    Hooks: TypeAlias = HooksValue
    Lazy: TypeAlias = Awaitable[T]
else:
    Image = Annotated[Any, Socket("IMAGE")]
    Mask = Annotated[Any, Socket("MASK")]
    Sigmas = Annotated[Any, Socket("SIGMAS")]
    Latent = Annotated[Any, Socket("LATENT")]
    Model = Annotated[Any, Socket("MODEL")]
    Clip = Annotated[Any, Socket("CLIP")]
    Vae = Annotated[Any, Socket("VAE")]
    Conditioning = Annotated[Any, Socket("CONDITIONING")]
    Hooks = Annotated[Any, Socket("HOOKS")]

    class Lazy:
        """`Lazy[Image]` is an input that arrives as an awaitable; what is never awaited is never computed."""

        def __class_getitem__(cls, item: Any) -> Any:
            return Annotated[item, LazyMark()]


Audio: TypeAlias = Annotated[Any, Socket("AUDIO")]
Video: TypeAlias = Annotated[Any, Socket("VIDEO")]
ControlNet: TypeAlias = Annotated[Any, Socket("CONTROL_NET")]
ClipVision: TypeAlias = Annotated[Any, Socket("CLIP_VISION")]
ClipVisionOutput: TypeAlias = Annotated[Any, Socket("CLIP_VISION_OUTPUT")]
StyleModel: TypeAlias = Annotated[Any, Socket("STYLE_MODEL")]
UpscaleModel: TypeAlias = Annotated[Any, Socket("UPSCALE_MODEL")]
IpAdapterSocket: TypeAlias = Annotated[Any, Socket("IP_ADAPTER")]
Gligen: TypeAlias = Annotated[Any, Socket("GLIGEN")]
PhotoMaker: TypeAlias = Annotated[Any, Socket("PHOTOMAKER")]
HookKeyframes: TypeAlias = Annotated[Any, Socket("HOOK_KEYFRAMES")]
Floats: TypeAlias = Annotated[Any, Socket("FLOATS")]
Histogram: TypeAlias = Annotated[Any, Socket("HISTOGRAM")]
TimestepsRange: TypeAlias = Annotated[Any, Socket("TIMESTEPS_RANGE")]
Sampler: TypeAlias = Annotated[Any, Socket("SAMPLER")]
Noise: TypeAlias = Annotated[Any, Socket("NOISE")]
Guider: TypeAlias = Annotated[Any, Socket("GUIDER")]
LatentOperation: TypeAlias = Annotated[Any, Socket("LATENT_OPERATION")]
Layers: TypeAlias = Annotated[Any, Socket("LAYERS")]

LINKED_TYPES = frozenset(
    mark.type
    for alias in tuple(globals().values())
    for mark in get_args(alias)
    if isinstance(mark, Socket) and mark.type != "*"
)
"""The types above: their values are made by nodes and cannot be written into a graph."""
