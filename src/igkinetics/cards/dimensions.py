"""Units a card may use, by dimension, and what one of each is in the units used inside (g, L, day, kg)."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from igkinetics.units import G_PER_L_IN, TIME_IN_DAY

LITRE_IN: Final[dict[str, float]] = {"L": 1.0, "dL": 0.1, "mL": 0.001}
TIMES: Final[dict[str, float]] = {"day": 1.0, "week": 7.0, "h": TIME_IN_DAY["h"], "min": TIME_IN_DAY["min"]}

FACTOR: Final[dict[str, dict[str, float]]] = {
    "flow": {f"{volume}/{time}": litres / days for volume, litres in LITRE_IN.items() for time, days in TIMES.items()},
    "volume": LITRE_IN,
    "concentration": dict(G_PER_L_IN),
    "variance of a concentration": {f"({unit})^2": factor**2 for unit, factor in G_PER_L_IN.items()},
    "concentration per time": {f"{unit}/day": factor for unit, factor in G_PER_L_IN.items()},
    "rate": {f"1/{time}": 1 / days for time, days in TIMES.items()},
    "time": TIMES,
    "area under the curve": {"g*day/L": 1.0, "g*h/L": TIME_IN_DAY["h"], "mg*day/dL": 0.01},
    "pure number": {"1": 1.0, "%": 0.01},
    "log-odds": {"1": 1.0},
}
"""dimension -> unit -> one of that unit in L/day, L, g/L, (g/L)^2, g/L/day, 1/day, day, g*day/L, 1."""


SPELLINGS: Final[dict[str, str]] = {
    **dict.fromkeys(("d", "days", "Day"), "day"),
    **dict.fromkeys(("hour", "hours", "hr", "H"), "h"),
    **dict.fromkeys(("weeks", "wk"), "week"),
    **dict.fromkeys(("minute", "minutes"), "min"),
    **dict.fromkeys(("l", "litre", "liter"), "L"),
    **dict.fromkeys(("ml", "millilitre"), "mL"),
    **dict.fromkeys(("dl", "decilitre"), "dL"),
}
"""Other ways to write a part of a unit."""


@cache
def canonical(unit: str) -> str:
    """The unit as FACTOR writes it: `L/d` is `L/day`, `d^-1` is `1/day`."""
    inverse = re.fullmatch(r"([A-Za-z]+)\s*(?:\^-1|-1|\*\*-1)", unit.strip())
    parts = ["1", inverse[1]] if inverse else [part.strip() for part in unit.split("/")]
    parts = ["1" if not part and place == 0 and len(parts) > 1 else part for place, part in enumerate(parts)]
    return "/".join(SPELLINGS.get(part, part) for part in parts)


def unit_rule(unit: str, dimension: str) -> str:
    """Empty when the unit has the dimension, else what would have it."""
    if canonical(unit) in FACTOR[dimension]:
        return ""
    return f"must be a unit of {dimension}: {', '.join(FACTOR[dimension])}"


def to_internal(value: float, unit: str, dimension: str) -> float:
    """The value in the unit used inside. KeyError when the unit has another dimension."""
    return value * FACTOR[dimension][canonical(unit)]


def from_internal(value: float, unit: str, dimension: str) -> float:
    """A value held inside, in the unit asked for. KeyError when the unit has another dimension."""
    return value / FACTOR[dimension][canonical(unit)]
