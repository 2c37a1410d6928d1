"""Names modules as diffusers does: `unet.` and dots, with the attention processors of earlier versions."""

from loaders.lora_dialects.layout import (
    Dialect,
    Layout,
    Stems,
    Target,
    fused_weights,
    numbered_encoders,
    weight_of,
)

# What early versions called the projections of text encoders.
_OLD = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}


def stems(layout: Layout) -> Stems:
    """Diffusers names with and without `unet.`, and as parts of an attention processor."""
    table: dict[str, tuple[Target, ...]] = {}
    for original, diffusers in layout.unet.items():
        if diffusers is None:
            continue
        for name in (diffusers, _in_processor(diffusers)):
            table[name] = table[f"unet.{name}"] = weight_of("model", original)
    for fused, targets in fused_weights(layout.unet):
        table[fused] = table[f"unet.{fused}"] = targets
    for encoder, modules, numbers in numbered_encoders(layout):
        number = "" if "" in numbers else f"_{numbers[0]}"
        for module in modules:
            target = weight_of("clip", f"{encoder}.{module}")
            table[f"text_encoders.{encoder}.transformer.{module}"] = target
            table[f"text_encoder{number}.{module}"] = target
            if (old := _old_name(module)) is not None:
                table[f"text_encoder{number}.{old}"] = target
    return table


def _in_processor(name: str) -> str:
    return name.replace(".to_", ".processor.to_").removesuffix(".0") if ".to_" in name else name


def _old_name(name: str) -> str | None:
    module, _, projection = name.rpartition(".")
    return f"{module}.{_OLD[projection]}" if projection in _OLD else None


DIALECT = Dialect("diffusers", stems)
