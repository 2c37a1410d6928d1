"""Puts other cores into self-attention: one that mixes nothing, and one whose scores can be read.

References: perturbed-attention guidance, Ahn et al. 2024 (arXiv:2403.17377), equation 9; self-attention
guidance, Hong et al. 2023 (arXiv:2210.00939), section 4.3.
Shapes: B batch, H heads, N tokens, C channels.
"""

from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass, field

from torch import Tensor, nn

from models.adapters.patch import Substitution
from models.adapters.places import attentions
from models.call import current_call

MIDDLE = "middle_block"


class _Identity(nn.Module):
    """Attention whose map is the identity: each token keeps its own value."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        del query, key
        return value


@dataclass(frozen=True)
class IdentityAttention:
    """In the self-attention under a part of the network each token sees itself alone.

    Attributes:
        below: what the names of the changed attentions start with.
    """

    below: str = MIDDLE

    @property
    def key(self) -> Hashable:
        """Where it holds."""
        return ("identity attention", self.below)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Swap the cores; raises ValueError where the network has no such attention."""
        for path in attentions(root, "attn1", self.below):
            Substitution(f"{path}.core", _Identity()).install(root, undo)


@dataclass(eq=False)
class ScoreBox:
    """Where attention scores lie between the network call that made them and the rule that takes them."""

    scores: Tensor | None = field(default=None, repr=False)

    def take(self) -> Tensor | None:
        """The scores (B, H, N, N) of the last call, once; None where none ran since."""
        scores, self.scores = self.scores, None
        return scores


class _Scoring(nn.Module):
    """Attention spelt out, which puts the scores of the rows of one list into a box."""

    def __init__(self, heads: int, box: ScoreBox, row: str) -> None:
        super().__init__()
        self.heads = heads
        self.box = box
        self.row = row

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = (t.view(*t.shape[:2], self.heads, -1).transpose(1, 2) for t in (query, key, value))
        scores = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1)
        call = current_call()
        if self.row in call.rows:
            first = call.rows.index(self.row) * call.batch
            self.box.scores = scores[first : first + call.batch].detach()
        return (scores @ v).transpose(1, 2).flatten(-2)


@dataclass(frozen=True, eq=False)
class CaptureScores:
    """The first self-attention of the middle leaves its scores for the rows of one list in a box.

    Attributes:
        box: where they lie afterwards; a rule takes them out in the same evaluation.
        row: name of the list of conditions.
    """

    box: ScoreBox
    row: str = "negative"

    @property
    def key(self) -> Hashable:
        """The very box."""
        return ("capture scores", self.box, self.row)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Swap the core; raises ValueError where the network has no attention in its middle."""
        path = attentions(root, "attn1", MIDDLE)[0] + ".core"
        heads = getattr(root.get_submodule(path), "heads", None)
        if heads is None:
            raise ValueError(f"{path} is changed by another patch, so its scores cannot be read")
        Substitution(path, _Scoring(heads, self.box, self.row)).install(root, undo)
