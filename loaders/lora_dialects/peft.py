"""Names modules as PEFT saves them, `base_model.model.` before the name, and by their full original names."""

from loaders.lora_dialects.layout import (
    Dialect,
    Layout,
    Stems,
    Target,
    fused_weights,
    numbered_encoders,
    weight_of,
)

_WRAPPED = "base_model.model."
_FULL = ("diffusion_model.", "model.diffusion_model.", f"{_WRAPPED}diffusion_model.")
_UNET = (_WRAPPED, f"unet.{_WRAPPED}", f"{_WRAPPED}unet.")


def stems(layout: Layout) -> Stems:
    """Wrapped diffusers names, and original names as parts of a checkpoint or of the network alone."""
    table: dict[str, tuple[Target, ...]] = {}
    for original, diffusers in layout.unet.items():
        for prefix in _FULL:
            table[prefix + original] = weight_of("model", original)
            # What is no weight goes by its whole name.
            table[f"{prefix}{original}.bias"] = (Target("model", f"{original}.bias"),)
        if diffusers is not None:
            table.update({prefix + diffusers: weight_of("model", original) for prefix in _UNET})
    for fused, targets in fused_weights(layout.unet):
        table.update({prefix + fused: targets for prefix in _UNET})
    for encoder, modules, numbers in numbered_encoders(layout):
        name = "text_encoder" if "" in numbers else f"text_encoder_{numbers[0]}"
        prefixes = [f"{name}.{_WRAPPED}", f"{_WRAPPED}{name}."] + ([_WRAPPED] if "" in numbers else [])
        for module in modules:
            table.update({prefix + module: weight_of("clip", f"{encoder}.{module}") for prefix in prefixes})
    return table


DIALECT = Dialect("peft", stems)
