"""What the patients of a cohort say of the prior weights of the average (docs/model.md 3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import InputError, counted, told_error
from igkinetics.fit.allowed_structures import PriorOf, possible_production
from igkinetics.fit.asked import prior_lookup, settings_of
from igkinetics.fit.importance import log_sum
from igkinetics.fit.laplace import log_integral
from igkinetics.fit.minimise import Optimum, explore, first_guesses
from igkinetics.fit.options import AVERAGED, COHORT, FitOptions
from igkinetics.fit.patient import FitSettings, other_models
from igkinetics.fit.posterior import laplace_components
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.refusal import why_refused
from igkinetics.fit.structures import HEAVY_TAILED, UNLIKE, under_one_drift
from igkinetics.fit.trouble import contradicted_start, nothing_free, too_little
from igkinetics.fit.unexplained import unexplained_changes
from igkinetics.fit.weights import (
    DRIFT_SDS,
    FIT,
    FIT_AT_LEAST,
    FORECAST,
    HEAVY_AT,
    OTHERS_AT,
    UNLIKE_AT,
    AverageWeights,
    moved_by,
)
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import as_far_as_reached
from igkinetics.random_streams import of_patient, picked

FEWEST: Final = 30
"""Patients whose records say something; fewer leave the weights as they are, and each patient's numbers to that
patient."""
MOST_ASKED: Final = 300
"""Patients of whom weights are learnt; more would hardly move them."""
POINTS: Final = 64
"""Of each integral by importance sampling."""
IN_WORDS: Final = dict(
    zip(
        AVERAGED,
        (
            "the structure as it is",
            *(f"the same with a drift of {sd:g}" for sd in DRIFT_SDS[1:]),
            "a patient unlike the card's",
            "errors with heavy tails",
            "other structures",
        ),
        strict=True,
    )
)
SILENT: Final = np.full(len(AVERAGED), np.nan)
Evidence = Floats | str
"""Of one patient: log marginal likelihood of each component (6,), nan where there is none or the record says nothing
that a fit would use; or an error of ours in words."""
Records = Sequence[tuple[Cohort, str]]
"""Patients, each with the cohort that holds the record."""


def learnt_for_fit(cohort: Cohort, options: FitOptions) -> tuple[FitOptions, list[str]]:
    """The options of a fit with the weights of its average, and what is to be said of them where they were learnt."""
    return fit_weights(records_of(cohort), options)


def learnt_for_forecast(cohort: Cohort, options: FitOptions) -> tuple[FitOptions, list[str]]:
    """The same for the fits that a forecast rests on. cohort: as known on its day."""
    return forecast_weights(records_of(cohort), options)


def fit_weights(records: Records, options: FitOptions) -> tuple[FitOptions, list[str]]:
    if not learns(options, len(records)):
        return options, []
    return weighed(options, evidence_of_all(records, options), FIT, FIT_AT_LEAST)


def forecast_weights(records: Records, options: FitOptions) -> tuple[FitOptions, list[str]]:
    if options.average_weights:
        return options, []
    if not learns(options, len(records)):
        return replace(options, average_weights=FORECAST.by_name), []
    return weighed(options, evidence_of_all(records, options), FORECAST, ())


def learns(options: FitOptions, n: int) -> bool:
    """Whether n patients are to tell the weights of an average: where there is one, and its weights are not given."""
    averages = options.structure is None or options.drift
    asked = options.average == COHORT and not options.average_weights and options.prior == "card"
    return asked and averages and n >= FEWEST


def records_of(cohort: Cohort) -> Records:
    return [(cohort, name) for name in asked_of(cohort.patient_ids)]


def asked_of(patient_ids: Sequence[str]) -> list[str]:
    """Whom the weights are learnt from: everybody, or MOST_ASKED by their ids, whatever their order."""
    return picked(patient_ids, MOST_ASKED)


def evidence_of_all(records: Records, options: FitOptions) -> list[Evidence]:
    card = weightiest_card(options)
    tasks = [partial(evidence_in, cohort, name, card, options) for cohort, name in records]
    reached = as_far_as_reached(tasks, options.jobs)
    if reached.interrupted:
        raise KeyboardInterrupt
    return list(reached.results.values())


def weighed(
    options: FitOptions, evidence: Sequence[Evidence], assumed: AverageWeights, at_least: Sequence[float]
) -> tuple[FitOptions, list[str]]:
    """The options with the weights that this evidence calls for, and what is to be said of them."""
    each = np.array([SILENT if isinstance(one, str) else one for one in evidence])
    errors = [one for one in evidence if isinstance(one, str)]
    failed = [f"{counted(len(errors), 'record')} could not be asked about the average: {errors[0]}"] if errors else []
    n = int(np.isfinite(each).any(axis=1).sum())
    if n < FEWEST:
        return replace(options, average_weights=assumed.by_name), failed
    found = replace(options, average_weights=moved_by(each, assumed, at_least).by_name)
    there = np.isfinite(each).any(axis=0)  # a structure asked for alone has no others beside it
    weights = [(name, weight) for (name, weight), own in zip(found.average_weights.items(), there, strict=True) if own]
    said = "; ".join(f"{weight:g} {IN_WORDS[name]}" for name, weight in weights)
    return found, [f"what the average counts in advance, moved by {n} records of this cohort: {said}", *failed]


def weightiest_card(options: FitOptions) -> Card:
    """The card; of a stack the one by which its weights are learnt."""
    return load_card(max(options.cards, key=lambda name: options.cards[name]))


def evidence_in(cohort: Cohort, patient_id: str, card: Card, options: FitOptions) -> Evidence:
    patient = cohort.patient(patient_id)
    try:
        if why_refused(cohort, patient, card, options.residual):
            return SILENT
        return evidence_of(patient, prior_lookup(cohort, patient, card, options), settings_of(cohort, card, options))
    except InputError:  # the card refuses this patient, which the row says
        return SILENT
    except Exception as error:  # noqa: BLE001 (told in the notes; it must not cost all others their fits)
        return told_error(error)


def evidence_of(patient: Patient, prior_of: PriorOf, settings: FitSettings) -> Floats:
    """The same of a patient whom the card takes."""
    found = SILENT.copy()
    disposition, asked = settings.structure.split("/")
    prior = prior_of(patient, disposition)
    production, _ = possible_production(patient, prior, asked)
    problem = build_problem(patient, prior, production, residual=settings.residual, use_prior=True)
    if nothing_free(problem) or too_little(problem, use_prior=True):
        return found
    if contradicted_start(problem, patient, prior, settings.igg_unit):
        return found
    optimum = explore(problem, first_guesses(problem))
    if optimum.failed_tests or unexplained_changes(problem, optimum.x):
        return found
    for place, sd in enumerate(DRIFT_SDS if settings.drift else DRIFT_SDS[:1]):
        found[place] = log_marginal(*under_one_drift(problem, optimum, sd))
    structures = []
    for other in other_models(patient, prior_of, problem, optimum, settings):
        if other.prior_weight > 0:
            value = log_marginal(other.problem, other.optimum)
            if other.note == HEAVY_TAILED:
                gains = [
                    by_points(*each, patient, settings) for each in ((other.problem, other.optimum), (problem, optimum))
                ]
                found[HEAVY_AT] = value + gains[0] - gains[1]
            elif other.note == UNLIKE:
                found[UNLIKE_AT] = value
            elif np.isfinite(value):
                structures.append(value)
    if structures:
        found[OTHERS_AT] = log_sum(np.array(structures)) - np.log(len(structures))
    return found


def log_marginal(problem: FitProblem, optimum: Optimum) -> float:
    """By Laplace's method over all its optima; nan where none was found."""
    if optimum.failed_tests:
        return float("nan")
    return float(log_sum(np.array([one.log_share for one in laplace_components(problem, optimum)])))


def by_points(problem: FitProblem, optimum: Optimum, patient: Patient, settings: FitSettings) -> float:
    """What importance sampling adds to Laplace's method, which takes too little of errors with heavy tails."""
    if optimum.failed_tests:
        return float("nan")
    generator = of_patient(settings.seed, patient.patient_id, "evidence")
    components = laplace_components(problem, optimum)
    return log_integral(problem, components, POINTS, generator) - log_marginal(problem, optimum)
