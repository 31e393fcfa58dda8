"""Conversions, done at the edges only. Inside: g, L, g/L, day, kg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

IggUnit = Literal["mg/dL", "g/L"]
Level = TypeVar("Level", float, "npt.NDArray[np.float64]")

G_PER_L_IN: Final[dict[str, float]] = {"g/L": 1.0, "mg/dL": 0.01}
"""One of this unit, in g/L."""

MASS_IN_G: Final[dict[str, float]] = {"g": 1.0, "mg": 0.001}
DOSE_PER_WEIGHT_IN_G_PER_KG: Final[dict[str, float]] = {"g/kg": 1.0, "mg/kg": 0.001}
WEIGHT_IN_KG: Final[dict[str, float]] = {"kg": 1.0, "g": 0.001, "lb": 0.45359237}
TIME_IN_DAY: Final[dict[str, float]] = {"day": 1.0, "h": 1 / 24, "hour": 1 / 24, "min": 1 / 1440}

HOURS_PER_DAY: Final = 24.0
DAY_DECIMALS: Final = 3
"""Of days in records and calendars: a minute and a half."""

INTERVAL_LEVEL: Final = 0.95
"""Level of every interval unless another is asked for."""

IVIG_DAYS: Final = 35.0
"""Ratios under immunoglobulin act from the first infusion to so many days after the last (DESIGN 2.5), unless another
number is asked for."""


def g_per_l(value: Level, unit: IggUnit) -> Level:
    """An IgG level (or an array of them) in g/L."""
    return value * G_PER_L_IN[unit]


def from_g_per_l(value: Level, unit: IggUnit) -> Level:
    """An IgG level (or an array of them), given in g/L, in the unit asked for."""
    return value / G_PER_L_IN[unit]
