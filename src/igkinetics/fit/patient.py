"""Fitting one patient: the fitted structure, checks, and draws averaged over structures (docs/model.md 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import LIMIT_SIGNS, Patient
from igkinetics.errors import counted
from igkinetics.fit.allowed_structures import PriorOf, possible_production
from igkinetics.fit.bounds import (
    Alike,
    AtBound,
    before_therapy,
    draws_of_likelihood,
    guide,
    identified,
    said_of_bounds,
    starts_apart,
)
from igkinetics.fit.minimise import Optimum, explore, first_guesses, minimise
from igkinetics.fit.posterior import draw_around, lowest_drawn
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.profile import LOWER_BY, LowerOptimumError, profile_curves, profile_intervals
from igkinetics.fit.remedies import doubt_about_unit, questions
from igkinetics.fit.result import PatientFit, Status
from igkinetics.fit.structures import (
    Around,
    Own,
    Posterior,
    averaged_posterior,
    candidates,
    draw_fitted,
    heavy_tailed,
    unaveraged,
    unlike_the_card,
)
from igkinetics.fit.unexplained import MOST_CHANGES, ODD_PAIR, Change, unexplained_changes
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats, needed_parameters
from igkinetics.random_streams import of_patient
from igkinetics.units import IggUnit, from_g_per_l

START_LIMIT: Final = 3.0
"""Standard errors between the first levels and a fixed start beyond which the card cannot be this patient's."""
MOST_RESTARTS: Final = 3
EACH_LOWER: Final = f"{MOST_RESTARTS + 1} optima were found, each below the one before"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How every patient of a cohort is fitted. structure: "disposition/production".

    average: over the other structures too. drift: over a drift around the fitted one too. cross_checked: lmfit fits the
    structure once more. around: what draws from a structure.
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
    cross_checked: bool = True
    around: Around = draw_around

    def optimum(self, problem: FitProblem, guesses: list[Floats]) -> Optimum:
        """The lowest of what these guesses lead to."""
        return minimise(problem, guesses) if self.cross_checked else explore(problem, guesses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a patient's numbers are not given."""

    status: Status
    reason: str
    changes: tuple[Change, ...] = ()
    at: tuple[FitProblem, Optimum] | None = None
    """The fit that does not explain the record: no numbers are given of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """An optimum that nothing lies below, with what was learnt around it. lower: optima given up on the way."""

    optimum: Optimum
    posterior: Posterior
    problem: FitProblem
    at_bound: tuple[AtBound, ...] = ()
    alike: tuple[Alike, ...] = ()
    profiles: dict[str, tuple[float, float]] | None
    profile_curves: dict[str, tuple[Floats, Floats]] | None
    lower: int


def fit_patient(patient: Patient, prior_of: PriorOf, settings: FitSettings) -> PatientFit:
    """One patient's fit, or the same with a status and reason; never raises for what a record may hold."""
    disposition, production = settings.structure.split("/")
    prior = prior_of(patient, disposition)
    production, why = possible_production(patient, prior, production)
    notes = [*prior.notes, *why]
    if not settings.use_prior:
        prior_of, said = without_prior(patient, prior_of, disposition, production, settings.residual)
        prior = prior_of(patient, disposition)
        notes += said
    problem = build_problem(patient, prior, production, residual=settings.residual, use_prior=settings.use_prior)
    trouble = nothing_free(problem) or too_little(problem, use_prior=settings.use_prior)
    trouble = trouble or contradicted_start(problem, patient, prior, settings.igg_unit)
    settles = settle if settings.use_prior else settle_without_prior
    settled = trouble or settles(problem, patient, prior_of, settings)
    if isinstance(settled, Trouble):
        if len(settled.changes) == MOST_CHANGES:
            notes.append(f"no more than {MOST_CHANGES} unexplained changes of a record are told apart")
        return PatientFit(
            patient=patient,
            prior=prior,
            status=settled.status,
            reason=settled.reason,
            changes=settled.changes,
            problem=settled.at[0] if settled.at else None,
            optimum=settled.at[1] if settled.at else None,
            notes=tuple(notes),
        )
    if settled.lower:
        notes.append("a lower optimum than that of the usual starts was met on the way and became the fit")
    if doubt := doubt_about_unit(settled.problem, settled.optimum.x):
        notes.append(doubt)
    status, reason = numbers_status(settled)
    return PatientFit(
        patient=patient,
        prior=prior,
        status=status,
        reason=reason,
        problem=settled.problem,
        optimum=settled.optimum,
        at_bound=settled.at_bound,
        alike=settled.alike,
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
        optimum = settings.optimum(problem, guesses)
        if trouble := what_failed(optimum) or what_changed(problem, patient, optimum, settings.igg_unit):
            return trouble
        try:
            profiles = profile_intervals(problem, optimum, settings.level) if settings.profile else None
            curves = profile_curves(problem, optimum, profiles) if profiles is not None else None
        except LowerOptimumError as found:
            guesses = [found.x, *guesses]
            continue
        own = draws_around(problem, optimum, patient, settings)
        drawn, value = lowest_drawn(own.problem, own.draws)
        if value < optimum.objective - LOWER_BY:
            guesses = [drawn, *guesses]
            continue
        posterior = posterior_of(patient, prior_of, settings, own, optimum)
        if isinstance(posterior, Trouble):
            return posterior
        return Settled(
            optimum=optimum, posterior=posterior, problem=problem, profiles=profiles, profile_curves=curves, lower=lower
        )
    return Trouble(status="not_converged", reason=EACH_LOWER)


def without_prior(
    patient: Patient, prior_of: PriorOf, disposition: str, production: str, residual: str
) -> tuple[PriorOf, list[str]]:
    """The card as a guide alone: what no sample can show is held, and C_init keeps near C_base unless samples before
    therapy tell them apart; and what is to be said of it."""

    def together(who: Patient, disposition: str) -> PatientPrior:
        return guide(who, prior_of(who, disposition), start_apart=False)

    def apart(who: Patient, disposition: str) -> PatientPrior:
        return guide(who, prior_of(who, disposition), start_apart=True)

    asked = needed_parameters(disposition, production)
    own = together(patient, disposition)
    given = prior_of(patient, disposition).held
    notes = [f"{name}: {own.held[name]}" for name in own.held if name in asked and name not in given]
    if "C_init" not in own.kept or own.sd("C_init_ratio") == 0:
        return together, notes
    if before_therapy(patient) >= 2:
        near, free = (
            build_problem(patient, prior(patient, disposition), production, residual=residual, use_prior=False)
            for prior in (together, apart)
        )
        if near.day.size > len(near.names) and starts_apart(near, free):
            return apart, [*notes, "samples before therapy tell C_init from C_base: both are estimated"]
    spread = f"{100 * own.sd('C_init_ratio'):.0f} %"
    return together, [*notes, f"C_init: C_base give or take the card's {spread}, for no samples tell them apart"]


def settle_without_prior(
    problem: FitProblem, patient: Patient, prior_of: PriorOf, settings: FitSettings
) -> Settled | Trouble:
    """The highest likelihood with what lies at a bound or cannot be told apart, profile intervals and draws."""
    guesses = first_guesses(problem)
    for lower in range(MOST_RESTARTS + 1):
        found = identified(problem, guesses)
        optimum = settings.optimum(found.problem, [found.optimum.x, *first_guesses(found.problem)])
        found = replace(found, optimum=optimum)
        trouble = what_failed(optimum) or what_changed(found.problem, patient, optimum, settings.igg_unit)
        if trouble:
            return trouble
        around = found.open_optimum()
        try:
            profiles = profile_intervals(found.open_problem, around, settings.level)
            curves = profile_curves(found.open_problem, around, profiles) if settings.profile else None
        except LowerOptimumError as met:
            guesses = [found.start_of(problem, met.x), *guesses]
            continue
        draws = draws_of_likelihood(found, settings.draws, of_patient(settings.seed, patient.patient_id, "draws"))
        drawn, value = lowest_drawn(found.open_problem, draws)
        if value < optimum.objective - LOWER_BY:
            guesses = [found.start_of(problem, drawn), *guesses]
            continue
        if not draws.trusted:
            return not_to_be_trusted(draws.r_hat)
        others = candidates(patient, prior_of, found.problem, optimum, settings.residual)
        return Settled(
            optimum=optimum,
            posterior=unaveraged(found.problem, optimum, others, draws),
            problem=found.problem,
            at_bound=found.at_bound,
            alike=found.alike,
            profiles=profiles,
            profile_curves=curves,
            lower=lower,
        )
    return Trouble(status="not_converged", reason=EACH_LOWER)


def draws_around(problem: FitProblem, optimum: Optimum, patient: Patient, settings: FitSettings) -> Own:
    """Draws of the fitted structure, with drift where asked for."""
    generator = of_patient(settings.seed, patient.patient_id, "draws")
    return draw_fitted(problem, optimum, settings.draws, generator, drift=settings.drift, around=settings.around)


def posterior_of(
    patient: Patient, prior_of: PriorOf, settings: FitSettings, own: Own, optimum: Optimum
) -> Posterior | Trouble:
    """The average over all structures, or the fitted one alone; Trouble where its draws cannot be trusted."""
    others = candidates(patient, prior_of, own.problem, optimum, settings.residual)
    if not settings.average:
        others = [replace(candidate, prior_weight=0.0, note=candidate.note or "for comparison") for candidate in others]
    else:
        steady = own.problem.without_drift()
        others += [*unlike_the_card(steady, optimum), *heavy_tailed(steady, optimum)]
    streams = [of_patient(settings.seed, patient.patient_id, "structures", place) for place in range(len(others) + 1)]
    posterior = averaged_posterior(own, others, settings.draws, streams, settings.around)
    if posterior.averaged.trusted:
        return posterior
    return not_to_be_trusted(posterior.averaged.r_hat)


def not_to_be_trusted(r_hat: float) -> Trouble:
    return Trouble(status="not_converged", reason=f"draws of the posterior not to be trusted: R-hat {r_hat:.3f}")


def too_little(problem: FitProblem, *, use_prior: bool) -> Trouble | None:
    """Status and reason when there is nothing, or without a prior too little, to fit."""
    n = problem.day.size
    if n == 0:
        return Trouble(status="no_samples", reason="no IgG sample within follow-up")
    unknown = [name for name, sd in zip(problem.names, problem.sd, strict=True) if use_prior or np.isinf(sd)]
    needed = len(unknown)
    if not use_prior and n < needed:
        found = f"{counted(n, 'sample')} for {needed} free parameters ({', '.join(unknown)})"
        return Trouble(status="too_few_samples", reason=f"{found}; without a prior {needed} are needed")
    if not use_prior and np.all(problem.limit != 0):
        return Trouble(status="too_few_samples", reason=f"all {n} values lie beyond a limit of the assay")
    return None


def nothing_free(problem: FitProblem) -> Trouble | None:
    if problem.names:
        return None
    return Trouble(status="set_aside", reason="every parameter is fixed: nothing to estimate")


def numbers_status(settled: Settled) -> tuple[Status, str]:
    """`fitted`, `at_bound`, or `prior_only` where the record holds no more than one measured level."""
    if said := said_of_bounds(settled.at_bound, settled.alike):
        return "at_bound", said
    problem = settled.problem
    if not problem.has_prior:
        return "fitted", ""
    return few_measured(int(np.sum(problem.limit == 0)), problem.day.size)


def few_measured(measured: int, n: int) -> tuple[Status, str]:
    """`fitted`, or `prior_only` where so few of the n values are measured levels."""
    if measured >= 2 or (measured == 1 and n >= 2):
        return "fitted", ""
    what = "1 sample" if measured else f"{n} values, all beyond a limit of the assay"
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
    variance = problem.a**2 + (problem.b * level) ** 2
    weighed = told & (variance > 0.0)
    weight = 1.0 / variance[weighed]
    if np.any(distance[told & ~weighed]):  # a card that knows no error at a level of 0
        z = float(np.copysign(np.inf, distance[told][0]))
    else:
        z = float(np.sum(weight * distance[weighed]) / np.sqrt(np.sum(weight))) if weight.size else 0.0
    if abs(z) <= START_LIMIT:
        return None
    first = int(np.flatnonzero(told)[0])
    levels = f"{level_words(problem.igg[early][first], limit[first], unit)} on day {problem.day[early][first]:.4g}"
    if told.sum() > 1:
        levels += f" and {counted(int(told.sum()) - 1, 'more level')} before any dose or therapy"
    where = "above" if z > 0 else "below"
    how_far = f"{abs(z):.1f} standard errors {where}" if np.isfinite(z) else where
    return Trouble(
        status="start_contradicts",
        reason=f"{levels}: {how_far} the {level_words(level[told][0], 0, unit)} at which "
        f"card {prior.card_id} starts every patient (fixed). Add the doses given before the record, or fit with a card "
        "that estimates the start",
    )


def what_failed(optimum: Optimum) -> Trouble | None:
    """Nothing else may be asked of an optimum that fails a test: curvature and scores mean nothing there."""
    if not optimum.failed_tests:
        return None
    return Trouble(status="not_converged", reason=f"convergence tests failed: {', '.join(optimum.failed_tests)}")


def what_changed(problem: FitProblem, patient: Patient, optimum: Optimum, unit: IggUnit) -> Trouble | None:
    """Changes that neither doses nor therapy explain, and what would."""
    changes = unexplained_changes(problem, optimum.x)
    if not changes:
        return None
    said = [describe_change(change, unit) for change in changes]
    words = "; ".join(said + questions(problem, patient, optimum.x, changes))
    return Trouble(status="unexplained_change", reason=words, changes=changes, at=(problem, optimum))


def level_words(igg: float, limit: int, unit: IggUnit) -> str:
    """ "530 mg/dL", "<40 mg/dL"."""
    return f"{LIMIT_SIGNS[int(limit)]}{from_g_per_l(float(igg), unit):.4g} {unit}"


def describe_change(change: Change, unit: IggUnit) -> str:
    """In words, with days and levels in the cohort's unit."""
    after = level_words(change.igg_after, change.limit_after, unit)
    if change.kind == "odd sample":
        return f"day {change.day_before:.4g}: {after} fits no curve through the others (z = {change.z:.1f})"
    if change.kind == ODD_PAIR:
        first = level_words(change.igg_before, change.limit_before, unit).removesuffix(f" {unit}")
        days = f"days {change.day_before:.4g} and {change.day_after:.4g}"
        return f"{days}: {first} and {after} fit no curve through the others (z = {change.z:.1f})"
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
