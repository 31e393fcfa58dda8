"""The cards that `evaluate` weighed, as the population of a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from igkinetics.errors import InputError
from igkinetics.scenarios.read_scenario import read_scenario

FILE = """
title = "mixed"
horizon_day = 56
thresholds_mg_dl = [400]
seed = 1
[population]
card = "stack"
weights = "found"
endogenous_card = "adult_b_cell_depletion"
n = 60
weight_kg = 70
covariates = { deficiency = "primary" }
[[regimen]]
name = "monthly"
dose_g_per_kg = 0.4
interval_day = 28
"""


def scenario(folder: Path, rows: str) -> Path:
    (folder / "found").mkdir()
    (folder / "found" / "evaluate.csv").write_text(f"card,n,weight\n{rows}", encoding="utf-8")
    path = folder / "mixed.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_stack_is_several_models_with_the_weights_of_evaluate(tmp_path: Path) -> None:
    rows = "adult_b_cell_depletion,9,0.7\nadult_b_cell_depletion,3,0.7\ntortorici_2019,9,0.3\nzhang_2020,9,0\n"
    models = read_scenario(scenario(tmp_path, rows)).scenario.population.models
    assert models is not None
    assert [(one.card, one.weight) for one in models] == [("adult_b_cell_depletion", 0.7), ("tortorici_2019", 0.3)]
    assert [one.endogenous_card for one in models] == [None, "adult_b_cell_depletion"]


def test_one_card_with_all_the_weight_is_that_card(tmp_path: Path) -> None:
    population = read_scenario(scenario(tmp_path, "tortorici_2019,9,1\n")).scenario.population
    assert (population.card, population.endogenous_card) == ("tortorici_2019", "adult_b_cell_depletion")
    assert population.models is None


def test_weights_that_are_not_there_are_told(tmp_path: Path) -> None:
    path = scenario(tmp_path, "tortorici_2019,9,1\n")
    (tmp_path / "found" / "evaluate.csv").unlink()
    with pytest.raises(InputError, match=r"population\.weights.*a folder written by `evaluate`"):
        read_scenario(path)
    path.write_text(FILE.replace('card = "stack"', 'card = "tortorici_2019"'), encoding="utf-8")
    with pytest.raises(InputError, match='goes with card = "stack"'):
        read_scenario(path)
    path.write_text(FILE.replace('weights = "found"\n', ""), encoding="utf-8")
    with pytest.raises(InputError, match="a folder of `evaluate`"):
        read_scenario(path)
