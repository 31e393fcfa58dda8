"""The truth behind a simulated record: parameters, nadirs, curves. mg/dL, days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import nadir_window
from igkinetics.dosing.doses import Doses
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import PARAMETER_UNITS, PARAMETERS
from igkinetics.simulate.course import Course
from igkinetics.units import G_PER_L_IN, from_g_per_l

UNIT: Final = "mg/dL"
NADIR_COLUMNS: Final = (
    "patient_id",
    "nadir",
    "nadir_day",
    "endogenous_nadir",
    "nadir_without_ivig",
    "nadir_day_without_ivig",
    "unit",
)
CURVE_DECIMALS = 3
NADIR_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Nadir:
    """Exact lowest true levels over a window, mg/dL, and the day of the lowest total."""

    total_mg_dl: float
    total_day: float
    endogenous_mg_dl: float


def lowest_under(course: Course, doses: Doses, start_day: float, end_day: float) -> Nadir:
    """The lowest levels of this patient under these doses, between two days."""
    plan = course.plan
    lowest_levels = lowest(plan.patient.parameters, plan.schedule(doses), start_day, end_day)
    return Nadir(
        total_mg_dl=from_g_per_l(lowest_levels.total, UNIT),
        total_day=lowest_levels.total_day,
        endogenous_mg_dl=from_g_per_l(lowest_levels.endogenous, UNIT),
    )


def planned_nadir(course: Course) -> Nadir:
    """Over the planned record: first therapy (else first measurement) to the last measurement."""
    plan, days = course.plan, [one.day for one, _ in course.recorded]
    if not days:
        return lowest_under(course, course.doses, plan.first_day, plan.end_day)
    start = plan.first_day if plan.patient.therapy_start.size else days[0]
    return lowest_under(course, course.doses, start, max(start, days[-1]))


def parameter_rows(course: Course) -> Iterator[tuple[str, str, float, str]]:
    """patient_id, parameter, value, unit; levels in mg/dL; none that the card does not have."""
    patient = course.plan.patient
    for name, value in zip(PARAMETERS, patient.parameters, strict=True):
        if np.isfinite(value):
            in_level = PARAMETER_UNITS[name] == "g/L"
            yield (
                patient.patient_id,
                name,
                from_g_per_l(value, UNIT) if in_level else float(value),
                UNIT if in_level else PARAMETER_UNITS[name],
            )


def nadir_row(course: Course, record: Patient) -> dict[str, object]:
    """A row of truth/nadir.csv, over the window of the record; levels empty without one."""
    window = nadir_window(record)
    if not window.exists:
        return {"patient_id": record.patient_id, **dict.fromkeys(NADIR_COLUMNS[1:-1], np.nan), "unit": UNIT}
    before = course.doses.given(course.doses.day < window.start)
    truth = lowest_under(course, course.doses, window.start, window.end)
    without = lowest_under(course, before, window.start, window.end)
    return {
        "patient_id": record.patient_id,
        "nadir": round(truth.total_mg_dl, NADIR_DECIMALS),
        "nadir_day": round(truth.total_day, NADIR_DECIMALS),
        "endogenous_nadir": round(truth.endogenous_mg_dl, NADIR_DECIMALS),
        "nadir_without_ivig": round(without.total_mg_dl, NADIR_DECIMALS),
        "nadir_day_without_ivig": round(without.total_day, NADIR_DECIMALS),
        "unit": UNIT,
    }


def curve_table(courses: Sequence[tuple[Course, float]]) -> pd.DataFrame:
    """True levels each day, from the start of the state to the day given with the course (end of the record)."""
    ids, days, parts = [], [], []
    for course, end_day in courses:
        plan = course.plan
        day = np.append(np.arange(plan.start_day, end_day), end_day)
        parts.append(igg_curve(plan.patient.parameters, plan.schedule(course.doses), day))
        days.append(day)
        ids.append(np.full(day.size, plan.patient.patient_id, dtype=object))
    endogenous, infused = np.concatenate(parts, axis=1) / G_PER_L_IN[UNIT]
    return pd.DataFrame(
        {
            "patient_id": np.concatenate(ids),
            "day": np.concatenate(days),
            "total": np.round(endogenous + infused, CURVE_DECIMALS),
            "endogenous": np.round(endogenous, CURVE_DECIMALS),
            "infused": np.round(infused, CURVE_DECIMALS),
            "unit": UNIT,
        }
    )
