"""Answers which token ids a text has for CLIP: byte-pair encoding over CLIP's own vocabulary.

References: Radford et al. 2021 (arXiv:2103.00020), section 2.4; Sennrich et al. 2016 (arXiv:1508.07909),
algorithm 1. The cleaning before it is that of BERT's basic tokeniser: lower case, accents kept.
"""

import gzip
import importlib.util
import unicodedata
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import regex

START = 49406
END = 49407
MERGES = 48894

_START_TEXT = "<|startoftext|>"
_END_TEXT = "<|endoftext|>"
_SPECIAL = regex.compile(r"(<\|startoftext\|>|<\|endoftext\|>)")
_WORDS = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    regex.IGNORECASE,
)
# The blocks of Chinese characters that are set apart as words of their own.
_IDEOGRAPHS = regex.compile(
    "([\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f])"
)


class ClipTokenizer:
    """Text to token ids, without start and end tokens.

    Args:
        merges: pairs in the order they were learnt.
    """

    def __init__(self, merges: list[tuple[str, str]]) -> None:
        symbols = list(_byte_symbols().values())
        words = [*symbols, *(symbol + "</w>" for symbol in symbols), *map("".join, merges)]
        self.ids = dict(zip(words, range(len(words)), strict=True))
        self.ids[_START_TEXT] = len(words)
        self.ids[_END_TEXT] = len(words) + 1
        self.ranks = dict(zip(merges, range(len(merges)), strict=True))
        self._known: dict[str, tuple[int, ...]] = {
            _START_TEXT: (self.ids[_START_TEXT],),
            _END_TEXT: (self.ids[_END_TEXT],),
        }

    def encode(self, text: str) -> list[int]:
        """The ids of a text; `<|startoftext|>` and `<|endoftext|>` inside it are the special tokens."""
        ids: list[int] = []
        for part in _SPECIAL.split(text):
            for word in _WORDS.findall(part if part in self._known else _clean(part)):
                ids.extend(self._word_ids(word))
        return ids

    def decode(self, ids: list[int]) -> str:
        """The text of ids, with one space after each word."""
        words = {index: word for word, index in self.ids.items()}
        joined = "".join(words[index] for index in ids)
        bytes_of = {symbol: byte for byte, symbol in _byte_symbols().items()}
        raw = bytes(bytes_of[symbol] for symbol in joined.replace("</w>", "\u0120"))
        return raw.decode("utf-8", errors="replace")

    def _word_ids(self, word: str) -> tuple[int, ...]:
        found = self._known.get(word)
        if found is None:
            symbols = _byte_symbols()
            found = tuple(
                self.ids[piece] for piece in self._merge([symbols[b] for b in word.encode("utf-8")])
            )
            if len(word) <= 64:
                self._known[word] = found
        return found

    def _merge(self, symbols: list[str]) -> list[str]:
        """Join the pair learnt first, everywhere, until no known pair is left."""
        pieces = [*symbols[:-1], symbols[-1] + "</w>"]
        unknown = len(self.ranks)
        while len(pieces) > 1:
            best = min(pairwise(pieces), key=lambda pair: self.ranks.get(pair, unknown))
            if best not in self.ranks:
                break
            joined: list[str] = []
            index = 0
            while index < len(pieces):
                if tuple(pieces[index : index + 2]) == best:
                    joined.append(best[0] + best[1])
                    index += 2
                else:
                    joined.append(pieces[index])
                    index += 1
            pieces = joined
        return pieces


@lru_cache(maxsize=1)
def clip_tokenizer() -> ClipTokenizer:
    """The tokenizer of every CLIP text encoder, read once from the installed vocabulary file.

    Raises:
        FileNotFoundError: if the package that ships the vocabulary is not installed.
    """
    _, *lines = gzip.decompress(_vocabulary_file().read_bytes()).decode("utf-8").split("\n", MERGES + 1)
    # Everybody who opens a checkpoint waits for this; text by text it takes twice as long.
    flat = " ".join(lines[:MERGES]).split(" ")
    return ClipTokenizer(list(zip(flat[::2], flat[1::2], strict=True)))


def _vocabulary_file() -> Path:
    # Found without importing it: the package's own code would import torch, torchvision and more.
    spec = importlib.util.find_spec("clip")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "bpe_simple_vocab_16e6.txt.gz"
        if path.is_file():
            return path
    raise FileNotFoundError("CLIP's vocabulary is missing: install the package openai-clip==1.0.1")


def _clean(text: str) -> str:
    kept = "".join(
        " " if character.isspace() else character for character in text if not _is_dropped(character)
    )
    spaced = _IDEOGRAPHS.sub(r" \1 ", kept)
    return " ".join(unicodedata.normalize("NFC", spaced).split()).lower()


def _is_dropped(character: str) -> bool:
    if character in "\t\n\r":
        return False
    return character in "\0\ufffd" or unicodedata.category(character).startswith("C")


@lru_cache(maxsize=1)
def _byte_symbols() -> dict[int, str]:
    """A printable character for each byte; those that print stand for themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    symbols = {byte: chr(byte) for byte in printable}
    hidden = [byte for byte in range(256) if byte not in symbols]
    symbols.update({byte: chr(0x100 + index) for index, byte in enumerate(hidden)})
    return symbols
