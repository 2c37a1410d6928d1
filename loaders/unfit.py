"""Says why a file that can be read does not serve: what it is instead, and where that belongs."""

from collections.abc import Sequence

from loaders.errors import UnknownFormat
from loaders.files import Weights
from loaders.identify.contents import Contents
from loaders.identify.verdict import Verdict, find_parts


def unfit(weights: Weights, role: str, expected: str, tried: Sequence[str]) -> UnknownFormat:
    """The refusal of a file.

    Args:
        weights: the file.
        role: what it should have been good for, as identification has it.
        expected: what it should have been, in words.
        tried: what was looked for in it, in sentences.
    """
    verdict = Verdict(weights.path, Contents("", 0, weights), find_parts(weights))
    told = list(tried)
    if verdict.findings:
        main = verdict.findings[0]
        if not main.is_opened:
            told.insert(0, f"It is {verdict.title}: {main.lack}.")
        elif main.role != role and verdict.place is not None:
            place = f"put it in models/{verdict.place.folder}, for {verdict.place.use}"
            told.insert(0, f"It is {verdict.title}: {place}.")
    return UnknownFormat(weights.path, expected, told, list(weights))
