"""Names modules as diffusers does: `unet.` and dots, with the attention processors of earlier versions."""

from loaders.lora_dialects.layout import Dialect, Layout, Stems, model_weight, text_weight


def stems(layout: Layout) -> Stems:
    """Diffusers names with and without `unet.`, and as parts of an attention processor."""
    table = {}
    for original, diffusers in layout.unet.items():
        if diffusers is None:
            continue
        for name in (diffusers, _in_processor(diffusers)):
            table[name] = table[f"unet.{name}"] = model_weight(original)
    for module in layout.text:
        table[f"text_encoder.{module}"] = text_weight(module)
        table[f"text_encoders.clip_l.transformer.{module}"] = text_weight(module)
    return table


def _in_processor(name: str) -> str:
    return name.replace(".to_", ".processor.to_").removesuffix(".0") if ".to_" in name else name


DIALECT = Dialect("diffusers", stems)
