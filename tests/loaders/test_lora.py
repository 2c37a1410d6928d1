import gc
import logging
import os
from collections.abc import Callable
from pathlib import Path
from weakref import ref

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders.checkpoint import Checkpoint, open_checkpoint
from loaders.errors import UnknownFormat
from loaders.lora import open_lora
from models.adapters.patch import applied
from tests.fixtures.checkpoints import tiny_checkpoint

ORIGINAL = "input_blocks.1.1.transformer_blocks.0.attn1.to_q"
OUT = "input_blocks.1.1.transformer_blocks.0.attn1.to_out.0"
CONVOLUTION = "input_blocks.1.0.in_layers.2"
TEXT = "text_model.encoder.layers.1.self_attn.q_proj"
DIFFUSERS = {
    ORIGINAL: "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    OUT: "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0",
    CONVOLUTION: "down_blocks.0.resnets.0.conv1",
    "middle_block.1.proj_in": "mid_block.attentions.0.proj_in",
    "output_blocks.1.2.conv": "up_blocks.0.upsamplers.0.conv",
    "output_blocks.2.1.transformer_blocks.0.ff.net.0.proj": (
        "up_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj"
    ),
    "input_blocks.2.0.op": "down_blocks.0.downsamplers.0.conv",
    "time_embed.2": "time_embedding.linear_2",
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny.safetensors"))


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def weight(network: nn.Module, module: str) -> Tensor:
    return network.get_parameter(f"{module}.weight").detach().clone()


def pair(network: nn.Module, module: str, rank: int = 4) -> tuple[Tensor, Tensor]:
    """Factors up and down for a module."""
    shape = weight(network, module).shape
    down = random(rank, *shape[1:])
    return random(shape[0], rank, *[1] * (len(shape) - 2)), down


def saved(tmp_path: Path, tensors: dict[str, Tensor]) -> Path:
    path = tmp_path / "lora.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def flat(name: str) -> str:
    return name.replace(".", "_")


NAMINGS: list[tuple[str, Callable[[str], str], str, str]] = [
    ("kohya", lambda m: f"lora_unet_{flat(DIFFUSERS[m])}", ".lora_up.weight", ".lora_down.weight"),
    ("kohya", lambda m: f"lora_unet_{flat(m)}", ".lora_up.weight", ".lora_down.weight"),
    ("kohya", lambda m: f"lycoris_{flat(DIFFUSERS[m])}", ".lora_up.weight", ".lora_down.weight"),
    ("diffusers", lambda m: f"unet.{DIFFUSERS[m]}", ".lora.up.weight", ".lora.down.weight"),
    ("diffusers", lambda m: f"unet.{DIFFUSERS[m]}", ".lora_B.weight", ".lora_A.weight"),
    (
        "diffusers",
        lambda m: DIFFUSERS[m].replace(".to_", ".processor.to_").replace("to_out.0", "to_out"),
        "_lora.up.weight",
        "_lora.down.weight",
    ),
    (
        "peft",
        lambda m: f"base_model.model.{DIFFUSERS[m]}",
        ".lora_B.default.weight",
        ".lora_A.default.weight",
    ),
    ("peft", lambda m: f"diffusion_model.{m}", ".lora_B.weight", ".lora_A.weight"),
]


@pytest.mark.parametrize(("dialect", "name", "up", "down"), NAMINGS)
def test_every_naming_changes_the_weights_meant(
    checkpoint: Checkpoint, tmp_path: Path, dialect: str, name: Callable[[str], str], up: str, down: str
) -> None:
    network = checkpoint.model.base.network
    modules = [ORIGINAL, OUT] if "processor" in name(ORIGINAL) else list(DIFFUSERS)
    factors = {module: pair(network, module) for module in modules}
    tensors = {name(m) + up: u for m, (u, _) in factors.items()} | {
        name(m) + down: d for m, (_, d) in factors.items()
    }
    load = open_lora(saved(tmp_path, tensors), checkpoint.model, checkpoint.clip)
    assert load.report.dialects == (dialect,)
    assert load.report.changed == {"model": len(modules), "clip": 0}
    assert load.report.unmatched == {"model": (), "clip": ()}
    before = {module: weight(network, module) for module in modules}
    with applied(load.patch_model(checkpoint.model, 0.5)) as patched:
        for module, (u, d) in factors.items():
            delta = (u.flatten(1) @ d.flatten(1)).reshape(before[module].shape)
            torch.testing.assert_close(weight(patched.network, module), before[module] + 0.5 * delta)


@pytest.mark.parametrize(
    "stem",
    [
        f"lora_te_{flat(TEXT)}",
        f"lora_te1_{flat(TEXT)}",
        f"text_encoder.{TEXT}",
        f"text_encoders.clip_l.transformer.{TEXT}",
        f"base_model.model.{TEXT}",
    ],
)
def test_text_encoders_are_changed_under_each_of_their_names(
    checkpoint: Checkpoint, tmp_path: Path, stem: str
) -> None:
    assert checkpoint.clip is not None
    up, down = pair(checkpoint.clip.base.network, f"clip_l.{TEXT}")
    tensors = {
        f"{stem}.lora_up.weight": up,
        f"{stem}.lora_down.weight": down,
        f"{stem}.alpha": torch.tensor(2.0),
    }
    load = open_lora(saved(tmp_path, tensors), checkpoint.model, checkpoint.clip)
    assert load.report.changed == {"model": 0, "clip": 1}
    before = weight(checkpoint.clip.base.network, f"clip_l.{TEXT}")
    with applied(load.patch_clip(checkpoint.clip, 1.0)) as patched:
        # Kept as the ecosystem keeps text encoders: as if in 16 bits.
        expected = (before + 2.0 / 4 * up @ down).half().float()
        torch.testing.assert_close(weight(patched.network, f"clip_l.{TEXT}"), expected, rtol=1e-3, atol=1e-5)
        changed = weight(patched.network, f"clip_l.{TEXT}")
        assert torch.equal(changed, changed.half().float())


def test_strength_zero_gives_the_same_objects(checkpoint: Checkpoint, tmp_path: Path) -> None:
    up, down = pair(checkpoint.model.base.network, ORIGINAL)
    stem = f"diffusion_model.{ORIGINAL}"
    load = open_lora(
        saved(tmp_path, {f"{stem}.lora_B.weight": up, f"{stem}.lora_A.weight": down}), checkpoint.model, None
    )
    assert load.patch_model(checkpoint.model, 0.0) is checkpoint.model
    assert checkpoint.clip is not None
    assert load.patch_clip(checkpoint.clip, 1.0) is checkpoint.clip


def test_a_file_that_matches_nothing_is_refused_with_its_names(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = saved(tmp_path, {"transformer.blocks.0.attn.lora_A.weight": random(4, 4)})
    with pytest.raises(
        UnknownFormat, match=r"lora.safetensors is not a LoRA for this model.*transformer.blocks"
    ):
        open_lora(path, checkpoint.model, checkpoint.clip)


def test_a_file_for_other_sizes_is_refused_as_such(checkpoint: Checkpoint, tmp_path: Path) -> None:
    stem = f"diffusion_model.{ORIGINAL}"
    path = saved(tmp_path, {f"{stem}.lora_B.weight": random(320, 4), f"{stem}.lora_A.weight": random(4, 320)})
    with pytest.raises(UnknownFormat, match="made for another model"):
        open_lora(path, checkpoint.model, checkpoint.clip)


def test_what_changed_nothing_is_counted_by_part_and_warned_about(
    checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    up, down = pair(checkpoint.model.base.network, ORIGINAL)
    stem = f"diffusion_model.{ORIGINAL}"
    tensors = {
        f"{stem}.lora_B.weight": up,
        f"{stem}.lora_A.weight": down,
        "lora_unet_unknown.lora_up.weight": random(2, 2),
        "lora_te_unknown.lora_up.weight": random(2, 3),
    }
    with caplog.at_level(logging.WARNING):
        load = open_lora(saved(tmp_path, tensors), checkpoint.model, checkpoint.clip)
    assert load.report.unmatched == {
        "model": ("lora_unet_unknown.lora_up.weight",),
        "clip": ("lora_te_unknown.lora_up.weight",),
    }
    assert "2 of 4 tensors changed nothing" in caplog.text


def test_bias_differences_and_whole_weights_are_understood(checkpoint: Checkpoint, tmp_path: Path) -> None:
    network = checkpoint.model.base.network
    stem = f"diffusion_model.{CONVOLUTION}"
    before, bias = weight(network, CONVOLUTION), network.get_parameter(f"{CONVOLUTION}.bias").detach().clone()
    tensors = {f"{stem}.diff": random(*before.shape), f"{stem}.diff_b": random(*bias.shape)}
    load = open_lora(saved(tmp_path, tensors), checkpoint.model, None)
    assert load.report.changed["model"] == 2
    with applied(load.patch_model(checkpoint.model, 2.0)) as patched:
        torch.testing.assert_close(weight(patched.network, CONVOLUTION), before + 2 * tensors[f"{stem}.diff"])
        torch.testing.assert_close(
            patched.network.get_parameter(f"{CONVOLUTION}.bias"), bias + 2 * tensors[f"{stem}.diff_b"]
        )
    replaced = open_lora(
        saved(tmp_path, {f"{stem}.set_weight": random(*before.shape)}), checkpoint.model, None
    )
    with applied(replaced.patch_model(checkpoint.model, 0.1)) as patched:
        torch.testing.assert_close(weight(patched.network, CONVOLUTION), random(*before.shape))


@pytest.mark.parametrize("kind", ["hada", "lokr", "dora"])
def test_other_kinds_are_read_from_their_names(checkpoint: Checkpoint, tmp_path: Path, kind: str) -> None:
    network = checkpoint.model.base.network
    stem = f"lora_unet_{flat(DIFFUSERS[ORIGINAL])}"
    before = weight(network, ORIGINAL)
    up, down = pair(network, ORIGINAL)
    if kind == "hada":
        tensors = {f"{stem}.hada_w{i}_{side}": t * i for i in (1, 2) for side, t in (("a", up), ("b", down))}
        expected = before + (up @ down) * (4 * (up @ down))
    elif kind == "lokr":
        tensors = {f"{stem}.lokr_w1": random(4, 4), f"{stem}.lokr_w2": random(8, 8)}
        expected = before + torch.kron(random(4, 4), random(8, 8))
    else:
        magnitude = random(32, 1).abs()
        tensors = {
            f"{stem}.lora_up.weight": up,
            f"{stem}.lora_down.weight": down,
            f"{stem}.dora_scale": magnitude,
        }
        expected = (before + up @ down) * magnitude / before.norm(dim=1, keepdim=True)
    load = open_lora(saved(tmp_path, tensors), checkpoint.model, checkpoint.clip)
    assert load.report.unmatched["model"] == ()
    with applied(load.patch_model(checkpoint.model, 1.0)) as patched:
        torch.testing.assert_close(weight(patched.network, ORIGINAL), expected, rtol=1e-5, atol=1e-4)


def test_a_file_is_read_once_for_the_same_networks_and_again_when_it_changed(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    network = checkpoint.model.base.network
    up, down = pair(network, ORIGINAL)
    stem = f"lora_unet_{flat(DIFFUSERS[ORIGINAL])}"
    path = saved(tmp_path, {f"{stem}.lora_up.weight": up, f"{stem}.lora_down.weight": down})
    first = open_lora(path, checkpoint.model, checkpoint.clip)
    assert open_lora(path, checkpoint.model.with_patch(), checkpoint.clip) is first
    assert open_lora(path, checkpoint.model, None) is not first
    one, other = (first.patch_model(checkpoint.model, 0.5) for _ in range(2))
    assert one.stack == other.stack
    saved(tmp_path, {f"{stem}.lora_up.weight": 2 * up, f"{stem}.lora_down.weight": down})
    os.utime(path, ns=(1, 1))
    second = open_lora(path, checkpoint.model, checkpoint.clip)
    assert second is not first
    with applied(second.patch_model(checkpoint.model, 1.0)):
        changed = weight(network, ORIGINAL)
    assert torch.allclose(changed - weight(network, ORIGINAL), 2 * up @ down, atol=1e-4)


def test_what_was_read_goes_with_the_network(tmp_path: Path) -> None:
    own = open_checkpoint(tiny_checkpoint(tmp_path / "own.safetensors"))
    up, down = pair(own.model.base.network, ORIGINAL)
    stem = f"lora_unet_{flat(DIFFUSERS[ORIGINAL])}"
    path = saved(tmp_path, {f"{stem}.lora_up.weight": up, f"{stem}.lora_down.weight": down})
    read = ref(open_lora(path, own.model, own.clip))
    gc.collect()
    assert read() is not None
    del own
    gc.collect()
    assert read() is None
