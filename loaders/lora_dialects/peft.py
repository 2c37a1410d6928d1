"""Names modules as PEFT saves them, `base_model.model.` before the name, and by their full original names."""

from loaders.lora_dialects.layout import Dialect, Layout, Stems, model_weight, numbered_encoders, text_weight

_WRAPPED = "base_model.model."


def stems(layout: Layout) -> Stems:
    """Wrapped diffusers names, and original names as parts of a checkpoint or of the network alone."""
    table = {}
    for original, diffusers in layout.unet.items():
        target = model_weight(original)
        for prefix in ("diffusion_model.", "model.diffusion_model.", f"{_WRAPPED}diffusion_model."):
            table[prefix + original] = target
        if diffusers is not None:
            for prefix in (_WRAPPED, f"unet.{_WRAPPED}", f"{_WRAPPED}unet."):
                table[prefix + diffusers] = target
    for encoder, modules, numbers in numbered_encoders(layout):
        name = "text_encoder" if "" in numbers else f"text_encoder_{numbers[0]}"
        prefixes = [f"{name}.{_WRAPPED}", f"{_WRAPPED}{name}."] + ([_WRAPPED] if "" in numbers else [])
        for module in modules:
            for prefix in prefixes:
                table[prefix + module] = text_weight(encoder, module)
    return table


DIALECT = Dialect("peft", stems)
