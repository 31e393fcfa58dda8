"""A cohort fit made up by hand, so that output and report can be tested without fitting anything.

Curves come from the kinetics with round parameters; intervals are the curve times 0.8 and 1.25.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort, RowCount
from igkinetics.errors import PROBLEM_COLUMNS
from igkinetics.fit.cohort_checks import groups_table, residual_checks, shrinkage_table
from igkinetics.fit.cohort_result import CohortFit, FitOptions
from igkinetics.fit.columns import TABLES
from igkinetics.fit.problem import patient_schedule
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import parameter_vector

HOSTILE = "<script>alert(1)</script>"
PATH_LIKE = "../../etc/passwd"
LIMIT_MG_DL = 40.0
MODEL = "two_compartment/loss_and_recovery"
WHO = {
    "P01": ("IVIG", "fitted"),
    "P02": ("control", "fitted"),
    HOSTILE: ("IVIG", "fitted"),
    'P04 & "co"': ("control", "no_samples"),
    "P05": ("<b>IVIG</b>", "unexplained_change"),
    "P06": ("", "prior_only"),
    PATH_LIKE: ("control", "fitted"),
    "P08": ("IVIG", "not_converged"),
}
REASONS = {
    "no_samples": "no IgG sample in the window",
    "unexplained_change": "7797 to 4292 mg/dL within 1.65 days (day 10.0 to 11.6); no dose or therapy explains it",
    "prior_only": "1 sample for 7 parameters",
    "not_converged": "gradient 0.3 at the best of 6 starts",
}
TRUE = {"CL": 0.155, "V1": 3.2, "Q": 0.55, "V2": 2.0, "C_base": 6.0, "S": 0.6, "k_loss": 0.087, "k_rec": 0.0077}


def fabricated_cohort() -> Cohort:
    """Eight patients over 200 days, mg/dL; doses for the group IVIG, three cycles of therapy for most."""
    samples, doses, therapy, patients = [], [], [], []
    for place, (name, (group, status)) in enumerate(WHO.items()):
        patients.append((name, group, 70.0, np.nan, "", np.nan, np.nan, np.nan))
        if group == "IVIG":
            doses += [(name, day, 30.0, 0.1, "iv", "", 2) for day in (30.0, 58.0, 86.0)]
        if name != PATH_LIKE:
            therapy += [(name, start, start + 28.0, "blinatumomab", 2) for start in (0.0, 42.0, 84.0)]
        count = {"no_samples": 0, "prior_only": 1}.get(status, 9)
        days = np.linspace(-5, 190, count) if count > 1 else np.array([3.0] * count)
        level = 6.0 * np.exp(-days / 90) + 0.3 * np.sin(days + place)
        level = np.where(name == "P02", level * np.exp(-days / 80), level)
        samples += [
            (name, day, max(igg, LIMIT_MG_DL / 100), "below" if igg < LIMIT_MG_DL / 100 else "", line + 2)
            for line, (day, igg) in enumerate(zip(days, level, strict=True))
        ]
    problem = ("samples.csv", 7, "P02", "igg", "4.1", "suspected unit slip", "warning", "used")
    return Cohort(
        name="fabricated <i>cohort</i>",
        igg_unit="mg/dL",
        same_day="sample_first",
        samples=pd.DataFrame(samples, columns=["patient_id", "day", "igg", "limit", "line"]),
        doses=pd.DataFrame(
            doses, columns=["patient_id", "day", "amount_g", "duration_day", "route", "product", "line"]
        ),
        therapy=pd.DataFrame(therapy, columns=["patient_id", "start", "stop", "agent", "line"]),
        patients=pd.DataFrame(
            patients,
            columns=["patient_id", "group", "weight_kg", "height_cm", "sex", "age_y", "birth", "death"],
        ),
        outcomes=pd.DataFrame(columns=["patient_id", "day", "outcome"]),
        problems=pd.DataFrame([problem], columns=list(PROBLEM_COLUMNS)),
        rows={"samples.csv": RowCount(read=len(samples), used=len(samples))},
        inputs={"samples.csv": "ab" * 32},
        notes=("Doses known only by date count after the samples of that date.",),
    )


def fabricated_fit(**options: Any) -> CohortFit:
    """The cohort above, `fitted`."""
    cohort = fabricated_cohort()
    curves = [_curve(cohort, name) for name, (_, status) in WHO.items() if status in ("fitted", "prior_only")]
    nadirs = [_nadir(cohort, name, curves) for name in WHO]
    return CohortFit(
        cohort=cohort,
        card_ids={"adult_b_cell_depletion": load_card("adult_b_cell_depletion").sha256},
        options=FitOptions(**({"thresholds": (400.0,)} | options)),
        parameters=_table("parameters", [row for name in WHO for row in _parameters(name)]),
        nadir=_table("nadir", nadirs),
        curves=pd.concat(curves, ignore_index=True),
        patients=_table("patients", [_patient(name) for name in WHO]),
        thresholds=_table("thresholds", [_threshold(row) for row in nadirs]),
        structures=_table("structures", [row for name in WHO for row in _structures(name)]),
        sampling=_table("sampling", [_sampling(row) for row in nadirs if row["status"] == "fitted"]),
        conflict=_table(
            "conflict",
            [
                {"parameter": "C_base", "mean_eta": 0.02, "expected_se": 0.1, "ratio": 0.2, "n": 4, "flagged": False},
                {"parameter": "S", "mean_eta": 0.9, "expected_se": 0.2, "ratio": 4.5, "n": 4, "flagged": True},
            ],
        ),
        **_checks(cohort, curves),
        notes=("P06 has no weight; 70 kg was used.",),
        seconds=1.25,
        interrupted=False,
    )


def _checks(cohort: Cohort, curves: list[pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables for those who check: IPRED read off the curve, an error of 10 %, alternating etas."""
    predictions, etas, diagnostics = [], [], []
    for curve in curves:
        name = str(curve["patient_id"].iloc[0])
        patient, (group, status) = cohort.patient(name), WHO[name]
        common = {"patient_id": name, "group": group, "status": status}
        ipred = np.interp(patient.sample_day, curve["day"], curve["total"])
        measured = patient.sample_limit == 0
        iwres = np.where(measured, (100 * patient.sample_igg - ipred) / (0.1 * ipred), np.nan)
        predictions += [
            {
                **common,
                "day": day,
                "observed": 100 * igg,
                "limit": "" if limit == 0 else "below",
                "pred": 1.1 * level,
                "ipred": level,
                "iwres": r,
                "iwres_expected_sd": 0.9 if limit == 0 else np.nan,
                "iwres_expected_product": -0.1 if limit == 0 else np.nan,
                "unit": "mg/dL",
            }
            for day, igg, limit, level, r in zip(
                patient.sample_day, patient.sample_igg, patient.sample_limit, ipred, iwres, strict=True
            )
        ]
        etas += [
            {
                **common,
                "parameter": parameter,
                "scale": "logit" if parameter == "S" else "log",
                "prior_sd": 0.4,
                "posterior_sd": 0.2,
                "eta": 0.1 * (-1) ** len(name),
            }
            for parameter in ("C_base", "CL", "S")
        ]
        diagnostics.append(
            {
                **common,
                "n_measured": int(measured.sum()),
                "n_beyond_limit": int((~measured).sum()),
                "iwres_mean": np.nanmean(iwres),
                "iwres_sd": np.nanstd(iwres),
                "iwres_largest": np.nanmax(iwres),
                "iwres_largest_day": 3.0,
                "objective": 12.5,
                "pareto_k": 0.2,
                "n_starts": 6,
                "n_starts_agreeing": 5,
                "n_optima": 1,
                "model": MODEL,
                "model_weight": 0.7,
                "best_model": MODEL,
                "best_weight": 0.7,
            }
        )
    tables = {
        "predictions": _table("predictions", predictions),
        "etas": _table("etas", etas),
        "diagnostics": _table("diagnostics", diagnostics),
    }
    patients = _table("patients", [_patient(name) for name in WHO])
    return tables | {
        "shrinkage": shrinkage_table(tables["etas"], tables["predictions"]),
        "residuals": residual_checks(tables["predictions"], 0.95),
        "groups": groups_table(cohort, patients),
    }


def _table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(TABLES[name]))


def _curve(cohort: Cohort, name: str) -> pd.DataFrame:
    patient = cohort.patient(name)
    schedule = patient_schedule(patient, ignore_therapy=False)
    days = np.arange(patient.start_day, 191.0)
    endogenous, infused = igg_curve(parameter_vector(TRUE, *MODEL.split("/")), schedule, days)
    total = 100 * (endogenous + infused)
    return pd.DataFrame(
        {
            "patient_id": name,
            "day": days,
            "total": total,
            "median": 1.02 * total,
            "lower": 0.8 * total,
            "upper": 1.25 * total,
            "endogenous": 100 * endogenous,
            "infused": 100 * infused,
            "unit": "mg/dL",
        }
    )


def _nadir(cohort: Cohort, name: str, curves: list[pd.DataFrame]) -> dict[str, Any]:
    group, status = WHO[name]
    patient = cohort.patient(name)
    row: dict[str, Any] = {
        "patient_id": name,
        "group": group,
        "n_samples": patient.sample_day.size,
        "n_below_limit": int((patient.sample_limit < 0).sum()),
        "unit": "mg/dL",
        "level": 0.95,
        "window_start": 0.0,
        "window_end": 190.0,
        "status": status,
        "reason": REASONS.get(status, ""),
    }
    if patient.sample_day.size:
        lowest = int(np.argmin(patient.sample_igg))
        row |= {
            "baseline": 100 * patient.sample_igg[0],
            "raw_nadir": 100 * patient.sample_igg[lowest],
            "raw_nadir_day": patient.sample_day[lowest],
            "raw_nadir_below_limit": bool(patient.sample_limit[lowest] < 0),
        }
    for curve in curves:
        if curve["patient_id"].iloc[0] == name:
            at = curve["total"].idxmin()
            low, day, own = curve["total"][at], curve["day"][at], curve["endogenous"].min()
            row |= {
                "fitted_nadir": low,
                "fitted_nadir_lower": 0.8 * low,
                "fitted_nadir_upper": 1.25 * low,
                "fitted_nadir_day": day,
                "fitted_nadir_day_lower": day - 9,
                "fitted_nadir_day_upper": day + 12,
                "nadir_position": "interior",
                "nadir_reached": name == "P01",
                "endogenous_nadir": own,
                "endogenous_nadir_lower": 0.7 * own,
                "endogenous_nadir_upper": 1.3 * own,
                "endogenous_nadir_day": day,
                "expected_raw_nadir": 0.85 * low,
                "curve_nadir": 1.02 * low,
                "curve_nadir_day": day,
                "drift": 0.1,
                "drift_start": 60.0,
                "drift_end": 90.0,
                "drift_percent": -12.0,
                "method": "importance sampling",
            }
    return row


def _parameters(name: str) -> list[dict[str, Any]]:
    if WHO[name][1] not in ("fitted", "prior_only"):
        return []
    contraction = {"C_base": 0.97, "S": 0.1 if name == HOSTILE else 0.6, "CL": 0.5}
    return [
        {
            "patient_id": name,
            "model": MODEL,
            "parameter": parameter,
            "value": value,
            "level": 0.95,
            "kind": "estimated" if parameter in contraction else "fixed",
            "stderr": 0.1 * value,
            "lower": 0.8 * value,
            "upper": 1.2 * value,
            "unit": "L/day" if parameter == "CL" else "1",
            "scale": "log",
            "contraction": contraction.get(parameter, np.nan),
            "note": "",
        }
        for parameter, value in TRUE.items()
    ]


def _patient(name: str) -> dict[str, Any]:
    group, status = WHO[name]
    return {
        "patient_id": name,
        "group": group,
        "status": status,
        "reason": REASONS.get(status, ""),
        "model": MODEL,
        "model_weight": 0.7,
        "rows_used": 9,
        "rows_set_aside": 0,
        "objective": 12.5,
        "pareto_k": 0.2,
        "n_starts_agreeing": 5,
        "method": "importance sampling",
        "drift": 0.1,
    }


def _threshold(nadir: dict[str, Any]) -> dict[str, Any]:
    shared = {key: nadir[key] for key in ("patient_id", "group", "unit", "level", "status", "reason")}
    return shared | {"threshold": 400.0, "first_day_below": 20.0, "days_below": 100.0, "share_of_draws_below": 0.9}


def _sampling(nadir: dict[str, Any]) -> dict[str, Any]:
    shared = ("patient_id", "group", "n_samples", "raw_nadir", "expected_raw_nadir", "unit", "level")
    expected = nadir["expected_raw_nadir"]
    return {key: nadir[key] for key in shared} | {
        "expected_raw_nadir_lower": 0.8 * expected,
        "expected_raw_nadir_upper": 1.2 * expected,
        "raw_nadir_percentile": 0.004,
        "share_risen": 0.5,
        "endogenous_note": "mostly prior" if nadir["patient_id"] == HOSTILE else "",
    }


def _structures(name: str) -> list[dict[str, Any]]:
    if WHO[name][1] != "fitted":
        return []
    return [
        {
            "patient_id": name,
            "model": model,
            "drift_sd": 0.0,
            "objective": 12.5 + place,
            "weight": weight,
            "minus_two_log_likelihood": 8.5 + place,
            "prior_weight": 0.5,
            "note": "",
            "fitted_nadir": 280.0 + 10 * place,
            "endogenous_nadir": 250.0 + 20 * place,
            "unit": "mg/dL",
        }
        for place, (model, weight) in enumerate([(MODEL, 0.7), ("one_compartment/constant", 0.3)])
    ]
