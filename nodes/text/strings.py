"""Joins, cuts, searches and compares texts."""

import operator
from collections.abc import Callable, Mapping
from typing import Annotated

from nodes.api.declare import node
from nodes.api.widgets import Choice, Text

Lines = Annotated[str, Text(dynamic_prompts=False)]
Line = Annotated[str, Text(multiline=False, dynamic_prompts=False)]

CASES = {
    "UPPERCASE": str.upper,
    "lowercase": str.lower,
    "Capitalize": str.capitalize,
    "Title Case": str.title,
}
TRIMS = {"Both": str.strip, "Left": str.lstrip, "Right": str.rstrip}
COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "Starts With": str.startswith,
    "Ends With": str.endswith,
    "Equal": operator.eq,
}


@node(id="StringConcatenate", display_name="Concatenate", category="utils/string")
def concatenate(string_a: Lines, string_b: Lines, delimiter: Line = "") -> str:
    """Join two texts.

    Args:
        string_a: the first text.
        string_b: the second text.
        delimiter: what stands between them, even if one is empty.
    """
    return f"{string_a}{delimiter}{string_b}"


@node(id="StringSubstring", display_name="Substring", category="utils/string")
def substring(string: Lines, start: int, end: int) -> str:
    """Cut a piece out of a text.

    Args:
        string: the text.
        start: place of the first character, counted from 0; negative numbers count from the end.
        end: place after the last character; negative numbers count from the end.
    """
    return string[start:end]


@node(id="StringLength", display_name="Length", category="utils/string", outputs=("length",))
def length(string: Lines) -> int:
    """Count the characters of a text.

    Args:
        string: the text.
    """
    return len(string)


@node(id="CaseConverter", display_name="Case Converter", category="utils/string")
def convert_case(string: Lines, mode: Annotated[str, Choice(CASES)]) -> str:
    """Change the letters of a text to upper or lower case.

    Args:
        string: the text.
        mode: which letters become large.
    """
    return CASES[mode](string)


@node(id="StringTrim", display_name="Trim", category="utils/string")
def trim(string: Lines, mode: Annotated[str, Choice(TRIMS)]) -> str:
    """Remove white space from the ends of a text.

    Args:
        string: the text.
        mode: at which end.
    """
    return TRIMS[mode](string)


@node(id="StringReplace", display_name="Replace", category="utils/string")
def replace(string: Lines, find: Lines, replace: Lines) -> str:
    """Replace every occurrence of a piece of text.

    Args:
        string: the text.
        find: the piece that is looked for; an empty one is found before and after every character.
        replace: what takes its place.
    """
    return string.replace(find, replace)


@node(id="StringContains", display_name="Contains", category="utils/string", outputs=("contains",))
def contains(string: Lines, substring: Lines, case_sensitive: bool = True) -> bool:
    """Tell whether a text contains another.

    Args:
        string: the text.
        substring: what is looked for.
        case_sensitive: whether large and small letters differ.
    """
    if case_sensitive:
        return substring in string
    return substring.lower() in string.lower()


@node(id="StringCompare", display_name="Compare", category="utils/string")
def compare(
    string_a: Lines,
    string_b: Lines,
    mode: Annotated[str, Choice(COMPARISONS)],
    case_sensitive: bool = True,
) -> bool:
    """Compare two texts.

    Args:
        string_a: the first text.
        string_b: the second text, or what the first shall start or end with.
        mode: what is asked.
        case_sensitive: whether large and small letters differ.
    """
    if not case_sensitive:
        string_a, string_b = string_a.lower(), string_b.lower()
    return COMPARISONS[mode](string_a, string_b)
