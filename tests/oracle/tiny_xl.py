"""A small SDXL made of other libraries' networks, its checkpoint, and what it predicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn

from models.text.tokenizer import clip_tokenizer
from tests.oracle.diffusers_names import redraw, unet_state, vae_state
from tests.oracle.open_clip import OpenTextEncoder

WIDTH, POOLED = 64, 1280
START, END = 49406, 49407
# A run of text, or ids, with its weight.
Weighted = tuple[str | list[int], float]


@dataclass(frozen=True)
class Told:
    """What the network is told of one prompt: embedding (1, 77n, 128), pooled (1, 1280), six sizes."""

    embedding: Tensor
    pooled: Tensor
    sizes: tuple[float, ...]

    def added(self, batch: int) -> dict[str, Tensor]:
        """The pooled vector and the sizes for a batch, as networks of diffusers take them."""
        sizes = torch.tensor([self.sizes]).expand(batch, -1)
        return {"text_embeds": self.pooled.expand(batch, -1), "time_ids": sizes}


@dataclass(frozen=True)
class TinyXl:
    """The networks; the weights of text encoders went through half precision, as the ecosystem keeps them."""

    unet: nn.Module
    vae: nn.Module
    small: nn.Module
    large: OpenTextEncoder

    def save(self, path: Path) -> None:
        """Write the checkpoint under the original names."""
        state = {
            f"model.diffusion_model.{k}": v for k, v in unet_state(self.unet.state_dict(), blocks=1).items()
        }
        state |= {f"first_stage_model.{k}": v for k, v in vae_state(self.vae.state_dict(), levels=4).items()}
        for name, tensor in self.small.state_dict().items():
            if not name.endswith("position_ids"):
                stem = name.removeprefix("text_model.")
                state[f"conditioner.embedders.0.transformer.text_model.{stem}"] = tensor
        for name, tensor in self.large.state_dict().items():
            state[f"conditioner.embedders.1.model.{name}"] = tensor
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, path)

    @torch.no_grad()
    def tell(
        self, small: Sequence[Weighted], large: Sequence[Weighted], sizes: Sequence[float], layer: int = -2
    ) -> Told:
        """Encode a prompt for each encoder, in chunks of 75 tokens; both must have equally many chunks."""
        hidden_small, _ = weighted(lambda ids: self._small(ids, layer), small, pad=END)
        hidden_large, pooled = weighted(lambda ids: self._large(ids, layer), large, pad=0)
        return Told(torch.cat([hidden_small, hidden_large], dim=-1), pooled, tuple(sizes))

    def _small(self, ids: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        output = self.small(ids, output_hidden_states=True)
        return output.hidden_states[layer], output.pooler_output

    def _large(self, ids: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        states, pooled = self.large(ids)
        return states[layer], pooled

    @torch.no_grad()
    def noise(
        self,
        x: Tensor,
        sigma: float,
        told: Told,
        control: dict[str, Any] | None = None,
        beside: Sequence[Tensor] = (),
    ) -> Tensor:
        """The predicted noise of x (B, 4, h, w) at a noise level, with further channels behind those of x."""
        batch = x.shape[0]
        predicted: Tensor = self.unet(
            torch.cat([x / (sigma**2 + 1) ** 0.5, *beside], dim=1),
            step_of(sigma),
            encoder_hidden_states=told.embedding.expand(batch, -1, -1),
            added_cond_kwargs=told.added(batch),
            **(control or {}),
        ).sample
        return predicted


def weighted(encode, pieces: Sequence[Weighted], pad: int) -> tuple[Tensor, Tensor]:
    """Hidden states (1, 77n, D) lerped from the empty prompt's, and the first chunk's pooled vector."""
    tokens = [(token, weight) for text, weight in pieces for token in ids_of(text)]
    chunks = [tokens[first : first + 75] for first in range(0, max(len(tokens), 1), 75)]
    rows, weights = [], []
    for chunk in [*chunks, []]:
        ids = [START, *(token for token, _ in chunk), END]
        rows.append(ids + [pad] * (77 - len(ids)))
        weights.append([1.0, *(weight for _, weight in chunk)] + [1.0] * (76 - len(chunk)))
    hidden, pooled = encode(torch.tensor(rows))
    factors = torch.tensor(weights[:-1])[:, :, None]
    moved = hidden[-1:] + (hidden[:-1] - hidden[-1:]) * factors
    return moved.flatten(0, 1)[None], pooled[:1]


def ids_of(text: str | list[int]) -> list[int]:
    """The ids of a text; ids stay as they are."""
    return clip_tokenizer().encode(text) if isinstance(text, str) else text


def table() -> Tensor:
    """Noise levels of the 1,000 training steps, in float64."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)
    return ((1 - kept) / kept).sqrt()


def step_of(sigma: float) -> int:
    """The training step nearest to a noise level, compared in float32 as the ecosystem compares."""
    distance = torch.tensor(sigma, dtype=torch.float32).log() - table().log().float()
    return int(distance.abs().argmin())


def level_at(t: Tensor) -> float:
    """The noise level at a fractional training step, in float32 as in the ecosystem."""
    logs = table().log().float()
    part = t.frac()
    return float(((1 - part) * logs[t.floor().long()] + part * logs[t.ceil().long()]).exp())


def build(channels: int = 4) -> TinyXl:
    """Networks with redrawn weights, none of them trained; the UNet takes so many channels."""
    unet = redraw(
        diffusers.UNet2DConditionModel(
            sample_size=16,
            in_channels=channels,
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2),
            cross_attention_dim=2 * WIDTH,
            attention_head_dim=(1, 1),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=POOLED + 6 * 256,
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
    config = transformers.CLIPTextConfig(
        hidden_size=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=1,
        intermediate_size=128,
        eos_token_id=END,
    )
    small = redraw(transformers.CLIPTextModel(config), seed=2)
    large = redraw(OpenTextEncoder(WIDTH, 3, projection=POOLED), seed=3)
    return TinyXl(unet, vae, small.half().float(), large.half().float())
