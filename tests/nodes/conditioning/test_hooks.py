"""Do hooks change networks as a LoRA does, where and when they hold, and leave no trace?"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders.checkpoint import Checkpoint
from loaders.errors import UnknownFormat
from nodes.api.errors import Cancelled, NodeError
from nodes.conditioning.hook_changes import CheckpointChanges
from nodes.conditioning.hook_groups import combine_eight, combine_four, combine_two
from nodes.conditioning.hook_keyframes import (
    interpolated_keyframes,
    keyframe,
    keyframes_from_numbers,
    set_keyframes,
)
from nodes.conditioning.hook_text import set_clip_hooks
from nodes.conditioning.hooks import (
    hook_checkpoint,
    hook_checkpoint_for_model,
    hook_lora,
    hook_lora_for_model,
)
from nodes.conditioning.properties import set_properties
from nodes.conditioning.region import set_area
from nodes.conditioning.text import encode
from nodes.latent.empty import empty
from nodes.loading.lora import load_lora, load_lora_for_model
from nodes.sampling.ksampler import ksampler, ksampler_advanced
from schedulers.conditioning import Setting, resolve
from schedulers.hooks import Hooks
from schedulers.latent import LatentBatch
from tests.fixtures.checkpoints import tiny_checkpoint

UNET = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k"
MIDDLE = "lora_unet_middle_block_1_proj_in"
TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc1"
SHAPES = {
    UNET: (32, 64),
    MIDDLE: (64, 64, 1, 1),
    TEXT: (128, 64),
    "lora_unet_nowhere": (8, 8),
    "lora_te_nowhere": (8, 8),
}
HALF = torch.zeros(1, 8, 8)
HALF[:, :, :4] = 1.0


def lora(folder: Path, name: str, seed: int, *modules: str) -> str:
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for module in modules:
        rows, columns, *kernel = SHAPES[module]
        tensors[f"{module}.lora_up.weight"] = torch.randn(rows, 2, *kernel, generator=generator)
        tensors[f"{module}.lora_down.weight"] = torch.randn(2, columns, *kernel, generator=generator) * 0.3
    save_file(tensors, folder / name)
    return name


@pytest.fixture
def files(folders) -> dict[str, str]:
    loras = folders.base / "models" / "loras"
    tiny_checkpoint(folders.base / "models" / "checkpoints" / "other.safetensors", 7)
    return {
        "first": lora(loras, "first.safetensors", 1, UNET, MIDDLE, TEXT),
        "second": lora(loras, "second.safetensors", 2, UNET, MIDDLE),
        "words": lora(loras, "words.safetensors", 3, TEXT),
        "strange": lora(loras, "strange.safetensors", 4, "lora_unet_nowhere", "lora_te_nowhere"),
        "other": "other.safetensors",
    }


def stood(network: nn.Module) -> dict[str, tuple[int, int, Tensor]]:
    return {name: (id(p), p.data_ptr(), p.detach().clone()) for name, p in network.named_parameters()}


@pytest.fixture(autouse=True)
def untouched(checkpoint: Checkpoint) -> Iterator[None]:
    """After every test here, parameters are the same objects in the same storage with the same numbers."""
    assert checkpoint.clip is not None
    networks = (checkpoint.model.base.network, checkpoint.clip.base.network)
    before = [stood(network) for network in networks]
    yield
    for network, old in zip(networks, before, strict=True):
        for name, (identity, storage, numbers) in stood(network).items():
            assert (identity, storage) == old[name][:2], name
            assert torch.equal(numbers, old[name][2]), name


@pytest.fixture
def sampled(ctx, checkpoint):
    """Samples prompts with the tiny model, or with what a node made of it."""

    def run(positive: Any, model: Any = None, **options: Any) -> Tensor:
        defaults: dict[str, Any] = {
            "steps": 3,
            "cfg": 3.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "negative": options.pop("negative", positive[:1]),
            "latent_image": empty(64, 64, 1),
        }
        node = ksampler_advanced if "noise_seed" in options else ksampler
        latent = node(ctx, model=model or checkpoint.model, positive=positive, **{**defaults, **options})
        return latent.samples

    return run


@pytest.fixture
def words(ctx, checkpoint):
    return encode(ctx, "a red circle", checkpoint.clip)


def distance(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a part of the largest value."""
    return float((one - other).abs().max() / other.abs().max())


def hooked(conditioning: Any, hooks: Hooks, **more: Any) -> Any:
    return set_properties(cond_NEW=conditioning, strength=1.0, set_cond_area="default", hooks=hooks, **more)


@pytest.mark.parametrize("strength", [1.0, -0.4])
def test_a_hook_on_everything_is_the_lora(ctx, checkpoint, files, sampled, words, strength: float) -> None:
    patched = load_lora_for_model(
        ctx, model=checkpoint.model, lora_name=files["first"], strength_model=strength
    )
    hooks = hook_lora_for_model(ctx, lora_name=files["first"], strength_model=strength)
    by_lora = sampled(words, patched)
    assert torch.equal(sampled(hooked(words, hooks)), by_lora)
    assert not torch.allclose(sampled(words), by_lora, atol=1e-3)


def test_a_hook_on_the_text_encoder_is_the_lora_on_both(ctx, checkpoint, files, sampled) -> None:
    model, clip = load_lora(
        ctx,
        model=checkpoint.model,
        clip=checkpoint.clip,
        lora_name=files["first"],
        strength_model=0.7,
        strength_clip=0.5,
    )
    wanted = encode(ctx, "a red circle", clip)
    hooks = hook_lora(ctx, lora_name=files["first"], strength_model=0.7, strength_clip=0.5)
    words = encode(ctx, "a red circle", set_clip_hooks(checkpoint.clip, hooks=hooks))
    assert torch.equal(words[0].embedding, wanted[0].embedding)
    assert torch.equal(sampled(words), sampled(wanted, model))
    text_only = encode(
        ctx, "a red circle", set_clip_hooks(checkpoint.clip, apply_to_conds=False, hooks=hooks)
    )
    assert torch.equal(text_only[0].embedding, wanted[0].embedding)
    assert "hooks" not in text_only[0].extra


def test_each_prompt_has_its_own_lora(ctx, files, sampled, words) -> None:
    first = hook_lora_for_model(ctx, lora_name=files["first"])
    second = hook_lora_for_model(ctx, lora_name=files["second"])
    one = {"steps": 1, "cfg": 1.0}
    left, right = sampled(hooked(words, first), **one), sampled(hooked(words, second), **one)
    both = (*hooked(words, first, mask=HALF), *hooked(words, second, mask=1 - HALF))
    assert distance(sampled(both, **one), HALF * left + (1 - HALF) * right) < 1e-6


def test_keyframes_are_runs_piece_by_piece(ctx, checkpoint, files, sampled, words) -> None:
    hooks = hook_lora_for_model(ctx, lora_name=files["second"], strength_model=0.5)
    later = keyframe(strength_mult=0.0, start_percent=0.4, prev_hook_kf=keyframe(strength_mult=2.0))
    scheduled = sampled(hooked(words, set_keyframes(hooks, later)), steps=4)
    patched = load_lora_for_model(ctx, model=checkpoint.model, lora_name=files["second"])
    pieces = []
    for change in range(1, 4):
        half = {"steps": 4, "noise_seed": 0, "negative": words}
        begun = sampled(
            words,
            patched,
            **half,
            add_noise="enable",
            end_at_step=change,
            return_with_leftover_noise="enable",
        )
        pieces.append(
            sampled(
                words,
                **half,
                add_noise="disable",
                start_at_step=change,
                latent_image=LatentBatch(begun),
                return_with_leftover_noise="disable",
            )
        )
    distances = [distance(piece, scheduled) for piece in pieces]
    assert min(distances) < 1e-6
    assert sorted(distances)[1] > 1e-3


def test_text_is_encoded_for_each_keyframe(ctx, checkpoint, files) -> None:
    hooks = set_keyframes(
        hook_lora(ctx, lora_name=files["first"]), keyframes_from_numbers(floats_strength=[1.0, 0.25, 0.0])
    )
    words = encode(ctx, "a red circle", set_clip_hooks(checkpoint.clip, schedule_clip=True, hooks=hooks))
    spans = [(entry.extra["clip_start_percent"], entry.extra["clip_end_percent"]) for entry in words]
    assert spans == [(0.0, 0.5), (0.5, 1.0)]
    for entry, strength in zip(words, (1.0, 0.25), strict=True):
        _, clip = load_lora(
            ctx,
            model=checkpoint.model,
            clip=checkpoint.clip,
            lora_name=files["first"],
            strength_model=0.0,
            strength_clip=strength,
        )
        assert torch.equal(entry.embedding, encode(ctx, "a red circle", clip)[0].embedding)
        assert entry.extra["hooks"] is hooks
    once = encode(ctx, "a red circle", set_clip_hooks(checkpoint.clip, hooks=hooks))
    assert torch.equal(once[0].embedding, words[0].embedding)


def test_a_text_for_a_part_of_sampling_keeps_it_in_the_partner_of_an_area(words) -> None:
    late = replace(words[0], extra={"clip_start_percent": 0.5, "clip_end_percent": 1.0})
    (regional,) = set_area((late,), width=64, height=64)
    setting = Setting.plain((1, 4, 16, 16), lambda percent: 1.0 - percent)
    terms = resolve({"positive": (regional,), "negative": words}, setting)
    partner = terms["negative"][1]
    assert (partner.sigma_start, partner.sigma_end) == (0.5, 0.0)


def test_a_whole_checkpoint_as_a_hook_is_that_checkpoint(ctx, checkpoint, files, sampled, words) -> None:
    hooks = hook_checkpoint(ctx, ckpt_name=files["other"])
    changes = hooks.hooks[0].changes
    assert isinstance(changes, CheckpointChanges)
    other = checkpoint.model.with_base(replace(checkpoint.model.base, network=changes.model))
    assert distance(sampled(hooked(words, hooks)), sampled(words, other)) < 1e-6
    there = encode(ctx, "a red circle", set_clip_hooks(checkpoint.clip, hooks=hooks))
    assert not torch.allclose(there[0].embedding, words[0].embedding, atol=1e-2)
    only = hook_checkpoint_for_model(ctx, ckpt_name=files["other"], strength_model=0.5).hooks[0]
    assert (only.model_strength, only.clip_strength) == (0.5, 0.0)
    with pytest.raises(NodeError, match="no weight in common"):
        CheckpointChanges("other", nn.Linear(2, 2), None).for_model(checkpoint.model.base)


def test_one_hook_set_twice_holds_once(ctx, checkpoint, files, sampled, words) -> None:
    hooks = hook_lora_for_model(ctx, lora_name=files["second"])
    once = hooked(words, hooks)
    assert torch.equal(sampled(hooked(once, hooks)), sampled(once))
    twice = hook_lora_for_model(ctx, lora_name=files["second"], prev_hooks=hooks)
    strong = load_lora_for_model(ctx, model=checkpoint.model, lora_name=files["second"], strength_model=2.0)
    assert distance(sampled(hooked(words, twice)), sampled(words, strong)) < 1e-6


def test_hooks_are_combined_and_strength_zero_adds_none(ctx, files) -> None:
    made = [hook_lora_for_model(ctx, lora_name=files["second"]) for _ in range(3)]
    assert combine_two(made[0], made[0]).hooks == made[0].hooks
    assert len(combine_four(made[0], None, made[1], made[2]).hooks) == 3
    assert len(combine_eight(hooks_H=made[1]).hooks) == 1
    assert combine_two().hooks == ()
    nothing = {"lora_name": files["second"], "strength_model": 0.0}
    assert hook_lora_for_model(ctx, **nothing, prev_hooks=made[0]) is made[0]
    assert hook_lora(ctx, **nothing, strength_clip=0.0).hooks == ()


def test_keyframes_are_spread_as_asked() -> None:
    eases = {
        "linear": [0.0, 0.5, 1.0],
        "ease_in": [0.0, 0.25, 1.0],
        "ease_out": [0.0, 0.75, 1.0],
        "ease_in_out": [0.0, 0.5, 1.0],
    }
    for name, wanted in eases.items():
        frames = interpolated_keyframes(
            strength_start=0.0,
            strength_end=1.0,
            interpolation=name,
            start_percent=0.2,
            end_percent=0.8,
            keyframes_count=3,
        ).frames
        assert [frame.strength for frame in frames] == pytest.approx(wanted)
        assert [frame.start for frame in frames] == pytest.approx([0.2, 0.5, 0.8])
        assert [frame.guaranteed for frame in frames] == [1, 0, 0]
    assert [f.strength for f in keyframes_from_numbers(floats_strength=0.5).frames] == [0.5]
    before = keyframe(strength_mult=3.0, start_percent=0.9)
    joined = keyframes_from_numbers(floats_strength=(1, 2), prev_hook_kf=before).frames
    assert [frame.strength for frame in joined] == [1.0, 3.0, 2.0]
    for wrong in ("abc", None, []):
        with pytest.raises(NodeError, match="floats_strength"):
            keyframes_from_numbers(floats_strength=wrong)


def test_a_part_that_a_file_has_nothing_for_is_left_alone(ctx, checkpoint, files, sampled, words) -> None:
    text_only = hook_lora(ctx, lora_name=files["words"])
    assert torch.equal(sampled(hooked(words, text_only)), sampled(words))
    picture_only = hook_lora(ctx, lora_name=files["second"])
    same = encode(ctx, "a red circle", set_clip_hooks(checkpoint.clip, hooks=picture_only))
    assert torch.equal(same[0].embedding, words[0].embedding)


def test_a_file_that_fits_nothing_is_refused(ctx, checkpoint, files, sampled, words) -> None:
    strange = hook_lora(ctx, lora_name=files["strange"])
    with pytest.raises(UnknownFormat, match="strange"):
        sampled(hooked(words, strange))
    with pytest.raises(UnknownFormat, match="strange"):
        encode(ctx, "a red circle", set_clip_hooks(checkpoint.clip, hooks=strange))


def test_everything_is_restored_after_a_run_that_was_cancelled(
    make_context, ctx, checkpoint, files, words
) -> None:
    hooks = hook_lora_for_model(ctx, lora_name=files["first"])
    with pytest.raises(Cancelled):
        ksampler(
            make_context(is_cancelled=lambda: True),
            model=checkpoint.model,
            positive=hooked(words, hooks),
            negative=words,
            latent_image=empty(64, 64, 1),
            steps=2,
            sampler_name="euler",
            scheduler="normal",
        )
