"""Which occasion a patient is in when: by periods of days, by doses, by courses of therapy, or by a column.

An occasion lasts from its day to the next one's; what lies before the first belongs to it. The same value of a column
is the same occasion wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from igkinetics.choices import nearest
from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.members import Member
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import IV_BOLUS, SC_BOLUS, START, Schedule
from igkinetics.population.model import Integers
from igkinetics.population.occasion_walk import Occasions
from igkinetics.population.options import VARIABLE

BY_DOSE: Final = "dose"
BY_COURSE: Final = "therapy"
RULES: Final = (BY_DOSE, BY_COURSE)
MOST_EFFECTS: Final = 30
"""Changes between occasions of one patient."""
LEAST_WITHIN: Final = 0.15
"""SD between occasions from which the search starts."""
MOST_NAMED: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class PatientOccasions:
    """names of the occasions met, in their order; begins (k,): days, ascending, from which number (k,) holds."""

    names: tuple[str, ...]
    begins: Floats
    number: Integers

    def at(self, day: Floats, *, left: bool = False) -> Integers:
        """Numbers of the occasions at these days; left: of what ends there, such as a sample before a dose."""
        place = np.searchsorted(self.begins, day, side="left" if left else "right") - 1
        return np.asarray(self.number[np.maximum(place, 0)])


NO_OCCASIONS: Final = Occasions(np.empty(0, dtype=np.int64), 0, np.empty(0, dtype=np.int64))


def length_of(rule: str) -> float:
    """Days of a period when the rule is a number; nan otherwise."""
    try:
        return float(rule)
    except ValueError:
        return np.nan


def patient_occasions(cohort: Cohort, member: Member, rule: str) -> PatientOccasions:
    """The occasions of a patient up to the last sample."""
    problem, patient = member.problem, member.patient
    first, last = float(problem.schedule[0, START]), float(problem.day.max())
    days = length_of(rule)
    if np.isfinite(days):
        periods = np.arange(np.floor(first / days), np.ceil(last / days) + 1)
        begins, values = periods * days, [f"from day {period * days:g}" for period in periods]
    elif rule in RULES:
        starts = patient.dose_day if rule == BY_DOSE else patient.agent_start
        begins = np.unique(np.concatenate([[first], starts[np.isfinite(starts)]]))
        values = [f"from day {day:g}" for day in begins]
    else:
        table = cohort.covariates
        own = table[(table["patient_id"] == patient.patient_id) & table[rule].notna()].sort_values("day", kind="stable")
        begins, values = own["day"].to_numpy(dtype=float), [_text(value) for value in own[rule]]
    if begins.size == 0:
        begins, values = np.array([first]), ["all"]
    now = max(int(np.searchsorted(begins, first, side="right")) - 1, 0)
    kept = [now, *(place for place in range(now + 1, begins.size) if begins[place] < last)]
    names = [values[place] for place in kept]
    distinct = tuple(dict.fromkeys(names))
    number = np.array([distinct.index(name) for name in names], dtype=np.int64)
    return PatientOccasions(distinct, np.concatenate([[-np.inf], begins[kept[1:]]]), number)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value:g}"
    return str(value).strip()


def split_schedule(schedule: Schedule, days: Floats) -> Schedule:
    """The same segments, cut at these days."""
    starts = schedule[:, START]
    new = np.setdiff1d(days[(days > starts[0]) & np.isfinite(days)], starts)
    if new.size == 0:
        return schedule
    added = schedule[np.searchsorted(starts, new, side="right") - 1].copy()
    added[:, START] = new
    added[:, [IV_BOLUS, SC_BOLUS]] = 0.0
    whole = np.concatenate([schedule, added])
    return np.ascontiguousarray(whole[np.argsort(whole[:, START], kind="stable")])


def with_occasions(
    cohort: Cohort, members: Sequence[Member], rule: str, n_columns: int
) -> tuple[tuple[Member, ...], tuple[PatientOccasions, ...]]:
    """Members with schedules cut where occasions begin, and each one's occasions. InputError: none to tell apart."""
    known = cohort.covariate_names
    days = length_of(rule)
    if np.isnan(days) and rule not in (*RULES, *known):
        allowed = ["a number of days", *RULES, *known]
        expected = f"must be one of {', '.join(allowed)}{nearest(rule, (*RULES, *known))}"
        if not known:
            expected += "; columns are those of the covariates table, and there is none"
        raise call_error("occasion", rule, expected)
    found = tuple(patient_occasions(cohort, member, rule) for member in members)
    long = [
        f"{member.patient.patient_id} ({len(one.names)})"
        for member, one in zip(members, found, strict=True)
        if len(one.names) * n_columns > MOST_EFFECTS
    ]
    if long:
        expected = f"must make at most {MOST_EFFECTS // n_columns} occasions of a patient's record: {len(long)} have "
        expected += f"more, such as {', '.join(long[:MOST_NAMED])}"
        raise call_error("occasion", rule, expected)
    pairs = zip(members, found, strict=True)
    if max(np.unique(one.at(member.problem.day, left=True)).size for member, one in pairs) < 2:
        expected = "must make two occasions with samples of some patient's record: variation between occasions cannot "
        raise call_error("occasion", rule, expected + "be told from that between patients here")
    cut = tuple(
        replace(
            member,
            problem=replace(member.problem, schedule=split_schedule(member.problem.schedule, one.begins)),
        )
        for member, one in zip(members, found, strict=True)
    )
    return cut, found


def occasion_columns(asked: Sequence[str], shown: Sequence[str]) -> Integers:
    """Columns of the parameters that vary between occasions. InputError for one that the model has not."""
    allowed = [name for name in shown if name in VARIABLE]
    problems = [
        Problem(
            file="call",
            column="iov",
            found=name,
            expected=f"must be one of this model's parameters: {', '.join(allowed)}{nearest(name, allowed)}",
        )
        for name in asked
        if name not in allowed
    ]
    if problems:
        raise InputError(problems)
    return np.array([list(shown).index(name) for name in asked], dtype=np.int64)


def laid_out(
    arrays: CohortArrays, found: Sequence[PatientOccasions], columns: Integers
) -> tuple[CohortArrays, Occasions]:
    """Arrays whose x has the changes between occasions behind its parameters, and the occasion of each segment."""
    most = max(len(one.names) for one in found)
    numbers = [
        one.at(arrays.segments[first:last, START])
        for one, first, last in zip(found, arrays.segment_bounds[:-1], arrays.segment_bounds[1:], strict=True)
    ]
    met = np.array([np.arange(most) < len(one.names) for one in found])
    within = met[:, :, None] & (arrays.used[:, None, columns] != 0)
    used = np.hstack([arrays.used, within.reshape(len(found), -1).astype(np.int64)])
    places = np.concatenate([arrays.places, np.tile(arrays.places[columns], most)])
    extended = arrays._replace(used=np.ascontiguousarray(used), places=places)
    return extended, Occasions(columns, most, np.concatenate(numbers).astype(np.int64))
