"""Scales on which parameters are estimated and vary between patients: logs of positive numbers, logits of shares."""

from __future__ import annotations

from typing import Final, overload

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SHARES: Final = ("S", "F")
"""Parameters between 0 and 1, estimated as logits; all others as logs."""


def scale_of(parameter: str) -> str:
    """ "logit" for a share, "log" for any other parameter."""
    return "logit" if parameter in SHARES else "log"


@overload
def to_scale(value: float, scale: str) -> float: ...
@overload
def to_scale(value: Floats, scale: str) -> Floats: ...
def to_scale(value: float | Floats, scale: str) -> float | Floats:
    """A natural value on its scale."""
    scaled = np.log(value) if scale == "log" else np.log(value / (1.0 - value))
    return scaled if isinstance(value, np.ndarray) else float(scaled)


@overload
def from_scale(value: float, scale: str) -> float: ...
@overload
def from_scale(value: Floats, scale: str) -> Floats: ...
def from_scale(value: float | Floats, scale: str) -> float | Floats:
    """The natural value of one on its scale."""
    scaled = np.exp(value) if scale == "log" else 1.0 / (1.0 + np.exp(-value))
    return scaled if isinstance(value, np.ndarray) else float(scaled)


def shifted(typical: float | Floats, scale: str, deviation: Floats) -> Floats:
    """Typical values moved by deviations on their scale; where nothing moves, as they are, for they may lie outside."""
    if not deviation.any():
        return np.array(np.broadcast_to(typical, np.broadcast_shapes(np.shape(typical), deviation.shape)), dtype=float)
    if scale == "log":
        return np.asarray(typical * np.exp(deviation))
    return np.asarray(1 / (1 + (1 - typical) / typical * np.exp(-deviation)))


def slope(natural: float, scale: str) -> float:
    """Derivative of a natural value in that on its scale."""
    return natural * (1.0 - natural) if scale == "logit" else natural
