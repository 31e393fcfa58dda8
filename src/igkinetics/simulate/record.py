"""The record that is left of a course: what a reader of the cohort's files will see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from igkinetics.cohort.courses import depletion_intervals
from igkinetics.cohort.model import Patient
from igkinetics.simulate.assay import Reading
from igkinetics.simulate.outcomes import Fate
from igkinetics.units import g_per_l


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One patient's record. readings: as reported, one for each sample; events: (outcome, day)."""

    fate: Fate
    patient: Patient
    readings: tuple[Reading, ...]
    agent: str
    covariates: dict[str, float | str]
    events: tuple[tuple[str, float], ...]


def recorded(fate: Fate) -> Record:
    """Cut a course at the end of follow-up. Therapy that goes on has no stop; later cycles are unknown."""
    course, end = fate.course, fate.end_day
    virtual = course.plan.patient
    kept = [(one, read) for one, read in course.recorded if one.day <= end]
    doses = course.doses.given(course.doses.day < end if fate.end_reason else course.doses.day <= end)
    begun = virtual.therapy_start < end
    start, stop = virtual.therapy_start[begun], virtual.therapy_stop[begun]
    stop = np.where(stop <= end, stop, np.inf)
    union = depletion_intervals(start, stop)
    patient = Patient(
        patient_id=virtual.patient_id,
        group=virtual.group.name,
        weight_kg=virtual.weight_kg,
        sample_day=np.array([one.day for one, _ in kept], dtype=float),
        sample_igg=np.array([g_per_l(read.igg_mg_dl, "mg/dL") for _, read in kept], dtype=float),
        sample_limit=np.array([read.limit for _, read in kept], dtype=np.int8),
        dose_day=doses.day,
        dose_g=doses.amount_g,
        dose_duration_day=doses.duration_day,
        dose_is_sc=doses.is_sc,
        therapy_start=union[0],
        therapy_stop=union[1],
        agents=(virtual.agent,) * start.size,
        agent_start=start,
        follow_up_end=end if fate.end_reason else np.inf,
        end_reason=fate.end_reason,
    )
    return Record(
        fate=fate,
        patient=patient,
        readings=tuple(read for _, read in kept),
        agent=virtual.agent,
        covariates=virtual.covariates,
        events=tuple(sorted(fate.events, key=lambda event: event[1])),
    )
