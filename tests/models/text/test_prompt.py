import pytest

from models.text.prompt import Piece, parse_prompt, split_embeddings, split_groups


def pieces(text: str) -> list[tuple[str, float]]:
    return [(piece.text, pytest.approx(piece.weight)) for piece in parse_prompt(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", [("plain text", 1.0)]),
        ("", []),
        ("()", []),
        ("(x)", [("x", 1.1)]),
        ("((x))", [("x", 1.21)]),
        ("(x:1.5)", [("x", 1.5)]),
        ("((x):1.5)", [("x", 1.65)]),
        ("((x:1.2):1.5)", [("x", 1.2)]),
        ("(a (b:0.5) c:1.3)", [("a ", 1.3), ("b", 0.5), (" c", 1.3)]),
        ("(a (b:0.5))", [("a ", 1.1), ("b", 0.5)]),
        ("((a:1.2) b)", [("a", 1.2), (" b", 1.1)]),
        ("a) (b:1.5) c", [("a) (b:1.5) c", 1.0)]),
        ("a) ((b:1.5) c", [("a) (", 1.0), ("b", 1.5), (" c", 1.0)]),
        ("(abc", [("(abc", 1.0)]),
        ("(:1.3)", [(":1.3", 1.1)]),
        ("(a:1.2:1.4)", [("a:1.2", 1.4)]),
        ("(a:-1)", [("a", -1.0)]),
        ("(a: 0 )", [("a", 0.0)]),
        ("(a:1e3)", [("a", 1000.0)]),
        ("(a:heavy)", [("a:heavy", 1.1)]),
        (r"\(a\) (b\):2)", [("(a) ", 1.0), ("b)", 2.0)]),
        (r"back\slash [x] {y|z}", [(r"back\slash [x] {y|z}", 1.0)]),
    ],
)
def test_weights_follow_the_parentheses(text: str, expected: list[tuple[str, float]]) -> None:
    assert pieces(text) == expected


def test_deep_nesting_does_not_recurse() -> None:
    depth = 1200
    (piece,) = parse_prompt("(" * depth + "x" + ":0.5)" * depth)
    assert piece == Piece("x", 0.5)


def test_unbalanced_text_is_never_lost() -> None:
    for text in ("((a)", "a))(b", ")(", "(((", ")))"):
        assert "".join(split_groups(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a photo", ["a photo"]),
        ("embedding:x", ["embedding:x"]),
        ("a embedding:x b embedding:y", ["a", "embedding:x b", "embedding:y"]),
        (" embedding:x\nembedding:y", ["embedding:x", "embedding:y"]),
        ("aembedding:x", ["aembedding:x"]),
        ("", []),
    ],
)
def test_a_text_is_cut_before_embeddings_only(text: str, expected: list[str]) -> None:
    assert split_embeddings(text) == expected
