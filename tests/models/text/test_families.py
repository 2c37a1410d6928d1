"""Checks what each family takes from its text encoders, against transformers on redrawn weights."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.diffusion import TextModel
from models.text.clip import ClipText, ClipTextConfig
from models.text.encode import encode_prompt, encode_tokens, pooled_before_projection, read_tokens
from models.text.encoders import TextEncoders
from models.text.rules import RULES
from models.text.tokenizer import END, START, clip_tokenizer
from tests.fixtures.checkpoints import redrawn
from tests.oracle.diffusers_names import worst_ratio

transformers = pytest.importorskip("transformers")

SIZES = {
    "clip_l": ClipTextConfig(width=64, layers=3, heads=1, feed_forward=96),
    "clip_g": ClipTextConfig(
        width=128, layers=4, heads=2, feed_forward=160, activation="gelu", projection=48
    ),
    "clip_h": ClipTextConfig(width=64, layers=3, heads=1, feed_forward=96, activation="gelu", projection=32),
}
CAT = [START, 320, 736, 2368, END]


def network(name: str) -> ClipText:
    return redrawn(ClipText(SIZES[name]), seed=len(name) + ord(name[-1]))


def model(family: str, last_layer: int | None = None) -> TextModel:
    encoders = TextEncoders({name: network(name) for name in RULES[family].encoders})
    return TextModel(encoders, clip_tokenizer(), family=family, last_layer=last_layer)


def oracle(
    name: str, ids: list[int], pad: int
) -> tuple[list[Tensor], Tensor, Tensor | None, torch.nn.Module]:
    """What transformers gives: states, pooled vector before and after projection; and its final norm."""
    config = SIZES[name]
    options = transformers.CLIPTextConfig(
        vocab_size=config.vocabulary, hidden_size=config.width, num_hidden_layers=config.layers,
        num_attention_heads=config.heads, intermediate_size=config.feed_forward,
        hidden_act=config.activation, projection_dim=config.projection or config.width,
        bos_token_id=START, eos_token_id=END, pad_token_id=pad,
    )  # fmt: skip
    kind = transformers.CLIPTextModelWithProjection if config.projection else transformers.CLIPTextModel
    theirs = kind(options).eval()
    ours = network(name).state_dict()
    wanted = theirs.state_dict()
    theirs.load_state_dict(
        {n: ours[n if n in ours else f"text_model.{n}"] for n in wanted if not n.endswith("position_ids")},
        strict=False,
    )
    row = ids + [pad] * (77 - len(ids))
    with torch.no_grad():
        output = theirs(torch.tensor([row]), output_hidden_states=True)
    norm = getattr(theirs, "text_model", theirs).final_layer_norm
    states = list(output.hidden_states[1:])
    last = norm(states[-1])[:, ids.index(END)].detach()
    return states, last, getattr(output, "text_embeds", None), norm


def test_sdxl_joins_the_blocks_before_the_last_unnormed_and_pools_the_larger_encoder() -> None:
    hidden, pooled = encode_prompt(model("sdxl"), "a red cat")
    first, _, _, _ = oracle("clip_l", CAT, END)
    second, _, projected, _ = oracle("clip_g", CAT, 0)
    assert hidden.shape == (1, 77, 192)
    assert worst_ratio(hidden[..., :64], first[-2]) <= 5e-5
    assert worst_ratio(hidden[..., 64:], second[-2]) <= 5e-5
    assert worst_ratio(pooled, projected) <= 5e-5


def test_the_refiner_has_the_larger_encoder_alone() -> None:
    whole, pooled = encode_prompt(model("sdxl"), "a (red:1.4) cat")
    alone, same = encode_prompt(model("sdxl_refiner"), "a (red:1.4) cat")
    assert torch.equal(alone, whole[..., 64:])
    assert torch.equal(pooled, same)


def test_sd2_norms_the_block_before_the_last_and_projects_the_pooled_vector() -> None:
    hidden, pooled = encode_prompt(model("sd2"), "a red cat")
    states, _, projected, norm = oracle("clip_h", CAT, 0)
    with torch.no_grad():
        assert worst_ratio(hidden, norm(states[-2])) <= 5e-5
    assert worst_ratio(pooled, projected) <= 5e-5


def test_sd1_norms_the_last_block_and_does_not_project() -> None:
    hidden, pooled = encode_prompt(model("sd15"), "a red cat")
    states, last, _, norm = oracle("clip_l", CAT, END)
    with torch.no_grad():
        assert worst_ratio(hidden, norm(states[-1])) <= 5e-5
    assert worst_ratio(pooled, last) <= 5e-5


@pytest.mark.parametrize(
    ("family", "name", "pad"), [("sd15", "clip_l", END), ("sd2", "clip_h", 0), ("sdxl", "clip_g", 0)]
)
def test_boxes_of_texts_take_the_pooled_vector_before_its_projection(
    family: str, name: str, pad: int
) -> None:
    _, last, _, _ = oracle(name, CAT, pad)
    assert worst_ratio(pooled_before_projection(model(family), "a red cat"), last) <= 5e-5


@pytest.mark.parametrize(
    ("family", "name", "normed"),
    [("sd15", "clip_l", True), ("sd2", "clip_h", True), ("sdxl_refiner", "clip_g", False)],
)
@pytest.mark.parametrize("layer", [-1, -2, -3])
def test_clip_skip_chooses_the_block_and_the_family_whether_it_is_normed(
    family: str, name: str, normed: bool, layer: int
) -> None:
    plain = model(family)
    hidden, pooled = encode_prompt(replace(plain, last_layer=layer), "a red cat")
    states, _, _, norm = oracle(name, CAT, END if name == "clip_l" else 0)
    with torch.no_grad():
        expected = norm(states[layer]) if normed else states[layer]
    assert worst_ratio(hidden, expected) <= 5e-5
    assert torch.equal(pooled, encode_prompt(plain, "a red cat")[1])


def test_a_block_that_an_encoder_does_not_have_means_its_last_one_normed() -> None:
    """-4 exists in the larger encoder only, which has four blocks."""
    hidden, _ = encode_prompt(model("sdxl", last_layer=-4), "a red cat")
    first, _, _, norm = oracle("clip_l", CAT, END)
    second, _, _, _ = oracle("clip_g", CAT, 0)
    with torch.no_grad():
        assert worst_ratio(hidden[..., :64], norm(first[-1])) <= 5e-5
    assert worst_ratio(hidden[..., 64:], second[0]) <= 5e-5


def test_weights_count_from_the_empty_prompt_of_each_encoder_with_its_own_padding() -> None:
    plain, _ = encode_prompt(model("sdxl"), "a red cat")
    weighted, _ = encode_prompt(model("sdxl"), "a (red:1.6) cat")
    for name, pad, part in (("clip_l", END, slice(0, 64)), ("clip_g", 0, slice(64, None))):
        (*_, before_last, _), _, _, _ = oracle(name, [START, END], pad)
        expected = plain[..., part].clone()
        expected[:, 2] = (expected[:, 2] - before_last[:, 2]) * 1.6 + before_last[:, 2]
        assert worst_ratio(weighted[..., part], expected) <= 5e-5


def test_the_longer_of_two_outputs_is_cut() -> None:
    text_model = model("sdxl")
    tokens = {
        "clip_l": read_tokens(text_model, "clip_l", "cat " * 80),
        "clip_g": read_tokens(text_model, "clip_g", "cat " * 80),
    }
    both, _ = encode_tokens(text_model, tokens)
    assert both.shape[1] == 154
    short = read_tokens(text_model, "clip_g", "cat")
    cut, pooled = encode_tokens(text_model, {**tokens, "clip_g": short})
    assert torch.equal(cut[..., :64], both[:, :77, :64])
    assert torch.equal(cut[..., 64:], encode_prompt(text_model, "cat")[0][..., 64:])
    assert torch.equal(pooled, encode_prompt(text_model, "cat")[1])


def test_an_embedding_that_fits_one_encoder_counts_there_and_is_left_out_of_the_other() -> None:
    text_model = model("sdxl")
    asked: list[tuple[str, int, str]] = []

    def find(name: str, width: int, key: str) -> Tensor:
        asked.append((name, width, key))
        return network("clip_l").embed(torch.tensor([736])).detach()

    hidden, _ = encode_prompt(text_model, "a embedding:mine cat", find)
    assert asked == [("mine", 64, "clip_l"), ("mine", 128, "clip_g")]
    torch.testing.assert_close(hidden[..., :64], encode_prompt(text_model, "a red cat")[0][..., :64])
    torch.testing.assert_close(hidden[..., 64:], encode_prompt(text_model, "a cat")[0][..., 64:])


def test_unknown_families_and_missing_encoders_are_named() -> None:
    with pytest.raises(ValueError, match="no rules for prompts of 'sd9', only for sd15, sd2"):
        encode_prompt(replace(model("sd15"), family="sd9"), "x")
    with pytest.raises(ValueError, match="no text encoder 'clip_g' here, only clip_l"):
        encode_prompt(replace(model("sd15"), family="sdxl_refiner"), "x")
    with pytest.raises(ValueError, match="sd15 has no text encoder 'clip_g', only clip_l"):
        read_tokens(model("sd15"), "clip_g", "x")
