"""Searches and replaces by regular expressions."""

import re
from typing import Annotated

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.widgets import Choice, Hint, Range, Text

Lines = Annotated[str, Text(dynamic_prompts=False)]
Switch = Annotated[bool, Hint(optional=True)]
EXTRACTS = ("First Match", "All Matches", "First Group", "All Groups")


def flags(case_insensitive: bool, multiline: bool, dotall: bool) -> re.RegexFlag:
    """Return the flags of the re module that the three switches stand for."""
    chosen = re.RegexFlag(0)
    if case_insensitive:
        chosen |= re.IGNORECASE
    if multiline:
        chosen |= re.MULTILINE
    if dotall:
        chosen |= re.DOTALL
    return chosen


def compiled(pattern: str, chosen: re.RegexFlag) -> re.Pattern[str] | None:
    """Return the compiled pattern, or None if it is not a regular expression."""
    try:
        return re.compile(pattern, chosen)
    except re.error:
        return None


@node(id="RegexMatch", display_name="Regex Match", category="utils/string", outputs=("matches",))
def match(
    string: Lines,
    regex_pattern: Lines,
    case_insensitive: bool = True,
    multiline: bool = False,
    dotall: bool = False,
) -> bool:
    """Tell whether a regular expression is found in a text; a broken one never is.

    Args:
        string: the text.
        regex_pattern: the expression, in Python's notation.
        case_insensitive: whether large and small letters are the same.
        multiline: whether ^ and $ also stand at line breaks.
        dotall: whether a dot also stands for a line break.
    """
    pattern = compiled(regex_pattern, flags(case_insensitive, multiline, dotall))
    return pattern is not None and pattern.search(string) is not None


@node(id="RegexExtract", display_name="Regex Extract", category="utils/string")
def extract(
    *,
    string: Lines,
    regex_pattern: Lines,
    mode: Annotated[str, Choice(EXTRACTS)],
    case_insensitive: bool = True,
    multiline: bool = False,
    dotall: bool = False,
    group_index: Annotated[int, Range(0, 100)] = 1,
) -> str:
    """Take what a regular expression finds out of a text; nothing found gives an empty text.

    Args:
        string: the text.
        regex_pattern: the expression, in Python's notation.
        mode: whole matches or a group of them, the first or all; all come one a line.
        case_insensitive: whether large and small letters are the same.
        multiline: whether ^ and $ also stand at line breaks.
        dotall: whether a dot also stands for a line break.
        group_index: which group the group modes take; 0 is the whole match.
    """
    pattern = compiled(regex_pattern, flags(case_insensitive, multiline, dotall))
    if pattern is None:
        return ""
    matches = list(pattern.finditer(string))
    if mode == "All Matches":
        # An expression with groups gives its first group, as re.findall's readers expect.
        return "\n".join(found[1 if pattern.groups else 0] or "" for found in matches)
    if not matches:
        return ""
    if mode == "First Match":
        return str(matches[0][0])
    if group_index > pattern.groups:
        return ""
    if mode == "First Group":
        return matches[0][group_index] or ""
    if not pattern.groups:
        return ""
    return "\n".join(found[group_index] or "" for found in matches)


@node(id="RegexReplace", display_name="Regex Replace", category="utils/string")
def replace(
    string: Lines,
    regex_pattern: Lines,
    replace: Lines,
    case_insensitive: Switch = True,
    multiline: Switch = False,
    dotall: Switch = False,
    count: Annotated[int, Range(0, 100), Hint(optional=True)] = 0,
) -> str:
    r"""Replace what a regular expression finds in a text.

    Args:
        string: the text.
        regex_pattern: the expression, in Python's notation.
        replace: what takes its place; \1 is the first group.
        case_insensitive: whether large and small letters are the same.
        multiline: whether ^ and $ also stand at line breaks.
        dotall: whether a dot also stands for a line break.
        count: how many to replace at most; 0 replaces all.
    """
    try:
        pattern = re.compile(regex_pattern, flags(case_insensitive, multiline, dotall))
        return pattern.sub(replace, string, count=count)
    except (re.error, IndexError) as error:
        raise NodeError(f"{regex_pattern!r} cannot be replaced by {replace!r}: {error}") from error
