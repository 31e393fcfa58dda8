"""A regimen for many cases at once: days, amounts, the rule as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from igkinetics.cards.body_size import dosing_weight_kg
from igkinetics.dosing.cases import Cases
from igkinetics.dosing.regimen import AMOUNT_DECIMALS, DAY_DECIMALS, Dosing, Rule
from igkinetics.dosing.rule_kernel import (
    ADDITIVE,
    BELOW,
    CHECK_EVERY,
    DELAY,
    FIRST,
    GAP,
    HORIZON,
    N_RULE,
    PROPORTIONAL,
    STOP,
)
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import g_per_l


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosed:
    """What the kernel needs of one regimen. amount (n, m) belongs to day (m); of a rule it is (n, 1) and day empty."""

    day: Floats
    amount: Floats
    rule: Floats
    n_checks: int


def dosed(regimen: Dosing, cases: Cases, from_day: float, horizon_day: float) -> Dosed:
    """The regimen of these cases, from from_day on; doses lie before horizon_day."""
    if regimen.gives_nothing:
        return Dosed(day=np.empty(0), amount=np.empty((len(cases), 0)), rule=np.empty(0), n_checks=0)
    if regimen.rule is not None:
        amount = amounts_g(regimen.rule.dose_g_per_kg, regimen.rule.dose_g, regimen, cases)
        return Dosed(day=np.empty(0), amount=amount[:, None], rule=rule_numbers(regimen.rule, from_day, horizon_day),
                     n_checks=number_of_checks(regimen.rule, from_day, horizon_day))  # fmt: skip
    day = calendar_days(regimen, from_day, horizon_day)
    amount = np.repeat(amounts_g(regimen.dose_g_per_kg, regimen.dose_g, regimen, cases)[:, None], day.size, axis=1)
    if regimen.loading_g_per_kg is not None:
        amount[:, :1] = amounts_g(regimen.loading_g_per_kg, None, regimen, cases)[:, None]
    return Dosed(day=day, amount=amount, rule=np.empty(0), n_checks=0)


def calendar_days(regimen: Dosing, from_day: float, horizon_day: float) -> Floats:
    """Days of the doses of a calendar: from its start on, none before from_day, all before the stop and the horizon."""
    if regimen.interval_day is None:
        raise AssertionError("a calendar without an interval passed its checks")
    stop = horizon_day if regimen.stop_day is None else min(horizon_day, regimen.stop_day)
    number = max(0, int(np.ceil((stop - regimen.first_day) / regimen.interval_day)) + 1)
    day = np.round(regimen.first_day + regimen.interval_day * np.arange(number), DAY_DECIMALS)
    return day[(day >= from_day) & (day < stop)]


def amounts_g(dose_g_per_kg: float | None, dose_g: float | None, regimen: Dosing, cases: Cases) -> Floats:
    """Grams of one dose for each case: by the regimen's weight basis, to the milligram, rounded to whole vials."""
    if dose_g_per_kg is not None:
        amount = np.round(dose_g_per_kg * basis_weight_kg(regimen, cases), AMOUNT_DECIMALS)
    elif dose_g is not None:
        amount = np.full(len(cases), dose_g)
    else:
        raise AssertionError("a regimen without a dose passed its checks")
    if regimen.vial_g is None:
        return amount
    return np.round(np.maximum(1.0, np.floor(amount / regimen.vial_g + 0.5)) * regimen.vial_g, AMOUNT_DECIMALS)


def basis_weight_kg(regimen: Dosing, cases: Cases) -> Floats:
    """The weight that a dose per kg is multiplied by."""
    if regimen.weight == "actual":
        return cases.weight_kg
    men, women = (np.asarray(dosing_weight_kg(regimen.weight, cases.weight_kg, cases.height_cm, sex))
                  for sex in ("male", "female"))  # fmt: skip
    return np.where(cases.is_male, men, women)


def first_check(rule: Rule, from_day: float) -> tuple[float, float]:
    """The first check at or after from_day, and the days from one to the next."""
    if rule.check_every_day is None:
        raise AssertionError("a rule without days of its own passed its checks")
    missed = max(0.0, np.ceil((from_day - rule.start_day) / rule.check_every_day))
    return float(rule.start_day + rule.check_every_day * missed), rule.check_every_day


def number_of_checks(rule: Rule, from_day: float, horizon_day: float) -> int:
    """Checks before the stop and the horizon."""
    first, every = first_check(rule, from_day)
    stop = horizon_day if rule.stop_day is None else min(rule.stop_day, horizon_day)
    return max(0, int(np.ceil((stop - first) / every)))


def rule_numbers(rule: Rule, from_day: float, horizon_day: float) -> Floats:
    """As rule_kernel takes them; without an assay of the rule the error of each case is filled in (nan here)."""
    numbers = np.empty(N_RULE)
    numbers[BELOW] = g_per_l(rule.below_mg_dl, "mg/dL")
    numbers[FIRST], numbers[CHECK_EVERY] = first_check(rule, from_day)
    numbers[STOP] = np.inf if rule.stop_day is None else rule.stop_day
    numbers[GAP], numbers[DELAY], numbers[HORIZON] = rule.minimum_gap_day, rule.delay_day, horizon_day
    numbers[ADDITIVE] = numbers[PROPORTIONAL] = np.nan
    if rule.assay_cv_percent is not None:
        numbers[ADDITIVE], numbers[PROPORTIONAL] = 0.0, rule.assay_cv_percent / 100
    return numbers
