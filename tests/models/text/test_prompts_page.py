import re
from pathlib import Path

import pytest

from models.text.prompt import parse_prompt
from models.text.rules import RULES

PAGE = (Path(__file__).parents[3] / "docs" / "prompts.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^|]+)` \| (`.+) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("prompt", "told"), ROWS)
def test_prompts_are_read_as_the_page_says(prompt: str, told: str) -> None:
    expected = [(text, float(weight)) for text, weight in re.findall(r"`([^`]+)` (-?[\d.]+)", told)]
    assert [(piece.text, round(piece.weight, 6)) for piece in parse_prompt(prompt)] == expected


def test_the_page_has_its_rows() -> None:
    assert len(ROWS) >= 14
    families = PAGE[PAGE.index("## Families") :]
    assert families.count("\n| SD") == len(RULES)
