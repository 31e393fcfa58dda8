"""Dosing regimens: by the calendar, or by a rule on measured IgG; one meaning in simulations, scenarios and effects."""


from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from igkinetics.toml_input import Fault, NotNegative, Positive, Table, refuse
from igkinetics.units import HOURS_PER_DAY

CALENDAR_KEYS = ("dose_g_per_kg", "dose_g", "interval_day", "start_day", "stop_day", "loading_g_per_kg")
DAY_DECIMALS = 3
AMOUNT_DECIMALS = 3


class Rule(Table):
    """Dose when a measurement is below a level. Days count from day 0; checks lie in [start_day, stop_day).

    Measured either every `check_every_day` days (noise: `assay_cv_percent`, else the assay of the simulation)
    or, with `check = "visits"`, at the visits themselves. The dose follows `delay_day` after the measurement,
    and only if the last dose lies at least `minimum_gap_day` before it.
    """

    below_mg_dl: Positive
    check_every_day: Positive | None = None
    check: Literal["visits"] | None = None
    minimum_gap_day: NotNegative
    assay_cv_percent: NotNegative | None = None
    dose_g_per_kg: Positive | None = None
    dose_g: Positive | None = None
    start_day: float = 0.0
    stop_day: float | None = None
    delay_day: NotNegative = 0.0
    recorded: bool = True
    """Whether the measurements of `check_every_day` stand in the record; if not, dosing is not ignorable."""

    @model_validator(mode="after")
    def _holds(self) -> Rule:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        yield from one_of(("check_every_day", "check"), (self.check_every_day, self.check))
        yield from one_of(("dose_g_per_kg", "dose_g"), (self.dose_g_per_kg, self.dose_g))
        yield from order_of_days(self.start_day, self.stop_day)
        if self.check == "visits":
            if self.assay_cv_percent is not None:
                yield Fault(("assay_cv_percent",), f"{self.assay_cv_percent:g}",
                            "visits are measured with the assay of [assay]; leave this out")
            if not self.recorded:
                yield Fault(("recorded",), "false", "visits are always recorded; leave this out")

    def due(self, igg_mg_dl: float, check_day: float, last_dose_day: float | None) -> bool:
        """Whether this reported measurement leads to a dose, on day check_day + delay_day."""
        if check_day < self.start_day or (self.stop_day is not None and check_day >= self.stop_day):
            return False
        if last_dose_day is not None:
            gap = round(check_day + self.delay_day - last_dose_day, DAY_DECIMALS)
            if gap < self.minimum_gap_day:
                return False
        return bool(igg_mg_dl < self.below_mg_dl)


class Regimen(Table):
    """A dosing regimen: by the calendar, or by a `rule`, which brings its own dose and days.

    Calendar: a dose every `interval_day` days from `start_day` (day 0 unless given) on, before `stop_day`;
    `loading_g_per_kg` takes the place of the first. vial_g: amounts are rounded to the nearest whole vial (a
    half goes up), at least one. duration_h: 0 is a bolus.
    """

    name: str = ""
    dose_g_per_kg: Positive | None = None
    dose_g: Positive | None = None
    weight: Literal["actual", "ideal", "adjusted", "lean"] = "actual"
    interval_day: Positive | None = None
    start_day: float | None = None
    stop_day: float | None = None
    loading_g_per_kg: Positive | None = None
    route: Literal["iv", "sc"] = "iv"
    duration_h: NotNegative = 0.0
    vial_g: Positive | None = None
    rule: Rule | None = Field(default=None)

    @model_validator(mode="after")
    def _holds(self) -> Regimen:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if self.rule is not None:
            for key in CALENDAR_KEYS:
                value = getattr(self, key)
                if value is not None:
                    yield Fault((key,), f"{value:g}", "belongs to a calendar; a rule has keys of its own")
            return
        yield from one_of(("dose_g_per_kg", "dose_g"), (self.dose_g_per_kg, self.dose_g))
        if self.interval_day is None:
            yield Fault(("interval_day",), "", "needed: days between doses (or give a `rule`)")
        yield from order_of_days(self.first_day, self.stop_day)

    @property
    def first_day(self) -> float:
        """Day of the first dose, or from which the rule holds; day 0 unless given."""
        if self.rule is not None:
            return self.rule.start_day
        return 0.0 if self.start_day is None else self.start_day

    @property
    def duration_day(self) -> float:
        return self.duration_h / HOURS_PER_DAY

    def rule_dose_g(self, weight_kg: float) -> float:
        """Grams of one dose of the rule for this weight. AssertionError on a calendar regimen."""
        if self.rule is None:
            raise AssertionError("a calendar regimen has no rule")
        return vials(amount_for_weight(self.rule.dose_g_per_kg, self.rule.dose_g, weight_kg), self.vial_g)


def calendar_doses(regimen: Regimen, weight_kg: float, horizon_day: float) -> Doses:
    """All doses of a calendar regimen on days before horizon_day; none for a rule. Days, g."""
    if regimen.rule is not None or regimen.interval_day is None:
        return Doses.none()
    stop = horizon_day if regimen.stop_day is None else min(horizon_day, regimen.stop_day)
    number = max(0, int(np.ceil((stop - regimen.first_day) / regimen.interval_day)))
    day = np.round(regimen.first_day + regimen.interval_day * np.arange(number), DAY_DECIMALS)
    day = day[day < stop]
    amount = np.full(day.size, vials(amount_for_weight(regimen.dose_g_per_kg, regimen.dose_g, weight_kg),
                                     regimen.vial_g))
    if regimen.loading_g_per_kg is not None:
        amount[:1] = vials(amount_for_weight(regimen.loading_g_per_kg, None, weight_kg), regimen.vial_g)
    return Doses(day=day, amount_g=amount, duration_day=np.full(day.size, regimen.duration_day),
                 is_sc=np.full(day.size, regimen.route == "sc"))


def amount_for_weight(dose_g_per_kg: float | None, dose_g: float | None, weight_kg: float) -> float:
    """Grams, to the milligram. Exactly one of the first two is given."""
    if dose_g_per_kg is not None:
        return round(dose_g_per_kg * weight_kg, AMOUNT_DECIMALS)
    if dose_g is None:
        raise AssertionError("a regimen without a dose passed its checks")
    return dose_g


def vials(amount_g: float, vial_g: float | None) -> float:
    """The amount rounded to the nearest whole vial, a half up, at least one; as it is without a vial size."""
    if vial_g is None:
        return amount_g
    return round(max(1.0, float(np.floor(amount_g / vial_g + 0.5))) * vial_g, AMOUNT_DECIMALS)


def one_of(keys: tuple[str, str], values: tuple[object, object]) -> Iterator[Fault]:
    """A fault unless exactly one of two keys is given."""
    given = [key for key, value in zip(keys, values, strict=True) if value is not None]
    if len(given) != 1:
        yield Fault((keys[0],), " and ".join(given), f"give either {keys[0]!r} or {keys[1]!r}")


def order_of_days(start_day: float, stop_day: float | None) -> Iterator[Fault]:
    """A fault unless the stop comes after the start."""
    if stop_day is not None and stop_day <= start_day:
        yield Fault(("stop_day",), f"{stop_day:g}", f"must be after start_day, {start_day:g}")


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """Doses of one patient, days ascending. day; g; day; route."""

    day: Floats
    amount_g: Floats
    duration_day: Floats
    is_sc: npt.NDArray[np.bool_]

    @staticmethod
    def none() -> Doses:
        empty = np.empty(0)
        return Doses(day=empty, amount_g=empty, duration_day=empty, is_sc=np.empty(0, dtype=bool))

    def given(self, which: npt.NDArray[np.bool_]) -> Doses:
        """Those doses for which the mask holds."""
        return Doses(day=self.day[which], amount_g=self.amount_g[which],
                     duration_day=self.duration_day[which], is_sc=self.is_sc[which])

    def followed_by(self, *, day: float, amount_g: float, duration_day: float, is_sc: bool) -> Doses:
        """These doses and one more, later than all of them."""
        return Doses(day=np.append(self.day, day), amount_g=np.append(self.amount_g, amount_g),
                     duration_day=np.append(self.duration_day, duration_day),
                     is_sc=np.append(self.is_sc, is_sc))

    @property
    def last_day(self) -> float | None:
        return float(self.day[-1]) if self.day.size else None


class Dosing(Regimen):
    """A regimen of a scenario; one with nothing but a name gives no immunoglobulin."""

    @property
    def gives_nothing(self) -> bool:
        return self.rule is None and all(getattr(self, key) is None for key in CALENDAR_KEYS)

    def _faults(self) -> Iterator[Fault]:
        if self.gives_nothing:
            return
        if self.rule is not None and self.rule.check == "visits":
            yield Fault(("rule", "check"), "visits", "a scenario has no visits; give check_every_day")
        yield from super()._faults()
