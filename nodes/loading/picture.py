"""Opens pictures from other places than the input folder: saved ones, and those of a camera."""

from typing import Annotated, Any

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Mask, Socket
from nodes.api.widgets import File, Range
from nodes.loading.image import opened, read_image

OUTPUTS = File(
    "output:image",
    upload="image",
    extra={
        "image_folder": "output",
        "remote": {
            "route": "/internal/files/output",
            "refresh_button": True,
            "control_after_refresh": "first",
        },
    },
)

Webcam = Annotated[Any, Socket("WEBCAM")]
Side = Annotated[int, Range(0, 16384, step=1)]


@node(
    id="LoadImageOutput",
    display_name="Load Image (from Outputs)",
    category="image",
    experimental=True,
)
def load_output(ctx: Context, image: Annotated[str, OUTPUTS]) -> tuple[Image, Mask]:
    """Open a picture that was saved.

    Args:
        image: a file of the output folder.
    """
    return opened(ctx, ctx.files.find("output:image", image), read_image)


@node(id="WebcamCapture", display_name="Webcam Capture", category="image")
def capture(
    ctx: Context, image: Webcam, width: Side = 0, height: Side = 0, capture_on_queue: bool = True
) -> Image:
    """Give the picture that the page took with a camera.

    Args:
        image: the file that the page uploaded.
        width: of the picture that the page takes; 0 leaves it to the camera.
        height: of the picture that the page takes; 0 leaves it to the camera.
        capture_on_queue: the page takes a new picture for each run.
    """
    if not isinstance(image, str) or not image:
        raise NodeError("no picture was taken yet")
    return opened(ctx, ctx.files.input(image), read_image)[0]
