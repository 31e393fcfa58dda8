"""Rows of one patient: nadir.csv, thresholds.csv, curves, patients.csv, and structures.csv."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.windows import Window
from igkinetics.fit.cohort_checks import contraction
from igkinetics.fit.common_steps import lasting_step
from igkinetics.fit.courses import JUST_AFTER_DAY, Courses
from igkinetics.fit.nadirs import FittedNadir, RawNadir
from igkinetics.fit.parameter_rows import MOSTLY_PRIOR_BELOW, finite
from igkinetics.fit.records import Columns
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START
from igkinetics.units import IggUnit, from_g_per_l

BAND_DRAWS: Final = 400
"""Equal-weight draws behind the band of a curve."""


def nadir_row(
    fit: PatientFit, window: Window, raw: RawNadir, fitted: FittedNadir | None, unit: IggUnit, level: float
) -> dict[str, Any]:
    """One row for one patient; fitted columns are empty where there are no numbers or no window, which reason says."""
    row: dict[str, Any] = {
        "patient_id": fit.patient.patient_id,
        "group": fit.patient.group,
        "n_samples": raw.n_samples,
        "n_below_limit": raw.n_below_limit,
        "unit": unit,
        "level": level,
        "window_start": window.start,
        "window_end": window.end,
        "baseline": from_g_per_l(raw.baseline, unit),
        "raw_nadir": from_g_per_l(raw.value, unit),
        "raw_nadir_below_limit": raw.below_limit,
        "raw_nadir_day": raw.day,
        "nadir_position": "",
        "nadir_reached": None,
        "status": fit.status,
        "reason": fit.reason if window.exists else "; ".join(filter(None, [fit.reason, window.reason])),
    }
    if fitted is not None:
        row |= {
            "window_start": fitted.window.start,
            "window_end": fitted.window.end,
            "fitted_nadir": from_g_per_l(fitted.total.value, unit),
            "fitted_nadir_lower": from_g_per_l(fitted.total.lower, unit),
            "fitted_nadir_upper": from_g_per_l(fitted.total.upper, unit),
            "fitted_nadir_day": fitted.day.value,
            "fitted_nadir_day_lower": fitted.day.lower,
            "fitted_nadir_day_upper": fitted.day.upper,
            "nadir_position": fitted.position,
            "nadir_reached": fitted.reached,
            "endogenous_nadir": from_g_per_l(fitted.endogenous.value, unit),
            "endogenous_nadir_lower": from_g_per_l(fitted.endogenous.lower, unit),
            "endogenous_nadir_upper": from_g_per_l(fitted.endogenous.upper, unit),
            "endogenous_nadir_day": fitted.endogenous_day,
            "expected_raw_nadir": from_g_per_l(fitted.predicted_raw.mean, unit),
            "curve_nadir": from_g_per_l(fitted.curve, unit),
            "curve_nadir_day": fitted.curve_day,
            "drift": fit.all_draws().drift_weight,
            "method": fit.all_draws().method,
            "drift_start": fitted.off_from,
            "drift_end": fitted.off_until,
            "drift_percent": 100.0 * fitted.off_by,
        }
        if (step := lasting_step(fit)) is not None:
            row |= {"step_day": step.day, "step_percent": 100.0 * step.size}
    return row


def sampling_row(fit: PatientFit, raw: RawNadir, fitted: FittedNadir, unit: IggUnit, level: float) -> dict[str, Any]:
    """Where the observed raw nadir lies among the minima that this patient's own sampling would give."""
    predicted = fitted.predicted_raw
    return {
        "patient_id": fit.patient.patient_id,
        "group": fit.patient.group,
        "n_samples": raw.n_samples,
        "raw_nadir": from_g_per_l(raw.value, unit),
        "expected_raw_nadir": from_g_per_l(predicted.mean, unit),
        "expected_raw_nadir_lower": from_g_per_l(predicted.lower, unit),
        "expected_raw_nadir_upper": from_g_per_l(predicted.upper, unit),
        "raw_nadir_percentile": predicted.observed_percentile,
        "share_risen": fitted.share_risen,
        "endogenous_note": endogenous_note(fit),
        "unit": unit,
        "level": level,
    }


def endogenous_note(fit: PatientFit) -> str:
    """ "mostly prior" where the share S, on which an endogenous nadir rests, was hardly learnt."""
    problem, _, _ = fit.fitted()
    if not problem.has_prior or "S" not in problem.names:
        return ""
    return "mostly prior" if contraction(fit)["S"] < MOSTLY_PRIOR_BELOW else ""


def threshold_rows(fit: PatientFit, fitted: FittedNadir, unit: IggUnit, level: float) -> list[dict[str, Any]]:
    """First day and days below each threshold; a first day that never comes is empty."""
    return [
        {
            "patient_id": fit.patient.patient_id,
            "group": fit.patient.group,
            "threshold": from_g_per_l(below.threshold, unit),
            "unit": unit,
            "level": level,
            "first_day_below": finite(below.first_day.value),
            "first_day_below_lower": finite(below.first_day.lower),
            "first_day_below_upper": finite(below.first_day.upper),
            "share_of_draws_below": below.share_ever,
            "days_below": below.days.value,
            "days_below_lower": below.days.lower,
            "days_below_upper": below.days.upper,
            "status": fit.status,
            "reason": fit.reason,
        }
        for below in fitted.below
    ]


def curve_days(fit: PatientFit, window: Window) -> Floats:
    """Daily from the start of the state to the window's end, with samples and both sides of every dose."""
    problem, _, _ = fit.fitted()
    start, end = float(problem.schedule[0, START]), window.end
    doses = fit.patient.dose_day
    ends = doses + fit.patient.dose_duration_day
    after = np.where(fit.patient.dose_duration_day > 0, ends, doses + JUST_AFTER_DAY)
    days = np.concatenate([np.arange(start, end, 1.0), [window.start, end], problem.day, doses, after])
    return np.unique(days[(days >= start) & (days <= end)])


def curve_columns(fit: PatientFit, window: Window, unit: IggUnit, level: float, courses: Courses) -> Columns:
    """The best single curve with its parts; median and pointwise band of all draws, drift included."""
    problem, optimum, _ = fit.fitted()
    days = curve_days(fit, window)
    endogenous, infused = igg_curve(problem.theta(optimum.x), problem.schedule, days)
    each, _ = courses.first(BAND_DRAWS).levels(days)
    tail = (1.0 - level) / 2.0
    ordered = np.sort(np.ascontiguousarray(each.T))
    lower, median, upper = (from_g_per_l(quantile_of(ordered, share), unit) for share in (tail, 0.5, 1.0 - tail))
    return {
        "patient_id": fit.patient.patient_id,
        "day": days,
        "total": from_g_per_l(endogenous + infused, unit),
        "median": median,
        "lower": lower,
        "upper": upper,
        "endogenous": from_g_per_l(endogenous, unit),
        "infused": from_g_per_l(infused, unit),
        "unit": unit,
    }


def quantile_of(ordered: Floats, share: float) -> Floats:
    """Of ascending values (days, n) of equal weight, as numpy.quantile interpolates."""
    at = share * (ordered.shape[1] - 1)
    left = int(at)
    return ordered[:, left] + (at - left) * (ordered[:, min(left + 1, ordered.shape[1] - 1)] - ordered[:, left])


def patient_row(cohort: Cohort, fit: PatientFit) -> dict[str, Any]:
    """Status, model and row accounting; rows are sample rows."""
    row: dict[str, Any] = {
        "patient_id": fit.patient.patient_id,
        "group": fit.patient.group,
        "status": fit.status,
        "reason": fit.reason,
        "rows_used": fit.problem.day.size if fit.problem is not None else fit.patient.sample_day.size,
        "rows_set_aside": cohort.samples_set_aside.get(fit.patient.patient_id, 0),
        "model": "",
        "model_weight": np.nan,
    }
    if fit.has_numbers:
        problem, optimum, _ = fit.fitted()
        averaged = fit.all_draws()
        row |= {
            "model": problem.model,
            "objective": optimum.objective,
            "pareto_k": averaged.pareto_k,
            "r_hat": averaged.r_hat,
            "method": averaged.method,
            "n_starts_agreeing": optimum.n_agreeing,
            "model_weight": fit.alternatives[0].weight,
            "drift": averaged.drift_weight,
        }
    return row


def structure_rows(fit: PatientFit, window: Window, unit: IggUnit) -> list[dict[str, Any]]:
    """One row per structure and SD of the drift, the fitted one first; nadirs are those of each best kinetic curve."""
    rows = []
    for alternative in fit.alternatives:
        theta = alternative.problem.theta(alternative.x)
        found = lowest(theta, alternative.problem.schedule, window.start, window.end)
        rows.append(
            {
                "patient_id": fit.patient.patient_id,
                "model": alternative.model,
                "drift_sd": alternative.drift_sd,
                "objective": alternative.objective,
                "minus_two_log_likelihood": alternative.minus_two_log_likelihood,
                "prior_weight": alternative.prior_weight,
                "weight": alternative.weight,
                "fitted_nadir": from_g_per_l(found.total, unit),
                "endogenous_nadir": from_g_per_l(found.endogenous, unit),
                "unit": unit,
                "note": "; ".join(filter(None, [alternative.note, *alternative.failed_tests])),
            }
        )
    return rows
