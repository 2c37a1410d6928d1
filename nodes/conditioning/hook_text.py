"""Sets hooks on text encoders."""

from dataclasses import replace

from nodes.api.declare import node
from nodes.api.sockets import Clip, Hooks
from nodes.conditioning.encoding import needs_clip
from schedulers.hooks import ClipHooks


@node(id="SetClipHooks", display_name="Set CLIP Hooks", category="advanced/hooks/clip", experimental=True)
def set_clip_hooks(
    clip: Clip, apply_to_conds: bool = True, schedule_clip: bool = False, hooks: Hooks | None = None
) -> Clip:
    """Have hooks change a text encoder while it encodes prompts.

    Args:
        clip: the text encoder.
        apply_to_conds: have the hooks go with the prompts, so that they change the network which draws too.
        schedule_clip: follow the keyframes of the hooks: prompts are encoded once for each part of sampling.
        hooks: changes to networks; without any the text encoder stays as it is.
    """
    needs_clip(clip)
    if hooks is None:
        return clip
    return clip.with_base(replace(clip.base, hooks=ClipHooks(hooks, apply_to_conds, schedule_clip)))
