"""Lists the diffusion networks that files may hold, newest families first where their marks overlap."""

from loaders.identify.kinds import NETWORK, Kind

_UNET = ("input_blocks.0.0.weight", "time_embed.0.weight", "out.2.weight")
_CONTEXT = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_LATER_CONTEXT = "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
_INPUT = "input_blocks.0.0.weight"
_VECTOR = "label_emb.0.0.weight"
_OTHER_UNET = ("conv_in.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.norm1.weight")
_OTHER_CONTEXT = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"
_OTHER_LATER = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight"
_OTHER_VECTOR = "add_embedding.linear_1.weight"
_OLD_PROJECTION = ".1.proj_in.weight"
_FILM = ("time_stack.", "input_blocks.1.0.time_stack.", "down_blocks.0.motion_modules.")


def _unet(
    family: str,
    title: str,
    channels: int | None,
    context: int | None,
    vector: int | None,
    later: bool = False,
) -> tuple[Kind, Kind]:
    """A UNet in its original names and in those of diffusers.

    channels, context, vector: sizes that it is known by, None = any; a vector of 0: none at all.
    later: the finest level has no attention.
    """
    kinds = []
    for marks, first, where, condition in (
        (_UNET, _INPUT, _LATER_CONTEXT if later else _CONTEXT, _VECTOR),
        (_OTHER_UNET, "conv_in.weight", _OTHER_LATER if later else _OTHER_CONTEXT, _OTHER_VECTOR),
    ):
        sizes = [(first, 1, channels)] if channels else []
        sizes += [(where, 1, context)] if context else []
        sizes += [(condition, 1, vector)] if vector else []
        never = (*_FILM, *(("label_emb.", "add_embedding.") if vector == 0 else ()))
        kinds.append(Kind(family, title, NETWORK, marks, tuple(sizes), never=never))
    return kinds[0], kinds[1]


def _plain(family: str, title: str, *marks: str, sizes: tuple[tuple[str, int, int], ...] = ()) -> Kind:
    return Kind(family, title, NETWORK, marks, sizes)


# Families that are opened here; the others are known by name only.
OPENED = frozenset(
    (
        "sd15",
        "sd15_inpaint",
        "sd15_edit",
        "zero123",
        "sd2",
        "sd2_inpaint",
        "sd2_depth",
        "sd21_unclip_l",
        "sd21_unclip_h",
        "sd_x4",
        "lotus",
        "sdxl",
        "sdxl_refiner",
        "sdxl_inpaint",
        "sdxl_edit",
    )
)

NETWORKS: tuple[Kind, ...] = (
    _plain("sd3", "Stable Diffusion 3", "joint_blocks.0.context_block.attn.qkv.weight"),
    _plain(
        "sd3",
        "Stable Diffusion 3 (diffusers)",
        "transformer_blocks.0.attn.add_q_proj.weight",
        "pos_embed.proj.weight",
    ),
    _plain("cascade_c", "Stable Cascade, stage C", "clf.1.weight", "clip_txt_mapper.weight"),
    _plain("cascade_b", "Stable Cascade, stage B", "clf.1.weight", "clip_mapper.weight"),
    _plain("stable_audio", "Stable Audio", "transformer.rotary_pos_emb.inv_freq"),
    _plain("auraflow", "AuraFlow", "double_layers.0.attn.w1q.weight"),
    _plain("hunyuan_dit", "HunyuanDiT", "mlp_t5.0.weight"),
    _plain(
        "hunyuan_video",
        "HunyuanVideo or HunyuanImage",
        "txt_in.individual_token_refiner.blocks.0.norm1.weight",
    ),
    _plain("flux2", "Flux 2", "double_stream_modulation_img.lin.weight"),
    _plain("chroma", "Chroma", "distilled_guidance_layer.norms.0.scale"),
    _plain("flux", "Flux", "double_blocks.0.img_attn.norm.key_norm.scale", "img_in.weight"),
    _plain("flux", "Flux (diffusers)", "single_transformer_blocks.0.attn.to_q.weight", "x_embedder.weight"),
    _plain("mochi", "Mochi", "t5_yproj.weight"),
    _plain(
        "ltx_av",
        "LTX 2",
        "adaln_single.emb.timestep_embedder.linear_1.bias",
        "audio_adaln_single.linear.weight",
    ),
    _plain(
        "pixart",
        "PixArt (diffusers)",
        "adaln_single.emb.timestep_embedder.linear_1.bias",
        "pos_embed.proj.bias",
    ),
    _plain("ltx", "LTX Video", "adaln_single.emb.timestep_embedder.linear_1.bias"),
    _plain("ace_step", "ACE-Step", "genre_embedder.weight"),
    _plain("pixart", "PixArt", "t_block.1.weight"),
    _plain("cosmos", "Cosmos", "blocks.block0.blocks.0.block.attn.to_q.0.weight"),
    _plain("z_image", "Z-Image", "cap_embedder.1.weight", sizes=(("cap_embedder.1.weight", 0, 3840),)),
    _plain("lumina2", "Lumina 2", "cap_embedder.1.weight"),
    _plain("wan", "Wan", "head.modulation"),
    _plain("hunyuan_3d", "Hunyuan3D", "latent_in.weight"),
    _plain("hidream", "HiDream", "caption_projection.0.linear.weight"),
    _plain("cosmos_predict2", "Cosmos Predict 2", "blocks.0.mlp.layer1.weight"),
    _plain("omnigen2", "OmniGen 2", "time_caption_embed.timestep_embedder.linear_1.bias"),
    _plain("qwen_image", "Qwen-Image", "txt_norm.weight", "img_in.weight"),
    _plain("kandinsky5", "Kandinsky 5", "visual_transformer_blocks.0.cross_attention.key_norm.weight"),
    _plain("sana", "Sana", "blocks.0.cross_attn.kv_linear.weight"),
    _plain("svd", "Stable Video Diffusion", *_UNET, "input_blocks.1.0.time_stack.in_layers.0.weight"),
    *_unet("sdxl_refiner", "SDXL refiner", None, None, 2560),
    *_unet("sdxl_inpaint", "SDXL inpainting", 9, 2048, 2816, later=True),
    *_unet("sdxl_edit", "SDXL InstructPix2Pix", 8, 2048, 2816, later=True),
    *_unet("sdxl", "SDXL", 4, 2048, 2816, later=True),
    Kind(
        "sd_x4",
        "Stable Diffusion x4 upscaler",
        NETWORK,
        (*_UNET, "label_emb.weight"),
        sizes=((_INPUT, 1, 7),),
    ),
    Kind(
        "sd_x4",
        "Stable Diffusion x4 upscaler",
        NETWORK,
        (*_OTHER_UNET, "class_embedding.weight"),
        sizes=(("conv_in.weight", 1, 7),),
    ),
    *_unet("lotus", "Lotus", 4, 1024, 4),
    *_unet("sd21_unclip_l", "Stable Diffusion 2.1 unCLIP (L)", 4, 1024, 1536),
    *_unet("sd21_unclip_h", "Stable Diffusion 2.1 unCLIP (H)", 4, 1024, 2048),
    *_unet("sd2_depth", "Stable Diffusion 2 depth", 5, 1024, 0),
    *_unet("sd2_inpaint", "Stable Diffusion 2 inpainting", 9, 1024, 0),
    *_unet("sd2", "Stable Diffusion 2.x", 4, 1024, 0),
    *_unet("sd15_inpaint", "Stable Diffusion 1.x inpainting", 9, 768, 0),
    Kind(
        "zero123",
        "Zero123 or Stable Zero123",
        NETWORK,
        _UNET,
        sizes=((_INPUT, 1, 8),),
        beside=("cc_projection.weight", "cc_projection.bias"),
    ),
    *_unet("sd15_edit", "InstructPix2Pix", 8, 768, 0),
    *_unet("sd15", "Stable Diffusion 1.x", 4, 768, 0),
    Kind(
        "sd15",
        "Stable Diffusion 1.x of another size",
        NETWORK,
        _UNET,
        sizes=((_INPUT, 1, 4),),
        ranks=((_OLD_PROJECTION, 4),),
        never=("label_emb.", *_FILM),
    ),
    Kind(
        "sd15",
        "Stable Diffusion 1.x of another size",
        NETWORK,
        _OTHER_UNET,
        sizes=(("conv_in.weight", 1, 4),),
        ranks=((".proj_in.weight", 4),),
        never=("add_embedding.", *_FILM),
    ),
)
