"""Fitting one patient: the fitted structure, checks, and draws averaged over structures (docs/model.md 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
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
from igkinetics.fit.remedies import doubt_about_unit
from igkinetics.fit.result import PatientFit, Status
from igkinetics.fit.structures import (
    Around,
    Candidate,
    Own,
    Posterior,
    averaged_posterior,
    candidates,
    draw_fitted,
    heavy_tailed,
    unaveraged,
    unlike_the_card,
)
from igkinetics.fit.trouble import (
    Trouble,
    contradicted_start,
    few_measured,
    not_to_be_trusted,
    nothing_free,
    too_little,
    what_changed,
    what_failed,
)
from igkinetics.fit.unexplained import MOST_CHANGES
from igkinetics.fit.weights import FIT, AverageWeights
from igkinetics.kinetics.parameters import Floats, needed_parameters
from igkinetics.random_streams import of_patient
from igkinetics.units import IggUnit

MOST_RESTARTS: Final = 3
EACH_LOWER: Final = f"{MOST_RESTARTS + 1} optima were found, each below the one before"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How every patient of a cohort is fitted. structure: "disposition/production".

    average: over the other structures too. drift: over a drift around the fitted one too. weights: prior weights of
    that average. cross_checked: lmfit fits the
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
    weights: AverageWeights = FIT
    cross_checked: bool = True
    around: Around = draw_around

    def optimum(self, problem: FitProblem, guesses: list[Floats]) -> Optimum:
        """The lowest of what these guesses lead to."""
        return minimise(problem, guesses) if self.cross_checked else explore(problem, guesses)


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
        others = candidates(patient, prior_of, found.problem, optimum, settings.residual, settings.weights.others)
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
    drift = settings.weights.drift[: None if settings.drift else 1]
    return draw_fitted(problem, optimum, settings.draws, generator, drift=drift, around=settings.around)


def posterior_of(
    patient: Patient, prior_of: PriorOf, settings: FitSettings, own: Own, optimum: Optimum
) -> Posterior | Trouble:
    """The average over all structures, or the fitted one alone; Trouble where its draws cannot be trusted."""
    others = other_models(patient, prior_of, own.problem, optimum, settings)
    streams = [of_patient(settings.seed, patient.patient_id, "structures", place) for place in range(len(others) + 1)]
    posterior = averaged_posterior(own, others, settings.draws, streams, settings.around)
    if posterior.averaged.trusted:
        return posterior
    return not_to_be_trusted(posterior.averaged.r_hat)


def other_models(
    patient: Patient, prior_of: PriorOf, problem: FitProblem, optimum: Optimum, settings: FitSettings
) -> list[Candidate]:
    """All that stands beside the fitted structure; without a weight where the fit is of that one alone."""
    weights = settings.weights
    others = candidates(patient, prior_of, problem, optimum, settings.residual, weights.others)
    if not settings.average:
        return [replace(candidate, prior_weight=0.0, note=candidate.note or "for comparison") for candidate in others]
    steady = problem.without_drift()
    return [
        *others,
        *unlike_the_card(steady, optimum, weights.unlike),
        *heavy_tailed(steady, optimum, weights.heavy),
    ]


def numbers_status(settled: Settled) -> tuple[Status, str]:
    """`fitted`, `at_bound`, or `prior_only` where the record holds no more than one measured level."""
    if said := said_of_bounds(settled.at_bound, settled.alike):
        return "at_bound", said
    problem = settled.problem
    if not problem.has_prior:
        return "fitted", ""
    return few_measured(int(np.sum(problem.limit == 0)), problem.day.size)
