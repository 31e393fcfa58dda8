"""The committed recovery study: what was found of a population that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

TABLE = pd.read_csv(Path(__file__).with_name("population_recovery.csv")).set_index("parameter")
TYPICAL = ["CL", "V1", "C_base", "S_unknown"]


def test_typical_values_are_found_and_intervals_cover() -> None:
    own = TABLE.loc[TYPICAL]
    assert (own["n"] == 500).all()
    assert (own["bias_percent"].abs() < np.maximum(2.0, 3.0 * own["bias_mc_error"])).all()
    assert (own["coverage"].drop("S_unknown") > 0.93).all()
    # FOCEI puts S too low by a fifth of a standard error (below), so that the interval covers 0.92, as the guide says
    assert own.loc["S_unknown", "coverage"] > 0.91
    assert (own["mean_se_percent"] / own["sd_percent"]).between(0.95, 1.05).all()


def test_what_is_left_of_the_bias_is_the_approximation_and_not_the_likelihood() -> None:
    """In the same cohorts the integral's maximum lies above FOCEI's about as far as FOCEI's lies below the truth."""
    moved = pd.read_csv(Path(__file__).with_name("population_exact.csv")).set_index("parameter")
    for name in ("S_unknown", "C_base", "omega_V1", "omega_CL"):
        left = TABLE.loc[name, "bias_percent"] + moved.loc[name, "move_percent"]
        error = np.hypot(TABLE.loc[name, "bias_mc_error"], moved.loc[name, "move_mc_error"])
        assert abs(left) < abs(TABLE.loc[name, "bias_percent"]) + error
        assert moved.loc[name, "move_percent"] > 0
