"""Turns captions into rows of a compact word table, which is later spread over CLIP's whole vocabulary."""

import random

import torch
from torch import Tensor

from models.text.tokenizer import END, START, clip_tokenizer
from training.captions import words

UNKNOWN = 0
POSITIONS = 77
STRAY_WORD = 0.08


class WordTable:
    """Which ids of the vocabulary are trained; row 0 stands for all others."""

    def __init__(self) -> None:
        self._tokenizer = clip_tokenizer()
        used = {START, END}
        for word in words():
            used.update(self._tokenizer.encode(word))
        self.ids = sorted(used)
        self._rows = {identity: row for row, identity in enumerate(self.ids, start=1)}
        self._texts: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.ids) + 1

    def encode(self, captions: list[str]) -> Tensor:
        """Rows (B, 77) of captions, padded with the end token as the app pads."""
        return torch.tensor([self._row_list(caption) for caption in captions])

    def with_strays(self, rows: Tensor, rng: random.Random) -> Tensor:
        """Rows (B, 77) where some captions hold one unknown word more, so that odd words do no harm."""
        end = self._rows[END]
        for line in rows:
            if rng.random() < STRAY_WORD:
                length = int((line == end).int().argmax())
                place = rng.randint(1, length)
                line[place + 1 :] = line[place:-1].clone()
                line[place] = UNKNOWN
        return rows

    def _row_list(self, caption: str) -> list[int]:
        rows = [self._rows[START]]
        for word in caption.replace(",", " ,").split():
            if word not in self._texts:
                ids = self._tokenizer.encode(word)
                self._texts[word] = [self._rows.get(identity, UNKNOWN) for identity in ids]
            rows += self._texts[word]
        return rows + [self._rows[END]] * (POSITIONS - len(rows))
