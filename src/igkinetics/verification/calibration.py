"""Committed studies of calibration, shown beside what they should give; they take hours and are not rerun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import chi2

from igkinetics.resources import study_table
from igkinetics.units import INTERVAL_LEVEL
from igkinetics.verification.comparison import Comparison, not_run

COVERAGE: Final = "coverage study, tests/calibration/coverage.csv"
STRESS: Final = "stress study, tests/calibration/stress.csv"
SBC: Final = "simulation-based calibration, tests/calibration/effect_sbc.csv"
COVERED: Final = ("C_base", "CL", "fitted_nadir", "endogenous_nadir")
MC_ERRORS: Final = 3.0
WANTED: Final = (0.93, 0.98)
"""Of averaged 95 % intervals where the model is right: they are wider than it alone would need, on purpose."""
BINS: Final = 10
N_RANKS: Final = 100
"""Ranks are 0 to 99."""
NO_RANKS: Final = ("task", "replicate", "divergences", "least_ess", "seconds", "versions")
MISSING: Final = "the table is not part of this installation"


def comparisons() -> Iterator[Comparison]:
    yield from of_table("coverage.csv", COVERAGE, coverage)
    yield from of_table("stress.csv", STRESS, stress)
    yield from of_table("effect_sbc.csv", SBC, ranks)


def of_table(name: str, source: str, rows: Callable[[pd.DataFrame], Iterator[Comparison]]) -> Iterator[Comparison]:
    path = study_table(name)
    if path is None:
        yield not_run(source, name, "", MISSING)
    else:
        yield from rows(pd.read_csv(path))


def shown(source: str, case: str, inputs: str, expected: float, found: float, tolerance: float, n: int) -> Comparison:
    """A row that speaks of itself: within the tolerance or beyond it, and no verdict on this installation."""
    return Comparison(
        source=source,
        case=case,
        inputs=inputs,
        verdict="shown",
        expected=expected,
        found=found,
        tolerance=tolerance,
        n_values=n,
        note="within the tolerance" if abs(found - expected) <= tolerance else "beyond the tolerance",
    )


def coverage(table: pd.DataFrame) -> Iterator[Comparison]:
    """Shares of 95 % intervals of one patient's fit that hold the truth, when the model is right.

    Expected is the middle of what is wanted, the tolerance the way to its ends and three Monte Carlo errors.
    """
    lowest, highest = WANTED
    for row in table.to_dict("records"):
        group = "all patients" if row["by"] == "all" else f"{row['by']} {row['value']}"
        for name in COVERED:
            monte_carlo = MC_ERRORS * float(np.sqrt(INTERVAL_LEVEL * (1 - INTERVAL_LEVEL) / row["n"]))
            tolerance = (highest - lowest) / 2 + monte_carlo
            inputs = f"{group}; {row['versions']}"
            expected = (lowest + highest) / 2
            yield shown(COVERAGE, f"{name} covered", inputs, expected, row[name], tolerance, int(row["n"]))


def stress(table: pd.DataFrame) -> Iterator[Comparison]:
    """The same of the averaged fitted nadir, when the model is wrong."""
    for row in table.to_dict("records"):
        tolerance = MC_ERRORS * float(np.sqrt(INTERVAL_LEVEL * (1 - INTERVAL_LEVEL) / row["averaged_fitted"]))
        inputs = f"{row['what']}; {row['versions']}"
        found, n = row["averaged_coverage"], int(row["averaged_fitted"])
        yield shown(STRESS, f"nadir covered, {row['kind']}", inputs, INTERVAL_LEVEL, found, tolerance, n)


def ranks(table: pd.DataFrame) -> Iterator[Comparison]:
    """Chi-squared statistic of each quantity's ranks, beside its mean when calibrated; tolerance: P above 0.001."""
    tolerance = float(chi2.ppf(0.999, BINS - 1)) - (BINS - 1)
    even = len(table) / BINS
    for name in (column for column in table.columns if column not in NO_RANKS):
        counts, _ = np.histogram(table[name], bins=BINS, range=(0, N_RANKS))
        statistic = float(((counts - even) ** 2 / even).sum())
        inputs = f"{len(table)} cohorts, chi-squared of {BINS} bins of ranks; {table['versions'].iloc[0]}"
        yield shown(SBC, f"ranks of {name}", inputs, BINS - 1, statistic, tolerance, len(table))
