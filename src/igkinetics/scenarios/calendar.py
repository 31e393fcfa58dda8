"""What each regimen gives to one patient: the named one, or one of the population's mean weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from igkinetics.dosing.cases import Cases
from igkinetics.dosing.doses import rule_amounts
from igkinetics.dosing.many import dosed
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.parameters import Floats

if TYPE_CHECKING:
    from igkinetics.scenarios.result import ScenarioResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Doses of one regimen, day and g; or its rule in words."""

    name: str
    day: Floats
    amount_g: Floats
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    whose: str
    regimens: tuple[Calendar, ...]


def one_case(weight_kg: float, height_cm: float, is_male: bool) -> Cases:
    """A person to dose, without parameters."""
    return Cases(
        thetas=np.empty((1, 13)), start_day=np.zeros(1), therapy=np.empty((1, 0, 2)), history=np.empty((1, 0, 4)),
        error=np.zeros((1, 2)), weight_kg=np.array([weight_kg]), height_cm=np.array([height_cm]),
        is_male=np.array([is_male]), patient=np.zeros(1, np.int64), draw=np.zeros(1, np.int64),
        model=np.zeros(1, np.int64), noise=np.zeros(1, np.int64),
    )  # fmt: skip


def calendar_for(result: ScenarioResult) -> Calendars:
    """Of the only patient, else of a patient of the mean weight (and height; the commoner sex)."""
    about, scenario = result.about, result.file.scenario
    weight, height, male, whose = about.example
    case = one_case(weight, height, male)
    return Calendars(
        whose=whose,
        regimens=tuple(calendar(one, case, about.from_day, scenario.horizon_day) for one in scenario.regimen),
    )


def calendar(regimen: Dosing, case: Cases, from_day: float, horizon_day: float) -> Calendar:
    if regimen.rule is None:
        plan = dosed(regimen, case, from_day, horizon_day)
        return Calendar(name=regimen.name, day=plan.day, amount_g=plan.amount[0, : plan.day.size])
    rule = regimen.rule
    grams = float(rule_amounts(regimen, case)[0])
    delay = f", given {rule.delay_day:g} days later" if rule.delay_day else ""
    words = (f"{grams:g} g whenever IgG, measured every {rule.check_every_day:g} days from day {rule.start_day:g} on, "
             f"is below {rule.below_mg_dl:g} mg/dL{delay}; at least {rule.minimum_gap_day:g} days between doses")
    return Calendar(name=regimen.name, day=np.empty(0), amount_g=np.empty(0), rule=words)
