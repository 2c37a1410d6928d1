"""Answers what a file says of how its network was trained: in keys without weights, and in metadata."""

from collections.abc import Mapping

from loaders.files import Weights


def stated_prediction(weights: Weights) -> str | None:
    """What the network predicts, "eps" or "v", if the file says so."""
    texts: Mapping[str, str] = weights.metadata
    stated = texts.get("modelspec.prediction_type", texts.get("modelspec.predict_key", ""))
    if "v_pred" in weights or stated in {"v", "v_prediction"}:
        return "v"
    return "eps" if stated in {"epsilon", "eps"} else None


def number_in(weights: Weights, name: str) -> float:
    """The one number of a tensor of a file."""
    return float(weights.read(name).float().reshape(-1)[0])
