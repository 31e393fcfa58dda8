"""The verdict on the chains: what is reported decides, single patients and a few divergences warn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from igkinetics.hierarchical.diagnostics import (
    GOOD,
    WORST_PATIENT,
    Run,
    diagnostics_table,
    passes,
    verdict,
    with_estimands,
)

GENERATOR = np.random.default_rng(2)
CHAINS, DRAWS = 4, 1000
CALM = GENERATOR.standard_normal((CHAINS, DRAWS))
RUN = Run(CHAINS * DRAWS, False, {})


def stuck() -> np.ndarray:
    """Chains that stay near values of their own: R-hat far above 1."""
    return GENERATOR.standard_normal((CHAINS, DRAWS)) + 3.0 * np.arange(CHAINS)[:, None]


def table(z: np.ndarray | None = None, diverged: int = 0, deepest: int = 0) -> pd.DataFrame:
    statistics = {
        "diverging": np.arange(CHAINS * DRAWS).reshape(CHAINS, DRAWS) < diverged,
        "energy": GENERATOR.standard_normal((CHAINS, DRAWS)),
        "max_tree_depth_reached": np.arange(CHAINS * DRAWS).reshape(CHAINS, DRAWS) < deepest,
    }
    z = GENERATOR.standard_normal((CHAINS, DRAWS, 2, 3)) if z is None else z
    return diagnostics_table(
        {"CL": CALM}, z, statistics, interrupted=False, patients=("A", "B"), names=("CL", "V1", "k_rec")
    )


def test_a_patient_who_mixes_badly_is_named_and_fails_nothing() -> None:
    z = GENERATOR.standard_normal((CHAINS, DRAWS, 2, 3))
    z[:, :, 1, 2] = stuck()
    found = with_estimands(table(z), {"nadir_change_att": CALM[::-1]}, RUN)
    said = verdict(found)
    assert passes(said)
    assert "parameters of single patients: R-hat up to" in said
    assert "(B, k_rec)" in said
    assert found.set_index("parameter").loc[WORST_PATIENT, "value"] == "B, k_rec"


def test_an_estimand_that_mixes_badly_fails() -> None:
    found = with_estimands(table(), {"nadir_change_att": CALM, "mean_igg_change_att": stuck()}, RUN)
    assert list(found["parameter"][:3]) == ["CL", "nadir_change_att", "mean_igg_change_att"]
    assert list(found["parameter"]).count("verdict") == 1
    assert not passes(verdict(found))
    assert "mean_igg_change_att" in verdict(found)
    assert verdict(with_estimands(table(), {"nadir_change_att": CALM}, RUN)) == GOOD


@pytest.mark.parametrize(("shift", "passed"), [(0.15, True), (3.0, False)])
def test_what_patients_share_warns_before_it_fails(shift: float, passed: bool) -> None:
    """Chains of CL a little apart: the estimand has mixed, and decides; far apart they fail it."""
    apart = CALM + shift * np.arange(CHAINS)[:, None]
    rows = table()
    alone = diagnostics_table({"CL": apart}, GENERATOR.standard_normal((CHAINS, DRAWS, 2, 3)),
                              {"diverging": np.zeros((CHAINS, DRAWS)), "energy": CALM,
                               "max_tree_depth_reached": np.zeros((CHAINS, DRAWS))}, interrupted=False)  # fmt: skip
    assert not passes(verdict(alone))  # nothing else decides there
    rows.loc[rows["parameter"] == "CL", ["r_hat", "ess_bulk", "ess_tail"]] = alone.loc[
        0, ["r_hat", "ess_bulk", "ess_tail"]
    ].to_numpy()
    said = verdict(with_estimands(rows, {"nadir_change_att": CALM}, RUN))
    assert passes(said) == passed
    assert "CL" in said


@pytest.mark.parametrize(("diverged", "passed"), [(1, True), (40, True), (41, False)])
def test_one_divergence_in_four_thousand_is_no_failure(diverged: int, passed: bool) -> None:
    said = verdict(table(diverged=diverged))
    assert passes(said) is passed
    assert f"{diverged} of 4000 draws diverged" in said


def test_tree_depth_warns() -> None:
    said = verdict(table(deepest=2))
    assert passes(said)
    assert "2 of 4000 draws met the largest tree depth" in said


def test_what_never_varies_and_what_was_thinned_fail_nothing() -> None:
    run = Run(4000, False, {"nadir_change_atc": 400})
    found = with_estimands(
        table(), {"nadir_change_att": np.zeros((CHAINS, DRAWS)), "nadir_change_atc": CALM[:, ::10]}, run
    )
    assert verdict(found) == GOOD
    assert found.set_index("parameter").loc["nadir_change_att", ["r_hat", "ess_bulk"]].isna().all()


def test_one_chain_cannot_agree_with_itself() -> None:
    one = diagnostics_table(
        {"CL": CALM[:1]},
        GENERATOR.standard_normal((1, DRAWS, 2, 3)),
        {"diverging": np.zeros((1, DRAWS)), "energy": CALM[:1], "max_tree_depth_reached": np.zeros((1, DRAWS))},
        interrupted=False,
    )
    assert "one chain alone" in verdict(one)
