"""Names modules as diffusers does: `unet.` and dots, with the attention processors of earlier versions."""

from loaders.lora_dialects.layout import Dialect, Layout, Stems, model_weight, numbered_encoders, text_weight


def stems(layout: Layout) -> Stems:
    """Diffusers names with and without `unet.`, and as parts of an attention processor."""
    table = {}
    for original, diffusers in layout.unet.items():
        if diffusers is None:
            continue
        for name in (diffusers, _in_processor(diffusers)):
            table[name] = table[f"unet.{name}"] = model_weight(original)
    for encoder, modules, numbers in numbered_encoders(layout):
        number = "" if "" in numbers else f"_{numbers[0]}"
        for module in modules:
            for prefix in (f"text_encoder{number}", f"text_encoders.{encoder}.transformer"):
                table[f"{prefix}.{module}"] = text_weight(encoder, module)
    return table


def _in_processor(name: str) -> str:
    return name.replace(".to_", ".processor.to_").removesuffix(".0") if ".to_" in name else name


DIALECT = Dialect("diffusers", stems)
