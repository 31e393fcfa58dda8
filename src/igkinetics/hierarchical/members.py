"""Who takes part in the hierarchical model: each patient's record, prior and fitting problem, or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cards.prior import PatientPrior, prior_of_record
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import InputError
from igkinetics.fit.allowed_structures import possible_production
from igkinetics.fit.likelihood import STUDENT_T
from igkinetics.fit.minimise import explore, first_guesses
from igkinetics.fit.problem import FitProblem, build_problem, patient_schedule
from igkinetics.fit.refusal import why_refused
from igkinetics.fit.trouble import describe_change
from igkinetics.fit.unexplained import ODD_SAMPLE, unexplained_changes
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE, Floats
from igkinetics.units import IVIG_DAYS, IggUnit

MOST_ODD_SHARE: Final = 0.2
"""Share of a patient's measured samples that may be set aside as odd (one always may); beyond it the course as a
whole is in question."""
SEARCHES: Final = 3
"""Times that odd samples are looked for anew, at the fit without those already found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A patient of the model. modified: the days in which the ratios act; x: the fit's optimum, problem.names.

    odd: what is said of each sample that was set aside, since no curve through the others passes it.
    """

    patient: Patient
    prior: PatientPrior
    problem: FitProblem
    modified: tuple[float, float] | None
    x: Floats
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """members in the cohort's order; left_out: the reason of everyone else by id, of whom `unexplained` have a course
    that neither dose nor therapy explains and `failed` met an error of ours; notes on single patients."""

    members: tuple[Member, ...]
    left_out: dict[str, str]
    notes: tuple[str, ...]
    unexplained: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def set_aside(self) -> dict[str, str]:
        """Patient -> what is said of the odd samples."""
        return {member.patient.patient_id: "; ".join(member.odd) for member in self.members if member.odd}


class LeftOut(NamedTuple):
    """Why a patient is no member."""

    reason: str
    kind: Literal["refused", "unexplained", "failed"] = "refused"


def modified_days(dose_day: Floats, lasting: float = IVIG_DAYS) -> tuple[float, float] | None:
    """From the first infusion to `lasting` days after the last; None without infusions."""
    if dose_day.size == 0:
        return None
    return float(dose_day[0]), float(dose_day[-1]) + lasting


def cohort_members(
    cohort: Cohort,
    card: Card,
    *,
    structure: str = DEFAULT_STRUCTURE,
    residual: str = "normal",
    ratios_last_day: float = IVIG_DAYS,
    keep_all: bool = False,
) -> Members:
    """Who takes part, and why not. keep_all: every sample and course too that nothing explains.

    Left out: set aside in reading, outside the card's hard limits, no samples, or a change that neither dose nor
    therapy explains. A single odd sample is set aside, and its patient stays.
    """
    members: list[Member] = []
    left_out: dict[str, LeftOut] = {}
    notes: dict[str, list[str]] = {}
    for patient in cohort.each_patient():
        try:
            member = member_of(cohort, patient, card, structure, residual, ratios_last_day, keep_all=keep_all)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 (one patient's failure is that patient's row, not the cohort's end)
            member = LeftOut(f"failed unexpectedly ({type(error).__name__}: {error})", "failed")
        if isinstance(member, LeftOut):
            left_out[patient.patient_id] = member
            continue
        members.append(member)
        _, said = possible_production(patient, member.prior, structure.split("/")[1])
        for note in (*member.prior.notes, *said):
            notes.setdefault(note, []).append(patient.patient_id)
    told = [f"{note} ({len(who)} of {len(members)} patients)" for note, who in notes.items()]
    return Members(
        members=tuple(members),
        left_out={patient_id: one.reason for patient_id, one in left_out.items()},
        notes=tuple(told),
        unexplained=tuple(name for name, one in left_out.items() if one.kind == "unexplained"),
        failed=tuple(name for name, one in left_out.items() if one.kind == "failed"),
    )


def member_of(
    cohort: Cohort,
    patient: Patient,
    card: Card,
    structure: str,
    residual: str,
    ratios_last_day: float,
    *,
    keep_all: bool,
) -> Member | LeftOut:
    """The member, or why this patient cannot be one."""
    if reason := why_refused(cohort, patient, card, residual):
        return LeftOut(reason)
    disposition, production = structure.split("/")
    try:
        prior = prior_of_record(card, cohort, patient, disposition)
    except InputError as error:  # the card refuses this patient: weight outside its hard limits, no height
        return LeftOut("; ".join(map(str, error.problems)))
    production, _ = possible_production(patient, prior, production)
    member = as_member(patient, prior, production, residual=residual, ratios_last_day=ratios_last_day)
    if member.problem.day.size == 0:
        return LeftOut("no IgG sample within follow-up")
    return member if keep_all else without_odd_samples(member, cohort.igg_unit)


def without_odd_samples(member: Member, unit: IggUnit) -> Member | LeftOut:
    """The member without samples that no curve through the others passes; LeftOut when more than these is unexplained.

    Heavy-tailed error takes such samples as they are: there they only cease to be a reason to leave a patient out.
    """
    most = max(1, int(MOST_ODD_SHARE * np.sum(member.problem.limit == 0)))
    heavy = member.problem.kind == STUDENT_T
    set_aside: list[str] = []
    for _ in range(SEARCHES):
        changes = unexplained_changes(member.problem, member.x)
        if not changes or (heavy and all(change.kind == ODD_SAMPLE for change in changes)):
            return replace(member, odd=tuple(set_aside))
        said = [describe_change(change, unit) for change in changes]
        if any(change.kind != ODD_SAMPLE for change in changes) or len(set_aside) + len(changes) > most:
            return LeftOut("; ".join([*set_aside, *said]), "unexplained")
        set_aside += said
        problem = member.problem
        odd = [(problem.day == change.day_before) & (problem.igg == change.igg_before) for change in changes]
        kept = ~np.any(odd, axis=0)
        problem = replace(problem, day=problem.day[kept], igg=problem.igg[kept], limit=problem.limit[kept])
        member = replace(member, problem=problem, x=explore(problem, first_guesses(problem)).x)
    return LeftOut("; ".join(set_aside), "unexplained")


def as_member(
    patient: Patient, prior: PatientPrior, production: str, *, residual: str, ratios_last_day: float
) -> Member:
    """The patient's problem with the days in which ratios act, and its optimum under the card's prior."""
    problem = build_problem(patient, prior, production, residual=residual)
    modified = modified_days(patient.dose_day, ratios_last_day)
    schedule = patient_schedule(patient, ignore_therapy=production == "constant", modified=modified)
    problem = replace(problem, schedule=schedule)
    return Member(
        patient=patient,
        prior=prior,
        problem=problem,
        modified=modified,
        x=explore(problem, first_guesses(problem)).x if problem.day.size else problem.mu,
    )


def problems_of(members: Sequence[Member]) -> tuple[FitProblem, ...]:
    return tuple(member.problem for member in members)
