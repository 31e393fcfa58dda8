"""Fitting one patient: default structure, checks, draws, and the other structures as sensitivity (DESIGN 2.3)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.errors import InputError, counted
from igkinetics.fit.minimise import Optimum, explore, first_guesses, minimise
from igkinetics.fit.posterior import draw_posterior, laplace_log_marginal, laplace_only
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.profile import profile_curve, profile_interval
from igkinetics.fit.result import Alternative, PatientFit, Status
from igkinetics.fit.unexplained import Change, unexplained_changes
from igkinetics.kinetics.parameters import DISPOSITIONS, INDEX, STRUCTURES, Floats
from igkinetics.units import IggUnit, from_g_per_l

BOUND_DISTANCE: Final = 7.0
"""An estimate exp(7), about 1,100-fold, off the card's typical value (or as far in logit) has run away."""

PriorOf = Callable[[Patient, str], PatientPrior]
"""Patient and disposition -> the card's prior for this patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How every patient of a cohort is fitted. structure: "disposition/production"."""

    structure: str
    use_prior: bool
    residual: str
    draws: int
    level: float
    seed: int
    profile: bool
    igg_unit: IggUnit


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
    generator = np.random.default_rng([settings.seed, zlib.crc32(patient.patient_id.encode())])
    draws = (draw_posterior if settings.use_prior else laplace_only)(problem, optimum, settings.draws, generator)
    status, reason_text = numbers_status(problem)
    intervals = profiles(problem, optimum, settings.level) if settings.profile else None
    return PatientFit(
        patient=patient,
        prior=prior,
        status=status,
        reason=reason_text,
        problem=problem,
        optimum=optimum,
        draws=draws,
        alternatives=alternatives(patient, prior_of, settings, problem, optimum),
        profiles=intervals,
        profile_curves=profile_curves(problem, optimum, intervals) if intervals is not None else None,
        notes=tuple(notes),
    )


def possible_production(patient: Patient, prior: PatientPrior, production: str) -> tuple[str, list[str]]:
    """The production form this patient can have, and what is to be said about it."""
    if prior.production == "constant" and production != "constant":
        said = f"card {prior.card_id} keeps endogenous IgG constant"
        return "constant", [f"{said}: therapy is ignored"] if patient.therapy_start.size else [said]
    if patient.therapy_start.size == 0 and production != "constant":
        return "constant", ["no therapy rows: fitted with constant production"]
    return production, []


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


def alternatives(
    patient: Patient, prior_of: PriorOf, settings: FitSettings, problem: FitProblem, optimum: Optimum
) -> tuple[Alternative, ...]:
    """All structures this patient and the card can have, the fitted one first; each started from the fitted values."""
    found = [Alternative(model=problem.model, objective=optimum.objective, problem=problem, x=optimum.x,
                         log_marginal=laplace_log_marginal(problem, optimum), failed_tests=())]  # fmt: skip
    estimated: dict[str, float] = dict(zip(problem.names, optimum.x, strict=True))
    for structure, prior in possible_structures(patient, prior_of):
        production = structure.split("/")[1]
        if structure == problem.model:
            continue
        other = build_problem(patient, prior, production, residual=settings.residual, use_prior=settings.use_prior)
        if not settings.use_prior and other.day.size <= len(other.names):
            continue
        best = explore(other, [warm_start(other, estimated, problem.model), first_guesses(other)[0]])
        found.append(
            Alternative(
                model=structure,
                objective=best.objective,
                problem=other,
                x=best.x,
                log_marginal=laplace_log_marginal(other, best),
                failed_tests=best.failed_tests,
            )
        )
    return tuple(found)


def possible_structures(patient: Patient, prior_of: PriorOf) -> Iterator[tuple[str, PatientPrior]]:
    """Each structure that the card has numbers for and this patient's record allows, with its prior."""
    for disposition in DISPOSITIONS:
        try:
            prior = prior_of(patient, disposition)
        except InputError:  # the card has no numbers for this disposition
            continue
        for structure in STRUCTURES:
            wanted, production = structure.split("/")
            if wanted == disposition and possible_production(patient, prior, production)[0] == production:
                yield structure, prior


def warm_start(problem: FitProblem, estimated: dict[str, float], fitted_model: str) -> Floats:
    """The fitted values where they mean the same; the volume of another disposition starts at its prior."""
    same_disposition = problem.model.split("/")[0] == fitted_model.split("/")[0]
    start = problem.mu.copy()
    for i, name in enumerate(problem.names):
        if name in estimated and (same_disposition or name != "V1"):
            start[i] = estimated[name]
    return start
