"""Do forecasts cover, are probabilities right, does `evaluate` find the card? The tables of the last runs lie here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cards_study import CARDS, run_cards
from cards_study import TABLE as CARDS_TABLE
from forecast_study import KINDS, LEVELS, N_RIGHT, RELIABILITY, SEED, TABLE, coverage_table, run_study

RIGHT = {0.5: 0.03, 0.8: 0.03, 0.95: 0.02}
"""How far coverage may lie from its level where the model is right ..."""
WRONG = 0.05
"""... and where it is wrong; beside Monte Carlo error."""
MC_ERRORS = 2.0


def mc_error(level: float, patients: pd.Series) -> pd.Series:
    """Three forecasts of one patient count as one, for they are not independent."""
    return np.sqrt(level * (1 - level) / patients)


def test_the_committed_table_is_of_this_study_and_meets_the_bars() -> None:
    kept = pd.read_csv(TABLE)
    kept = kept[kept["horizon"] == "all"].set_index("kind")
    assert list(kept.index) == list(KINDS)
    assert (kept["seed"] == SEED).all()
    assert kept.loc["right", "patients"] == N_RIGHT
    for level in LEVELS:
        off = (kept[f"pit_{100 * level:g}"] - level).abs()
        assert off["right"] <= RIGHT[level]
        allowed = WRONG + MC_ERRORS * mc_error(level, kept["patients"])
        assert (off <= allowed).all(), off[off > allowed]
        assert off.drop("right").mean() < 0.04
    assert kept.loc["right", "bias"] == pytest.approx(0, abs=0.01)


def test_probabilities_of_being_below_are_right() -> None:
    kept = pd.read_csv(RELIABILITY)
    assert (kept.groupby("model")["n"].sum() > 2900).all()
    error = np.sqrt(np.maximum(kept["p_mean"] * (1 - kept["p_mean"]), 0.004) / kept["n"])
    off = (kept["share_below"] - kept["p_mean"]).abs()
    assert (off <= 0.05 + MC_ERRORS * error).all()
    assert np.average(off, weights=kept["n"]) < 0.02


def test_evaluate_finds_the_card_that_made_a_cohort() -> None:
    kept = pd.read_csv(CARDS_TABLE)
    assert set(kept["card"]) == set(CARDS)
    assert kept["found"].mean() >= 0.9


@pytest.mark.slow
def test_a_part_of_the_studies_run_anew() -> None:
    """100 patients where the model is right, 40 in an illness, a cohort of each card; other seeds than the tables'."""
    found = coverage_table(run_study([("right", 100), ("illness", 40)], SEED + 1))
    found = found[found["horizon"] == "all"].set_index("kind")
    for level in LEVELS:
        assert found.loc["right", f"pit_{100 * level:g}"] == pytest.approx(level, abs=0.1)
        assert found.loc["illness", f"pit_{100 * level:g}"] == pytest.approx(level, abs=0.17)
    assert run_cards(1, 52)["found"].mean() >= 0.75
