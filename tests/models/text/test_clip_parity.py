"""Checks the CLIP text encoder number by number against transformers on redrawn weights."""

import pytest
import torch

from models.text.clip import ClipText, ClipTextConfig
from tests.oracle.diffusers_names import redraw, worst_ratio

transformers = pytest.importorskip("transformers")

SIZES = {"vocabulary": 100, "width": 64, "layers": 3, "heads": 2, "feed_forward": 128, "end_token": 99}


def build(activation: str = "quick_gelu", projection: int | None = None) -> tuple:
    options = transformers.CLIPTextConfig(
        vocab_size=100,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=128,
        hidden_act=activation,
        eos_token_id=99,
        bos_token_id=98,
        pad_token_id=99,
        projection_dim=projection or 64,
    )
    kind = transformers.CLIPTextModelWithProjection if projection else transformers.CLIPTextModel
    oracle = redraw(kind(options))
    ours = ClipText(ClipTextConfig(**SIZES, activation=activation, projection=projection)).eval()
    state = {
        name if name.startswith("text_") else f"text_model.{name}": tensor
        for name, tensor in oracle.state_dict().items()
        if not name.endswith("position_ids")
    }
    ours.load_state_dict(state, strict=True)
    ids = torch.randint(0, 98, (2, 77), generator=torch.Generator().manual_seed(0))
    ids[0, 12:] = 99
    ids[1, 76] = 99
    with torch.no_grad():
        expected = oracle(ids, output_hidden_states=True)
    return ours, ids, expected


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_the_encoder_agrees_with_the_oracle(activation: str) -> None:
    ours, ids, expected = build(activation)
    with torch.no_grad():
        got = ours(ids)
    assert worst_ratio(got.hidden, expected.last_hidden_state) <= 5e-5
    assert worst_ratio(got.pooled, expected.pooler_output) <= 5e-5
    assert got.projected is None


def test_an_earlier_layer_comes_with_or_without_the_final_norm() -> None:
    ours, ids, expected = build()
    with torch.no_grad():
        plain = ours(ids, layer=-2, normalise=False)
        normed = ours(ids, layer=-2)
        again = ours.text_model.final_layer_norm(expected.hidden_states[-2])
    assert worst_ratio(plain.hidden, expected.hidden_states[-2]) <= 5e-5
    assert worst_ratio(normed.hidden, again) <= 5e-5
    assert worst_ratio(plain.pooled, expected.pooler_output) <= 5e-5


def test_the_projection_agrees_with_the_oracle() -> None:
    ours, ids, expected = build("gelu", projection=32)
    with torch.no_grad():
        got = ours(ids)
    assert worst_ratio(got.projected, expected.text_embeds) <= 5e-5


def test_embeddings_give_what_their_ids_give() -> None:
    ours, ids, _ = build()
    with torch.no_grad():
        got = ours(ours.embed(ids), end_positions=torch.tensor([12, 76]))
        assert torch.equal(got.hidden, ours(ids).hidden)
        assert torch.equal(got.pooled, ours(ids).pooled)


def test_wrong_arguments_are_named() -> None:
    ours, ids, _ = build()
    with pytest.raises(ValueError, match="78 tokens"):
        ours(torch.zeros(1, 78, dtype=torch.long))
    with pytest.raises(ValueError, match="from -3 to -1, not -4"):
        ours(ids, layer=-4)
    with pytest.raises(ValueError, match="end_positions is needed"):
        ours(torch.zeros(1, 5, 64))
