"""Times a step of the UNet against diffusers' on the same random weights, turn and turn about.

Run: python -m benchmarks.unet [small|sd15|sdxl] [--size 256] [--dtype float32|bfloat16] [--threads 2]
     [--rounds 7] [--cpu-time] [--channels-last]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.networks import CONFIGS, put_channels_last
from loaders.assemble import build_empty
from loaders.families.ldm_unet import diffusers_prefixes, levels_of, translate
from models.call import Call, calling
from models.unet.config import UNetConfig
from models.unet.unet import UNet


def theirs_of(config: UNetConfig) -> Any:
    import diffusers

    build: Any = diffusers.UNet2DConditionModel
    attends = [any(row) for row in config.input_depths]
    down = tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends)
    up = tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends))
    widths = tuple(config.channels * multiplier for multiplier in config.multipliers)
    options: dict[str, Any] = {}
    if config.vector_width is not None:
        options = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": config.vector_width,
            "transformer_layers_per_block": [max(1, *row) for row in config.input_depths],
        }
    return build(
        in_channels=config.in_channels,
        out_channels=config.out_channels,
        block_out_channels=widths,
        layers_per_block=len(config.input_depths[0]),
        down_block_types=down,
        up_block_types=up,
        cross_attention_dim=config.context_width,
        attention_head_dim=config.heads or tuple(width // config.head_width for width in widths),
        use_linear_projection=config.linear_projections,
        **options,
    ).eval()


def pair(config: UNetConfig, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """Their network and ours on the same tensors."""
    theirs = theirs_of(config).to(dtype).requires_grad_(False)
    ours = build_empty(lambda: UNet(config))
    prefixes = diffusers_prefixes(levels_of(config))
    weights = theirs.state_dict()
    state = {
        name: weights[str(translate(name, prefixes))].reshape(tensor.shape).clone()
        for name, tensor in ours.state_dict().items()
    }
    ours.load_state_dict(state, assign=True)
    return theirs, ours.eval().requires_grad_(False)


def steps(
    config: UNetConfig, theirs: Any, ours: Any, size: int, dtype: torch.dtype
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, config.in_channels, size // 8, size // 8, generator=generator).to(dtype)
    context = torch.randn(2, 77, config.context_width, generator=generator).to(dtype)
    t = torch.tensor([500.0, 500.0])
    further, named = {}, {}
    if config.vector_width is not None:
        pooled = torch.randn(2, config.vector_width - 6 * 256, generator=generator).to(dtype)
        ids = torch.tensor([[size, size, 0, 0, size, size]] * 2).to(dtype)
        further = {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": ids}}
        features = theirs.add_time_proj(ids.flatten()).reshape(2, -1).to(dtype)
        named = {"vector": torch.cat([pooled, features], dim=1)}
    return (
        lambda: theirs(x, t, encoder_hidden_states=context, return_dict=False, **further)[0],
        # As a step of sampling runs it: what is the same in every step of a run is made once.
        in_a_run(lambda: ours(x, t, context, **named)),
    )


def in_a_run(step: Callable[[], Tensor]) -> Callable[[], Tensor]:
    call = Call(1.0, ("positive", "negative"), 1, 0, 0)

    def run() -> Tensor:
        with calling(call):
            return step()

    return run


def seconds(step: Callable[[], Tensor], clock: Callable[[], float]) -> float:
    start = clock()
    step()
    return clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", nargs="?", choices=CONFIGS, default="small")
    parser.add_argument("--size", type=int, default=256, help="pixels along a side")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu-time", action="store_true", help="for busy machines: time of all threads")
    parser.add_argument("--channels-last", action="store_true", help="lay our weights out so")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config, dtype = CONFIGS[options.network], getattr(torch, options.dtype)
    theirs, ours = pair(config, dtype)
    if options.channels_last:
        put_channels_last(ours)
    clock = time.process_time if options.cpu_time else time.perf_counter
    with torch.inference_mode():
        one, other = steps(config, theirs, ours, options.size, dtype)
        expected, got = one().float(), other().float()
        worst = float((got - expected).abs().max() / expected.abs().max())
        times = [(seconds(one, clock), seconds(other, clock)) for _ in range(options.rounds)]
    ratio = statistics.median(ours_ / theirs_ for theirs_, ours_ in times)
    medians = [statistics.median(column) * 1000 for column in zip(*times, strict=True)]
    print(
        f"{options.network} {options.size} px {options.dtype} {options.threads} threads: "
        f"diffusers {medians[0]:.1f} ms, ours {medians[1]:.1f} ms, ratio {ratio:.3f}, "
        f"largest difference {worst:.1e}"
    )


if __name__ == "__main__":
    main()
