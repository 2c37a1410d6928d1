import logging

import pytest
import torch
from safetensors.torch import save_file

from nodes.api.errors import NodeError
from nodes.conditioning.combine import average, combine, concatenate, zero_out
from nodes.conditioning.region import (
    set_area,
    set_area_strength,
    set_fraction_area,
    set_mask,
    set_time,
)
from nodes.conditioning.text import encode, set_last_layer
from schedulers.conditioning import CellArea, Entry, FractionArea


def entry(length: int = 3, width: int = 4, seed: int = 0, **fields: object) -> Entry:
    generator = torch.Generator().manual_seed(seed)
    pooled = torch.randn(1, width, generator=generator)
    return Entry(torch.randn(1, length, width, generator=generator), pooled, **fields)


def test_a_prompt_becomes_one_entry(ctx, checkpoint) -> None:
    (made,) = encode(ctx, "a red circle", checkpoint.clip)
    assert made.embedding.shape == (1, 77, 64)
    assert made.pooled is not None
    assert made.pooled.shape == (1, 64)
    assert not made.embedding.requires_grad


def test_weights_and_chunks_reach_the_encoder(ctx, checkpoint) -> None:
    (plain,) = encode(ctx, "a red circle", checkpoint.clip)
    (weighted,) = encode(ctx, "a (red:1.5) circle", checkpoint.clip)
    assert not torch.equal(plain.embedding, weighted.embedding)
    (long,) = encode(ctx, "red " * 100, checkpoint.clip)
    assert long.embedding.shape == (1, 154, 64)


def test_embeddings_are_found_in_their_folder(ctx, checkpoint, tmp_path) -> None:
    (without,) = encode(ctx, "embedding:mine circle", checkpoint.clip)
    save_file({"emb_params": torch.randn(2, 64)}, tmp_path / "models" / "embeddings" / "mine.safetensors")
    (with_embedding,) = encode(ctx, "embedding:mine circle", checkpoint.clip)
    assert not torch.equal(without.embedding, with_embedding.embedding)


def test_the_last_layer_is_chosen_without_touching_the_encoder(ctx, checkpoint) -> None:
    skipped = set_last_layer(checkpoint.clip, -2)
    assert checkpoint.clip.base.last_layer is None
    assert skipped.base.network is checkpoint.clip.base.network
    (last,) = encode(ctx, "a red circle", set_last_layer(checkpoint.clip, -1))
    (default,) = encode(ctx, "a red circle", checkpoint.clip)
    (other,) = encode(ctx, "a red circle", skipped)
    assert torch.equal(last.embedding, default.embedding)
    assert not torch.equal(other.embedding, default.embedding)


def test_a_missing_text_encoder_is_said(ctx) -> None:
    with pytest.raises(NodeError, match="no text encoder"):
        encode(ctx, "a", None)
    with pytest.raises(NodeError, match="no text encoder"):
        set_last_layer(None, -2)


def test_combining_keeps_both_prompts_in_order() -> None:
    first, second = entry(), entry(seed=1)
    assert combine((first,), (second, first)) == (first, second, first)


def test_concatenation_appends_tokens_and_keeps_the_rest(ctx) -> None:
    first, second = entry(start=0.25), entry(5, seed=1)
    (joined, also) = concatenate(ctx, (first, first), (second,))
    assert torch.equal(joined.embedding, torch.cat((first.embedding, second.embedding), dim=1))
    assert joined.pooled is first.pooled
    assert joined.start == also.start == 0.25


def test_only_the_first_prompt_is_appended_and_that_is_said(ctx, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        (joined,) = concatenate(ctx, (entry(),), (entry(2), entry(3)))
    assert joined.embedding.shape[1] == 5
    assert "2 prompts" in caplog.text
    with pytest.raises(NodeError, match="empty"):
        concatenate(ctx, (entry(),), ())


def test_prompts_of_other_encoders_are_refused(ctx) -> None:
    with pytest.raises(NodeError, match="4 and 8"):
        concatenate(ctx, (entry(),), (entry(width=8),))


def test_averages_cut_or_fill_the_second_prompt(ctx) -> None:
    first, long, short = entry(), entry(5, seed=1), entry(2, seed=2)
    (mixed,) = average(ctx, (first,), (long,), 0.25)
    assert torch.allclose(mixed.embedding, first.embedding * 0.25 + long.embedding[:, :3] * 0.75)
    assert torch.allclose(mixed.pooled, first.pooled * 0.25 + long.pooled * 0.75)
    (filled,) = average(ctx, (first,), (short,), 0.5)
    assert torch.allclose(filled.embedding[:, 2], first.embedding[:, 2] * 0.5)
    (same,) = average(ctx, (first,), (long,), 1.0)
    assert torch.equal(same.embedding, first.embedding)


def test_a_missing_pooled_vector_comes_from_the_other_prompt(ctx) -> None:
    other = entry(seed=1)
    (mixed,) = average(ctx, (Entry(torch.zeros(1, 3, 4)),), (other,), 0.5)
    assert mixed.pooled is other.pooled


def test_zeroing_out_keeps_place_and_time() -> None:
    (zeroed, bare) = zero_out((entry(start=0.5), Entry(torch.ones(1, 2, 4))))
    assert not zeroed.embedding.any()
    assert not zeroed.pooled.any()
    assert zeroed.start == 0.5
    assert bare.pooled is None


def test_areas_are_counted_in_cells_or_fractions() -> None:
    (placed,) = set_area((entry(mask_bounds=True),), 100, 64, 17, 8, 2.0)
    assert placed.area == CellArea(height=8, width=12, top=1, left=2)
    assert placed.strength == 2.0
    assert not placed.mask_bounds
    (part,) = set_fraction_area((entry(),), 0.5, 0.25, 0.1, 0.2, 1.0)
    assert part.area == FractionArea(height=0.25, width=0.5, top=0.2, left=0.1)
    assert set_area_strength((entry(),), 3.0)[0].strength == 3.0


def test_masks_and_times_are_set_on_every_prompt() -> None:
    masked = set_mask(
        conditioning=(entry(), entry()), mask=torch.ones(5, 7), strength=0.5, set_cond_area="mask bounds"
    )
    assert [made.mask.shape for made in masked] == [(1, 5, 7), (1, 5, 7)]
    assert all(made.mask_bounds and made.mask_strength == 0.5 for made in masked)
    (plain,) = set_mask(
        conditioning=(entry(),), mask=torch.ones(2, 5, 7), strength=1.0, set_cond_area="default"
    )
    assert not plain.mask_bounds
    (timed,) = set_time((entry(),), 0.25, 0.75)
    assert (timed.start, timed.end) == (0.25, 0.75)
