"""Conversions, done at the edges only. Inside: g, L, g/L, day, kg."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeVar, get_args

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

IggUnit = Literal["mg/dL", "g/L", "mg/L", "g/dL", "mg/mL", "ug/mL"]
IGG_UNITS: Final[tuple[IggUnit, ...]] = get_args(IggUnit)
Level = TypeVar("Level", float, "npt.NDArray[np.float64]")

G_PER_L_IN: Final[dict[str, float]] = {
    "mg/dL": 0.01,
    "g/L": 1.0,
    "mg/L": 0.001,
    "g/dL": 10.0,
    "mg/mL": 1.0,
    "ug/mL": 0.001,
}
"""One of this unit, in g/L."""

MASS_IN_G: Final[dict[str, float]] = {"g": 1.0, "mg": 0.001}
DOSE_PER_WEIGHT_IN_G_PER_KG: Final[dict[str, float]] = {"g/kg": 1.0, "mg/kg": 0.001}
WEIGHT_IN_KG: Final[dict[str, float]] = {"kg": 1.0, "g": 0.001, "lb": 0.45359237}
TIME_IN_DAY: Final[dict[str, float]] = {"day": 1.0, "week": 7.0, "h": 1 / 24, "hour": 1 / 24, "min": 1 / 1440}

HOURS_PER_DAY: Final = 24.0
DAY_DECIMALS: Final = 3
"""Of days in records and calendars: a minute and a half."""

INTERVAL_LEVEL: Final = 0.95
"""Level of every interval unless another is asked for."""

SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "g": ("gm", "gms", "gram", "grams", "gramme", "grammes"),
    "mg": ("mgs", "milligram", "milligrams"),
    "ug": ("mcg", "microgram", "micrograms"),
    "kg": ("kgs", "kilo", "kilogram", "kilograms"),
    "lb": ("lbs", "pound", "pounds"),
    "L": ("l", "ltr", "liter", "liters", "litre", "litres"),
    "dL": ("dl", "100ml", "100cc", "deciliter", "deciliters", "decilitre", "decilitres"),
    "mL": ("ml", "mls", "cc", "milliliter", "milliliters", "millilitre", "millilitres"),
    "h": ("hr", "hrs", "hours", "std"),
    "min": ("mins", "minute", "minutes"),
    "day": ("d", "days"),
    "week": ("wk", "wks", "weeks"),
}
"""What laboratories and pharmacies write for a unit, beside its own name in any case."""
NAMED: Final = {spelling: unit for unit, others in SPELLINGS.items() for spelling in (unit.lower(), *others)}
PER: Final = re.compile(r"\bper\b")
INVERSE: Final = re.compile(r"[.·*\s]?(?<=[.·*\s])([a-z]+)\s*\^?\s*[-−]1$")

IVIG_DAYS: Final = 35.0
"""Ratios under immunoglobulin act from the first infusion to so many days after the last (docs/model.md 5), unless
another number is asked for."""


def canonical_unit(word: str) -> str:
    """The name used here for a unit as people write it: `MG / DL`, `mg/100 mL` and `mg%` are mg/dL, `g l-1` is g/L.

    A unit that is not known comes back as it was written.
    """
    text = word.strip().lower().replace("µ", "u").replace("μ", "u")
    if text.endswith("%") and text != "%":
        text = text[:-1] + "/dl"
    text = INVERSE.sub(r"/\1", PER.sub("/", text))
    parts = [re.sub(r"[\s.]", "", part) for part in text.split("/")]
    named = [NAMED.get(part, part) for part in parts]
    return "/".join(named) if all(part in SPELLINGS or part == "hour" for part in named) else word.strip()


def g_per_l(value: Level, unit: IggUnit) -> Level:
    """An IgG level (or an array of them) in g/L."""
    return value * G_PER_L_IN[unit]


def from_g_per_l(value: Level, unit: IggUnit) -> Level:
    """An IgG level (or an array of them), given in g/L, in the unit asked for."""
    return value / G_PER_L_IN[unit]
