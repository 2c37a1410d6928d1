"""Guiders for custom sampling: what is made of a model's predictions for several prompts."""

from typing import Annotated

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Conditioning, Guider, Model
from nodes.api.widgets import Choice, Hint, Range
from nodes.sampling.custom import Scale
from schedulers.conditioning import as_negative
from schedulers.guiders.cfg import Guidance
from schedulers.guiders.projection import EMPTY
from schedulers.guiders.several import MIDDLE, DualGuidance, PerpendicularGuidance
from schedulers.guiders.wired import Helper, WiredGuider

CATEGORY = "sampling/custom_sampling/guiders"


@node(id="BasicGuider", display_name="BasicGuider", category=CATEGORY)
def basic(*, model: Model, conditioning: Conditioning) -> Guider:
    """Follow one prompt, without a negative one.

    Args:
        model: the network that knows what pictures look like.
        conditioning: what to draw.
    """
    return WiredGuider(model, Guidance(1.0, has_negative=False), {"positive": conditioning})


@node(id="CFGGuider", display_name="CFGGuider", category=CATEGORY)
def classifier_free(
    *, model: Model, positive: Conditioning, negative: Conditioning, cfg: Scale = 8.0
) -> Guider:
    """Follow one prompt and keep away from another.

    Args:
        model: the network that knows what pictures look like.
        positive: what to draw.
        negative: what to keep away from.
        cfg: how closely the picture follows the prompts; 1 ignores the negative one and takes half the time.
    """
    return WiredGuider(model, Guidance(cfg), {"positive": positive, "negative": negative})


@node(id="DualCFGGuider", display_name="DualCFGGuider", category=CATEGORY)
def dual(
    *,
    model: Model,
    cond1: Conditioning,
    cond2: Conditioning,
    negative: Conditioning,
    cfg_conds: Scale = 8.0,
    cfg_cond2_negative: Scale = 8.0,
    style: Annotated[str, Choice(("regular", "nested"))],
) -> Guider:
    """Follow two prompts with a scale each, as for changing a picture by an instruction.

    Args:
        model: the network that knows what pictures look like.
        cond1: what to draw.
        cond2: what the first prompt is weighed against, such as the picture alone.
        negative: what to keep away from.
        cfg_conds: from the second prompt to the first.
        cfg_cond2_negative: from the negative prompt to the second, or to what both come to.
        style: regular guides each pair by itself, nested guides both prompts as one.
    """
    guider = DualGuidance(cfg_conds, cfg_cond2_negative, "nested" if style == "nested" else "regular")
    return WiredGuider(model, guider, {"positive": cond1, MIDDLE: as_negative(cond2), "negative": negative})


@node(id="PerpNegGuider", display_name="PerpNegGuider", category="_for_testing", experimental=True)
def perp_neg(
    *,
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    empty_conditioning: Conditioning,
    cfg: Scale = 8.0,
    neg_scale: Annotated[float, Range(0.0, 100.0, step=0.01)] = 1.0,
) -> Guider:
    """Keep away from a negative prompt only as far as that does not weaken the positive one.

    Args:
        model: the network that knows what pictures look like.
        positive: what to draw.
        negative: what to keep away from.
        empty_conditioning: what an empty prompt comes to.
        cfg: how closely the picture follows the prompts.
        neg_scale: strength of the negative prompt.
    """
    lists = {"positive": positive, "negative": negative, EMPTY: as_negative(empty_conditioning)}
    return WiredGuider(model, PerpendicularGuidance(cfg, neg_scale), lists)


@node(id="DualModelGuider", display_name="Dual Model CFG Guider", category=CATEGORY)
def dual_model(
    *,
    model: Model,
    model_negative: Annotated[Model | None, Hint(optional=True)] = None,
    positive: Conditioning,
    cfg: Annotated[float, Range(0.0, 100.0, step=0.1)] = 4.0,
    negative: Annotated[Conditioning | None, Hint(optional=True)] = None,
) -> Guider:
    """Keep away from what a second, weaker model draws (autoguidance), or from a negative prompt.

    Args:
        model: the network that knows what pictures look like.
        model_negative: the weaker model, of the same kind; without one the model itself.
        positive: what to draw.
        cfg: how far to go away from the negative prediction; 1 does without it.
        negative: the prompt of the negative prediction; without one the positive prompt.
    """
    if model_negative is None and negative is None:
        raise NodeError("give a second model, a negative prompt, or both: else there is nothing to guide by")
    against = {"negative": positive if negative is None else negative}
    if model_negative is None:
        return WiredGuider(model, Guidance(cfg), {"positive": positive, **against})
    helper = Helper(model_negative, against)
    return WiredGuider(model, Guidance(cfg), {"positive": positive}, (helper,))
