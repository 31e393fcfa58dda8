"""Predictions of one patient's samples, each from what came before it, with one card (docs/model.md 11.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cohort.model import LIMIT_WORDS, Cohort, Patient
from igkinetics.errors import told_error
from igkinetics.evaluate.options import EvaluateOptions
from igkinetics.evaluate.predictive import Predictive
from igkinetics.fit.cohort import fit_of
from igkinetics.fit.forecast import forecast_paths
from igkinetics.fit.options import FitOptions
from igkinetics.fit.result import PatientFit
from igkinetics.forecast.outlook import forecast_draws
from igkinetics.random_streams import of_patient
from igkinetics.units import G_PER_L_IN, from_g_per_l, g_per_l

FIRST_PREDICTED: Final = 2
"""The third sample is the first to be predicted."""
LEVELS: Final = (0.5, 0.8, 0.95)
TAILS: Final = np.array([0.5, *(side for level in LEVELS for side in (0.5 - level / 2, 0.5 + level / 2))])
INFUSED, NOT_INFUSED = "infused", "not infused"


def predicted_points(
    cohort: Cohort, patient: Patient, card: Card, choices: FitOptions, options: EvaluateOptions
) -> list[dict[str, Any]]:
    """A row for every sample from the third on within follow-up, in the cohort's unit; one that could not be predicted
    says why. choices: those of each fit."""
    return [
        point(cohort, patient, place, card, choices, options)
        for place in range(FIRST_PREDICTED, patient.sample_day.size)
        if patient.sample_day[place] <= patient.follow_up_end
    ]


def point(
    cohort: Cohort, patient: Patient, place: int, card: Card, choices: FitOptions, options: EvaluateOptions
) -> dict[str, Any]:
    """One sample, predicted from those before it; doses and therapy up to it are taken as they were."""
    day, value, limit = (each[place].item() for each in (patient.sample_day, patient.sample_igg, patient.sample_limit))
    since = float(patient.sample_day[place - 1])
    infused = bool(np.any((patient.dose_day >= since) & (patient.dose_day < day)))
    row: dict[str, Any] = {
        "card": card.id,
        "patient_id": patient.patient_id,
        "day": day,
        "n_before": place,
        "horizon_day": day - since,
        "dosing": INFUSED if infused else NOT_INFUSED,
        "observed": from_g_per_l(value, cohort.igg_unit),
        "limit": LIMIT_WORDS[limit],
        "unit": cohort.igg_unit,
        "reason": "",
    }
    try:
        fit = fit_before(cohort, patient, place, card, choices)
        if not fit.has_numbers:
            return row | {"status": fit.status, "reason": fit.reason}
        return row | {"status": fit.status} | scored(fit, patient, place, options, cohort)
    except Exception as error:  # noqa: BLE001 (told in the row; the command ends with exit status 1)
        return row | {"status": "failed", "reason": told_error(error)}


def fit_before(cohort: Cohort, patient: Patient, place: int, card: Card, choices: FitOptions) -> PatientFit:
    """The patient fitted to the samples before this one."""
    known = replace(
        patient,
        sample_day=patient.sample_day[:place],
        sample_igg=patient.sample_igg[:place],
        sample_limit=patient.sample_limit[:place],
    )
    return fit_of(cohort, known, card, choices)


def predictive_of(fit: PatientFit, patient: Patient, day: float, options: EvaluateOptions) -> Predictive:
    """What a measurement on a day after those fitted is expected to be."""
    problem, _, _ = fit.fitted()
    theta, drift, kind = forecast_draws(fit, options.draws, options.seed)
    generator = of_patient(options.seed, patient.patient_id, "forecast")
    levels = forecast_paths(theta, drift, problem.schedule, np.array([day]), generator).total[:, 0]
    return Predictive(levels=np.maximum(levels, 1e-9), a=problem.a, b=problem.b, kind=kind)


def scored(fit: PatientFit, patient: Patient, place: int, options: EvaluateOptions, cohort: Cohort) -> dict[str, Any]:
    """The prediction, and how the measurement lies in it."""
    unit = cohort.igg_unit
    value, limit = float(patient.sample_igg[place]), int(patient.sample_limit[place])
    predictive = predictive_of(fit, patient, float(patient.sample_day[place]), options)
    quantiles = from_g_per_l(predictive.quantiles(TAILS), unit)
    uniform = of_patient(options.seed, patient.patient_id, "forecast check", place).random()
    density = 0.0 if limit else np.log(G_PER_L_IN[unit])
    return {
        "predicted": float(quantiles[0]),
        **{name: float(quantile) for name, quantile in zip(interval_columns(), quantiles[1:], strict=True)},
        "pit": predictive.pit(value, limit, float(uniform)),
        "log_score": predictive.log_score(value, limit) + float(density),
        **{f"p_below_{threshold:g}": predictive.p_below(g_per_l(threshold, unit)) for threshold in options.thresholds},
    }


def interval_columns() -> Iterator[str]:
    """lower_50, upper_50, ..., in the order of TAILS."""
    for level in LEVELS:
        yield from (f"{end}_{100 * level:g}" for end in ("lower", "upper"))
