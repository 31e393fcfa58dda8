"""One estimand as draws, and its row in a table: median, interval, probabilities, verdict (docs/model.md 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from igkinetics.effect.estimands import BY_NAME, Kind, Named
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l

EFFECT_COLUMNS: Final = (
    "estimand",
    "group",
    "threshold",
    "median",
    "lower",
    "upper",
    "level",
    "p_positive",
    "p_above_minimum",
    "rope_verdict",
    "unit",
    "status",
    "reason",
)
ESTIMATED: Final = "estimated"
NOT_ESTIMATED: Final = "not_estimated"
NONE: Final = np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What every row is judged by. minimum_effect and rope (low, high) in `unit`; None: not given."""

    level: float
    unit: IggUnit
    minimum_effect: float | None = None
    rope: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimand:
    """Draws (n,) of one quantity; none where it cannot be given, and then `reason` says why.

    threshold: g/L, nan where none belongs to it. sign_given: the sign follows from the model, so no probability of
    it is told. judged: minimum effect and ROPE are about this quantity. places: of the draws among the posterior's.
    """

    name: str
    group: str
    kind: Kind
    draws: Floats = field(default_factory=lambda: NONE)
    threshold: float = np.nan
    sign_given: bool = False
    judged: bool = False
    reason: str = ""
    places: Any = None

    def __post_init__(self) -> None:
        if self.draws.size == 0 and not self.reason:
            raise AssertionError(f"{self.name} has neither draws nor a reason")
        if self.draws.size and not np.all(np.isfinite(self.draws)):
            raise AssertionError(f"{self.name} has draws that are no numbers")

    @property
    def named(self) -> Named:
        """What its name stands for. KeyError for a name that is none of effect.csv."""
        return BY_NAME[self.name]

    @property
    def estimated(self) -> bool:
        return self.draws.size > 0

    def in_unit(self, unit: IggUnit) -> Floats:
        """Draws as shown: levels in the cohort's unit."""
        return from_g_per_l(self.draws, unit) if self.kind == "level" else self.draws


def interval(values: Floats, level: float) -> tuple[float, float, float]:
    """Median and equal-tailed interval of draws (n,)."""
    tail = 0.5 * (1.0 - level)
    lower, middle, upper = np.quantile(values, [tail, 0.5, 1.0 - tail])
    return float(middle), float(lower), float(upper)


def rope_verdict(lower: float, upper: float, rope: tuple[float, float] | None) -> str:
    """`inside` when the whole interval lies in the ROPE, `outside` when none of it does, else `undecided`."""
    if rope is None:
        return ""
    if rope[0] <= lower and upper <= rope[1]:
        return "inside"
    return "outside" if upper < rope[0] or lower > rope[1] else "undecided"


def effect_row(estimand: Estimand, criteria: Criteria) -> dict[str, Any]:
    """A row of effect.csv."""
    shown_unit = {"level": criteria.unit, "days": "day", "ratio": "1"}[estimand.kind]
    row: dict[str, Any] = {
        "estimand": estimand.name,
        "group": estimand.group,
        "threshold": from_g_per_l(estimand.threshold, criteria.unit),
        "median": np.nan,
        "lower": np.nan,
        "upper": np.nan,
        "level": criteria.level,
        "p_positive": np.nan,
        "p_above_minimum": np.nan,
        "rope_verdict": "",
        "unit": shown_unit,
        "status": NOT_ESTIMATED,
        "reason": estimand.reason,
    }
    if not estimand.estimated:
        return row
    values = estimand.in_unit(criteria.unit)
    median, lower, upper = interval(values, criteria.level)
    row |= {"median": median, "lower": lower, "upper": upper, "status": ESTIMATED}
    if not estimand.sign_given:
        row["p_positive"] = float(np.mean(values > (1.0 if estimand.kind == "ratio" else 0.0)))
    if estimand.judged and estimand.kind == "level":
        if criteria.minimum_effect is not None:
            row["p_above_minimum"] = float(np.mean(values > criteria.minimum_effect))
        row["rope_verdict"] = rope_verdict(lower, upper, criteria.rope)
    return row
