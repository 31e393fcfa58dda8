"""Is a step common to many patients named where there is one alone? The table of the last run is kept here."""

from __future__ import annotations

import pandas as pd
import pytest
from steps_study import KINDS, SEED, TABLE, row_of


def test_the_committed_table_is_of_this_study_and_meets_the_bars() -> None:
    kept = pd.read_csv(TABLE).set_index("kind")
    assert list(kept.index) == list(KINDS)
    assert (kept["seed"] == SEED).all()
    assert list(kept["cohorts"]) == [kind.cohorts for kind in KINDS.values()]
    right = kept.loc[["right", "right_by_rule"]]
    assert right["named"].sum() <= 0.03 * right["cohorts"].sum()
    for name in ("step_by_day", "step_by_date"):
        assert kept.loc[name, "named_rightly"] >= 0.5 * kept.loc[name, "cohorts"]
        assert kept.loc[name, "mean_size"] == pytest.approx(KINDS[name].step, abs=0.03)


@pytest.mark.slow
def test_a_part_of_the_study_run_anew() -> None:
    assert row_of("right", 20, SEED + 1000)["named"] <= 2
    assert row_of("step_by_date", 20, SEED + 1000)["named_rightly"] >= 8
