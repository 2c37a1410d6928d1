"""Checks whole SDXL graphs under ControlNets against those of diffusers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import diffusers

from executor.session import Session
from tests.oracle.diffusers_names import redraw, worst_ratio
from tests.oracle.tiny_xl import TinyXl, Told, level_at, step_of
from tests.oracle.xl_graphs import (
    CFG,
    HEIGHT,
    SHAPE,
    SIZES,
    WIDTH,
    Denoise,
    drawn,
    link,
    prompts,
    run,
    sampler,
    save,
)


def control_net(seed: int) -> nn.Module:
    return redraw(
        diffusers.ControlNetModel(
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            transformer_layers_per_block=(1, 2),
            cross_attention_dim=128,
            attention_head_dim=(1, 1),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=1280 + 6 * 256,
        ),
        seed,
    )


Part = tuple[float, float, float]


def steered(
    oracle: TinyXl, networks: Sequence[nn.Module], parts: Sequence[Part], read: Sequence[Told]
) -> Denoise:
    """Guided predictions under ControlNets, each of a strength from a part of sampling to another.

    read: what they read in the place of the positive and the negative prompt.
    """
    hint = torch.zeros(SHAPE[0], 3, HEIGHT, WIDTH)
    hint[:, 0], hint[:, 1] = 128 / 255, 64 / 255

    @torch.no_grad()
    def said(x: Tensor, sigma: float, told: Told) -> dict[str, Any]:
        total: list[Tensor] | None = None
        for network, (strength, first, last) in zip(networks, parts, strict=True):
            high = level_at(torch.tensor((1 - first) * 999)) if first else float("inf")
            low = level_at(torch.tensor((1 - last) * 999)) if last < 1 else 0.0
            if not low <= sigma <= high:
                continue
            down, middle = network(
                x / (sigma**2 + 1) ** 0.5,
                step_of(sigma),
                encoder_hidden_states=told.embedding.expand(2, -1, -1),
                controlnet_cond=hint,
                added_cond_kwargs=told.added(2),
                return_dict=False,
            )
            scaled = [strength * part for part in (*down, middle)]
            total = scaled if total is None else [a + b for a, b in zip(total, scaled, strict=True)]
        if total is None:
            return {}
        names = "down_block_additional_residuals", "mid_block_additional_residual"
        return dict(zip(names, (tuple(total[:-1]), total[-1]), strict=True))

    def denoise(x: Tensor, sigma: float) -> Tensor:
        good, bad = (
            x - sigma * oracle.noise(x, sigma, told, said(x, sigma, other))
            for told, other in zip(prompts(oracle), read, strict=True)
        )
        return bad + CFG * (good - bad)

    return denoise


def controls(base: Path, networks: Sequence[nn.Module], parts: Sequence[Part]) -> dict[str, Any]:
    """The nodes that put ControlNets on the prompts, the last of them called "apply"."""
    nodes: dict[str, Any] = {
        "hint": link("EmptyImage", width=2 * WIDTH, height=2 * HEIGHT, batch_size=1, color=0x804000)
    }
    good, bad = ["positive", 0], ["negative", 0]
    for number, (network, (strength, first, last)) in enumerate(zip(networks, parts, strict=True)):
        save(base, "controlnet", f"own{number}.safetensors", network.state_dict())
        nodes[f"net{number}"] = link("ControlNetLoader", control_net_name=f"own{number}.safetensors")
        name = "apply" if number == len(parts) - 1 else f"apply{number}"
        nodes[name] = link(
            "ControlNetApplyAdvanced",
            positive=good,
            negative=bad,
            control_net=[f"net{number}", 0],
            image=["hint", 0],
            strength=strength,
            start_percent=first,
            end_percent=last,
        )
        good, bad = [name, 0], [name, 1]
    return nodes


def test_control_nets_in_a_chain_hold_in_parts(oracle: TinyXl, session: Session, base: Path) -> None:
    networks, parts = [control_net(11), control_net(12)], [(0.7, 0.0, 0.6), (1.2, 0.3, 1.0)]
    got = run(
        session,
        **controls(base, networks, parts),
        sample=sampler(positive=["apply", 0], negative=["apply", 1], steps=5),
    )
    assert worst_ratio(got, drawn(steered(oracle, networks, parts, prompts(oracle)), 5)) <= 5e-4


def test_control_nets_read_the_text_that_is_for_them(oracle: TinyXl, session: Session, base: Path) -> None:
    networks, parts = [control_net(11)], [(0.7, 0.0, 1.0)]
    got = run(
        session,
        **controls(base, networks, parts),
        told=link("CLIPTextEncodeControlnet", clip=["load", 1], conditioning=["apply", 0], text="the sea"),
        sample=sampler(positive=["told", 0], negative=["apply", 1]),
    )
    red, blurry = prompts(oracle)
    sea = oracle.tell([("the sea", 1.0)], [("the sea", 1.0)], SIZES)
    # Only its tokens: the pooled vector that a ControlNet is told is that of the prompt.
    read = Told(sea.embedding, red.pooled, SIZES), blurry
    assert worst_ratio(got, drawn(steered(oracle, networks, parts, read))) <= 5e-4
