"""Makes hooks: changes to networks that go with prompts, from LoRA files and from whole checkpoints."""

from functools import partial
from typing import Annotated

from loaders.checkpoint import open_checkpoint
from loaders.lora_report import looks_like
from loaders.opening import open_weights
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Hooks
from nodes.api.widgets import File, Range
from nodes.conditioning.hook_changes import CheckpointChanges, LoraChanges
from schedulers.hooks import Changes, WeightHook
from schedulers.hooks import Hooks as HooksValue

Strength = Annotated[float, Range(-20.0, 20.0, step=0.01)]
LoraFile = Annotated[str, File("loras")]
CheckpointFile = Annotated[str, File("checkpoints")]

create = partial(node, category="advanced/hooks/create", experimental=True)


def added(before: Hooks | None, changes: Changes, model_strength: float, clip_strength: float) -> Hooks:
    """Return hooks with one more."""
    made = HooksValue((WeightHook(changes, model_strength, clip_strength),))
    return made if before is None else before.joined(made)


def lora_changes(ctx: Context, name: str) -> LoraChanges:
    """Return the changes of a LoRA file; the node shows what it looks like."""
    path = ctx.files.find("loras", name)
    ctx.show("text", [looks_like(open_weights(path))])
    return LoraChanges(path)


def checkpoint_changes(ctx: Context, name: str) -> CheckpointChanges:
    """Return the way to the weights of a checkpoint."""
    opened = open_checkpoint(ctx.files.find("checkpoints", name))
    clip = None if opened.clip is None else opened.clip.base.network
    return CheckpointChanges(name, opened.model.base.network, clip)


@create(id="CreateHookLora", display_name="Create Hook LoRA")
def hook_lora(
    ctx: Context,
    *,
    lora_name: LoraFile,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    prev_hooks: Hooks | None = None,
) -> Hooks:
    """Make a LoRA that holds for some prompts only.

    Args:
        lora_name: a file of the loras folder.
        strength_model: how strongly the network changes; below 0 it changes the other way.
        strength_clip: how strongly the text encoder changes, where the hook is set on one.
        prev_hooks: hooks that hold at the same time.
    """
    if strength_model == 0 and strength_clip == 0:
        return HooksValue() if prev_hooks is None else prev_hooks
    return added(prev_hooks, lora_changes(ctx, lora_name), strength_model, strength_clip)


@create(id="CreateHookLoraModelOnly", display_name="Create Hook LoRA (MO)")
def hook_lora_for_model(
    ctx: Context, *, lora_name: LoraFile, strength_model: Strength = 1.0, prev_hooks: Hooks | None = None
) -> Hooks:
    """Make a LoRA that holds for some prompts only, of the part that is for the network which draws.

    Args:
        lora_name: a file of the loras folder.
        strength_model: how strongly the network changes; below 0 it changes the other way.
        prev_hooks: hooks that hold at the same time.
    """
    if strength_model == 0:
        return HooksValue() if prev_hooks is None else prev_hooks
    return added(prev_hooks, lora_changes(ctx, lora_name), strength_model, 0.0)


@create(id="CreateHookModelAsLora", display_name="Create Hook Model as LoRA")
def hook_checkpoint(
    ctx: Context,
    *,
    ckpt_name: CheckpointFile,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    prev_hooks: Hooks | None = None,
) -> Hooks:
    """Have the networks go towards those of another checkpoint, for some prompts only.

    Args:
        ckpt_name: a file of the checkpoints folder.
        strength_model: how far the network goes; 1 is all the way.
        strength_clip: how far the text encoder goes, where the hook is set on one.
        prev_hooks: hooks that hold at the same time.
    """
    return added(prev_hooks, checkpoint_changes(ctx, ckpt_name), strength_model, strength_clip)


@create(id="CreateHookModelAsLoraModelOnly", display_name="Create Hook Model as LoRA (MO)")
def hook_checkpoint_for_model(
    ctx: Context,
    *,
    ckpt_name: CheckpointFile,
    strength_model: Strength = 1.0,
    prev_hooks: Hooks | None = None,
) -> Hooks:
    """Have the network which draws go towards that of another checkpoint, for some prompts only.

    Args:
        ckpt_name: a file of the checkpoints folder.
        strength_model: how far the network goes; 1 is all the way.
        prev_hooks: hooks that hold at the same time.
    """
    return added(prev_hooks, checkpoint_changes(ctx, ckpt_name), strength_model, 0.0)
