import logging

import pytest
import torch
from torch import Tensor

from models.diffusion import TextModel
from models.text.clip import ClipText
from models.text.encode import encode_prompt
from models.text.encoders import TextEncoders
from models.text.rules import ChunkRules
from models.text.tokenizer import END, START, clip_tokenizer
from models.text.tokens import Token, chunk_tokens, token_groups
from tests.fixtures.checkpoints import TINY_CLIP, redrawn

RULES = ChunkRules()


def text_model(last_layer: int | None = None) -> TextModel:
    network = redrawn(ClipText(TINY_CLIP), seed=3)
    return TextModel(
        network=TextEncoders({"clip_l": network}), tokenizer=clip_tokenizer(), last_layer=last_layer
    )


@pytest.fixture(scope="module")
def model() -> TextModel:
    return text_model()


def lengths(*sizes: int) -> list[list[Token]]:
    return [[Token(320)] * size for size in sizes]


def ids(chunk: list[Token]) -> list[int | Tensor]:
    return [token.value for token in chunk]


def test_an_empty_prompt_is_one_chunk_of_start_end_and_padding() -> None:
    (chunk,) = chunk_tokens([], RULES)
    assert ids(chunk) == [START, *[END] * 76]


def test_a_long_run_of_text_is_cut_at_75_tokens() -> None:
    first, second = chunk_tokens(lengths(80), RULES)
    assert ids(first) == [START, *[320] * 75, END]
    assert ids(second) == [START, *[320] * 5, *[END] * 71]


def test_a_short_group_that_does_not_fit_moves_to_the_next_chunk() -> None:
    first, second = chunk_tokens(lengths(70, 7), RULES)
    assert ids(first) == [START, *[320] * 70, *[END] * 6]
    assert ids(second) == [START, *[320] * 7, *[END] * 69]


def test_a_group_of_eight_is_cut() -> None:
    first, second = chunk_tokens(lengths(70, 8), RULES)
    assert ids(first) == [START, *[320] * 75, END]
    assert ids(second)[:5] == [START, 320, 320, 320, END]


def test_exactly_75_tokens_are_one_chunk() -> None:
    assert len(chunk_tokens(lengths(75), RULES)) == 1
    assert len(chunk_tokens(lengths(76), RULES)) == 2
    assert len(chunk_tokens(lengths(75, 200), RULES)) == 4


def test_a_plain_prompt_is_what_the_network_gives(model: TextModel) -> None:
    hidden, pooled = encode_prompt(model, "a photo of a cat")
    tokens = torch.tensor([[START, 320, 1125, 539, 320, 2368, *[END] * 71]])
    with torch.no_grad():
        expected = model.network.clip("clip_l")(tokens)
    torch.testing.assert_close(hidden, expected.hidden)
    torch.testing.assert_close(pooled, expected.pooled)
    assert hidden.shape == (1, 77, 64)


def test_weights_move_tokens_away_from_the_empty_prompt(model: TextModel) -> None:
    plain, pooled = encode_prompt(model, "a red cat")
    empty, _ = encode_prompt(model, "")
    weighted, weighted_pooled = encode_prompt(model, "a (red:1.5) cat")
    expected = plain.clone()
    expected[:, 2] = (plain[:, 2] - empty[:, 2]) * 1.5 + empty[:, 2]
    torch.testing.assert_close(weighted, expected)
    torch.testing.assert_close(weighted_pooled, pooled)


def test_several_chunks_follow_each_other_and_the_first_is_pooled(model: TextModel) -> None:
    hidden, pooled = encode_prompt(model, "cat " * 100)
    first, first_pooled = encode_prompt(model, "cat " * 75)
    second, _ = encode_prompt(model, "cat " * 25)
    torch.testing.assert_close(hidden, torch.cat([first, second], dim=1))
    torch.testing.assert_close(pooled, first_pooled)


def test_clip_skip_takes_an_earlier_layer_with_the_final_norm_and_leaves_pooled(model: TextModel) -> None:
    plain, pooled = encode_prompt(model, "cat")
    last, _ = encode_prompt(text_model(-1), "cat")
    skipped, skipped_pooled = encode_prompt(text_model(-2), "cat")
    too_far, _ = encode_prompt(text_model(-3), "cat")
    torch.testing.assert_close(last, plain)
    torch.testing.assert_close(too_far, plain)
    torch.testing.assert_close(skipped_pooled, pooled)
    encoder = model.network.clip("clip_l")
    norm = encoder.text_model.final_layer_norm
    first_block = encoder.text_model.encoder.layers[0]
    with torch.no_grad():
        tokens = torch.tensor([[START, 2368, *[END] * 75]])
        state = first_block(encoder.text_model.embeddings(encoder.embed(tokens)))
        torch.testing.assert_close(skipped, norm(state))


def test_an_embedding_takes_the_place_of_its_name(model: TextModel) -> None:
    vectors = model.network.clip("clip_l").embed(torch.tensor([1125, 539])).detach()

    def find(name: str, width: int, key: str) -> Tensor | None:
        return vectors if (name, width, key) == ("mine", 64, "clip_l") else None

    with_embedding, _ = encode_prompt(model, "a embedding:mine, a cat", find)
    written_out, _ = encode_prompt(model, "a photo of , a cat")
    torch.testing.assert_close(with_embedding, written_out)
    (group, comma) = list(token_groups(model.tokenizer, "(embedding:mine,:1.3)", 64, RULES, find))
    assert [token.weight for token in group] == [1.3, 1.3]
    assert ids(comma) == [267]


def test_a_missing_embedding_is_said_and_its_text_stays(
    model: TextModel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        hidden, _ = encode_prompt(model, "a embedding:gone cat")
    assert "embedding 'gone' was not found" in caplog.text
    torch.testing.assert_close(hidden, encode_prompt(model, "a cat")[0])


def test_an_embedding_of_another_width_is_dropped_and_padding_takes_its_length(
    model: TextModel, caplog: pytest.LogCaptureFixture
) -> None:
    hidden, pooled = encode_prompt(model, "a embedding:wide cat", lambda *_: torch.zeros(2, 32))
    expected, expected_pooled = encode_prompt(model, "a cat")
    torch.testing.assert_close(hidden, expected)
    torch.testing.assert_close(pooled, expected_pooled)
    assert "do not fit" in caplog.text


def test_the_name_alone_is_plain_text(model: TextModel) -> None:
    encode_prompt(model, "embedding: ")
