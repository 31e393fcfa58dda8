"""Ratios under IVIG that act for some days after each infusion and pause between (docs/model.md 5.3).

The extensions let them act from the first infusion to some days after the last. Where infusions lie further apart than
that, a later one would then change what was before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from igkinetics.fit.problem import patient_schedule
from igkinetics.hierarchical.cohort_arrays import cohort_arrays
from igkinetics.hierarchical.fit import PreparedCohort
from igkinetics.hierarchical.members import problems_of
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import IV_BOLUS, MODIFIED, SC_BOLUS, START, Schedule


def acting_in(schedule: Schedule, windows: Sequence[tuple[float, float]]) -> Schedule:
    """The schedule with the ratios acting in these windows [first, end), which may overlap or last for ever, only."""
    for edge in sorted({edge for window in windows for edge in window if np.isfinite(edge)}):
        place = int(np.searchsorted(schedule[:, START], edge))
        if place and (place == len(schedule) or schedule[place, START] != edge):
            cut = schedule[place - 1].copy()
            cut[[START, IV_BOLUS, SC_BOLUS]] = edge, 0.0, 0.0
            schedule = np.insert(schedule, place, cut, axis=0)
    starts = schedule[:, START]
    acting = [(first <= starts) & (starts < end) for first, end in windows]
    schedule = schedule.copy()
    schedule[:, MODIFIED] = np.any(acting, axis=0) if acting else 0.0
    return schedule


def days_after_each(dose_day: Floats, lasting: float) -> list[tuple[float, float]]:
    """A window of `lasting` days after each infusion."""
    return [(float(day), float(day) + lasting) for day in dose_day]


def pausing(prepared: PreparedCohort, lasting: float) -> PreparedCohort:
    """The same patients and samples; ratios pause from `lasting` days after an infusion to the next."""
    members = []
    for one in prepared.members:
        if one.modified is not None:
            plain = patient_schedule(one.patient, ignore_therapy=one.problem.model.endswith("/constant"))
            schedule = acting_in(plain, days_after_each(one.patient.dose_day, lasting))
            one = replace(one, problem=replace(one.problem, schedule=schedule))
        members.append(one)
    return replace(prepared, members=tuple(members), arrays=cohort_arrays(problems_of(members)), pausing=True)


def has_pauses(prepared: PreparedCohort, lasting: float) -> bool:
    """Whether anybody's infusions lie further apart: else it is the same model."""
    return any(np.any(np.diff(one.patient.dose_day) > lasting) for one in prepared.members)
