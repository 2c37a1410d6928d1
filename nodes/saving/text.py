"""Saves texts and drawings made of text."""

import json
import re
from typing import Annotated, Any

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Socket
from nodes.api.widgets import Choice, Hint, Text
from nodes.saving.files import metadata_texts, write_file
from nodes.saving.image import FRAME_TOKEN

FORMATS = ("txt", "csv", "md", "json")

Svg = Annotated[Any, Socket("SVG")]


@node(id="SaveText", display_name="Save Text", category="utils", output_node=True, outputs=("text",))
def save(
    ctx: Context,
    text: Annotated[str, Text(dynamic_prompts=False), Hint(socket_only=True)],
    filename_prefix: Annotated[
        str, Text(multiline=False, dynamic_prompts=False), Hint(optional=True)
    ] = "ComfyUI",
    format: Annotated[str, Choice(FORMATS), Hint(optional=True)] = "txt",  # noqa: A002 - known to workflows
) -> str:
    """Save a text, and pass it on.

    Args:
        text: the text.
        filename_prefix: how the name begins; may hold folders and %year% %month% %day% ...
        format: the ending of the name; what is JSON is written with indents then.
    """
    written = text
    if format == "json":
        try:
            written = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            ctx.log.warning("the text is not JSON; it is saved as it is")
    saved = ctx.files.reserve(filename_prefix, format)
    write_file(saved, written.encode())
    ctx.show("text", [written])
    ctx.show("files", [saved.record()])
    return text


def with_metadata(drawing: str, entries: dict[str, Any]) -> str:
    """Return an SVG drawing with JSON in a metadata element, behind its opening tag."""
    if not entries:
        return drawing
    # "]]>" would end the section early; split in two, the parts read as one text again.
    text = json.dumps(entries, indent=2).replace("]]>", "]]]]><![CDATA[>")
    element = f"<metadata><![CDATA[{text}]]></metadata>"
    return re.sub(r"<svg\b[^>]*[^/]>|<svg>", lambda match: match[0] + element, drawing, count=1)


@node(
    id="SaveSVGNode",
    category="image/save",
    output_node=True,
    hidden=("prompt", "extra_pnginfo"),
)
def save_drawings(
    ctx: Context,
    svg: Svg,
    filename_prefix: Annotated[str, Text(multiline=False, dynamic_prompts=False)] = "svg/ComfyUI",
) -> None:
    """Save drawings as SVG files.

    Args:
        svg: texts or files of SVG drawings.
        filename_prefix: how the names begin.
    """
    entries = {key: json.loads(text) for key, text in metadata_texts(ctx).items()}
    for index, drawing in enumerate(_drawings(svg)):
        saved = ctx.files.reserve(filename_prefix.replace(FRAME_TOKEN, str(index)), "svg")
        write_file(saved, with_metadata(drawing, entries).encode())
        ctx.show("images", [saved.record()])


def _drawings(svg: Any) -> list[str]:
    """Return the texts of drawings that came as text, bytes, an open file, or several of them."""
    found = []
    for entry in getattr(svg, "data", svg) if not isinstance(svg, str | bytes) else [svg]:
        value = entry.getvalue() if hasattr(entry, "getvalue") else entry
        if not isinstance(value, str | bytes):
            raise NodeError(f"an SVG drawing is text, not {type(value).__name__}")
        found.append(value if isinstance(value, str) else value.decode("utf-8", "replace"))
    return found
