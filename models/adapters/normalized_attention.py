"""Has attention turn away from what it finds for the negative prompt, by a bounded amount.

Reference: Normalized Attention Guidance, Chen et al. 2025 (arXiv:2505.21179), section 3 and algorithm 1: in
the attention to the prompt. The ecosystem's node does the same to what self-attention gives. The scale is
that of the authors' code and of workflows: one more than the paper's, so that 1 changes nothing.
Shapes: B batch, N tokens of the picture, T tokens of a text, C channels of all heads together.
"""

from collections.abc import Callable, Hashable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from models.adapters.places import attentions, change_forward, change_output
from models.attention import AttentionCore
from models.call import current_call
from models.layout import layout_of
from models.unet.blocks import CrossAttention

_NEVER_ZERO = 1e-6


@dataclass(frozen=True)
class TurningAway:
    """How attention turns away from what is unwanted.

    Attributes:
        scale: how far what is found moves; 1 changes nothing.
        alpha: share of what has moved in what comes out.
        tau: how many times as long as before a token may become.
    """

    scale: float = 5.0
    alpha: float = 0.5
    tau: float = 1.5

    def turned_away(self, found: Tensor, unwanted: Tensor) -> Tensor:
        """What attention found (B, N, C), moved away from what is unwanted (B, N, C).

        A token that becomes more than tau times as long, as sums of absolute values, is shortened to that.
        """
        moved = found + (self.scale - 1) * (found - unwanted)
        length, longer = (
            torch.linalg.vector_norm(part, 1, dim=-1, keepdim=True, dtype=torch.float32).clamp(
                min=_NEVER_ZERO
            )
            for part in (found, moved)
        )
        factor = (self.tau * length / longer).clamp(max=1.0).to(found.dtype)
        return torch.lerp(found, moved * factor, self.alpha)


class NormalizedAttention(TurningAway):
    """In attention to the prompt, rows of the positive prompt move away from the negative one."""

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("normalized attention", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Stand in for the cores of the attentions to the prompt.

        Raises:
            ValueError: the network has none, or another patch stands in the place of one.
        """
        names = layout_of(root).cross_attention
        if not names:
            raise ValueError(f"{type(root).__name__} names no attention to the prompt")
        for name in names:
            layer = root.get_submodule(name)
            core = getattr(layer, "core", None)
            if not isinstance(layer, CrossAttention) or not isinstance(core, AttentionCore):
                raise ValueError(
                    f"{name} is changed by another patch, so nothing can be kept away from in it"
                )
            change_forward(core, self._made(layer, core), undo)

    def _made(
        self, layer: CrossAttention, core: AttentionCore
    ) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
        # What is found in the negative prompt is plain attention, however often guidance stands on a core.
        attend = partial(type(core).forward, core)

        def make(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def run(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
                found, call = forward(query, key, value), current_call()
                parts = list(found.split(call.batch))
                for chunk, name in enumerate(call.rows):
                    against = call.against(chunk) if name == "positive" else ()
                    total = sum(strength for _, strength in against)
                    if total == 0:
                        continue
                    rows = query[chunk * call.batch : (chunk + 1) * call.batch]
                    unwanted = torch.zeros_like(parts[chunk])
                    for text, strength in against:
                        pair = layer.projections.pair(layer.to_k, layer.to_v, text)
                        unwanted = unwanted + attend(rows, *pair) * (strength / total)
                    parts[chunk] = self.turned_away(parts[chunk], unwanted)
                return torch.cat(parts)

            return run

        return make


class NormalizedSelfAttention(TurningAway):
    """Where rows of both prompts are computed in one call, what self-attention gives those of the positive
    one moves away from what it gives those of the negative one, which then get the same.

    At a scale of 1 the negative rows alone change.
    """

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("normalized self-attention", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Change what the self-attentions give; raises ValueError where the network has none."""
        for name in attentions(root, "attn1"):
            change_output(root.get_submodule(name), self._changed, undo)

    def _changed(self, output: Tensor, *inputs: Tensor) -> Tensor:
        del inputs
        call = current_call()
        if not {"positive", "negative"} <= set(call.rows):
            return output
        parts = list(output.split(call.batch))
        wanted, unwanted = call.rows.index("positive"), call.rows.index("negative")
        moved = self.turned_away(parts[wanted], parts[unwanted])
        parts[wanted] = parts[unwanted] = moved
        return torch.cat(parts)
