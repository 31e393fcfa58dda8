"""Infusions that nobody recorded: rises between two samples, as large as a dose, where the record has none.

A pulse in each gap between samples is asked about by its score at the patient's own fit (`fit/unexplained.py`), one
after the other. What is found is an infusion that was suspected, no more: one model beside the base one takes it as
given, with the usual dose of the cohort, and pays for it as for something seldom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from igkinetics.fit.problem import patient_schedule
from igkinetics.fit.unexplained import LEAST_SPREAD, Linearised
from igkinetics.hierarchical.cohort_arrays import cohort_arrays
from igkinetics.hierarchical.members import Member, problems_of
from igkinetics.kinetics.parameters import Floats

if TYPE_CHECKING:
    from igkinetics.hierarchical.fit import PreparedCohort

SUSPECT_Z: Final = 4.0
"""Standard errors of a rise from which an infusion is suspected."""
LIKELY_Z: Final = 3.0
"""The same where such rises are in the cohort: whoever left some infusions out may have left out others."""
CHANCE: Final = 1e-4
"""That a gap without an infusion shows such a rise: three times that of a normal number, for curves are no lines."""
LEAST_SHARE, MOST_SHARE = 0.4, 2.5
"""Of the usual dose: a rise that is less or more is none of an infusion."""
MOST_OF_A_PATIENT: Final = 6
ODDS: Final = 0.01
"""Prior odds of an infusion that the record does not have in a gap (assumption), where the cohort does not show that
they are higher; what chooses itself has to pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspected:
    """infusions: patient -> (m, 2) day and grams; likely: with those of smaller rises, none where none is suspected.
    gaps: between samples, without a recorded infusion, of everybody."""

    infusions: Mapping[str, Floats]
    gaps: int
    likely: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return sum(len(each) for each in self.infusions.values())

    @property
    def odds(self) -> float:
        """Of an infusion that the record does not have in a gap: as often as they are suspected in this cohort."""
        return max(ODDS, self.n / self.gaps) if self.gaps else ODDS


def suspected_infusions(members: Sequence[Member]) -> Suspected:
    """Of these patients; none where nobody has a recorded infusion that would say how large one is."""
    shares = [one.patient.dose_g / one.patient.weight_kg for one in members if one.patient.dose_g.size]
    grams = [one.patient.dose_g for one in members if one.patient.dose_g.size]
    if not grams:
        return Suspected(infusions={}, gaps=0)
    usual, per_kg = float(np.median(np.concatenate(grams))), float(np.nanmedian(np.concatenate([*shares, [np.nan]])))
    infusions, likely, gaps = {}, {}, 0
    for one in members:
        dose = per_kg * one.patient.weight_kg
        dose = dose if np.isfinite(dose) else usual
        open_gaps = undosed_gaps(one)
        gaps += int(open_gaps.sum())
        days, clear = suspected_days(one, open_gaps, dose)
        if days.size:
            likely[one.patient.patient_id] = np.column_stack([days, np.full(days.size, dose)])
        if clear.any():
            infusions[one.patient.patient_id] = likely[one.patient.patient_id][clear]
    return Suspected(infusions=infusions, gaps=gaps, likely=likely if infusions else {})


def undosed_gaps(one: Member) -> np.ndarray:
    """Which gaps between neighbouring samples (n - 1,) have no recorded infusion."""
    days, doses = one.problem.day, one.patient.dose_day
    given = (doses[:, None] >= days[:-1]) & (doses[:, None] < days[1:])
    return np.asarray(~given.any(axis=0) & (np.diff(days) > 0))


def suspected_days(one: Member, open_gaps: np.ndarray, dose: float) -> tuple[Floats, np.ndarray]:
    """Days, each the earlier sample's, behind which the level rose as by a dose of about these grams, and which of them
    are suspected whatever else the cohort holds."""
    problem, n_gap = one.problem, open_gaps.size
    if not open_gaps.any() or not np.any(problem.limit == 0):
        return np.empty(0), np.empty(0, dtype=bool)
    at = Linearised(problem, one.x)
    candidates = at.candidates[:n_gap]
    weight = np.sum(candidates**2 * at.precision, axis=1)
    usable = open_gaps & (weight > 0)
    chosen: list[int] = []
    n_clear = 0
    while len(chosen) < MOST_OF_A_PATIENT:
        residual, design, covariance, _ = at.solve(chosen)
        weighted = candidates * at.precision
        cross = weighted @ design
        spread = weight - np.sum((cross @ covariance) * cross, axis=1)
        testable = usable & (spread > LEAST_SPREAD * weight)
        score = np.where(testable, weighted @ residual, 0.0)
        spread = np.where(testable, spread, 1.0)
        share = score / spread / dose
        z = np.where((share >= LEAST_SHARE) & (share <= MOST_SHARE), score / np.sqrt(spread), 0.0)
        best = int(np.argmax(z))
        if z[best] < LIKELY_Z:
            break
        chosen.append(best)
        n_clear += n_clear == len(chosen) - 1 and z[best] >= SUSPECT_Z
        usable[best] = False
    clear = np.isin(sorted(chosen), chosen[:n_clear])
    return np.asarray(problem.day[sorted(chosen)]), clear


def with_suspected(prepared: PreparedCohort, infusions: Mapping[str, Floats], odds: float = ODDS) -> PreparedCohort:
    """The same patients and samples, these infusions given as well, each with these prior odds."""
    members = []
    for one in prepared.members:
        added = infusions.get(one.patient.patient_id)
        if added is not None:
            patient = one.patient
            patient = replace(
                patient,
                dose_day=np.append(patient.dose_day, added[:, 0]),
                dose_g=np.append(patient.dose_g, added[:, 1]),
                dose_duration_day=np.append(patient.dose_duration_day, np.zeros(len(added))),
                dose_is_sc=np.append(patient.dose_is_sc, np.zeros(len(added), dtype=bool)),
            )
            still = one.problem.model.endswith("/constant")
            schedule = patient_schedule(patient, ignore_therapy=still, modified=one.modified)
            one = replace(one, problem=replace(one.problem, schedule=schedule))
        members.append(one)
    kept = {one.patient.patient_id for one in members}
    mine = {name: each for name, each in infusions.items() if name in kept}
    arrays = cohort_arrays(problems_of(members))
    return replace(prepared, members=tuple(members), arrays=arrays, suspected=mine, odds=odds)
