"""Says which noise levels a network was trained on: a frozen description for each way of laying them out."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NoiseTable:
    """Discrete steps (Ho et al. 2020; Rombach et al. 2022, appendix).

    Attributes:
        start: beta of the first step.
        end: beta of the last step.
        steps: how many.
        zero_terminal_snr: rescaled so that the last step is noise only (Lin et al. 2024).
        kind: "scaled_linear" spreads the square roots of the betas evenly, "linear" the betas.
        distilled_steps: a network that was distilled knows only so many of the steps; None = all.
    """

    start: float = 0.00085
    end: float = 0.012
    steps: int = 1000
    zero_terminal_snr: bool = False
    kind: Literal["scaled_linear", "linear"] = "scaled_linear"
    distilled_steps: int | None = None


@dataclass(frozen=True)
class ContinuousLog:
    """Any sigma between two, the network's time is log(sigma) / 4 (Karras et al. 2022, table 1, "EDM")."""

    sigma_min: float = 0.002
    sigma_max: float = 120.0


@dataclass(frozen=True)
class ContinuousAngle:
    """Any sigma between two, the network's time is the angle atan(sigma) * 2 / pi (Salimans & Ho 2022)."""

    sigma_min: float = 0.03
    sigma_max: float = 500.0


@dataclass(frozen=True)
class Flow:
    """Rectified flow (Liu et al. 2022): sigma in (0, 1], moved to the noisy side (Esser et al. 2024, eq. 23).

    Attributes:
        shift: 1 leaves the levels as they are.
        multiplier: the network's time is sigma times this.
    """

    shift: float = 1.0
    multiplier: float = 1000.0


@dataclass(frozen=True)
class ExponentialFlow:
    """Rectified flow with sigma(t) = e^mu / (e^mu + 1/t - 1); the network's time is sigma."""

    mu: float = 1.15


@dataclass(frozen=True)
class Cosine:
    """The cosine levels (Nichol & Dhariwal 2021, equation 17), moved by a shift."""

    shift: float = 1.0


@dataclass(frozen=True)
class FlowOverLog:
    """A flow network (time sigma / (sigma + 1)) sampled over levels spread evenly in log sigma."""

    sigma_min: float = 0.002
    sigma_max: float = 80.0


NoiseLevels = NoiseTable | ContinuousLog | ContinuousAngle | Flow | ExponentialFlow | Cosine | FlowOverLog
