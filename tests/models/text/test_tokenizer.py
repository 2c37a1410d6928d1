import json
from pathlib import Path

import pytest

from models.text.tokenizer import END, START, ClipTokenizer, clip_tokenizer

# Recorded from the slow tokeniser of transformers 4.46.3 without ftfy, on the same vocabulary.
RECORDED = [
    ("a photo of a cat", [320, 1125, 539, 320, 2368]),
    ("A  Photo\tof\na CAT!", [320, 1125, 539, 320, 2368, 256]),
    (
        "masterpiece, best quality, 1girl, 2024",
        [12066, 267, 949, 3027, 267, 272, 1611, 267, 273, 271, 273, 275],
    ),
    ("don't we'LL it's", [847, 713, 649, 1342, 585, 568]),
    (
        "\u65e5\u672c\u8a9e a\u6f22\u5b57b",
        [37156, 19277, 361, 34002, 508, 320, 162, 120, 351, 35751, 501, 321],
    ),
    (
        "\xc9clair na\xefve \ufb01n \u0130stanbul",
        [3459, 14039, 1097, 35689, 563, 171, 105, 223, 333, 328, 16384, 11231],
    ),
    ("\U0001f3a8\U0001f469\u200d\U0001f3a8 x", [31953, 18800, 13461, 343]),
    ("\u039f\u0394\u039f\u03a3", [138, 123, 138, 112, 138, 123, 139, 480]),
    ("a\u200bb\x00c\ufffdd", [596, 4480]),
    ("<|endoftext|> x <|ENDOFTEXT|>", [49407, 343, 49407]),
    ("e\u0301", [4166]),
    ("&amp; \xbd \u2167 \u0663", [261, 6259, 282, 33613, 158, 227, 371, 149, 352]),
    ("", []),
]


@pytest.fixture(scope="module")
def tokenizer() -> ClipTokenizer:
    return clip_tokenizer()


@pytest.mark.parametrize(("text", "ids"), RECORDED)
def test_ids_are_those_recorded(tokenizer: ClipTokenizer, text: str, ids: list[int]) -> None:
    assert tokenizer.encode(text) == ids


def test_the_special_tokens_are_the_last_two_of_the_vocabulary(tokenizer: ClipTokenizer) -> None:
    assert len(tokenizer.ids) == 49408
    assert tokenizer.encode("<|startoftext|><|endoftext|>") == [START, END]


def test_ordinary_text_has_the_ids_of_the_oracle(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from transformers import CLIPTokenizer

    (tmp_path / "vocab.json").write_text(json.dumps(tokenizer.ids))
    merges = [" ".join(pair) for pair in sorted(tokenizer.ranks, key=tokenizer.ranks.__getitem__)]
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    oracle = CLIPTokenizer.from_pretrained(tmp_path)
    for text in (
        "a small red circle left of a large blue square on a yellow background",
        "Portrait, 85mm f/1.4, (bokeh), hyper-realistic; it's 8k --no text",
        "extraordinarily antidisestablishmentarian supercalifragilistic",
        "caf\xe9 \u043f\u0440\u0438\u0432\u0435\u0442 100%",
    ):
        assert tokenizer.encode(text) == oracle(text)["input_ids"][1:-1]


def test_decoding_gives_the_words_back(tokenizer: ClipTokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("a Photo of a caf\xe9")) == "a photo of a caf\xe9 "


def test_the_tokenizer_is_made_once() -> None:
    assert clip_tokenizer() is clip_tokenizer()
