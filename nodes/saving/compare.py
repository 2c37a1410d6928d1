"""Shows two pictures with a slider between them."""

from typing import Annotated, Any

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Image, Socket
from nodes.saving.image import preview_prefix, save_frames

CompareView = Annotated[Any, Socket("IMAGECOMPARE")]


@node(
    id="ImageCompare",
    display_name="Compare Images",
    category="image",
    output_node=True,
    experimental=True,
    hidden=("prompt", "extra_pnginfo"),
)
def compare(
    ctx: Context,
    image_a: Image | None = None,
    image_b: Image | None = None,
    compare_view: CompareView | None = None,
) -> None:
    """Show two pictures on the node, with a slider between them.

    Args:
        image_a: (B, H, W, C), values in [0, 1]; shown on one side.
        image_b: (B, H, W, C), values in [0, 1]; shown on the other side.
        compare_view: what the page draws them with; it changes nothing.
    """
    for side, images in (("a", image_a), ("b", image_b)):
        prefix = f"comfy.compare.{side}_{preview_prefix()}"
        shown = [] if images is None else save_frames(ctx, images, prefix, temporary=True)
        ctx.show(f"{side}_images", shown)
