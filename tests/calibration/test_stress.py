"""Do nadir intervals hold where the model is wrong? The table of the last run is kept beside this file."""

from __future__ import annotations

import pandas as pd
import pytest
from stress_study import KINDS, LEVEL, SEED, TABLE, run_stress, stress_table

LEAST_COVERAGE = 0.91
LEAST_ENDOGENOUS = 0.90
MC_ERRORS = 2.5
"""A kind fails where its coverage lies so many Monte Carlo errors of the bar below it."""


def test_the_committed_table_is_of_this_study_and_meets_the_bars() -> None:
    """Quick. Kinds in KNOWN_SHORT miss a bar, which README tells; nothing else may."""
    kept = pd.read_csv(TABLE).set_index("kind")
    assert list(kept.index) == list(KINDS)
    assert (kept["seed"] == SEED).all()
    assert (kept["averaged_pareto_k_above_0.7"] == 0).all()
    for kind, row in kept.iterrows():
        slack = MC_ERRORS * (LEAST_COVERAGE * (1 - LEAST_COVERAGE) / row["averaged_fitted"]) ** 0.5
        assert row["averaged_coverage"] >= LEAST_COVERAGE - slack, kind
        assert row["averaged_coverage"] >= row["single_coverage"] - 0.06, kind
    right = kept.loc["right"]
    assert right["averaged_coverage"] <= 0.995
    assert right["averaged_median_width"] <= 1.35 * right["single_median_width"]
    assert right["averaged_mean_error"] <= 1.1 * right["single_mean_error"]


@pytest.mark.slow
def test_a_part_of_the_study_run_anew() -> None:
    """The model right, an illness, another laboratory: 40 patients each, other seeds than the table's."""
    found = stress_table(run_stress(["right", "illness", "platform"], 40, SEED + 1)).set_index("kind")
    assert (found["averaged_coverage"] >= 0.75).all()
    assert found.loc["right", "averaged_coverage"] >= 0.88
    for kind in ("illness", "platform"):
        assert found.loc[kind, "averaged_coverage"] > found.loc[kind, "single_coverage"]
    assert (found["averaged_pareto_k_above_0.7"] == 0).all()
    assert LEVEL == 0.95
