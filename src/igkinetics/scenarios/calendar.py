"""calendar.csv: what each regimen gives to whom and when: every patient with a name, else one of the mean weight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from igkinetics.dosing.cases import Cases, DaysFrom, Patients
from igkinetics.dosing.doses import rule_amounts
from igkinetics.dosing.many import dosed
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.regimen_file import converted
from igkinetics.dosing.vials import vials_words
from igkinetics.scenarios.posterior_patients import PosteriorPatients
from igkinetics.units import IggUnit

CALENDAR_COLUMNS: Final = ("regimen", "patient_id", "day", "date", "amount_g", "vials", "route", "note")


def one_case(weight_kg: float, height_cm: float, is_male: bool) -> Cases:
    """A person to dose, without parameters."""
    return Cases(
        thetas=np.empty((1, 13)),
        start_day=np.zeros(1),
        therapy=np.empty((1, 0, 2)),
        history=np.empty((1, 0, 4)),
        error=np.zeros((1, 2)),
        weight_kg=np.array([weight_kg]),
        height_cm=np.array([height_cm]),
        is_male=np.array([is_male]),
        patient=np.zeros(1, np.int64),
        draw=np.zeros(1, np.int64),
        model=np.zeros(1, np.int64),
        noise=np.zeros(1, np.int64),
        drift_day=np.empty((1, 0)),
        factor=np.empty((1, 0)),
    )


def calendar_rows(
    patients: Patients, regimens: Sequence[Dosing], horizon_day: float, unit: IggUnit
) -> Iterator[dict[str, Any]]:
    """CALENDAR_COLUMNS, regimen by regimen."""
    about = patients.about
    if isinstance(patients, PosteriorPatients):
        whom = [
            (member.patient_id, one_case(member.weight_kg, member.height_cm, bool(member.is_male)), "")
            for member in patients.members
        ]
    else:
        weight, height, male, whose = about.example
        whom = [("", one_case(weight, height, male), f"for {whose}")]
    for regimen in regimens:
        for patient_id, case, whose in whom:
            for row in doses_of_one(regimen, case, about.days_from, horizon_day, unit):
                notes = "; ".join(part for part in (row["note"], whose) if part)
                yield {"regimen": regimen.name, "patient_id": patient_id, **row, "note": notes}


def doses_of_one(
    regimen: Dosing, case: Cases, days_from: DaysFrom, horizon_day: float, unit: IggUnit
) -> Iterator[dict[str, Any]]:
    """The rows of one regimen for one person: a dose each; of a rule one row that says it; of none one that says so."""
    same = {"day": np.nan, "date": "", "vials": "", "route": regimen.route}
    if regimen.gives_nothing:
        yield {**same, "amount_g": 0.0, "route": "", "note": "no immunoglobulin"}
    elif regimen.rule is not None:
        grams = float(rule_amounts(regimen, case)[0])
        vials = vials_words(grams, regimen.vial_g)
        yield {**same, "amount_g": grams, "vials": vials, "note": rule_words(regimen, unit)}
    else:
        plan = dosed(regimen, case, 0.0, horizon_day)
        for index, (day, grams) in enumerate(zip(plan.day.tolist(), plan.amount[0].tolist(), strict=False)):
            loading = index == 0 and regimen.loading_g_per_kg is not None
            yield {
                **same,
                "day": day,
                "date": days_from.date_of(day),
                "amount_g": grams,
                "vials": vials_words(grams, regimen.vial_g),
                "note": "loading dose" if loading else "",
            }


def rule_words(regimen: Dosing, unit: IggUnit) -> str:
    """When a rule gives its dose."""
    rule = regimen.rule
    if rule is None:
        raise AssertionError("a calendar has no rule")
    delay = f", given {rule.delay_day:g} days later" if rule.delay_day else ""
    until = "" if rule.stop_day is None else f" and before day {rule.stop_day:g}"
    below = converted(rule.below_mg_dl, "mg/dL", unit)
    checks = f"every {rule.check_every_day:g} days from day {rule.start_day:g} on{until}"
    return (
        f"whenever IgG, measured {checks}, is reported below {below:g} {unit}{delay}; at least "
        f"{rule.minimum_gap_day:g} days between doses"
    )
