"""The committed comparison of samplers: importance sampling gives what chains give."""

from __future__ import annotations

import pandas as pd
import pytest
from sampler_study import ESTIMANDS, TABLE, apart


def test_importance_sampling_and_chains_agree() -> None:
    """Within Monte Carlo error, also in width; at a fraction of the time."""
    table = apart(pd.read_csv(TABLE))
    assert {("example", estimand) for estimand in ESTIMANDS} <= set(table.index)
    assert table["standard_errors"].abs().max() < 3.5
    assert table["width_ratio"].between(0.88, 1.14).all()


def test_the_distance_is_in_standard_errors_of_medians() -> None:
    row = {"cohort": "a", "estimand": "e", "lower": 0.0, "mcse": 0.3, "cpu_seconds": 1.0}
    rows = [
        row | {"sampler": "laplace", "median": 2.0, "upper": 4.0},
        row | {"sampler": "nuts", "median": 1.0, "upper": 5.0},
    ]
    (one,) = apart(pd.DataFrame(rows)).to_dict("records")
    assert one["standard_errors"] == pytest.approx(1.0 / (1.2533 * 0.3 * 2**0.5), rel=1e-3)
    assert one["width_ratio"] == pytest.approx(0.8)
