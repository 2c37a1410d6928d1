"""Checks whole SDXL graphs with changed weights and changed guidance against an oracle changed by hand."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from executor.session import Session
from tests.oracle.diffusers_names import redraw, worst_ratio
from tests.oracle.tiny_xl import TinyXl, Told
from tests.oracle.xl_graphs import (
    CFG,
    SEED,
    SHAPE,
    SIZES,
    drawn,
    guided,
    link,
    prompts,
    run,
    sampler,
    save,
)

FREE = 40_000


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) / shape[-1] ** 0.5


def each(oracle: TinyXl, told: Sequence[Told], x: Tensor, sigma: float) -> list[Tensor]:
    return [x - sigma * oracle.noise(x, sigma, one) for one in told]


def test_a_lora_changes_the_network_and_both_encoders(oracle: TinyXl, session: Session, base: Path) -> None:
    stems = {
        "lora_unet_down_blocks_1_attentions_0_transformer_blocks_1_attn1_to_q": (64, 64),
        "lora_unet_input_blocks_3_1_proj_in": (64, 64),
        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj": (64, 64),
        "lora_te2_text_model_encoder_layers_1_mlp_fc1": (256, 64),
        "lora_te2_text_model_encoder_layers_0_self_attn_v_proj": (64, 64),
    }
    tensors, deltas = {}, []
    for seed, (stem, (rows, columns)) in enumerate(stems.items()):
        up, down = random(rows, 4, seed=seed), random(4, columns, seed=seed + 50)
        tensors |= {f"{stem}.lora_up.weight": up, f"{stem}.lora_down.weight": down}
        tensors[f"{stem}.alpha"] = torch.tensor(2.0)
        deltas.append(0.5 * up @ down)
    save(base, "loras", "own.safetensors", tensors)
    got = run(
        session,
        lora=link(
            "LoraLoader",
            model=["load", 0],
            clip=["load", 1],
            lora_name="own.safetensors",
            strength_model=0.8,
            strength_clip=-0.6,
        ),
        positive=link("CLIPTextEncode", text="a small (red:1.3) circle", clip=["lora", 1]),
        negative=link("CLIPTextEncode", text="blurry", clip=["lora", 1]),
        sample=sampler(model=["lora", 0]),
    )
    changed = copy.deepcopy(oracle)
    with torch.no_grad():
        attention = changed.unet.down_blocks[1].attentions[0]
        attention.transformer_blocks[1].attn1.to_q.weight += 0.8 * deltas[0]
        attention.proj_in.weight += 0.8 * deltas[1]
        small = dict(changed.small.named_parameters())
        name = next(one for one in small if one.endswith("encoder.layers.0.self_attn.q_proj.weight"))
        small[name] += -0.6 * deltas[2]
        blocks = changed.large.transformer.resblocks
        blocks[1].mlp.c_fc.weight += -0.6 * deltas[3]
        blocks[0].attn.in_proj_weight[128:] += -0.6 * deltas[4]
        # What is changed in a text encoder is kept in 16 bits again.
        for network in (changed.small, changed.large):
            network.half().float()
    assert worst_ratio(got, drawn(guided(changed, prompts(changed)))) <= 5e-4
    assert worst_ratio(got, drawn(guided(oracle, prompts(oracle)))) > 5e-2


def test_an_embedding_stands_in_both_encoders(oracle: TinyXl, session: Session, base: Path) -> None:
    vectors = {"clip_l": 0.1 * random(2, 64, seed=3), "clip_g": 0.1 * random(3, 64, seed=4)}
    save(base, "embeddings", "own.safetensors", vectors)
    got = run(
        session,
        positive=link("CLIPTextEncode", text="red, (embedding:own:1.2) circle", clip=["load", 1]),
        sample=sampler(cfg=1.0),
    )
    # The vectors in the rows of tokens that nothing here uses.
    changed = copy.deepcopy(oracle)
    tables = [
        one for one in changed.small.modules() if isinstance(one, nn.Embedding) and len(one.weight) > FREE
    ]
    with torch.no_grad():
        tables[0].weight[FREE : FREE + 2] = vectors["clip_l"]
        changed.large.token_embedding.weight[FREE : FREE + 3] = vectors["clip_g"]
    red, circle = [("red,", 1.0)], [(" circle", 1.0)]
    pieces = [[*red, (list(range(FREE, FREE + count)), 1.2), *circle] for count in (2, 3)]
    told = changed.tell(*pieces, SIZES)
    assert worst_ratio(got, drawn(guided(oracle, (told, told), 1.0))) <= 5e-4


def velocities(x: Tensor, sigma: float, *denoised: Tensor) -> list[Tensor]:
    return [(x / (sigma**2 + 1) - one) * (sigma**2 + 1) ** 0.5 / sigma for one in denoised]


def test_rescaled_guidance_has_the_deviation_of_the_positive(oracle: TinyXl, session: Session) -> None:
    got = run(
        session,
        changed=link("RescaleCFG", model=["load", 0], multiplier=0.6),
        sample=sampler(model=["changed", 0]),
    )
    told = prompts(oracle)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        good, bad = velocities(x, sigma, *each(oracle, told, x, sigma))
        moved = bad + CFG * (good - bad)
        ratio = good.std(dim=(1, 2, 3), keepdim=True) / moved.std(dim=(1, 2, 3), keepdim=True)
        velocity = 0.6 * moved * ratio + 0.4 * moved
        return x / (sigma**2 + 1) - velocity * sigma / (sigma**2 + 1) ** 0.5

    assert worst_ratio(got, drawn(denoise)) <= 5e-4


def custom(guider: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The nodes that sample with a guider, where that of the graph is called "sample"."""
    return {
        "guider": guider,
        "noise": link("RandomNoise", noise_seed=SEED),
        "method": link("KSamplerSelect", sampler_name="euler"),
        "levels": link("BasicScheduler", model=["load", 0], scheduler="normal", steps=4, denoise=1.0),
        "sample": link(
            "SamplerCustomAdvanced",
            noise=["noise", 0],
            guider=["guider", 0],
            sampler=["method", 0],
            sigmas=["levels", 0],
            latent_image=["empty", 0],
        ),
    }


def perpendicular(good: Tensor, bad: Tensor, sea: Tensor) -> Tensor:
    wanted, unwanted = good - sea, bad - sea
    along = (unwanted * wanted).sum() / wanted.norm() ** 2 * wanted
    return sea + CFG * (wanted - 0.8 * (unwanted - along))


GUIDERS: dict[str, tuple[dict[str, Any], Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    "BasicGuider": (
        {"conditioning": ["positive", 0]},
        lambda good, bad, sea: good,
    ),
    "PerpNegGuider": (
        {
            "positive": ["positive", 0],
            "negative": ["negative", 0],
            "empty_conditioning": ["sea", 0],
            "cfg": CFG,
            "neg_scale": 0.8,
        },
        perpendicular,
    ),
    "DualCFGGuider": (
        {
            "cond1": ["positive", 0],
            "cond2": ["sea", 0],
            "negative": ["negative", 0],
            "cfg_conds": 3.0,
            "cfg_cond2_negative": 4.0,
            "style": "regular",
        },
        lambda good, bad, sea: bad + 4 * (sea - bad) + 3 * (good - sea),
    ),
    "DualCFGGuider nested": (
        {
            "cond1": ["positive", 0],
            "cond2": ["sea", 0],
            "negative": ["negative", 0],
            "cfg_conds": 3.0,
            "cfg_cond2_negative": 4.0,
            "style": "nested",
        },
        lambda good, bad, sea: bad + 4 * (sea + 3 * (good - sea) - bad),
    ),
}


@pytest.mark.parametrize("name", GUIDERS)
def test_guiders_combine_predictions(oracle: TinyXl, session: Session, name: str) -> None:
    inputs, combined = GUIDERS[name]
    got = run(
        session,
        **custom(link(name.split()[0], model=["load", 0], **inputs)),
        sea=link("CLIPTextEncode", text="the sea", clip=["load", 1]),
    )
    sea = [("the sea", 1.0)]
    told = (*prompts(oracle), oracle.tell(sea, sea, SIZES))
    expected = drawn(lambda x, sigma: combined(*each(oracle, told, x, sigma)))
    assert worst_ratio(got, expected) <= 5e-4


class Identity:
    """A processor of diffusers' attention in which each token keeps its own value."""

    def __call__(self, attention: Any, states: Tensor, *others: Any, **named: Any) -> Tensor:
        changed: Tensor = attention.to_out[0](attention.to_v(states))
        return changed


def test_perturbed_attention_spoils_the_middle(oracle: TinyXl, session: Session) -> None:
    got = run(
        session,
        changed=link("PerturbedAttentionGuidance", model=["load", 0], scale=2.0),
        sample=sampler(model=["changed", 0]),
    )
    spoilt = copy.deepcopy(oracle)
    for block in spoilt.unet.mid_block.attentions[0].transformer_blocks:
        block.attn1.set_processor(Identity())
    told = prompts(oracle)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        good, bad = each(oracle, told, x, sigma)
        (away,) = each(spoilt, told[:1], x, sigma)
        return bad + CFG * (good - bad) + 2.0 * (good - away)

    assert worst_ratio(got, drawn(denoise)) <= 5e-4


def test_models_are_merged_block_by_block(oracle: TinyXl, session: Session, base: Path) -> None:
    other = TinyXl(redraw(copy.deepcopy(oracle.unet), 21), oracle.vae, oracle.small, oracle.large)
    other.save(base / "models" / "checkpoints" / "other.safetensors")
    got = run(
        session,
        other=link("CheckpointLoaderSimple", ckpt_name="other.safetensors"),
        merged=link(
            "ModelMergeBlocks",
            model1=["load", 0],
            model2=["other", 0],
            input=0.2,
            middle=0.5,
            out=0.9,
        ),
        sample=sampler(model=["merged", 0]),
    )
    mixed = copy.deepcopy(oracle)
    theirs = dict(other.unet.named_parameters())
    with torch.no_grad():
        for name, weight in mixed.unet.named_parameters():
            way_up = name.startswith(("up_blocks", "conv_norm_out", "conv_out"))
            share = 0.5 if name.startswith("mid_block") else 0.9 if way_up else 0.2
            weight.copy_(weight * share + theirs[name] * (1 - share))
    assert worst_ratio(got, drawn(guided(mixed, prompts(oracle)))) <= 5e-4


def test_a_picked_latent_has_the_noise_it_had_in_its_batch(session: Session) -> None:
    whole = run(session, sample=sampler())
    got = run(
        session,
        picked=link("LatentFromBatch", samples=["empty", 0], batch_index=1, length=1),
        sample=sampler(latent_image=["picked", 0]),
    )
    assert worst_ratio(got, whole[1:]) <= 1e-4
    assert got.shape[1:] == SHAPE[1:]
