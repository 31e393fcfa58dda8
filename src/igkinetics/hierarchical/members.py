"""Who takes part in the hierarchical model: each patient's record, prior and fitting problem, or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cards.prior import PatientPrior, patient_prior
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import InputError
from igkinetics.fit.minimise import explore, first_guesses
from igkinetics.fit.patient import describe_change
from igkinetics.fit.problem import FitProblem, build_problem, patient_schedule
from igkinetics.fit.refusal import why_refused
from igkinetics.fit.structures import possible_production
from igkinetics.fit.unexplained import unexplained_changes
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE, Floats
from igkinetics.units import IVIG_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A patient of the model. modified: the days in which the ratios act; x: the fit's optimum, problem.names."""

    patient: Patient
    prior: PatientPrior
    problem: FitProblem
    modified: tuple[float, float] | None
    x: Floats


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
) -> tuple[tuple[Member, ...], dict[str, str], tuple[str, ...]]:
    """Members in the cohort's order, the reason of everyone left out by id, and notes on single patients.

    Left out: set aside in reading, outside the card's hard limits, no samples, or a change that neither dose nor
    therapy explains.
    """
    members: list[Member] = []
    left_out: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    for patient in cohort.each_patient():
        found = member_of(cohort, patient, card, structure, residual, ratios_last_day)
        if isinstance(found, str):
            left_out[patient.patient_id] = found
            continue
        members.append(found)
        _, said = possible_production(patient, found.prior, structure.split("/")[1])
        for note in (*found.prior.notes, *said):
            notes.setdefault(note, []).append(patient.patient_id)
    told = tuple(f"{note} ({len(who)} of {len(members)} patients)" for note, who in notes.items())
    return tuple(members), left_out, told


def member_of(
    cohort: Cohort, patient: Patient, card: Card, structure: str, residual: str, ratios_last_day: float
) -> Member | str:
    """The member, or why this patient cannot be one."""
    if reason := why_refused(cohort, patient, card, residual):
        return reason
    disposition, production = structure.split("/")
    try:
        prior = patient_prior(
            card, weight_kg=patient.weight_kg, agents=patient.agents, disposition=disposition,
            covariates=patient_covariates_of(cohort, patient.patient_id, card),
        )  # fmt: skip
    except InputError as error:  # the card refuses this patient: weight outside its hard limits, no height
        return "; ".join(map(str, error.problems))
    production, _ = possible_production(patient, prior, production)
    member = as_member(patient, prior, production, residual=residual, ratios_last_day=ratios_last_day)
    if member.problem.day.size == 0:
        return "no IgG sample within follow-up"
    changes = unexplained_changes(member.problem, member.x)
    return "; ".join(describe_change(change, cohort.igg_unit) for change in changes) or member


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
