"""Checks a whole graph against the networks of other libraries and a sampling loop written out here."""

import math
from itertools import pairwise

import pytest
import torch
from safetensors.torch import save_file

from executor.session import Session
from models.text.tokenizer import clip_tokenizer
from nodes.api.declare import node, node_of
from nodes.api.sockets import Latent
from nodes.builtin import load_builtin
from schedulers.latent import LatentBatch
from tests.oracle.diffusers_names import redraw, unet_state, vae_state, worst_ratio

diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

WIDTH = 64
SEED, STEPS, CFG = 2**63 + 11, 6, 7.0


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    unet = redraw(
        diffusers.UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(32, 64),
            layers_per_block=2,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=WIDTH,
            attention_head_dim=8,
        )
    )
    vae = redraw(
        diffusers.AutoencoderKL(
            block_out_channels=(32, 32, 32, 32),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            latent_channels=4,
        )
    )
    text = redraw(
        transformers.CLIPTextModel(
            transformers.CLIPTextConfig(
                hidden_size=WIDTH,
                num_hidden_layers=2,
                num_attention_heads=1,
                intermediate_size=128,
                eos_token_id=49407,
            )
        )
    )
    # The ecosystem keeps text encoders in 16 bits; here both sides start from the same rounded weights.
    text = text.half().float()
    state = {f"model.diffusion_model.{k}": v for k, v in unet_state(unet.state_dict(), blocks=2).items()}
    state |= {f"first_stage_model.{k}": v for k, v in vae_state(vae.state_dict(), levels=4).items()}
    for name, tensor in text.state_dict().items():
        if not name.endswith("position_ids"):
            state[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor
    base = tmp_path_factory.mktemp("same")
    folder = base / "models" / "checkpoints"
    folder.mkdir(parents=True)
    save_file({k: v.contiguous().clone() for k, v in state.items()}, folder / "oracle.safetensors")
    return base, unet, vae, text


def graph(sampler: str) -> dict:
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "oracle.safetensors"}},
        "2": {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": "a small (red:1.3) circle", "clip": ["1", 1]},
        },
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 96, "height": 128, "batch_size": 2}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "seed": SEED,
                "steps": STEPS,
                "cfg": CFG,
                "sampler_name": sampler,
                "scheduler": "normal",
                "denoise": 1.0,
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
            },
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "SaveImage", "inputs": {"filename_prefix": "same", "images": ["6", 0]}},
    }


def encode(text: torch.nn.Module, pieces: list[tuple[str, float]]) -> torch.Tensor:
    """The prompt's embedding, weights lerped from the empty prompt's, as the ecosystem weighs tokens."""
    ids, weights = [49406], [1.0]
    for piece, weight in pieces:
        found = clip_tokenizer().encode(piece)
        ids += found
        weights += [weight] * len(found)
    ids += [49407] * (77 - len(ids))
    weights += [1.0] * (77 - len(weights))
    empty = [49406] + [49407] * 76
    hidden = text(torch.tensor([ids, empty])).last_hidden_state
    return torch.lerp(hidden[1:], hidden[:1], torch.tensor(weights)[None, :, None])


def levels() -> torch.Tensor:
    """Noise levels of all training steps, in float64."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)
    return ((1 - kept) / kept).sqrt()


def normal_schedule(table: torch.Tensor) -> list[float]:
    logs = table.log()
    sigmas = []
    for t in torch.linspace(999, 0, STEPS).tolist():
        low, high, part = math.floor(t), math.ceil(t), t - math.floor(t)
        sigmas.append(float(((1 - part) * logs[low] + part * logs[high]).exp()))
    return [*sigmas, 0.0]


@torch.no_grad()
def draw(
    unet: torch.nn.Module, positive: torch.Tensor, negative: torch.Tensor, *, heun: bool
) -> torch.Tensor:
    table = levels()
    sigmas = normal_schedule(table)
    torch.manual_seed(SEED)
    x = torch.randn(2, 4, 16, 12) * math.sqrt(1 + sigmas[0] ** 2)

    def slope(x: torch.Tensor, sigma: float) -> torch.Tensor:
        t = int((table.log() - math.log(sigma)).abs().argmin())
        scaled = x / math.sqrt(sigma**2 + 1)
        with_prompt = unet(scaled, t, encoder_hidden_states=positive.expand(2, -1, -1)).sample
        without = unet(scaled, t, encoder_hidden_states=negative.expand(2, -1, -1)).sample
        return without + CFG * (with_prompt - without)

    for sigma, following in pairwise(sigmas):
        first = slope(x, sigma)
        ahead = x + first * (following - sigma)
        if heun and following > 0:
            ahead = x + (first + slope(ahead, following)) / 2 * (following - sigma)
        x = ahead
    return x / 0.18215


@pytest.mark.parametrize("sampler", ["euler", "heun"])
def test_a_graph_gives_the_latent_and_the_picture_of_the_oracle(oracle: tuple, sampler: str) -> None:
    base, unet, vae, text = oracle
    kept: list[LatentBatch] = []

    @node(id="KeepLatent", output_node=True, category="test")
    def keep(samples: Latent) -> None:
        """Remember what came.

        Args:
            samples: (B, C, h, w).
        """
        kept.append(samples)

    positive = encode(text, [("a small ", 1.0), ("red", 1.3), (" circle", 1.0)])
    expected = draw(unet, positive, encode(text, [("blurry", 1.0)]), heun=sampler == "heun")
    workflow = graph(sampler) | {"8": {"class_type": "KeepLatent", "inputs": {"samples": ["5", 0]}}}
    with Session(base, nodes=load_builtin() | {"KeepLatent": node_of(keep)}, cpu=True) as session:
        picture = session.run(workflow).tensors[0]
    assert worst_ratio(kept[0].samples, expected) <= 2e-4
    with torch.no_grad():
        decoded = (vae.decode(expected).sample / 2 + 0.5).clamp(0, 1).movedim(1, -1)
    assert worst_ratio(picture, decoded) <= 1e-3
