"""Policy contrasts, the decomposition and the emulated target trial against known truth: the tables judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from policy_study import CONTRASTS, FILE, NAIVE, TRIAL_FILE, coverage, emulation_of, run, trial_coverage

HERE = Path(__file__).parent
LEVEL = 0.95
MC_ERRORS = 3.0
"""A quantity fails where its coverage lies so many Monte Carlo errors below the level."""

TOO_NARROW = {"at visits - as recorded: nadir", "at visits - as recorded: days_below"}
"""Known to fall short, and told on the page and in docs/model.md 5.6: a rule against what was recorded."""


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return coverage(pd.read_csv(HERE / FILE))


def test_intervals_of_contrasts_and_of_the_decomposition_hold_the_truth(table: pd.DataFrame) -> None:
    ours = table[~table.index.str.startswith(NAIVE)]
    assert len(ours) == sum(map(len, CONTRASTS.values())) + 6
    assert (ours["cohorts"] == 100).all()
    error = np.sqrt(LEVEL * (1 - LEVEL) / ours["cohorts"])
    held = ours["share"] >= LEVEL - MC_ERRORS * error
    assert set(ours.index[~held]) <= TOO_NARROW, ours.sort_values("share").head()
    assert ours.loc[list(TOO_NARROW), "share"].min() >= 0.7
    assert 0.91 <= ours["share"].mean() <= 0.99
    assert (ours["mean_error"].abs() < 0.5 * ours["mean_width"]).all()


def test_the_naive_difference_seldom_holds_it(table: pd.DataFrame) -> None:
    naive = table[table.index.str.startswith(NAIVE)]
    ours = table[~table.index.str.startswith(NAIVE)]
    assert len(naive) == 2
    assert (naive["share"] < ours["share"].min() - 0.2).all(), naive
    assert (naive["mean_error"] < -0.8 * naive["mean_truth"]).all()  # it misses nearly all of the effect


def test_the_emulated_trial_finds_the_contrast_that_unweighted_records_miss() -> None:
    found = trial_coverage(pd.read_csv(HERE / TRIAL_FILE))
    assert set(found.index) == {"lowest_measured", "mean_measured"}
    assert (found["given"] >= 40).all()
    error = np.sqrt(LEVEL * (1 - LEVEL) / found["given"])
    assert (found["covered"] / found["given"] >= LEVEL - MC_ERRORS * error).all()
    assert (found["mean_error"].abs() < 0.1 * found["truth"]).all()
    assert (found["mean_unweighted_error"] < -0.3 * found["truth"]).all()


@pytest.mark.slow
def test_a_part_of_the_study_run_anew(tmp_path: Path) -> None:
    """Other cohorts than the table's."""
    found = coverage(pd.read_csv(run(3, tmp_path, first=1000)))
    ours = found[~found.index.str.startswith(NAIVE)]
    assert ours["share"].mean() > 0.8
    trials = trial_coverage(pd.concat([emulation_of(number) for number in range(1000, 1010)]))
    assert (trials["mean_error"].abs() < 0.25 * trials["truth"]).all()
