"""Changes the texts of a list one by one, and joins lists."""

from typing import Annotated

from nodes.api.declare import node
from nodes.api.widgets import Range, Text

Line = Annotated[str, Text(multiline=False, dynamic_prompts=False)]


@node(
    id="TextToLowercase",
    display_name="Text to Lowercase",
    category="dataset/text",
    experimental=True,
    outputs=("texts",),
)
def lower(texts: Line) -> str:
    """Write a text in small letters.

    Args:
        texts: the text.
    """
    return texts.lower()


@node(
    id="TextToUppercase",
    display_name="Text to Uppercase",
    category="dataset/text",
    experimental=True,
    outputs=("texts",),
)
def upper(texts: Line) -> str:
    """Write a text in capital letters.

    Args:
        texts: the text.
    """
    return texts.upper()


@node(
    id="TruncateText",
    display_name="Truncate Text",
    category="dataset/text",
    experimental=True,
    outputs=("texts",),
)
def truncate(texts: Line, max_length: Annotated[int, Range(1, 10000)] = 77) -> str:
    """Cut a text to a length.

    Args:
        texts: the text.
        max_length: how many characters stay.
    """
    return texts[:max_length]


@node(
    id="AddTextPrefix",
    display_name="Add Text Prefix",
    category="dataset/text",
    experimental=True,
    outputs=("texts",),
)
def add_prefix(texts: Line, prefix: Line = "") -> str:
    """Put something before a text.

    Args:
        texts: the text.
        prefix: what comes before it.
    """
    return prefix + texts


@node(
    id="AddTextSuffix",
    display_name="Add Text Suffix",
    category="dataset/text",
    experimental=True,
    outputs=("texts",),
)
def add_suffix(texts: Line, suffix: Line = "") -> str:
    """Put something behind a text.

    Args:
        texts: the text.
        suffix: what comes behind it.
    """
    return texts + suffix


@node(
    id="ReplaceText",
    display_name="Replace Text",
    category="dataset/text",
    experimental=True,
    outputs=("texts",),
)
def replace(texts: Line, find: Line = "", replace: Line = "") -> str:
    """Replace a word wherever it stands in a text.

    Args:
        texts: the text.
        find: what is replaced; nothing stands between all characters.
        replace: what comes in its place.
    """
    return texts.replace(find, replace)


@node(
    id="StripWhitespace",
    display_name="Strip Whitespace",
    category="dataset/text",
    experimental=True,
    outputs=("texts",),
)
def strip(texts: Line) -> str:
    """Take spaces and empty lines from both ends of a text.

    Args:
        texts: the text.
    """
    return texts.strip()


@node(
    id="MergeTextLists",
    display_name="Merge Text Lists",
    category="dataset/text",
    experimental=True,
    outputs=("texts",),
)
def merge(texts: list[Line]) -> list[str]:
    """Give several lists of texts as one.

    Args:
        texts: the texts of everything that is linked.
    """
    return texts
