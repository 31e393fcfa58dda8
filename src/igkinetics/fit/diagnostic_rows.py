"""Rows of one patient for those who check the fit: predictions, etas, profiles, how the optimum was found."""

from __future__ import annotations

from typing import Any

import numpy as np

from igkinetics.cohort.model import LIMIT_WORDS
from igkinetics.fit.problem import PRIOR_NAME
from igkinetics.fit.residuals import residuals
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.parameters import PARAMETER_UNITS
from igkinetics.scales import from_scale
from igkinetics.units import IggUnit, from_g_per_l


def prediction_rows(fit: PatientFit, unit: IggUnit) -> list[dict[str, Any]]:
    """Observed and predicted level of every sample used."""
    problem, optimum, _ = fit.fitted()
    found = residuals(problem, optimum.x)
    common = {"patient_id": fit.patient.patient_id, "group": fit.patient.group, "unit": unit, "status": fit.status}
    levels = (from_g_per_l(values, unit) for values in (found.observed, found.pred, found.ipred))
    columns = (found.day, *levels, found.iwres, found.expected_sd, found.expected_product)
    return [
        {
            **common,
            "day": day,
            "observed": observed,
            "limit": LIMIT_WORDS[int(limit)],
            "pred": pred,
            "ipred": ipred,
            "iwres": iwres,
            "iwres_expected_sd": sd,
            "iwres_expected_product": product,
        }
        for day, observed, pred, ipred, iwres, sd, product, limit in zip(*columns, found.limit, strict=True)
    ]


def eta_rows(fit: PatientFit) -> list[dict[str, Any]]:
    """Fitted minus typical value of each estimated parameter, on its estimation scale."""
    problem, optimum, draws = fit.fitted()
    common = {"patient_id": fit.patient.patient_id, "group": fit.patient.group, "status": fit.status}
    spread = draws.sd()
    return [
        {
            **common,
            "parameter": name,
            "scale": fit.prior.scale[PRIOR_NAME.get(name, name)],
            "eta": float(optimum.x[i] - problem.mu[i]),
            "posterior_sd": float(spread[i]),
            "prior_sd": float(problem.prior_sd[i]) if problem.has_prior else np.nan,
        }
        for i, name in enumerate(problem.names)
    ]


def profile_rows(fit: PatientFit, unit: IggUnit) -> list[dict[str, Any]]:
    """The likelihood profile of each estimated parameter, natural units; none unless asked for."""
    if fit.profile_curves is None:
        return []
    problem, optimum, _ = fit.fitted()
    errors = np.sqrt(2.0 * np.diag(np.linalg.inv(optimum.hessian)))
    rows = []
    for i, name in enumerate(problem.names):
        scale = fit.prior.scale[PRIOR_NAME.get(name, name)]
        values, rises = fit.profile_curves[name]
        for value, rise in zip(values, rises, strict=True):
            natural = from_scale(float(value), scale)
            rows.append(
                {
                    "patient_id": fit.patient.patient_id,
                    "parameter": PRIOR_NAME.get(name, name),
                    "value": from_g_per_l(natural, unit) if name == "C_base" else natural,
                    "rise": float(rise),
                    "normal_rise": float(((value - optimum.x[i]) / errors[i]) ** 2),
                    "unit": {"C_base": unit, "C_init": "1"}.get(name, PARAMETER_UNITS[name]),
                }
            )
    return rows


def diagnostic_row(fit: PatientFit) -> dict[str, Any]:
    """How well one patient's optimum was found and what it leaves over."""
    problem, optimum, _ = fit.fitted()
    found = residuals(problem, optimum.x)
    measured = problem.limit == 0
    iwres = found.iwres[measured]
    weights = np.array([alternative.weight for alternative in fit.alternatives])
    best = int(np.nanargmax(weights)) if np.any(np.isfinite(weights)) else 0
    row: dict[str, Any] = {
        "patient_id": fit.patient.patient_id,
        "group": fit.patient.group,
        "status": fit.status,
        "n_measured": int(measured.sum()),
        "n_beyond_limit": int((~measured).sum()),
        "objective": optimum.objective,
        "pareto_k": fit.all_draws().pareto_k,
        "n_starts": optimum.n_starts,
        "n_starts_agreeing": optimum.n_agreeing,
        "n_optima": len(optimum.modes),
        "model": problem.model,
        "model_weight": weights[0],
        "best_model": fit.alternatives[best].model,
        "best_weight": weights[best],
    }
    if iwres.size:
        largest = int(np.argmax(np.abs(iwres)))
        row |= {
            "iwres_mean": float(iwres.mean()),
            "iwres_sd": float(iwres.std(ddof=1)) if iwres.size > 1 else np.nan,
            "iwres_largest": float(iwres[largest]),
            "iwres_largest_day": float(found.day[measured][largest]),
        }
    return row
