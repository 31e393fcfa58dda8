"""Rows of one patient: nadir.csv, thresholds.csv, curves, patients.csv, structures.csv and parameters.csv."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.windows import Window
from igkinetics.fit.bounds import AtBound, alike_words, bound_words
from igkinetics.fit.cohort_checks import contraction
from igkinetics.fit.common_steps import lasting_step
from igkinetics.fit.courses import JUST_AFTER_DAY, Courses
from igkinetics.fit.nadirs import FittedNadir, RawNadir
from igkinetics.fit.problem import PRIOR_NAME, FitProblem
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.disposition import fill_half_lives
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import C_BASE, C_INIT, INDEX, PARAMETER_UNITS, PARAMETERS, Floats, needed_parameters
from igkinetics.kinetics.schedule import START
from igkinetics.scales import from_scale, scale_of
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
            "first_day_below": _finite(below.first_day.value),
            "first_day_below_lower": _finite(below.first_day.lower),
            "first_day_below_upper": _finite(below.first_day.upper),
            "share_of_draws_below": below.share_ever,
            "days_below": below.days.value,
            "days_below_lower": below.days.lower,
            "days_below_upper": below.days.upper,
            "status": fit.status,
            "reason": fit.reason,
        }
        for below in fitted.below
    ]


def _finite(day: float) -> float:
    return day if np.isfinite(day) else np.nan


def curve_days(fit: PatientFit, window: Window) -> Floats:
    """Daily from the start of the state to the window's end, with samples and both sides of every dose."""
    problem, _, _ = fit.fitted()
    start, end = float(problem.schedule[0, START]), window.end
    doses = fit.patient.dose_day
    ends = doses + fit.patient.dose_duration_day
    after = np.where(fit.patient.dose_duration_day > 0, ends, doses + JUST_AFTER_DAY)
    days = np.concatenate([np.arange(start, end, 1.0), [window.start, end], problem.day, doses, after])
    return np.unique(days[(days >= start) & (days <= end)])


def curve_table(fit: PatientFit, window: Window, unit: IggUnit, level: float, courses: Courses) -> pd.DataFrame:
    """The best single curve with its parts; median and pointwise band of all draws, drift included."""
    problem, optimum, _ = fit.fitted()
    days = curve_days(fit, window)
    endogenous, infused = igg_curve(problem.theta(optimum.x), problem.schedule, days)
    each, _ = courses.first(BAND_DRAWS).levels(days)
    tail = (1.0 - level) / 2.0
    lower, median, upper = np.quantile(each, [tail, 0.5, 1.0 - tail], axis=0)
    return pd.DataFrame(
        {
            "patient_id": fit.patient.patient_id,
            "day": days,
            "total": from_g_per_l(endogenous + infused, unit),
            "median": from_g_per_l(median, unit),
            "lower": from_g_per_l(lower, unit),
            "upper": from_g_per_l(upper, unit),
            "endogenous": from_g_per_l(endogenous, unit),
            "infused": from_g_per_l(infused, unit),
            "unit": unit,
        }
    )


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


MOSTLY_PRIOR_BELOW: Final = 0.3
"""Contraction below which an estimate is labelled "mostly prior" (docs/model.md 3)."""
NOTHING_LEARNT_BELOW: Final = 0.05


def half_lives(thetas: Floats) -> Floats:
    """(n, 2) of thetas (n, 13): half-life ln 2 (V1 + V2)/CL, from clearance and steady-state volume, and terminal
    half-life, of the slowest disposition rate; days. One compartment (Q = 0): both are ln 2 V1/CL.
    """
    found = np.empty((thetas.shape[0], 2))
    fill_half_lives(thetas, found)
    return found


def contraction_note(value: float) -> str:
    """The plain label of a contraction; empty where the data speak."""
    if np.isnan(value) or value >= MOSTLY_PRIOR_BELOW:
        return ""
    return "prior: these data say nothing on it" if value < NOTHING_LEARNT_BELOW else "mostly prior"


def parameter_rows(fit: PatientFit, igg_unit: IggUnit, level: float) -> list[dict[str, Any]]:
    """Every quantity of one fitted patient, natural units; stderr by the delta method from the curvature."""
    problem, optimum, draws = fit.fitted()
    theta = problem.theta(optimum.x)
    covariance: Floats = np.linalg.inv(0.5 * optimum.hessian).astype(float)
    learnt = contraction(fit) if problem.has_prior else dict.fromkeys(problem.names, float("nan"))
    common = {"patient_id": fit.patient.patient_id, "model": problem.model, "level": level}
    rows = []
    for i, name in enumerate(problem.names):
        lower, upper = draws.interval(draws.theta[:, INDEX[name]], level)
        note = "; ".join(filter(None, [contraction_note(learnt[name]), given_note(fit, name)]))
        if fit.profiles is not None and name != "C_init":
            scale = fit.prior.scale[PRIOR_NAME.get(name, name)]
            ends = fit.profiles[name]
            lower, upper = (from_scale(end, scale) if np.isfinite(end) else np.nan for end in ends)
            note = "; ".join(filter(None, [note, profile_note(*ends)]))
        scale = fit.prior.scale[PRIOR_NAME.get(name, name)]
        in_unit = _converter(name, igg_unit)
        rows.append(
            {
                **common,
                "parameter": name,
                "kind": "estimated",
                "value": in_unit(theta[INDEX[name]]),
                "stderr": in_unit(natural_stderr(problem, theta, covariance, i)),
                "lower": in_unit(lower),
                "upper": in_unit(upper),
                "unit": _unit(name, igg_unit),
                "scale": scale,
                "contraction": learnt[name],
                "note": note,
            }
        )
    rows += [_bound_row(fit, bound, common, igg_unit) for bound in fit.at_bound]
    rows += _fixed_rows(fit, theta, common, igg_unit)
    return rows + _derived_rows(fit, theta, common, level)


def given_note(fit: PatientFit, name: str) -> str:
    """That an estimate depends on the value at which another parameter is held."""
    held = [one.name for one in fit.alike if name in one.others]
    held += ["V1"] if name == "CL" and "V1" in fit.prior.held and "V1" not in fit.fitted()[0].names else []
    return f"given {' and '.join(held)}" if held else ""


def _bound_row(fit: PatientFit, bound: AtBound, common: dict[str, Any], igg_unit: IggUnit) -> dict[str, Any]:
    """A parameter at the end of its scale: no standard error, and an interval with one end."""
    scale = scale_of(bound.name)
    lower, upper = (from_scale(end, scale) for end in (fit.profiles or {})[bound.name])
    in_unit = _converter(bound.name, igg_unit)
    return {
        **common,
        "parameter": bound.name,
        "kind": "estimated",
        "value": np.nan if bound.runs_away else _finite(in_unit(bound.value)),
        "stderr": np.nan,
        "lower": in_unit(lower) if lower > 0 or scale == "logit" else np.nan,
        "upper": _finite(in_unit(upper)),
        "unit": _unit(bound.name, igg_unit),
        "scale": scale,
        "contraction": np.nan,
        "note": f"{bound_words(bound)}; profile-likelihood interval with one end",
    }


def profile_note(lower: float, upper: float) -> str:
    """That an interval is a profile's, and which of its ends the data do not limit."""
    sides = [side for side, end in (("below", lower), ("above", upper)) if not np.isfinite(end)]
    return "profile-likelihood interval" + (f", not limited {' and '.join(sides)}" if sides else "")


def natural_stderr(problem: FitProblem, theta: Floats, covariance: Floats, i: int) -> float:
    """Standard error of parameter i on its natural scale: |d theta/dx| times that of x; C_init = C_base * ratio."""
    name = problem.names[i]
    if name in ("S", "F"):
        return float(theta[INDEX[name]] * (1 - theta[INDEX[name]]) * np.sqrt(covariance[i, i]))
    slope = np.zeros(len(problem.names))
    slope[i] = theta[INDEX[name]]
    if name == "C_init" and "C_base" in problem.names:
        slope[problem.names.index("C_base")] = theta[C_INIT]
    return float(np.sqrt(slope @ covariance @ slope))


def _fixed_rows(fit: PatientFit, theta: Floats, common: dict[str, Any], igg_unit: IggUnit) -> list[dict[str, Any]]:
    problem, _, _ = fit.fitted()
    used = {"CL", "V1", "C_base", "C_init", *(("Q", "V2") if theta[INDEX["Q"]] > 0 else ())}
    used |= {"ka", "F"} if fit.patient.dose_is_sc.any() else set()
    used |= {"S"} if "S" in problem.names else set()
    why = dict(fit.prior.held) | {one.name: alike_words(one) for one in fit.alike}
    used |= why.keys() & {*needed_parameters(*problem.model.split("/")), "C_init", "ka", "F"}
    used -= {one.name for one in fit.at_bound}
    rows = []
    for name in PARAMETERS:
        if name in used and name not in problem.names:
            value = _converter(name, igg_unit)(theta[INDEX[name]])
            rows.append(
                {
                    **common,
                    "parameter": name,
                    "kind": "fixed",
                    "value": _finite(value),
                    "stderr": np.nan,
                    "lower": np.nan,
                    "upper": np.nan,
                    "unit": _unit(name, igg_unit),
                    "scale": "",
                    "contraction": np.nan,
                    "note": why.get(name, f"fixed by card {fit.prior.card_id}"),
                }
            )
    return rows


def _derived_rows(fit: PatientFit, theta: Floats, common: dict[str, Any], level: float) -> list[dict[str, Any]]:
    _, _, draws = fit.fitted()
    best = half_lives(theta[None, :])[0]
    each = half_lives(draws.theta)
    rows = []
    unknown = "CL" in {*(one.name for one in fit.alike), *(one.name for one in fit.at_bound)}
    for j, name in enumerate(("half_life", "terminal_half_life")):
        lower, upper = (np.nan, np.nan) if unknown else draws.interval(each[:, j], level)
        rows.append(
            {
                **common,
                "parameter": name,
                "kind": "derived",
                "value": float(best[j]),
                "stderr": np.nan,
                "lower": lower,
                "upper": upper,
                "unit": "day",
                "scale": "",
                "contraction": np.nan,
                "note": ("ln 2 (V1 + V2)/CL" if j == 0 else "slowest disposition rate")
                + (", of the CL that is held" if unknown else ""),
            }
        )
    return rows


def _unit(name: str, igg_unit: IggUnit) -> str:
    return igg_unit if INDEX[name] in (C_BASE, C_INIT) else PARAMETER_UNITS[name]


def _converter(name: str, igg_unit: IggUnit) -> Any:
    return (lambda value: from_g_per_l(value, igg_unit)) if INDEX[name] in (C_BASE, C_INIT) else float
