"""What is sampled again where a test of the fit speaks: what speaks is left out, and nobody leaves the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_posteriors import fitted_posterior
from test_misfit import cohort

from igkinetics.effect.exposure import exposures
from igkinetics.effect.misfit import MISFIT_COLUMNS, residuals, suspects
from igkinetics.effect.misfit_effects import HEAVY_TAILS, WITHOUT, reruns
from igkinetics.fit.likelihood import STUDENT_T
from igkinetics.hierarchical.fit import HierarchicalOptions, prepare_cohort
from made_records import CARD


def spoken(*tests: str) -> pd.DataFrame:
    return pd.DataFrame([{"test": test, "speaks": True} for test in tests]).reindex(columns=list(MISFIT_COLUMNS))


@pytest.mark.parametrize("test", ["study day", "neighbours", "tails"])
def test_what_speaks_is_left_out_and_everybody_stays(test: str) -> None:
    made = cohort(3, "platform", n=12)
    posterior = fitted_posterior(made, 60)
    prepared = prepare_cohort(made, CARD, HierarchicalOptions(keep_all=True))
    found = residuals(made, posterior, exposures(made, posterior, 70.0), 1)
    assert found is not None
    asked = reruns(spoken(test), found, prepared)
    (name,) = asked
    again = asked[name]
    assert len(again.members) == len(prepared.members)
    if test == "tails":
        assert name == HEAVY_TAILS
        assert again.arrays.kind == STUDENT_T
        assert again.arrays.igg.size == prepared.arrays.igg.size
        return
    assert name.startswith(WITHOUT[test])
    gone = suspects(found, test)
    assert prepared.arrays.igg.size - again.arrays.igg.size == int(gone.sum()) > 0
    kept = np.concatenate([member.problem.igg for member in again.members])
    np.testing.assert_array_equal(kept, again.arrays.igg)


def test_nothing_is_sampled_again_where_nothing_speaks() -> None:
    made = cohort(3, "right", n=4)
    prepared = prepare_cohort(made, CARD, HierarchicalOptions(keep_all=True))
    table = spoken("tails").assign(speaks=False)
    assert reruns(table, None, prepared) == {}
