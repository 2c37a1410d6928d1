"""Lists what files may hold beside diffusion networks, in the order in which the kinds are tried."""

from loaders.identify.kinds import ADAPTER, CONTROL, EMBEDDING, TEXT, UPSCALER, VAE, VISION, Kind

_CLIP = "text_model.embeddings.token_embedding.weight"
_OPEN_CLIP = "transformer.resblocks.0.attn.in_proj_weight"


def _part(
    role: str, kind: str, title: str, *marks: str, sizes: tuple[tuple[str, int, int], ...] = ()
) -> Kind:
    return Kind(kind, title, role, marks, sizes)


AUTOENCODERS: tuple[Kind, ...] = (
    _part(VAE, "svd_vae", "video autoencoder of SVD", "decoder.mid.block_1.mix_factor"),
    _part(VAE, "taesd", "tiny autoencoder", "taesd_decoder.1.weight"),
    _part(
        VAE,
        "taesd",
        "tiny autoencoder (diffusers)",
        "decoder.layers.0.weight",
        "decoder.layers.2.conv.0.weight",
    ),
    _part(VAE, "taesd_half", "tiny autoencoder, its decoder", "1.weight", "3.conv.0.weight"),
    _part(VAE, "taesd_half", "tiny autoencoder, its encoder", "0.weight", "1.conv.0.weight"),
    _part(VAE, "cascade_a", "Stable Cascade, stage A", "vquantizer.codebook.weight"),
    _part(VAE, "wan_vae", "autoencoder of Wan", "decoder.middle.0.residual.0.gamma"),
    _part(VAE, "cosmos_vae", "autoencoder of Cosmos", "decoder.unpatcher3d.wavelets"),
    _part(VAE, "hunyuan_video_vae", "video autoencoder of Hunyuan", "decoder.conv_in.conv.weight"),
    _part(VAE, "ltx_vae", "video autoencoder of LTX", "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight"),
    _part(VAE, "mochi_vae", "video autoencoder of Mochi", "blocks.2.blocks.3.stack.5.weight"),
    _part(VAE, "oobleck", "autoencoder for sound", "decoder.layers.1.layers.0.beta"),
    _part(VAE, "dc_ae", "deep compression autoencoder", "decoder.stages.1.op_list.0.main.conv.conv.bias"),
    _part(
        VAE,
        "kl_16",
        "KL autoencoder of 16 channels",
        "decoder.conv_in.weight",
        sizes=(("decoder.conv_in.weight", 1, 16),),
    ),
    _part(
        VAE,
        "kl_32",
        "KL autoencoder of 32 channels",
        "decoder.conv_in.weight",
        sizes=(("decoder.conv_in.weight", 1, 32),),
    ),
    _part(VAE, "kl", "KL autoencoder", "decoder.conv_in.weight", "encoder.conv_in.weight"),
)

ENCODERS: tuple[Kind, ...] = (
    _part(TEXT, "clip_l", "CLIP-L", _CLIP, sizes=((_CLIP, 1, 768),)),
    _part(TEXT, "clip_h", "OpenCLIP-H", _CLIP, sizes=((_CLIP, 1, 1024),)),
    _part(TEXT, "clip_g", "OpenCLIP-bigG", _CLIP, sizes=((_CLIP, 1, 1280),)),
    _part(TEXT, "clip", "CLIP of another size", _CLIP),
    _part(TEXT, "clip_l", "CLIP-L (old names)", "embeddings.token_embedding.weight"),
    _part(TEXT, "clip_h", "OpenCLIP-H", _OPEN_CLIP, sizes=((_OPEN_CLIP, 1, 1024),)),
    _part(TEXT, "clip_g", "OpenCLIP-bigG", _OPEN_CLIP, sizes=((_OPEN_CLIP, 1, 1280),)),
    _part(TEXT, "t5", "T5", "encoder.block.0.layer.0.SelfAttention.q.weight", "shared.weight"),
    _part(
        TEXT,
        "gemma",
        "Gemma",
        "model.layers.0.post_feedforward_layernorm.weight",
        "model.embed_tokens.weight",
    ),
    _part(TEXT, "qwen_vl", "Qwen-VL", "visual.blocks.0.attn.qkv.weight", "model.embed_tokens.weight"),
    _part(
        TEXT, "llm", "language model", "model.layers.0.self_attn.q_proj.weight", "model.embed_tokens.weight"
    ),
    _part(VISION, "clip_vision", "CLIP vision", "vision_model.embeddings.class_embedding"),
    _part(VISION, "siglip", "SigLIP", "vision_model.embeddings.patch_embedding.weight"),
    _part(
        VISION, "clip_vision", "CLIP vision (OpenCLIP)", "visual.transformer.resblocks.0.attn.in_proj_weight"
    ),
    _part(VISION, "dino", "DINO v2", "encoder.layer.0.layer_scale1.lambda1"),
)


def _ip_adapters() -> tuple[Kind, ...]:
    return tuple(
        _part(
            ADAPTER,
            kind,
            f"IP-Adapter{title}",
            *(f"image_proj.{mark}" for mark in marks),
            "ip_adapter.1.to_k_ip.weight",
        )
        for kind, title, marks in (
            ("ip_adapter_face", " FaceID Plus", ("perceiver_resampler.proj_in.weight",)),
            ("ip_adapter_face", " FaceID", ("proj.0.weight", "norm.weight")),
            ("ip_adapter", " Plus", ("latents",)),
            ("ip_adapter", " Full Face", ("proj.3.weight",)),
            ("ip_adapter", "", ("proj.weight",)),
        )
    )


OTHERS: tuple[Kind, ...] = (
    _part(CONTROL, "control_lora", "Control-LoRA", "lora_controlnet"),
    _part(
        CONTROL,
        "controlnet_union",
        "ControlNet Union (diffusers)",
        "controlnet_cond_embedding.conv_in.weight",
        "control_add_embedding.linear_1.bias",
    ),
    _part(CONTROL, "controlnet", "ControlNet (diffusers)", "controlnet_cond_embedding.conv_in.weight"),
    _part(CONTROL, "controlnet", "ControlNet", "control_model.zero_convs.0.0.weight"),
    _part(CONTROL, "controlnet", "ControlNet", "zero_convs.0.0.weight", "input_hint_block.0.weight"),
    _part(CONTROL, "controlnet_flux", "ControlNet of a later family", "controlnet_blocks.0.weight"),
    _part(CONTROL, "t2i_adapter", "T2I-Adapter, light", "body.0.in_conv.weight"),
    _part(CONTROL, "t2i_adapter", "T2I-Adapter", "body.0.block1.weight", "conv_in.weight"),
    _part(CONTROL, "t2i_adapter", "T2I-Adapter (diffusers)", "adapter.body.0.resnets.0.block1.weight"),
    *_ip_adapters(),
    _part(ADAPTER, "ip_adapter_other", "IP-Adapter of another kind", "ip_adapter.1.to_k_ip.weight"),
    _part(ADAPTER, "ip_adapter_other", "IP-Adapter of another kind", "ip_adapter.0.to_k_ip.weight"),
    _part(
        ADAPTER,
        "photomaker_2",
        "PhotoMaker v2",
        "id_encoder.fuse_module.mlp1.fc1.weight",
        "id_encoder.qformer_perceiver.token_proj.0.weight",
    ),
    _part(ADAPTER, "photomaker", "PhotoMaker", "id_encoder.fuse_module.mlp1.fc1.weight"),
    _part(ADAPTER, "gligen", "GLIGEN", "position_net.null_positive_feature"),
    _part(ADAPTER, "style_model", "T2I style adapter", "style_embedding"),
    _part(ADAPTER, "redux", "Flux Redux", "redux_up.weight"),
    _part(
        ADAPTER,
        "motion",
        "AnimateDiff motion module",
        "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight",
    ),
    _part(EMBEDDING, "embedding", "textual inversion", "emb_params"),
    _part(EMBEDDING, "embedding", "textual inversion of SDXL", "clip_l", "clip_g"),
    _part(EMBEDDING, "embedding", "textual inversion", "string_to_param.*"),
    _part(EMBEDDING, "embedding", "textual inversion", "*"),
    _part(UPSCALER, "esrgan", "ESRGAN upscaler", "model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"),
    _part(UPSCALER, "esrgan", "ESRGAN upscaler", "conv_first.weight", "body.0.rdb1.conv1.weight"),
    _part(UPSCALER, "esrgan", "ESRGAN upscaler", "conv_first.weight", "RRDB_trunk.0.RDB1.conv1.weight"),
    _part(UPSCALER, "compact", "compact SRVGG upscaler", "body.0.weight", "body.1.weight", "body.2.weight"),
    _part(
        UPSCALER,
        "swinir",
        "SwinIR or HAT upscaler",
        "conv_first.weight",
        "layers.0.residual_group.blocks.0.norm1.weight",
    ),
    _part(UPSCALER, "dat", "DAT upscaler", "conv_first.weight", "layers.0.blocks.0.norm1.weight"),
    _part(UPSCALER, "span", "SPAN upscaler", "block_1.c1_r.sk.weight"),
)

# Kinds that are opened where the optional library spandrel is installed.
BY_SPANDREL = frozenset(("swinir", "dat", "span"))
# Kinds that are opened here; the others are known by name only.
OPENED = frozenset(
    (
        *("taesd", "taesd_half", "kl", "kl_16"),
        *("clip_l", "clip_h", "clip_g", "clip", "clip_vision"),
        *("controlnet", "controlnet_union", "control_lora", "t2i_adapter"),
        *("ip_adapter", "gligen", "style_model", "photomaker", "esrgan", "compact"),
        *("embedding", "lora"),
    )
)
