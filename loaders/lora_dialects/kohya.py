"""Names modules as kohya's training scripts do, and many after them: `lora_unet_`, underscores for dots."""

from loaders.lora_dialects.layout import (
    Dialect,
    Layout,
    Stems,
    Target,
    fused_weights,
    numbered_encoders,
    weight_of,
)

_PREFIXES = ("lora_unet_", "lycoris_")


def stems(layout: Layout) -> Stems:
    """Diffusers names and original ones, both with underscores; text encoders by number."""
    table: dict[str, tuple[Target, ...]] = {}
    for original, diffusers in layout.unet.items():
        target = weight_of("model", original)
        table["lora_unet_" + _flat(original)] = target
        if diffusers is not None:
            table.update({prefix + _flat(diffusers): target for prefix in _PREFIXES})
    for fused, targets in fused_weights(layout.unet):
        table.update({prefix + _flat(fused): targets for prefix in _PREFIXES})
    for encoder, modules, numbers in numbered_encoders(layout):
        prefixes = [f"lora_te{number}_" for number in numbers]
        if "" in numbers:
            prefixes += ["lycoris_", "lora_prior_te_"] if encoder == "clip_g" else ["lycoris_"]
        for module in modules:
            for prefix in prefixes:
                table[prefix + _flat(module)] = weight_of("clip", f"{encoder}.{module}")
    return table


def _flat(name: str) -> str:
    return name.replace(".", "_")


DIALECT = Dialect("kohya", stems)
