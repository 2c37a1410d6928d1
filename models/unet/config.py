"""Says how large a latent-diffusion UNet is; the sizes are read from the shapes in a checkpoint."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UNetConfig:
    """Sizes of a UNet of Rombach et al. 2022, figure 3.

    Attributes:
        in_channels: channels of the input (4, or more where an image is concatenated).
        out_channels: channels of the prediction.
        channels: width of the finest level.
        multipliers: width of each level in units of `channels`, finest first.
        input_depths: transformer blocks (0: no attention) of each residual block on the way down, a row a
            level.
        output_depths: the same on the way up, one block more a level, finest level first.
        middle_depth: transformer blocks in the middle; 0 for one residual block alone, None for no middle at
            all.
        context_width: width D of the text context.
        heads: attention heads at every width, or None where `head_width` rules.
        head_width: width of one head, used where `heads` is None.
        linear_projections: whether the transformer's projections are linear layers instead of 1x1
            convolutions.
        vector_width: width of the extra vector condition, or None.
        guidance_width: width of the features of a guidance scale that is added to the time, or None.
        classes: how many classes the extra condition tells apart where it is an index, or None.
        cross_only: of each level, finest first, whether its transformers look at the context twice instead
            of at themselves once; empty where none does.
        groups: groups of every group norm.
    """

    in_channels: int = 4
    out_channels: int = 4
    channels: int = 320
    multipliers: tuple[int, ...] = (1, 2, 4, 4)
    input_depths: tuple[tuple[int, ...], ...] = ((1, 1), (1, 1), (1, 1), (0, 0))
    output_depths: tuple[tuple[int, ...], ...] = ((1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0, 0))
    middle_depth: int | None = 1
    context_width: int = 768
    heads: int | None = 8
    head_width: int = 64
    linear_projections: bool = False
    vector_width: int | None = None
    classes: int | None = None
    guidance_width: int | None = None
    cross_only: tuple[bool, ...] = ()
    groups: int = 32

    def __post_init__(self) -> None:
        """Refuse sizes that contradict each other."""
        levels = len(self.multipliers)
        if self.cross_only and len(self.cross_only) != levels:
            raise ValueError(f"{levels} multipliers, but {len(self.cross_only)} levels say where they look")
        if self.vector_width is not None and self.classes is not None:
            raise ValueError("the extra condition is a vector or an index, not both")
        if len(self.input_depths) != levels or len(self.output_depths) != levels:
            raise ValueError(
                f"{levels} multipliers need as many rows of depths, "
                f"not {len(self.input_depths)} on the way down and {len(self.output_depths)} on the way up"
            )
        for row, (down, up) in enumerate(zip(self.input_depths, self.output_depths, strict=True)):
            if len(up) != len(down) + 1:
                raise ValueError(
                    f"level {row} has {len(down)} blocks down, so it needs {len(down) + 1} up, not {len(up)}"
                )

    @property
    def vector(self) -> str | None:
        """What the extra condition is, in words, or None where the network takes none."""
        if self.vector_width is not None:
            return f"a vector condition of width {self.vector_width}"
        return None if self.classes is None else f"the number of one of {self.classes} classes"

    def heads_at(self, width: int) -> int:
        """How many heads attention has at a width."""
        return self.heads if self.heads is not None else width // self.head_width

    def looks_twice(self, level: int) -> bool:
        """Whether the transformers of a level look at the context twice, rather than at themselves."""
        return bool(self.cross_only) and self.cross_only[level]
