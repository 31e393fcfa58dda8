"""Visual predictive check (VPC): percentiles of measured IgG by group and time, beside those of new patients.

Only where dosing did not depend on IgG: where infusions were given because IgG fell, a new patient's IgG would have
called for other infusions than those recorded, and the check misleads even under the true model.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.effect.estimand_row import interval
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.hierarchical.predict import replicates
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import numbered_stream
from igkinetics.units import from_g_per_l

NEW_DRAWS: Final = 400
"""Draws of the population, each with one new patient for every patient of the cohort."""
PERCENTILES: Final = (10, 50, 90)
SAMPLES_PER_BIN: Final = 20
MOST_BINS: Final = 8
VPC_COLUMNS: Final = (
    "group",
    "first_day",
    "last_day",
    "n_samples",
    "percentile",
    "observed",
    "median",
    "lower",
    "upper",
    "unit",
    "level",
)
"""observed is empty where that percentile is a value known only to lie beyond a limit."""


def vpc_rows(cohort: Cohort, new: CohortPosterior | None, seed: int, level: float) -> pd.DataFrame:
    """VPC_COLUMNS, a row per group, bin of days and percentile; none without new patients."""
    rows: list[dict[str, Any]] = []
    if new is not None:
        groups = [cohort.patient(patient_id).group for patient_id in new.patient_ids]
        generator = numbered_stream(seed, "visual check")
        for group in dict.fromkeys(groups):
            places = [index for index, name in enumerate(groups) if name == group]
            rows += [
                {"group": group, "unit": cohort.igg_unit, "level": level} | row
                for row in group_rows(new, places, generator, level)
            ]
    for row in rows:
        row |= {name: from_g_per_l(row[name], cohort.igg_unit) for name in ("observed", "median", "lower", "upper")}
    return pd.DataFrame(rows, columns=list(VPC_COLUMNS))


def group_rows(
    new: CohortPosterior, places: list[int], generator: np.random.Generator, level: float
) -> list[dict[str, Any]]:
    """Rows of one group, IgG in g/L."""
    error = new.error.reshape(-1, 2)
    problems = [new.problems[index] for index in places]
    made = [
        replicates(
            np.add(*igg_curve(new.of_patient(index), problem.schedule, problem.day)), error, problem.kind, generator
        )
        for index, problem in zip(places, problems, strict=True)
    ]
    day = np.concatenate([problem.day for problem in problems])
    limit = np.concatenate([problem.limit for problem in problems])
    igg = np.concatenate([problem.igg for problem in problems])
    measured = np.select([limit < 0, limit > 0], [-np.inf, np.inf], igg)
    simulated = np.concatenate(made, axis=1)
    rows = []
    for inside in bins(day):
        for percentile in PERCENTILES:
            # a percentile that is one of the values: between a value and an unknown one there is nothing
            seen = np.quantile(measured[inside], percentile / 100.0, method="inverted_cdf")
            drawn = np.quantile(simulated[:, inside], percentile / 100.0, axis=1, method="inverted_cdf")
            median, lower, upper = interval(drawn, level)
            rows.append(
                {
                    "first_day": float(day[inside].min()),
                    "last_day": float(day[inside].max()),
                    "n_samples": int(inside.sum()),
                    "percentile": percentile,
                    "observed": float(seen) if np.isfinite(seen) else np.nan,
                    "median": median,
                    "lower": lower,
                    "upper": upper,
                }
            )
    return rows


def bins(day: Floats) -> list[np.ndarray]:
    """Samples (masks) in intervals of days with about equally many each, one for every SAMPLES_PER_BIN."""
    n = int(np.clip(day.size // SAMPLES_PER_BIN, 1, MOST_BINS))
    edges = np.unique(np.quantile(day, np.linspace(0.0, 1.0, n + 1)[1:-1]))
    which = np.searchsorted(edges, day, side="left")
    return [which == k for k in range(edges.size + 1) if np.any(which == k)]
