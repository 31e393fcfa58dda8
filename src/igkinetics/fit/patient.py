"""Fitting one patient: the fitted structure, checks, and draws averaged over structures (docs/model.md 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.errors import counted
from igkinetics.fit.minimise import Optimum, first_guesses, minimise
from igkinetics.fit.posterior import laplace_only
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.profile import LOWER_BY, LowerOptimumError, profile_curve, profile_interval
from igkinetics.fit.remedies import doubt_about_unit, questions
from igkinetics.fit.result import PatientFit, Status
from igkinetics.fit.structures import (
    Own,
    Posterior,
    PriorOf,
    averaged_posterior,
    candidates,
    draw_fitted,
    possible_production,
    unaveraged,
    unlike_the_card,
)
from igkinetics.fit.unexplained import MOST_CHANGES, Change, unexplained_changes
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import INDEX, Floats
from igkinetics.random_streams import of_patient
from igkinetics.scales import scale_of
from igkinetics.units import IggUnit, from_g_per_l

BOUND_DISTANCE: Final = 7.0
"""An estimate exp(7), about 1,100-fold, off the card's typical value (or as far in logit) has run away; so has one
whose standard error is half of that."""
START_LIMIT: Final = 3.0
"""Standard errors between the first levels and a fixed start beyond which the card cannot be this patient's."""
MOST_RESTARTS: Final = 3
LIMIT_SIGNS: Final = {-1: "<", 0: "", 1: ">"}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a patient's numbers are not given."""

    status: Status
    reason: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """An optimum that nothing lies below, with what was learnt around it. lower: optima given up on the way."""

    optimum: Optimum
    posterior: Posterior
    profiles: dict[str, tuple[float, float]] | None
    profile_curves: dict[str, tuple[Floats, Floats]] | None
    lower: int


def fit_patient(patient: Patient, prior_of: PriorOf, settings: FitSettings) -> PatientFit:
    """One patient's fit, or the same with a status and reason; never raises for what a record may hold."""
    disposition, production = settings.structure.split("/")
    prior = prior_of(patient, disposition)
    production, why = possible_production(patient, prior, production)
    notes = [*prior.notes, *why]
    problem = build_problem(patient, prior, production, residual=settings.residual, use_prior=settings.use_prior)
    trouble = too_little(problem, use_prior=settings.use_prior)
    trouble = trouble or contradicted_start(problem, patient, prior, settings.igg_unit)
    settled = trouble or settle(problem, patient, prior_of, settings)
    if isinstance(settled, Trouble):
        if len(settled.changes) == MOST_CHANGES:
            notes.append(f"no more than {MOST_CHANGES} unexplained changes of a record are told apart")
        return PatientFit(
            patient=patient,
            prior=prior,
            status=settled.status,
            reason=settled.reason,
            changes=settled.changes,
            notes=tuple(notes),
        )
    if settled.lower:
        notes.append("a lower optimum than that of the usual starts was met on the way and became the fit")
    if doubt := doubt_about_unit(problem, settled.optimum.x):
        notes.append(doubt)
    status, reason = numbers_status(problem)
    return PatientFit(
        patient=patient,
        prior=prior,
        status=status,
        reason=reason,
        problem=problem,
        optimum=settled.optimum,
        draws=settled.posterior.draws,
        averaged=settled.posterior.averaged,
        alternatives=settled.posterior.alternatives,
        profiles=settled.profiles,
        profile_curves=settled.profile_curves,
        notes=tuple(notes),
    )


def settle(problem: FitProblem, patient: Patient, prior_of: PriorOf, settings: FitSettings) -> Settled | Trouble:
    """The optimum with its draws and profiles. Should these meet a lower point, the fit starts again from there."""
    guesses = first_guesses(problem)
    for lower in range(MOST_RESTARTS + 1):
        optimum = minimise(problem, guesses)
        if trouble := what_failed(problem, optimum) or what_changed(problem, patient, optimum, settings.igg_unit):
            return trouble
        try:
            profiles = profile_intervals(problem, optimum, settings.level) if settings.profile else None
            curves = profile_curves(problem, optimum, profiles) if profiles is not None else None
        except LowerOptimumError as found:
            guesses = [found.x, *guesses]
            continue
        own = draws_around(problem, optimum, patient, settings)
        if own.draws.lowest_objective < optimum.objective - LOWER_BY:
            guesses = [own.draws.lowest, *guesses]
            continue
        posterior = posterior_of(patient, prior_of, settings, own, optimum)
        if isinstance(posterior, Trouble):
            return posterior
        return Settled(optimum=optimum, posterior=posterior, profiles=profiles, profile_curves=curves, lower=lower)
    return Trouble(status="not_converged", reason=f"{MOST_RESTARTS + 1} optima were found, each below the one before")


def draws_around(problem: FitProblem, optimum: Optimum, patient: Patient, settings: FitSettings) -> Own:
    """Draws of the fitted structure, with drift where asked for; without a prior from the normal approximation."""
    generator = of_patient(settings.seed, patient.patient_id, "draws")
    if settings.use_prior:
        return draw_fitted(problem, optimum, settings.draws, generator, drift=settings.drift)
    draws = laplace_only(problem, optimum, settings.draws, generator)
    return Own(problem=problem, draws=draws, optima=(optimum,), prior=(1.0,))


def posterior_of(
    patient: Patient, prior_of: PriorOf, settings: FitSettings, own: Own, optimum: Optimum
) -> Posterior | Trouble:
    """The average over all structures, or the fitted one alone; Trouble where its draws cannot be trusted."""
    others = candidates(patient, prior_of, own.problem, optimum, settings.residual)
    if not settings.use_prior:
        return unaveraged(own.problem, optimum, others, own.draws)
    if not settings.average:
        others = [replace(candidate, prior_weight=0.0, note=candidate.note or "for comparison") for candidate in others]
    else:
        others += unlike_the_card(own.problem.without_drift(), optimum)
    streams = [of_patient(settings.seed, patient.patient_id, "structures", place) for place in range(len(others) + 1)]
    posterior = averaged_posterior(own, others, settings.draws, streams)
    if posterior.averaged.trusted:
        return posterior
    said = f"draws of the posterior not to be trusted: R-hat {posterior.averaged.r_hat:.3f}"
    return Trouble(status="not_converged", reason=said)


def too_little(problem: FitProblem, *, use_prior: bool) -> Trouble | None:
    """Status and reason when there is nothing, or without a prior too little, to fit."""
    n = problem.day.size
    if n == 0:
        return Trouble(status="no_samples", reason="no IgG sample within follow-up")
    needed = len(problem.names) + 1
    if not use_prior and n < needed:
        found = f"{counted(n, 'sample')} for {needed - 1} free parameters"
        return Trouble(status="too_few_samples", reason=f"{found}; without a prior {needed} are needed")
    if not use_prior and np.all(problem.limit != 0):
        return Trouble(status="too_few_samples", reason=f"all {n} values lie beyond a limit of the assay")
    return None


def numbers_status(problem: FitProblem) -> tuple[Status, str]:
    """`fitted`, or `prior_only` where the record holds no more than one measured level."""
    measured = int(np.sum(problem.limit == 0))
    if measured >= 2 or (measured == 1 and problem.day.size >= 2) or not problem.has_prior:
        return "fitted", ""
    what = "1 sample" if measured else f"{problem.day.size} values, all beyond a limit of the assay"
    return "prior_only", f"{what}: the curve is the card's prior, moved by it; read nothing else into it"


def contradicted_start(problem: FitProblem, patient: Patient, prior: PatientPrior, unit: IggUnit) -> Trouble | None:
    """Where a card fixes the level at the start: levels before any dose or therapy that it cannot have begun with.

    Their mean distance from the card's curve, over its standard error. A value beyond a limit counts where it
    contradicts the curve, as if measured at the limit.
    """
    if {"C_base", "C_init"} & set(problem.names):
        return None
    early = problem.day <= min([np.inf, *patient.dose_day[:1], *patient.therapy_start[:1]])
    level = np.add(*igg_curve(problem.theta(problem.mu), problem.schedule, problem.day[early]))
    limit, distance = problem.limit[early], problem.igg[early] - level
    told = (limit == 0) | (limit * distance > 0)
    if not told.any():
        return None
    weight = 1.0 / (problem.a**2 + (problem.b * level[told]) ** 2)
    z = float(np.sum(weight * distance[told]) / np.sqrt(np.sum(weight)))
    if abs(z) <= START_LIMIT:
        return None
    first = int(np.flatnonzero(told)[0])
    levels = f"{level_words(problem.igg[early][first], limit[first], unit)} on day {problem.day[early][first]:.4g}"
    if told.sum() > 1:
        levels += f" and {counted(int(told.sum()) - 1, 'more level')} before any dose or therapy"
    where = "above" if z > 0 else "below"
    return Trouble(
        status="start_contradicts",
        reason=f"{levels}: {abs(z):.1f} standard errors {where} the {level_words(level[told][0], 0, unit)} at which "
        f"card {prior.card_id} starts every patient (fixed). Add the doses given before the record, or fit with a card "
        "that estimates the start",
    )


def what_failed(problem: FitProblem, optimum: Optimum) -> Trouble | None:
    """Parameters that the data do not limit (without a prior: estimate or standard error runs away), else failed tests.

    Nothing else may be asked of an optimum before: at one that is none, curvature and scores mean nothing.
    """
    if not problem.has_prior and (named := run_away(problem, optimum)):
        return Trouble(status="at_bound", reason=f"the data do not limit {', '.join(named)}")
    if optimum.failed_tests:
        return Trouble(status="not_converged", reason=f"convergence tests failed: {', '.join(optimum.failed_tests)}")
    return None


def run_away(problem: FitProblem, optimum: Optimum) -> list[str]:
    """In words: parameters more than BOUND_DISTANCE off the typical value, or with a standard error above half that."""
    far = np.abs(optimum.x - problem.mu) > BOUND_DISTANCE
    errors = np.zeros(optimum.x.size)
    if not optimum.failed_tests:
        errors = np.sqrt(2.0 * np.diag(np.linalg.inv(optimum.hessian)))
    theta = problem.theta(optimum.x)
    found = []
    for i, name in enumerate(problem.names):
        if far[i]:
            found.append(f"{name} = {theta[INDEX[name]]:.3g}")
        elif errors[i] > BOUND_DISTANCE / 2:
            scale = scale_of(name)
            found.append(f"{name} = {theta[INDEX[name]]:.3g} (standard error {errors[i]:.2g} on the {scale} scale)")
    return found


def what_changed(problem: FitProblem, patient: Patient, optimum: Optimum, unit: IggUnit) -> Trouble | None:
    """Changes that neither doses nor therapy explain, and what would."""
    changes = unexplained_changes(problem, optimum.x)
    if not changes:
        return None
    said = [describe_change(change, unit) for change in changes]
    words = "; ".join(said + questions(problem, patient, optimum.x, changes))
    return Trouble(status="unexplained_change", reason=words, changes=changes)


def level_words(igg: float, limit: int, unit: IggUnit) -> str:
    """ "530 mg/dL", "<40 mg/dL"."""
    return f"{LIMIT_SIGNS[int(limit)]}{from_g_per_l(float(igg), unit):.4g} {unit}"


def describe_change(change: Change, unit: IggUnit) -> str:
    """In words, with days and levels in the cohort's unit."""
    after = level_words(change.igg_after, change.limit_after, unit)
    if change.kind == "odd sample":
        return f"day {change.day_before:.4g}: {after} fits no curve through the others (z = {change.z:.1f})"
    if change.kind == "whole course":
        return (
            f"days {change.day_before:.4g} to {change.day_after:.4g}: the whole course contradicts model and card "
            f"(distance {change.z:.1f})"
        )
    before = level_words(change.igg_before, change.limit_before, unit).removesuffix(f" {unit}")
    side = "higher" if change.z > 0 else "lower"
    return (
        f"day {change.day_before:.4g} to {change.day_after:.4g} ({change.day_after - change.day_before:.3g} days): "
        f"{before} -> {after}, {side} than recorded doses and therapy explain (z = {change.z:.1f})"
    )


def profile_intervals(problem: FitProblem, optimum: Optimum, level: float) -> dict[str, tuple[float, float]]:
    """Profile-likelihood interval of every estimated parameter, on its estimation scale."""
    return {name: profile_interval(problem, optimum, i, level) for i, name in enumerate(problem.names)}


def profile_curves(
    problem: FitProblem, optimum: Optimum, intervals: dict[str, tuple[float, float]]
) -> dict[str, tuple[Floats, Floats]]:
    """The profile of every estimated parameter over its interval and somewhat beyond."""
    return {name: profile_curve(problem, optimum, i, intervals[name]) for i, name in enumerate(problem.names)}
