"""How one patient is to be dosed: every choice, its default and what it may be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from igkinetics.choices import nearest, type_problems
from igkinetics.errors import InputError, Problem
from igkinetics.fit.options import DEFAULT_CARD
from igkinetics.units import IGG_UNITS, INTERVAL_LEVEL, canonical_unit

QUANTITIES: Final = ("trough", "nadir", "trough_last")
ROUTES: Final = ("iv", "sc", "both")
WEIGHTS: Final = ("actual", "ideal", "adjusted", "lean")
USUAL_PROBABILITY: Final = 0.9
"""Share of draws that has to meet the target unless another is asked for; every output says it."""
USUAL_HORIZON_DAY: Final = 168.0
"""24 weeks: whole intervals of 1, 2, 3, 4, 6 and 8 weeks; every output says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseOptions:
    """Choices of individual dosing. InputError names every choice that cannot be carried out.

    target, target_upper: levels in `unit` (default: the cohort's, in which all results are then), or from a guideline.
    quantity: what has to reach it: the lowest level before a dose (trough), the lowest of all from the first dose on
    (nadir), or the last trough. probability: share of the draws that must. route: iv, sc or both. vial: sizes in g that
    are mixed. interval: days between doses. dose_g or dose_g_per_kg: doses to try; weight: what g/kg refers to. price:
    of a gram. horizon: days from the last sample on. start: day of the record, or date, of the first dose; None: one
    interval after the last recorded dose, at once (the day of the last sample) where that has passed.

    >>> import igkinetics as igk
    >>> igk.DoseOptions(target=5, unit="g/L", vial=(2.5, 5, 10), interval=(21, 28), dose_g=(20, 30)).quantity
    'trough'
    """

    target: float | None = None
    target_upper: float | None = None
    unit: str | None = None
    quantity: str = "trough"
    probability: float = USUAL_PROBABILITY
    route: str | None = None
    vial: tuple[float, ...] = ()
    interval: tuple[float, ...] = ()
    dose_g: tuple[float, ...] = ()
    dose_g_per_kg: tuple[float, ...] = ()
    weight: str | None = None
    price: float | None = None
    horizon: float = USUAL_HORIZON_DAY
    start: float | str | None = None
    guideline: str | None = None
    card: str = DEFAULT_CARD
    draws: int = 2000
    level: float = INTERVAL_LEVEL
    seed: int = 1
    jobs: int = 2

    def __post_init__(self) -> None:
        if problems := type_problems(self) or [*self._choice_problems(), *self._number_problems()]:
            raise InputError(problems)

    def _choice_problems(self) -> Iterator[Problem]:
        choices: list[tuple[str, str, tuple[str, ...]]] = [("quantity", self.quantity, QUANTITIES)]
        choices += [("route", self.route, ROUTES)] if self.route is not None else []
        choices += [("weight", self.weight, WEIGHTS)] if self.weight is not None else []
        choices += [("unit", canonical_unit(self.unit), IGG_UNITS)] if self.unit is not None else []
        for name, value, known in choices:
            if value not in known:
                yield fault(name, value, f"must be one of {', '.join(known)}{nearest(value, known)}")
        if self.dose_g and self.dose_g_per_kg:
            yield fault("dose_g", "with dose_g_per_kg", "give either dose_g or dose_g_per_kg")
        elif self.dose_g and self.weight is not None:
            yield fault("weight", self.weight, "goes with doses per kg, not with dose_g")

    def _number_problems(self) -> Iterator[Problem]:
        positive = {"target": self.target, "target_upper": self.target_upper, "price": self.price}
        for name, value in (positive | {"horizon": self.horizon}).items():
            if value is not None and not 0 < value < math.inf:
                yield fault(name, f"{value:g}", "must be a number above 0")
        for name in ("vial", "interval", "dose_g", "dose_g_per_kg"):
            values = getattr(self, name)
            if any(not 0 < value < math.inf for value in values):
                yield fault(name, words_of(values), "must be numbers above 0")
        if self.target is not None and self.target_upper is not None and self.target_upper <= self.target:
            yield fault("target_upper", f"{self.target_upper:g}", f"must be above the target, {self.target:g}")
        if self.target_upper is not None and self.target is None:
            yield fault("target_upper", f"{self.target_upper:g}", "needs the lower limit beside it, target=...")
        for name in ("probability", "level"):
            if not 0 < getattr(self, name) < 1:
                yield fault(name, f"{getattr(self, name):g}", "must be a fraction between 0 and 1, such as 0.9")
        for name, least in (("draws", 100), ("jobs", 1), ("seed", 0)):
            if getattr(self, name) < least:
                yield fault(name, getattr(self, name), f"must be {least} or more")

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The limits that were stated, in `unit`."""
        return tuple(value for value in (self.target, self.target_upper) if value is not None)

    def record(self) -> dict[str, Any]:
        """The choices for the run record; files are named without their folder."""
        named = {name: Path(value).name for name in ("card", "guideline") if (value := getattr(self, name)) is not None}
        return asdict(self) | named


def fault(option: str, found: object, expected: str) -> Problem:
    return Problem(file="call", column=option, found=str(found), expected=expected)


def words_of(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
