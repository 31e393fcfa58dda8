"""Visual predictive checks: percentiles of the record against those of simulations of its own design."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.kinetics.parameters import Floats

PERCENTILES: Final = (5.0, 50.0, 95.0)
MOST_BINS: Final = 8
Mask = npt.NDArray[np.bool_]
SAMPLES_PER_BIN: Final = 10
COLUMNS: Final[dict[str, str]] = {
    "kind": "vpc; pcvpc: prediction-corrected (Bergstrand and others, AAPS J 2011;13:143); share_below: of samples "
    "below the lower limit",
    "first_day": "first day of the bin",
    "last_day": "last day of the bin",
    "n": "samples in the bin",
    "percentile": "of the levels; empty for share_below",
    "observed": "in the record; empty where it lies below a limit",
    "median": "of the same in simulations",
    "lower": "lower end of the interval of the same in simulations",
    "upper": "upper end",
    "unit": "unit of the values",
    "level": "level of the interval",
}


def bins_of(day: Floats) -> list[Mask]:
    """Masks of samples by day: bins of about as many samples each."""
    n = int(np.clip(day.size // SAMPLES_PER_BIN, 1, MOST_BINS))
    edges = np.unique(np.quantile(day, np.linspace(0.0, 1.0, n + 1)))
    if edges.size < 2:
        return [np.ones(day.size, dtype=bool)]
    place = np.clip(np.searchsorted(edges, day, side="left") - 1, 0, edges.size - 2)
    return [mask for number in range(edges.size - 1) if (mask := place == number).any()]


def lower_limits(cohort: CohortArrays) -> Floats:
    """The lower limit of each sample's patient: the highest met, else the highest of the cohort; nan where none is."""
    limits = np.where(cohort.limit < 0, cohort.igg, np.nan)
    if np.all(np.isnan(limits)):
        return limits
    everybody = np.nanmax(limits)
    found = np.empty(limits.size)
    for first, last in zip(cohort.sample_bounds[:-1], cohort.sample_bounds[1:], strict=True):
        own = limits[first:last]
        found[first:last] = np.nanmax(own) if np.any(~np.isnan(own)) else everybody
    return found


def vpc_rows(cohort: CohortArrays, pred: Floats, replicates: Floats, level: float) -> list[dict[str, Any]]:
    """Rows of COLUMNS but `unit`, levels in g/L. replicates (k, n_samples): simulated values."""
    ends = (0.5 - level / 2, 0.5, 0.5 + level / 2)
    observed = np.select([cohort.limit < 0, cohort.limit > 0], [-np.inf, np.inf], cohort.igg)
    limits = lower_limits(cohort)
    rows: list[dict[str, Any]] = []
    for mask in bins_of(cohort.day):
        days = {"first_day": cohort.day[mask].min(), "last_day": cohort.day[mask].max(), "n": int(mask.sum())}
        usual = np.median(pred[mask])
        corrected = np.where(pred[mask] > 0, usual / np.where(pred[mask] > 0, pred[mask], 1.0), 1.0)
        for kind, factor in (("vpc", np.ones(corrected.size)), ("pcvpc", corrected)):
            seen = np.percentile(observed[mask] * factor, PERCENTILES, method="lower")
            drawn = np.percentile(replicates[:, mask] * factor, PERCENTILES, axis=1, method="lower")
            for percentile, value, draws in zip(PERCENTILES, seen, drawn, strict=True):
                lower, median, upper = np.quantile(draws, ends)
                rows.append(
                    {
                        "kind": kind,
                        **days,
                        "percentile": percentile,
                        "observed": value if np.isfinite(value) else np.nan,
                    }
                    | {"median": median, "lower": lower, "upper": upper, "level": level}
                )
        if np.any(~np.isnan(limits)):
            below = (replicates[:, mask] < limits[mask]).mean(axis=1)
            lower, median, upper = np.quantile(below, ends)
            rows.append(
                {"kind": "share_below", **days, "percentile": np.nan, "observed": np.mean(cohort.limit[mask] < 0)}
                | {"median": median, "lower": lower, "upper": upper, "level": level}
            )
    return rows


def vpc_table(
    cohort: CohortArrays, pred: Floats, replicates: Floats, *, level: float, unit: str, factor: float
) -> pd.DataFrame:
    """COLUMNS, levels in the cohort's unit; factor: one g/L in it."""
    table = pd.DataFrame(vpc_rows(cohort, pred, replicates, level))
    levels = table["kind"] != "share_below"
    for name in ("observed", "median", "lower", "upper"):
        table.loc[levels, name] *= factor
    return table.assign(unit=np.where(levels, unit, "1"))[list(COLUMNS)]
