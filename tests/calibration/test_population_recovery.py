"""Bias and coverage of every population parameter in the committed replicates of population_study.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

TABLE = pd.read_csv(Path(__file__).with_name("population.csv"))
PARAMETERS = sorted(TABLE["parameter"].unique())


def test_every_replicate_has_a_maximum() -> None:
    assert TABLE.groupby("replicate")["converged"].first().mean() > 0.98


@pytest.mark.parametrize("name", PARAMETERS)
def test_estimates_scatter_around_the_truth_as_their_standard_errors_say(name: str) -> None:
    rows = TABLE[(TABLE["parameter"] == name) & TABLE["converged"]]
    off, n = rows["estimate"] - rows["truth"], len(rows)
    inside = (off.abs() < 1.96 * rows["se"]).mean()
    assert abs(off.mean()) < 0.35 * off.std() + 3 * off.std() / np.sqrt(n)
    assert 0.95 - 0.05 - 3 * np.sqrt(0.05 * 0.95 / n) < inside < 0.95 + 0.03
    assert rows["se"].median() == pytest.approx(off.std(), rel=0.25)
