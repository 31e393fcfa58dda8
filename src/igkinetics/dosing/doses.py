"""What a regimen gives: on which days, how many grams, and a rule as numbers; for one patient or for many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from igkinetics.cards.body_size import dosing_weight_kg
from igkinetics.dosing.assay import Assay
from igkinetics.dosing.regimen import Regimen, Rule
from igkinetics.dosing.rule_kernel import (
    ADDITIVE,
    BELOW,
    DELAY,
    DURATION,
    GAP,
    HORIZON,
    IS_SC,
    LOWER,
    N_RULE,
    PROPORTIONAL,
    RESOLUTION,
    UPPER,
)
from igkinetics.dosing.vials import whole_vials
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import DAY_DECIMALS

AMOUNT_DECIMALS = 3
Mask = npt.NDArray[np.bool_]


class Weighed(Protocol):
    """Those to be dosed: kg, cm (nan: not known), each (n,)."""

    @property
    def weight_kg(self) -> Floats: ...
    @property
    def height_cm(self) -> Floats: ...
    @property
    def is_male(self) -> Mask: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One patient to be dosed, as arrays of one."""

    weight_kg: Floats
    height_cm: Floats
    is_male: Mask

    @staticmethod
    def of(weight_kg: float, height_cm: float = np.nan, is_male: bool = False) -> Body:
        return Body(weight_kg=np.array([weight_kg]), height_cm=np.array([height_cm]), is_male=np.array([is_male]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """Doses of one patient, days ascending. day; g; day; route."""

    day: Floats
    amount_g: Floats
    duration_day: Floats
    is_sc: Mask

    @staticmethod
    def none() -> Doses:
        empty = np.empty(0)
        return Doses(day=empty, amount_g=empty, duration_day=empty, is_sc=np.empty(0, dtype=bool))

    @staticmethod
    def by(regimen: Regimen, day: Floats, amount_g: Floats) -> Doses:
        """Given as the regimen says."""
        return Doses(
            day=day,
            amount_g=amount_g,
            duration_day=np.full(day.size, regimen.duration_day),
            is_sc=np.full(day.size, regimen.route == "sc"),
        )

    def given(self, which: Mask) -> Doses:
        """Those doses for which the mask holds."""
        return Doses(
            day=self.day[which],
            amount_g=self.amount_g[which],
            duration_day=self.duration_day[which],
            is_sc=self.is_sc[which],
        )


def calendar_doses(
    regimen: Regimen, weight_kg: float, horizon_day: float, *, height_cm: float = np.nan, is_male: bool = False
) -> Doses:
    """All doses of a calendar for one patient, on days before horizon_day; none for a rule."""
    if regimen.rule is not None or regimen.interval_day is None:
        return Doses.none()
    day = calendar_days(regimen, -np.inf, horizon_day)
    return Doses.by(regimen, day, calendar_amounts(regimen, Body.of(weight_kg, height_cm, is_male), day.size)[0])


def calendar_days(regimen: Regimen, from_day: float, horizon_day: float) -> Floats:
    """Days of the doses of a calendar: from its start on, none before from_day, all before the stop and the horizon."""
    if regimen.interval_day is None:
        raise AssertionError("a calendar without an interval passed its checks")
    return steps(regimen.first_day, regimen.interval_day, from_day, before(regimen.stop_day, horizon_day))


def check_days(rule: Rule, from_day: float, horizon_day: float) -> Floats:
    """Days of the checks of a rule that has days of its own, by the same limits."""
    if rule.check_every_day is None:
        raise AssertionError("a rule without days of its own passed its checks")
    return steps(rule.start_day, rule.check_every_day, from_day, before(rule.stop_day, horizon_day))


def before(stop_day: float | None, horizon_day: float) -> float:
    return horizon_day if stop_day is None else min(stop_day, horizon_day)


def steps(first_day: float, every_day: float, from_day: float, end_day: float) -> Floats:
    """first_day, first_day + every_day, ...: those from from_day on and before end_day, to DAY_DECIMALS."""
    number = max(0, int(np.ceil((end_day - first_day) / every_day)) + 1)
    day = np.round(first_day + every_day * np.arange(number), DAY_DECIMALS)
    return day[(day >= from_day) & (day < end_day)]


def calendar_amounts(regimen: Regimen, bodies: Weighed, n_dose: int) -> Floats:
    """(n, n_dose): grams of each dose of a calendar."""
    amount = amounts_g(regimen.dose_g_per_kg, regimen.dose_g, regimen, bodies)
    table = np.repeat(amount[:, None], n_dose, axis=1)
    if regimen.loading_g_per_kg is not None:
        table[:, :1] = amounts_g(regimen.loading_g_per_kg, None, regimen, bodies)[:, None]
    return table


def rule_amounts(regimen: Regimen, bodies: Weighed) -> Floats:
    """(n,): grams of one dose of the regimen's rule."""
    if regimen.rule is None:
        raise AssertionError("a calendar has no rule")
    return amounts_g(regimen.rule.dose_g_per_kg, regimen.rule.dose_g, regimen, bodies)


def amounts_g(dose_g_per_kg: float | None, dose_g: float | None, regimen: Regimen, bodies: Weighed) -> Floats:
    """Grams of one dose for each: by the regimen's weight basis, to the milligram, rounded to whole vials."""
    if dose_g_per_kg is not None:
        amount = np.round(dose_g_per_kg * basis_weight_kg(regimen, bodies), AMOUNT_DECIMALS)
    elif dose_g is not None:
        amount = np.full(bodies.weight_kg.size, dose_g)
    else:
        raise AssertionError("a regimen without a dose passed its checks")
    return amount if regimen.vial_g is None else whole_vials(amount, regimen.vial_g)


def basis_weight_kg(regimen: Regimen, bodies: Weighed) -> Floats:
    """The weight that a dose per kg is multiplied by."""
    if regimen.weight == "actual":
        return bodies.weight_kg
    men, women = (
        np.asarray(dosing_weight_kg(regimen.weight, bodies.weight_kg, bodies.height_cm, sex))
        for sex in ("male", "female")
    )
    return np.where(bodies.is_male, men, women)


def rule_numbers(regimen: Regimen, assay: Assay, horizon_day: float) -> Floats:
    """The regimen's rule as rule_kernel takes it. Noise: that of the rule, else of the assay, else of each case."""
    rule = regimen.rule
    if rule is None:
        raise AssertionError("a calendar has no rule")
    numbers = np.empty(N_RULE)
    numbers[BELOW], numbers[GAP], numbers[DELAY] = rule.below_mg_dl, rule.minimum_gap_day, rule.delay_day
    numbers[HORIZON], numbers[DURATION], numbers[IS_SC] = horizon_day, regimen.duration_day, regimen.route == "sc"
    cv_percent = assay.cv_percent if rule.assay_cv_percent is None else rule.assay_cv_percent
    numbers[ADDITIVE], numbers[PROPORTIONAL] = (np.nan, np.nan) if cv_percent is None else (0.0, cv_percent / 100)
    numbers[LOWER], numbers[UPPER] = assay.limits_mg_dl
    numbers[RESOLUTION] = assay.resolution_mg_dl
    return numbers
