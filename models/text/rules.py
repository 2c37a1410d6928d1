"""Says by which rules each family of models reads prompts: chunks, padding, layers, norms, pooled vectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.text.tokenizer import END, START


@dataclass(frozen=True)
class ChunkRules:
    """How an encoder's tokens are cut into chunks.

    Attributes:
        length: tokens of a chunk, start and end included.
        start: the id every chunk starts with.
        end: the id after the last token.
        pad: the id that fills a chunk.
        word_limit: a run of text with at least so many tokens is cut where the chunk ends; a shorter one
            moves to the next chunk as a whole.
        key: the encoder's name in embedding files that hold vectors for several.
    """

    length: int = 77
    start: int = START
    end: int = END
    pad: int = END
    word_limit: int = 8
    key: str = "clip_l"


@dataclass(frozen=True)
class EncoderRules:
    """What a family takes from one of its encoders.

    Attributes:
        pad: the id that fills a chunk.
        layer: the block whose output is used, counted from the end; None for the last with the final norm.
        normalise: whether the output of a chosen block goes through the final norm.
        projected: whether the pooled vector goes through the text projection.
    """

    pad: int = END
    layer: int | None = None
    normalise: bool = True
    projected: bool = False

    def chunks(self, key: str, length: int) -> ChunkRules:
        """The rules of chunks for the encoder of a name with so many positions."""
        return ChunkRules(length=length, pad=self.pad, key=key)


@dataclass(frozen=True)
class PromptRules:
    """How a family reads prompts.

    Attributes:
        encoders: by name, in the order in which their outputs are joined along the width.
        pooled: name of the encoder that gives the pooled vector.
    """

    encoders: Mapping[str, EncoderRules]
    pooled: str


_SDXL_L = EncoderRules(layer=-2, normalise=False)
_SDXL_G = EncoderRules(pad=0, layer=-2, normalise=False, projected=True)

RULES: Mapping[str, PromptRules] = MappingProxyType(
    {
        "sd15": PromptRules({"clip_l": EncoderRules()}, "clip_l"),
        "sd2": PromptRules({"clip_h": EncoderRules(pad=0, layer=-2, projected=True)}, "clip_h"),
        "sdxl": PromptRules({"clip_l": _SDXL_L, "clip_g": _SDXL_G}, "clip_g"),
        "sdxl_refiner": PromptRules({"clip_g": _SDXL_G}, "clip_g"),
    }
)


def rules_of(family: str) -> PromptRules:
    """The rules of a family.

    Raises:
        ValueError: if prompts cannot be read for it.
    """
    if family not in RULES:
        raise ValueError(f"there are no rules for prompts of {family!r}, only for {', '.join(RULES)}")
    return RULES[family]
