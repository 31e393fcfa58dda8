"""`igk.fit_cohort`: every patient of a cohort fitted, every nadir found, as frozen tables."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cards.prior import PatientPrior, patient_prior, residual_error_of
from igkinetics.cards.scaling import supported_disposition
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.cohort.windows import nadir_window
from igkinetics.errors import InputError, call_error
from igkinetics.fit.cohort_checks import groups_table
from igkinetics.fit.cohort_result import TABLES, CohortFit
from igkinetics.fit.conflict import prior_conflict
from igkinetics.fit.diagnostic_rows import diagnostic_row, eta_rows, prediction_rows, profile_rows
from igkinetics.fit.nadirs import fitted_nadir, raw_nadir
from igkinetics.fit.options import FitOptions
from igkinetics.fit.patient import FitSettings, fit_patient
from igkinetics.fit.records import DRAW_COLUMNS, draw_table, kept_draws
from igkinetics.fit.refusal import why_refused
from igkinetics.fit.residual_checks import residual_checks, shrinkage_table
from igkinetics.fit.result import PatientFit, Status
from igkinetics.fit.rows import (
    GOOD_PARETO_K,
    curve_table,
    nadir_row,
    parameter_rows,
    patient_row,
    sampling_row,
    structure_rows,
    threshold_rows,
)
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE
from igkinetics.parallel import Progress, as_far_as_reached
from igkinetics.units import g_per_l

Rows = dict[str, list[dict[str, Any]]]
INTERRUPTED = "interrupted before this patient was reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientResult:
    """One patient's fit with the rows it gives to each table."""

    fit: PatientFit | None
    rows: Rows
    curves: pd.DataFrame | None = None
    draws: pd.DataFrame | None = None


def fit_cohort(cohort: Cohort, options: FitOptions | None = None, progress: Progress | None = None) -> CohortFit:
    """Fit every patient. progress(done, of) is called after each one.

    Patients are independent: order and number of jobs change no number. InputError when the card cannot be read or
    has no numbers for the structure's disposition.
    """
    options = options or FitOptions()
    began = time.perf_counter()
    card = load_card(options.card)
    if card.structure.endogenous == "none":
        raise call_error("card", card.id, "must have endogenous IgG to be fitted: this card holds infused IgG alone")
    refuse_out_of_proportion(cohort, thresholds=options.thresholds, window=options.window)
    residual_error_of(card)
    supported_disposition(card, (options.structure or DEFAULT_STRUCTURE).split("/")[0])
    patients = list(cohort.each_patient())
    tasks = [partial(result_or_failure, cohort, patient, card, options) for patient in patients]
    reached = as_far_as_reached(tasks, options.jobs, progress)
    ordered = [
        reached.results[place]
        if place in reached.results
        else unfitted(cohort, patient, card, options, "set_aside", INTERRUPTED)
        for place, patient in enumerate(patients)
    ]
    return assemble(cohort, card, options, ordered, time.perf_counter() - began, reached.interrupted)


def settings_of(cohort: Cohort, options: FitOptions) -> FitSettings:
    return FitSettings(
        structure=options.structure or DEFAULT_STRUCTURE,
        use_prior=options.prior == "card",
        residual=options.residual,
        draws=options.draws,
        level=options.level,
        seed=options.seed,
        profile=options.profile,
        igg_unit=cohort.igg_unit,
    )


def result_or_failure(cohort: Cohort, patient: Patient, card: Card, options: FitOptions) -> PatientResult:
    """The patient's result; an error of ours becomes one too, for it must not cost all others their fits."""
    try:
        return patient_result(cohort, patient, card, options)
    except Exception as error:  # noqa: BLE001 (told in the row and on stderr; the run ends with exit status 1)
        return failed(cohort, patient, options, error)


def patient_result(cohort: Cohort, patient: Patient, card: Card, options: FitOptions) -> PatientResult:
    """Fit one patient, or say why not: a patient set aside, outside the card's limits, or beyond its routes."""
    if reason := why_refused(cohort, patient, card, options.residual):
        return unfitted(cohort, patient, card, options, "set_aside", reason)
    covariates = patient_covariates_of(cohort, patient.patient_id, card)

    def prior_of(who: Patient, disposition: str) -> PatientPrior:
        return patient_prior(
            card, weight_kg=who.weight_kg, agents=who.agents, disposition=disposition, covariates=covariates
        )

    try:
        fit = fit_patient(patient, prior_of, settings_of(cohort, options))
    except InputError as error:  # the card refuses this patient: weight outside its hard limits, no height
        return unfitted(cohort, patient, card, options, "set_aside", "; ".join(map(str, error.problems)))
    return rows_of(cohort, fit, options)


def unfitted(
    cohort: Cohort, patient: Patient, card: Card, options: FitOptions, status: Status, reason: str
) -> PatientResult:
    """The rows of a patient for whom no fit was tried."""
    prior = patient_prior(card, weight_kg=np.nan, agents=(), disposition=card.structure.dispositions[0])
    fit = PatientFit(patient=patient, prior=prior, status=status, reason=reason)
    return replace(rows_of(cohort, fit, options), fit=None)


def failed(cohort: Cohort, patient: Patient, options: FitOptions, error: Exception) -> PatientResult:
    """The rows of a patient whose fit ended in an error of ours: it is named, with the line that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    reason = f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
    rows: Rows = {name: [] for name in TABLES}
    shared = {"patient_id": patient.patient_id, "group": patient.group, "status": "failed", "reason": reason}
    rows["patients"].append(shared | {"rows_used": patient.sample_day.size, "rows_set_aside": 0, "model": ""})
    rows["nadir"].append(shared | {"unit": cohort.igg_unit, "level": options.level, "nadir_position": ""})
    return PatientResult(fit=None, rows=rows)


def rows_of(cohort: Cohort, fit: PatientFit, options: FitOptions) -> PatientResult:
    """Everything the tables say of one patient."""
    unit, level, kept = cohort.igg_unit, options.level, kept_draws(options.draws, len(cohort.patients))
    window = nadir_window(fit.patient, options.window)
    raw = raw_nadir(fit.patient, window)
    rows: Rows = {name: [] for name in TABLES}
    rows["patients"].append(patient_row(cohort, fit))
    if fit.has_numbers:
        rows |= {"predictions": prediction_rows(fit, unit), "etas": eta_rows(fit), "profiles": profile_rows(fit, unit),
                 "diagnostics": [diagnostic_row(fit)]}  # fmt: skip
    if not fit.has_numbers or not window.exists:
        rows["nadir"].append(nadir_row(fit, window, raw, None, unit, level))
        if fit.has_numbers:
            rows["parameters"] = parameter_rows(fit, unit, level)
        return PatientResult(fit=fit, rows=rows, draws=draws_of(fit, kept))
    thresholds = tuple(g_per_l(value, unit) for value in options.thresholds)
    fitted = fitted_nadir(fit, window, raw.value, thresholds, level, options.seed)
    rows["nadir"].append(nadir_row(fit, window, raw, fitted, unit, level))
    rows["parameters"] = parameter_rows(fit, unit, level)
    rows["sampling"].append(sampling_row(fit, raw, fitted, unit, level))
    rows["thresholds"] = threshold_rows(fit, fitted, unit, level)
    rows["structures"] = structure_rows(fit, fitted.window, unit)
    return PatientResult(fit=fit, rows=rows, curves=curve_table(fit, fitted.window, unit, level),
                         draws=draws_of(fit, kept))  # fmt: skip


def draws_of(fit: PatientFit, kept: int) -> pd.DataFrame | None:
    """So many equally weighted draws of a fit with numbers."""
    if fit.draws is None:
        return None
    a, b = fit.prior.additive_g_per_l, fit.prior.proportional
    return draw_table(fit.patient.patient_id, fit.draws.resampled(kept), a, b)


def assemble(
    cohort: Cohort, card: Card, options: FitOptions, results: list[PatientResult], seconds: float, interrupted: bool
) -> CohortFit:
    """One frozen result from the patients' rows, in the cohort's order."""
    fits = [result.fit for result in results if result.fit is not None]
    tables = {
        name: pd.DataFrame([row for result in results for row in result.rows[name]], columns=list(columns))
        for name, columns in TABLES.items()
    }
    curves = [result.curves for result in results if result.curves is not None]
    tables["curves"] = pd.concat(curves, ignore_index=True) if curves else tables["curves"]
    draws = [result.draws for result in results if result.draws is not None]
    tables["draws"] = pd.concat(draws, ignore_index=True) if draws else pd.DataFrame(columns=list(DRAW_COLUMNS))
    tables["conflict"] = prior_conflict(fits)
    tables["shrinkage"] = shrinkage_table(tables["etas"], tables["predictions"])
    tables["residuals"] = residual_checks(tables["predictions"], options.level)
    tables["groups"] = groups_table(cohort, tables["patients"])
    return CohortFit(
        cohort=cohort,
        card_ids={card.id: card.sha256},
        options=options,
        notes=(*cohort.notes, *fit_notes(fits)),
        seconds=seconds,
        interrupted=interrupted,
        finished=datetime.now(UTC),
        **tables,
    )


def fit_notes(fits: list[PatientFit]) -> list[str]:
    """What was said of single patients, once, with whom it concerns."""
    concerned: dict[str, list[str]] = {}
    for fit in fits:
        for note in fit.notes:
            concerned.setdefault(note, []).append(fit.patient.patient_id)
        if fit.draws is not None and fit.draws.pareto_k > GOOD_PARETO_K:
            said = f"Pareto k above {GOOD_PARETO_K}: intervals are approximate"
            concerned.setdefault(said, []).append(fit.patient.patient_id)
    return [f"{note} ({len(who)} of {len(fits)} patients: {', '.join(who[:8])}{', ...' if len(who) > 8 else ''})"
            for note, who in concerned.items()]  # fmt: skip
