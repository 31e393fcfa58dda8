"""What of a patient's record is one profile: the whole of it, and the days after each dose (docs/model.md 9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from igkinetics.cohort.model import Patient

Floats = npt.NDArray[np.float64]
RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Samples from `start` to `end`, in g/L and days of the patient's time. level: 0 below its limit.

    limit: the limit of values below it, else nan. dose_g, infusion_day: of the doses that begin the profile, 0 of the
    whole record. closed: another dose is the end. baseline: what was subtracted (nan: nothing). last_dose_day: the day
    of the dose before those that begin the profile (nan: none is recorded).
    """

    patient_id: str
    name: str
    start: float
    end: float
    day: Floats
    level: Floats
    limit: Floats
    n_above_limit: int
    dose_g: float
    infusion_day: float
    subcutaneous: bool
    closed: bool
    baseline: float = np.nan
    last_dose_day: float = np.nan

    @property
    def is_record(self) -> bool:
        return self.name == RECORD

    @property
    def since_start(self) -> Floats:
        return self.day - self.start

    @property
    def n_below_limit(self) -> int:
        return int(np.isfinite(self.limit).sum())


def profiles_of(patient: Patient, join_doses_day: float) -> Iterator[Profile]:
    """The whole record, then one profile per dose, up to the next dose or the last sample within follow-up.

    join_doses_day: doses no further apart than this from one to the next count as one, given at the first.
    """
    last_day = min(patient.follow_up_end, patient.sample_day[-1] if patient.sample_day.size else -np.inf)
    seen = patient.sample_day <= last_day
    if not seen.any():
        return
    yield profile(patient, RECORD, float(patient.sample_day[0]), last_day, slice(0, 0), closed=False)
    courses = [
        course for course in dose_courses(patient.dose_day, join_doses_day) if course_start(patient, course) < last_day
    ]
    for number, course in enumerate(courses, start=1):
        start = course_start(patient, course)
        following = patient.dose_day[course.stop :]
        closed = following.size > 0 and following[0] <= patient.follow_up_end
        end = float(following[0]) if closed else last_day
        yield profile(patient, f"dose {number}", start, end, course, closed=closed)


def course_start(patient: Patient, course: slice) -> float:
    return float(patient.dose_day[course.start])


def dose_courses(dose_day: Floats, join_doses_day: float) -> list[slice]:
    """Rows of doses that count as one."""
    if dose_day.size == 0:
        return []
    cuts = np.flatnonzero(np.diff(dose_day) > join_doses_day) + 1
    ends = [0, *cuts.tolist(), dose_day.size]
    return [slice(start, stop) for start, stop in pairwise(ends)]


def profile(patient: Patient, name: str, start: float, end: float, doses: slice, *, closed: bool) -> Profile:
    inside = (patient.sample_day >= start) & (patient.sample_day <= end)
    known = inside & (patient.sample_limit <= 0)
    below = patient.sample_limit[known] < 0
    igg = patient.sample_igg[known]
    given = patient.dose_day[doses]
    return Profile(
        patient_id=patient.patient_id,
        name=name,
        start=start,
        end=end,
        day=patient.sample_day[known],
        level=np.where(below, 0.0, igg),
        limit=np.where(below, igg, np.nan),
        n_above_limit=int((inside & (patient.sample_limit > 0)).sum()),
        dose_g=float(patient.dose_g[doses].sum()),
        infusion_day=float(given[-1] + patient.dose_duration_day[doses][-1] - given[0]) if given.size else 0.0,
        subcutaneous=bool(patient.dose_is_sc[doses].any()),
        closed=closed,
        last_dose_day=float(patient.dose_day[doses.start - 1]) if given.size and doses.start > 0 else np.nan,
    )


def corrected(found: Profile, baseline_level: float) -> Profile:
    """The profile less a constant level; what does not stay above 0 counts as below the limit, as 0."""
    level = np.where(found.level > 0, np.maximum(found.level - baseline_level, 0.0), 0.0)
    limit = np.where(np.isfinite(found.limit), np.maximum(found.limit - baseline_level, 0.0), np.nan)
    return replace(found, level=level, limit=limit, baseline=baseline_level)


def level_at_start(found: Profile) -> float:
    """The level just before the dose; 0 below its limit, nan when it was not measured."""
    at_start = found.day == found.start
    return float(found.level[at_start][0]) if at_start.any() else np.nan


def mean_before_doses(patient: Patient) -> float:
    """Mean of the levels measured up to the first dose; nan when there is none."""
    first = patient.dose_day[0] if patient.dose_day.size else np.inf
    before = (patient.sample_day <= first) & (patient.sample_limit == 0)
    return float(patient.sample_igg[before].mean()) if before.any() else np.nan
