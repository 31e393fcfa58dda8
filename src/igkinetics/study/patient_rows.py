"""Rows of patients.csv and of the structure table of one patient (DESIGN 2.3, 3.3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.windows import Window
from igkinetics.fit.result import Alternative, PatientFit
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l


def patient_row(cohort: Cohort, fit: PatientFit) -> dict[str, Any]:
    """Status, model and row accounting; rows are sample rows."""
    set_aside = cohort.problems[
        (cohort.problems["patient_id"] == fit.patient.patient_id)
        & cohort.problems["action"].str.contains("set aside")
        & cohort.problems["file"].str.startswith("samples")
    ]
    row: dict[str, Any] = {
        "patient_id": fit.patient.patient_id, "group": fit.patient.group, "status": fit.status, "reason": fit.reason,
        "rows_used": fit.problem.day.size if fit.problem is not None else fit.patient.sample_day.size,
        "rows_set_aside": set_aside["line"].nunique(), "model": "", "model_weight": np.nan,
    }  # fmt: skip
    if fit.has_numbers:
        problem, optimum, draws = fit.fitted()
        weights = structure_weights(fit.alternatives)
        row |= {"model": problem.model, "objective": optimum.objective, "pareto_k": draws.pareto_k,
                "n_starts_agreeing": optimum.n_agreeing, "model_weight": weights[0]}  # fmt: skip
    return row


def structure_weights(alternatives: tuple[Alternative, ...]) -> Floats:
    """Weights of the structures: by Laplace marginal likelihood, or by AICc without a prior.

    A structure without either (not converged, or too few samples for AICc) has the weight 0.
    """
    scores = np.array([_score(alternative) for alternative in alternatives])
    if not np.any(np.isfinite(scores)):
        return np.full(scores.size, np.nan)
    weights = np.exp(scores - scores[np.isfinite(scores)].max(), where=np.isfinite(scores), out=np.zeros(scores.size))
    return np.asarray(weights / weights.sum())


def _score(alternative: Alternative) -> float:
    """Log weight: log marginal likelihood, else -AICc/2 where n > p + 2."""
    if alternative.failed_tests:
        return -np.inf
    if alternative.problem.has_prior:
        return alternative.log_marginal if np.isfinite(alternative.log_marginal) else -np.inf
    n, p = alternative.problem.day.size, alternative.x.size
    if n <= p + 2:
        return -np.inf
    return -0.5 * (alternative.objective + 2 * p + 2 * p * (p + 1) / (n - p - 1))


def structure_rows(fit: PatientFit, window: Window, unit: IggUnit) -> list[dict[str, Any]]:
    """One row per structure: sensitivity of the nadir to the model; the fitted structure first."""
    rows = []
    for alternative, weight in zip(fit.alternatives, structure_weights(fit.alternatives), strict=True):
        theta = alternative.problem.theta(alternative.x)
        found = lowest(theta, alternative.problem.schedule, window.start, window.end)
        rows.append({"patient_id": fit.patient.patient_id, "model": alternative.model,
                     "objective": alternative.objective, "weight": weight,
                     "fitted_nadir": from_g_per_l(found.total, unit),
                     "endogenous_nadir": from_g_per_l(found.endogenous, unit), "unit": unit,
                     "note": ", ".join(alternative.failed_tests)})  # fmt: skip
    return rows
