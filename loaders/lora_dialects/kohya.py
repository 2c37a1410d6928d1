"""Names modules as kohya's training scripts do, and many after them: `lora_unet_`, underscores for dots."""

from loaders.lora_dialects.layout import Dialect, Layout, Stems, model_weight, numbered_encoders, text_weight


def stems(layout: Layout) -> Stems:
    """Diffusers names and original ones, both with underscores; text encoders by number."""
    table = {}
    for original, diffusers in layout.unet.items():
        target = model_weight(original)
        table["lora_unet_" + original.replace(".", "_")] = target
        if diffusers is not None:
            flat = diffusers.replace(".", "_")
            table["lora_unet_" + flat] = target
            table["lycoris_" + flat] = target
    for encoder, modules, numbers in numbered_encoders(layout):
        prefixes = [f"lora_te{number}_" for number in numbers] + (["lycoris_"] if "" in numbers else [])
        for module in modules:
            for prefix in prefixes:
                table[prefix + module.replace(".", "_")] = text_weight(encoder, module)
    return table


DIALECT = Dialect("kohya", stems)
