"""A small catalogue for tests of graphs."""

from typing import Annotated, TypeVar

from nodes.api.context import Context
from nodes.api.declare import node, node_of
from nodes.api.sockets import AnyValue, Clip, Conditioning, Image, Latent, Lazy, Mask, Model, Vae
from nodes.api.widgets import Choice, File, Hint, Range, Seed, Text

T = TypeVar("T")
FILES = {
    "checkpoints": ["small.safetensors", "sub/large.safetensors"],
    "input": ["a.png"],
    "loras": [f"{n}.safetensors" for n in range(30)],
}


def list_files(folder):
    return FILES[folder]


@node(id="Load")
def load(ckpt_name: Annotated[str, File("checkpoints")]) -> tuple[Model, Clip, Vae]:
    """Load a checkpoint."""


@node(id="Lora")
def lora(model: Model, lora_name: Annotated[str, File("loras")]) -> Model:
    """Apply a LoRA."""


@node(id="Encode")
def encode(text: Text, clip: Clip) -> Conditioning:
    """Encode a prompt."""


@node(id="Empty")
def empty(
    width: Annotated[int, Range(16, 4096, step=8)] = 512,
    height: Annotated[int, Range(16, 4096, step=8)] = 512,
) -> Latent:
    """Make an empty latent."""


@node(id="Sample", aliases=("OldSample",))
def sample(
    model: Model,
    seed: Seed = 0,
    steps: Annotated[int, Range(1, 100)] = 20,
    cfg: Annotated[float, Range(0, 100, step=0.1)] = 8.0,
    *,
    sampler_name: Annotated[str, Choice(("euler", "heun"))],
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    denoise: Annotated[float, Range(0, 1)] = 1.0,
) -> Latent:
    """Denoise."""


@node(id="Decode")
def decode(samples: Latent, vae: Vae) -> Image:
    """Decode a latent."""


@node(id="Save", output_node=True)
def save(ctx: Context, images: Image, filename_prefix: str = "picture") -> None:
    """Save images."""


@node(id="LoadImage")
def load_image(image: Annotated[str, File("input", upload="image")]) -> tuple[Image, Mask]:
    """Load a picture."""


@node(id="Invert")
def invert(image: Image) -> Image:
    """Invert a picture."""


@node(id="Both")
def both(value: Image | Mask, amount: Annotated[float, Hint(optional=True)] = 0.5) -> Image:
    """Take a picture or a mask."""


@node(id="Batch")
def batch(*images: Image) -> Image:
    """Join pictures."""


@node(id="Switch")
async def switch(condition: bool, on_true: Lazy[T], on_false: Lazy[T]) -> T:
    """Pass one on."""
    return await on_true


@node(id="Text")
def text(value: Text = "") -> str:
    """Give a text."""


@node(id="Note on links", output_node=True)
def anything(source: AnyValue, toggle: bool = False, *, seed: Seed = 3) -> None:
    """Take anything."""


@node(id="Forced")
def forced(number: Annotated[int, Hint(socket_only=True)], label: str = "x") -> Image:
    """An input with a number socket."""


@node(id="Curve", output_node=True)
def curve(points: AnyValue) -> None:
    """Take a list as it is."""


def _checked(image):
    if image == "bad":
        return "looks bad"
    if image == "worse":
        raise RuntimeError("cannot look")
    return None


@node(id="Checked", output_node=True, validate=_checked)
def checked(image: str = "", strength: float = 1.0) -> None:
    """Take what its own check likes."""


def _version(value):
    if value == "broken":
        raise OSError("gone")
    return {"value": value}


@node(id="Impure", fingerprint=_version)
def impure(value: str = "") -> str:
    """Depends on more than its inputs."""


NODES = {value.node.spec.id: node_of(value) for value in tuple(globals().values()) if hasattr(value, "node")}
SPECS = {name: entry.spec for name, entry in NODES.items()}


def text_to_image():
    """The usual graph as API JSON."""
    return {
        "1": {"class_type": "Load", "inputs": {"ckpt_name": "small.safetensors"}},
        "2": {"class_type": "Encode", "inputs": {"text": "a cat", "clip": ["1", 1]}},
        "3": {"class_type": "Encode", "inputs": {"text": "", "clip": ["1", 1]}},
        "4": {"class_type": "Empty", "inputs": {"width": 64, "height": 64}},
        "5": {
            "class_type": "Sample",
            "inputs": {
                "model": ["1", 0],
                "seed": 7,
                "steps": 4,
                "cfg": 7.0,
                "sampler_name": "euler",
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
                "denoise": 1.0,
            },
            "_meta": {"title": "Draw"},
        },
        "6": {"class_type": "Decode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "Save", "inputs": {"images": ["6", 0], "filename_prefix": "x"}},
    }
