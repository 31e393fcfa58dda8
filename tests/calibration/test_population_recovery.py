"""The committed recovery study: what was found of a population that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

TABLE = pd.read_csv(Path(__file__).with_name("population_recovery.csv")).set_index("parameter")
TYPICAL = ["CL", "V1", "C_base", "S_unknown"]


def test_typical_values_are_found_and_intervals_cover() -> None:
    own = TABLE.loc[TYPICAL]
    assert (own["n"] >= 100).all()
    assert (own["bias_percent"].abs() < np.maximum(2.0, 3.0 * own["bias_mc_error"])).all()
    assert (own["coverage"].drop("S_unknown") > 0.93).all()
    assert own.loc["S_unknown", "coverage"] > 0.85  # 0.90 (standard error 0.02): a little too narrow, as the guide says
