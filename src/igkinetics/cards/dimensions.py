"""Units a card may use, by dimension, and what one of each is in the units used inside (g, L, day, kg)."""

from __future__ import annotations

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


def unit_rule(unit: str, dimension: str) -> str:
    """Empty when the unit has the dimension, else what would have it."""
    if unit in FACTOR[dimension]:
        return ""
    return f"must be a unit of {dimension}: {', '.join(FACTOR[dimension])}"


def to_internal(value: float, unit: str, dimension: str) -> float:
    """The value in the unit used inside. KeyError when the unit has another dimension."""
    return value * FACTOR[dimension][unit]


def from_internal(value: float, unit: str, dimension: str) -> float:
    """A value held inside, in the unit asked for. KeyError when the unit has another dimension."""
    return value / FACTOR[dimension][unit]
