"""Answers whether a file changes weights instead of holding them, in which dialect, and for which family."""

from collections.abc import Mapping

Shapes = Mapping[str, tuple[int, ...]]

# What the names of each dialect end with, and what it is called.
_DIALECTS = (
    (
        "LoRA",
        (
            ".lora_down.weight",
            ".lora_A.weight",
            ".lora.down.weight",
            "_lora.down.weight",
            ".lora_A.default.weight",
        ),
    ),
    ("LoRA", (".lora_linear_layer.down.weight", ".lora_A")),
    ("LoHa", (".hada_w1_a",)),
    ("LoKr", (".lokr_w1", ".lokr_w1_a")),
    ("GLoRA", (".a1.weight",)),
    ("OFT or BOFT", (".oft_blocks",)),
    ("IA3", (".on_input",)),
    ("full difference", (".diff",)),
)
# Parts of names that tell the family a change is made for.
_FAMILIES = (
    ("Flux", ("double_blocks", "single_transformer_blocks")),
    ("SDXL", ("lora_te2_", "text_encoder_2.", "add_embedding")),
    ("SD3", ("joint_blocks",)),
    ("Wan", ("blocks_0_cross_attn", "blocks.0.cross_attn.")),
    ("HunyuanVideo", ("txt_in_individual_token_refiner", "txt_in.individual_token_refiner")),
    ("Qwen-Image", ("transformer_blocks.0.img_mlp", "transformer_blocks_0_img_mlp")),
    ("Z-Image or Lumina 2", ("layers.0.attention.", "layers_0_attention_")),
)
_WIDTHS = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "SDXL"}


def lora_dialect(shapes: Shapes) -> tuple[str, str] | None:
    """(the dialect's name, a tensor that shows it), or None for a file that changes nothing."""
    for title, endings in _DIALECTS:
        found = next((name for name in shapes if name.endswith(endings)), None)
        if found is not None:
            return title, found
    return None


def lora_family(shapes: Shapes) -> tuple[str, str]:
    """(the family it is made for, why it seems so); the family is empty where nothing tells it."""
    for title, parts in _FAMILIES:
        found = next((name for name in shapes if any(part in name for part in parts)), None)
        if found is not None:
            return title, found
    for name, shape in shapes.items():
        if (
            "attn2" in name
            and "to_k" in name
            and len(shape) >= 2
            and "down" in name + "A"
            and shape[1] in _WIDTHS
        ):
            return _WIDTHS[shape[1]], f"{name} takes a context of width {shape[1]}"
    return "", ""
