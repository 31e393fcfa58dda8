"""Posterior predictive checks: does the model make measurements like those of these patients?

Replicates come from each patient's own posterior at that patient's own days, infusions and limits. A check by group
with new patients would need dosing that did not depend on IgG: where infusions were given because IgG fell, it
misleads even under the true model, for a new patient's IgG would have called for other infusions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.effect.counterfactual import Change
from igkinetics.effect.estimand_row import interval
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.hierarchical.predict import replicates
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import numbered_stream
from igkinetics.text import share_of_draws
from igkinetics.units import IggUnit, from_g_per_l

CHECK_COLUMNS: Final = (
    "patient_id",
    "group",
    "n_samples",
    "n_censored",
    "inside_50",
    "inside_90",
    "mean_rank",
    "raw_nadir_rank",
    "note",
)
"""inside_50, inside_90: share of measured values within their predictive interval. mean_rank: mean share of replicates
at or below the measured value (0.5 expected); raw_nadir_rank: the same of the lowest value."""
REPLICATE_COLUMNS: Final = (
    "patient_id",
    "group",
    "day",
    "measured",
    "limit",
    "median",
    "lower",
    "upper",
    "rank",
    "unit",
)
FIRST_BELOW_COLUMNS: Final = (
    "threshold",
    "group",
    "infusions",
    "n",
    "share_ever",
    "share_ever_lower",
    "share_ever_upper",
    "median_day",
    "median_day_lower",
    "median_day_upper",
    "unit",
    "level",
)
"""Time from the window's start to first below a threshold, on the curve; median_day is empty where fewer than half
ever fall below. infusions: as recorded, or removed."""


def predictive_rows(
    cohort: Cohort, posterior: CohortPosterior, seed: int, level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """CHECK_COLUMNS, a row per patient, and REPLICATE_COLUMNS, a row per sample."""
    generator = numbered_stream(seed, "predictive")
    error = posterior.error.reshape(-1, 2)
    checks: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    for index, patient_id in enumerate(posterior.patient_ids):
        problem = posterior.problems[index]
        if problem.day.size == 0:
            continue
        group = cohort.patient(patient_id).group
        levels = np.add(*igg_curve(posterior.of_patient(index), problem.schedule, problem.day))
        made = replicates(levels, error, problem.kind, generator)
        ranks = np.mean(made <= problem.igg, axis=0)
        measured = problem.limit == 0
        low, high = ranks[measured], ranks[measured]
        lowest = made.min(axis=1)
        checks.append(
            {
                "patient_id": patient_id,
                "group": group,
                "n_samples": problem.day.size,
                "n_censored": int((~measured).sum()),
                "inside_50": float(np.mean((low >= 0.25) & (high <= 0.75))) if measured.any() else np.nan,
                "inside_90": float(np.mean((low >= 0.05) & (high <= 0.95))) if measured.any() else np.nan,
                "mean_rank": float(ranks[measured].mean()) if measured.any() else np.nan,
                "raw_nadir_rank": float(np.mean(lowest <= problem.igg.min())),
                "note": "" if measured.all() else "ranks of measured values only",
            }
        )
        samples += sample_rows(
            patient_id, group, cohort.igg_unit, problem.day, problem.igg, problem.limit, made, ranks, level
        )
    return pd.DataFrame(checks, columns=list(CHECK_COLUMNS)), pd.DataFrame(samples, columns=list(REPLICATE_COLUMNS))


def sample_rows(
    patient_id: str,
    group: str,
    unit: IggUnit,
    day: Floats,
    igg: Floats,
    limit: Any,
    made: Floats,
    ranks: Floats,
    level: float,
) -> list[dict[str, Any]]:
    rows = []
    for k in range(day.size):
        median, lower, upper = (from_g_per_l(value, unit) for value in interval(made[:, k], level))
        rows.append(
            {
                "patient_id": patient_id,
                "group": group,
                "day": float(day[k]),
                "measured": from_g_per_l(float(igg[k]), unit),
                "limit": int(limit[k]),
                "median": median,
                "lower": lower,
                "upper": upper,
                "rank": float(ranks[k]) if limit[k] == 0 else np.nan,
                "unit": unit,
            }
        )
    return rows


def replicate_note(checks: pd.DataFrame) -> str:
    """How many measured values lie within their predictive intervals, over all patients."""
    weights = (checks["n_samples"] - checks["n_censored"]).to_numpy(dtype=float)
    if not weights.sum():
        return "no measured value to check"
    shares = [float(np.average(checks[name].fillna(0.0), weights=weights)) for name in ("inside_50", "inside_90")]
    return (
        f"{share_of_draws(shares[0])} of the measured values lie within their 50 % predictive interval, "
        f"{share_of_draws(shares[1])} within the 90 % one"
    )


def first_below_rows(
    changes: Sequence[Change], thresholds: tuple[float, ...], unit: IggUnit, level: float
) -> pd.DataFrame:
    """Time to first below each threshold: the infused with and without their infusions, and the others."""
    treated = [change for change in changes if change.exposure.treated]
    others = [change for change in changes if not change.exposure.treated]
    arms = [
        ("infused", "as recorded", treated, "with_ivig"),
        ("infused", "removed", treated, "without_ivig"),
        ("not infused", "none", others, "with_ivig"),
    ]
    rows = []
    for index, threshold in enumerate(thresholds):
        for group, infusions, members, arm in arms:
            if not members:
                continue
            days = np.array([getattr(one, arm).first_below[:, index] - one.exposure.window.start for one in members])
            share = interval(np.mean(np.isfinite(days), axis=0), level)
            middle = np.median(np.nan_to_num(days, nan=np.inf), axis=0)
            tail = 0.5 * (1 - level)
            at = np.quantile(middle, [0.5, tail, 1 - tail], method="inverted_cdf")
            at = np.where(np.isfinite(at), at, np.nan)
            rows.append(
                (from_g_per_l(threshold, unit), group, infusions, len(members), *share, *map(float, at), "day", level)
            )
    return pd.DataFrame(rows, columns=list(FIRST_BELOW_COLUMNS))
