"""Fitting one patient: the fitted structure, checks, and draws averaged over structures and drift (DESIGN 2.3, 2.8)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from igkinetics.cohort.model import Patient
from igkinetics.errors import counted
from igkinetics.fit.minimise import Optimum, first_guesses, minimise
from igkinetics.fit.posterior import laplace_only
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.profile import profile_curve, profile_interval
from igkinetics.fit.result import PatientFit, Status
from igkinetics.fit.structures import (
    Posterior,
    PriorOf,
    averaged_posterior,
    candidates,
    possible_production,
    unaveraged,
)
from igkinetics.fit.unexplained import Change, unexplained_changes
from igkinetics.kinetics.parameters import INDEX, Floats
from igkinetics.units import IggUnit, from_g_per_l

BOUND_DISTANCE: Final = 7.0
"""An estimate exp(7), about 1,100-fold, off the card's typical value (or as far in logit) has run away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How every patient of a cohort is fitted. structure: "disposition/production".

    average: over the other structures too. drift: over a drift around the fitted one too.
    """

    structure: str
    use_prior: bool
    residual: str
    draws: int
    level: float
    seed: int
    profile: bool
    igg_unit: IggUnit
    average: bool = True
    drift: bool = True


def fit_patient(patient: Patient, prior_of: PriorOf, settings: FitSettings) -> PatientFit:
    """One patient's fit, or the same with a status and reason; never raises for what a record may hold."""
    disposition, production = settings.structure.split("/")
    prior = prior_of(patient, disposition)
    notes = list(prior.notes)
    production, why = possible_production(patient, prior, production)
    notes += why
    problem = build_problem(patient, prior, production, residual=settings.residual, use_prior=settings.use_prior)
    if reason := too_little(problem, use_prior=settings.use_prior):
        return PatientFit(patient=patient, prior=prior, status=reason[0], reason=reason[1], notes=tuple(notes))
    optimum = minimise(problem, first_guesses(problem))
    changes = unexplained_changes(problem, optimum.x)
    if trouble := what_failed(problem, optimum, changes, settings.igg_unit):
        return PatientFit(patient=patient, prior=prior, status=trouble[0], reason=trouble[1], changes=changes,
                          notes=tuple(notes))  # fmt: skip
    posterior = posterior_of(patient, prior_of, settings, problem, optimum)
    if not posterior.averaged.trusted:
        said = f"draws of the posterior not to be trusted: R-hat {posterior.averaged.r_hat:.3f}"
        return PatientFit(patient=patient, prior=prior, status="not_converged", reason=said, notes=tuple(notes))
    status, reason_text = numbers_status(problem)
    intervals = profiles(problem, optimum, settings.level) if settings.profile else None
    return PatientFit(
        patient=patient,
        prior=prior,
        status=status,
        reason=reason_text,
        problem=problem,
        optimum=optimum,
        draws=posterior.draws,
        averaged=posterior.averaged,
        alternatives=posterior.alternatives,
        profiles=intervals,
        profile_curves=profile_curves(problem, optimum, intervals) if intervals is not None else None,
        notes=tuple(notes),
    )


def posterior_of(
    patient: Patient, prior_of: PriorOf, settings: FitSettings, problem: FitProblem, optimum: Optimum
) -> Posterior:
    """Draws of the fitted structure and of all that are averaged; without a prior of the fitted structure alone."""
    seed = (settings.seed, zlib.crc32(patient.patient_id.encode()))
    others = candidates(patient, prior_of, problem, optimum, settings.residual)
    if not settings.use_prior:
        draws = laplace_only(problem, optimum, settings.draws, np.random.default_rng([*seed, 0]))
        return unaveraged(problem, optimum, others, draws)
    if not settings.average:
        others = [replace(candidate, prior_weight=0.0, note=candidate.note or "for comparison") for candidate in others]
    return averaged_posterior(problem, optimum, others, settings.draws, seed, drift=settings.drift)


def too_little(problem: FitProblem, *, use_prior: bool) -> tuple[Status, str] | None:
    """Status and reason when there is nothing, or without a prior too little, to fit."""
    n = problem.day.size
    if n == 0:
        return "no_samples", "no IgG sample within follow-up"
    needed = len(problem.names) + 1
    if not use_prior and n < needed:
        found = f"{counted(n, 'sample')} for {needed - 1} free parameters"
        return "too_few_samples", f"{found}; without a prior {needed} are needed"
    if not use_prior and np.all(problem.limit != 0):
        return "too_few_samples", f"all {n} values lie beyond a limit of the assay"
    return None


def numbers_status(problem: FitProblem) -> tuple[Status, str]:
    """`fitted`, or `prior_only` where the record holds no more than one measured level."""
    measured = int(np.sum(problem.limit == 0))
    if measured >= 2 or (measured == 1 and problem.day.size >= 2) or not problem.has_prior:
        return "fitted", ""
    what = "1 sample" if measured else f"{problem.day.size} values, all beyond a limit of the assay"
    return "prior_only", f"{what}: the curve is the card's prior, moved by it; read nothing else into it"


def what_failed(
    problem: FitProblem, optimum: Optimum, changes: tuple[Change, ...], unit: IggUnit
) -> tuple[Status, str] | None:
    """The first of: unexplained change, parameter at a bound, convergence test failed."""
    if changes:
        return "unexplained_change", "; ".join(describe_change(change, unit) for change in changes)
    far = np.abs(optimum.x - problem.mu) > BOUND_DISTANCE
    if far.any() and not problem.has_prior:
        run_away = [
            f"{name} = {problem.theta(optimum.x)[INDEX[name]]:.3g}"
            for name, is_far in zip(problem.names, far, strict=True) if is_far
        ]  # fmt: skip
        return "at_bound", f"the data do not limit {', '.join(run_away)}"
    if optimum.failed_tests:
        return "not_converged", f"convergence tests failed: {', '.join(optimum.failed_tests)}"
    return None


def describe_change(change: Change, unit: IggUnit) -> str:
    """In words, with days and levels in the cohort's unit."""
    before, after = (from_g_per_l(value, unit) for value in (change.igg_before, change.igg_after))
    if change.kind == "odd sample":
        return f"day {change.day_before:.4g}: {after:.4g} {unit} fits no curve through the others (z = {change.z:.1f})"
    if change.kind == "whole course":
        return (f"days {change.day_before:.4g} to {change.day_after:.4g}: the whole course contradicts model and card "
                f"(distance {change.z:.1f})")  # fmt: skip
    side = "higher" if change.z > 0 else "lower"
    return (f"day {change.day_before:.4g} to {change.day_after:.4g} ({change.day_after - change.day_before:.3g} days): "
            f"{before:.4g} -> {after:.4g} {unit}, {side} than recorded doses and therapy explain "
            f"(z = {change.z:.1f})")  # fmt: skip


def profiles(problem: FitProblem, optimum: Optimum, level: float) -> dict[str, tuple[float, float]]:
    """Profile-likelihood interval of every estimated parameter, on its estimation scale."""
    return {name: profile_interval(problem, optimum, i, level) for i, name in enumerate(problem.names)}


def profile_curves(
    problem: FitProblem, optimum: Optimum, intervals: dict[str, tuple[float, float]]
) -> dict[str, tuple[Floats, Floats]]:
    """The profile of every estimated parameter over its interval and somewhat beyond."""
    return {name: profile_curve(problem, optimum, i, intervals[name]) for i, name in enumerate(problem.names)}
