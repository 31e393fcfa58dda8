# ruff: noqa: E501 (what is said, word by word)
"""A scenario file with every mistake a person makes is answered with file, key, value and what is expected, at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from igkinetics.errors import InputError
from igkinetics.scenarios.read_scenario import read_scenario

SLIPS = """\
title = "Everything wrong"
horizon_day = 365
threshold = [400]
seed = 1

[population]
card = "tortorici2019"
n = 0
weight_kg = { mean = 15, sd = 3 }

[therapy]
cycles = 4
on_day = 28

[[regimen]]
name = "a"
dose = 0.4
interval_day = 0

[[regimen]]
name = "b"
dose_g_per_kg = "0.4 g/kg"
interval_dya = 28

[search]
target = { at_least_mg_dl = 500, probability = 90 }
dose_g_per_kg = [0.2, 1.0]
interval_day = [28]
"""
SAID_OF_SLIPS = """\
slips.toml: 10 problems
  population.card: found 'tortorici2019'; did you mean 'tortorici_2019'? must be CARDS, or a path to a .toml file
  population.n: found '0'; must be 1 or more
  therapy.off_day: found ''; needed
  regimen[a].interval_day: found '0'; must be above 0
  regimen[a].dose: found 'dose'; unknown key; did you mean 'dose_g'?
  regimen[b].dose_g_per_kg: found '0.4 g/kg'; must be a number
  regimen[b].interval_dya: found 'interval_dya'; unknown key; did you mean 'interval_day'?
  search.target.quantity: found ''; needed
  search.target.probability: found '90'; must be below 1
  threshold: found 'threshold'; unknown key; did you mean 'thresholds'?
"""
CONTRADICTIONS = """\
horizon_day = 100
thresholds_mg_dl = [500, 400]
seed = 1
[population]
card = "tortorici_2019"
weight_kg = { mean = 15, sd = 3 }
deficiency = "tertiary"
age = 30
[therapy]
cycles = 4
on_day = 28
off_day = 14
[[regimen]]
name = "a"
dose_g_per_kg = 0.4
interval_day = 28
route = "sc"
weight = "lean"
[[regimen]]
name = "a"
dose_g = 30
interval_day = 28
start_day = 120
"""
SAID_OF_CONTRADICTIONS = """\
contradictions.toml: 10 problems
  thresholds_mg_dl: found '[500.0, 400.0]'; must ascend, each value once
  population.age: found 'age'; unknown key; known: card, endogenous_card, weight_kg, height_cm, sex, covariates, disposition, models, weights, n, effect, patients, new, fit, patient, from_day, day_zero
  regimen[a].name: found 'a'; regimens need different names
  regimen[a].start_day: found '120'; must be before horizon_day, 100
  population.endogenous_card: found ''; needed with [therapy]: tortorici_2019 keeps endogenous IgG constant, so therapy could not act
  population.weight_kg: found 'mean 15, sd 3'; must lie between 20 and 200 for tortorici_2019: Q and V2 carry no weight, so half-lives of small patients are too long
  regimen[a].route: found 'sc'; tortorici_2019 has no absorption (ka, F); only 'iv'
  population.covariates.deficiency: found 'tertiary'; must be one of primary, secondary for tortorici_2019
  population.height_cm: found ''; needed for weight = 'lean' of 'a'
  population.sex: found ''; needed for weight = 'lean' of 'a'
"""


def said_of(text: str, path: Path) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_scenario(path)
    return str(caught.value) + "\n"


def test_slips_are_told_all_at_once(tmp_path: Path) -> None:
    from igkinetics.cards.load import list_cards

    expected = SAID_OF_SLIPS.replace("CARDS", ", ".join(list_cards()))
    assert said_of(SLIPS, tmp_path / "slips.toml") == expected


def test_contradictions_between_sound_parts_are_told_all_at_once(tmp_path: Path) -> None:
    assert said_of(CONTRADICTIONS, tmp_path / "contradictions.toml") == SAID_OF_CONTRADICTIONS


START = """\
horizon_day = 100
thresholds_mg_dl = [400]
seed = 1
[[regimen]]
name = "none"
[population]
"""
POPULATIONS = {
    "weight_kg = 70": "population.card: found ''; give one of 'card', 'models', 'effect' and 'fit'",
    'card = "tortorici_2019"': "population.weight_kg: found ''; needed: { mean = 75, sd = 15 } or one number, kg",
    'fit = "nowhere"\nday_zero = 2024-01-01': "population.day_zero: found '2024-01-01'; goes with one `patient` of `fit`",
    'fit = "nowhere"\nnew = 10': "population.new: found '10'; goes with `effect`",
    'fit = "nowhere"\npatient = "P07"': "population.fit: found 'nowhere'; must be a folder written by `fit` of this version; "
    "it has no run.json, draws.parquet, events.parquet",
    'fit = "nowhere"\npatient = "P07"\nn = 10': "population.n: found 'given'; belongs to `card`; the patients of `fit` bring "
    "their own",
    'card = "tortorici_2019"\nweight_kg = 70\npatient = "P07"': "population.patient: found 'P07'; goes with `fit`",
    'models = [{ card = "tortorici_2019", weight = 1 }]\nweight_kg = 70': "population.models",
    'card = "tortorici_2019"\nweight_kg = 70\nfrom_day = 3': "population.from_day: found '3.0'; goes with `fit` or the own",
}


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda text: text.replace("\n", "; "))
def test_populations_that_say_too_little_or_too_much(population: str, tmp_path: Path) -> None:
    from igkinetics.scenarios.run import run_scenario

    path = tmp_path / "population.toml"
    path.write_text(START + population, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        run_scenario(path)
    assert POPULATIONS[population] in str(caught.value)
    assert len(caught.value.problems) == 1


def test_what_a_card_asks_of_a_person_is_told_as_a_key_of_the_file(tmp_path: Path) -> None:
    from igkinetics.scenarios.run import run_scenario

    path = tmp_path / "lean.toml"
    path.write_text(START + 'card = "li_2022"\nweight_kg = 70', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        run_scenario(path)
    assert [(one.file, one.column) for one in caught.value.problems] == [
        ("lean.toml", "population.height_cm"),
        ("lean.toml", "population.sex"),
    ]


@pytest.mark.parametrize("agent", ["IVIG", "Privigen", "prednisone", "albumin", "none", "no blinatumomab"])
def test_an_agent_that_depletes_nothing_is_no_therapy(agent: str, tmp_path: Path) -> None:
    """Each cycle is taken as B-cell depletion, whatever the agent is called."""
    therapy = f'[therapy]\ncycles = 2\non_day = 28\noff_day = 14\nagent = "{agent}"\n'
    regimen = '[[regimen]]\nname = "a"\ndose_g_per_kg = 0.4\ninterval_day = 28\n'
    population = '[population]\ncard = "adult_b_cell_depletion"\nn = 20\nweight_kg = { mean = 70, sd = 10 }\n'
    text = f"horizon_day = 100\nthresholds_mg_dl = [400]\nseed = 1\n{population}{therapy}{regimen}"
    assert f"therapy.agent: found '{agent}'; therapy is taken as B-cell depletion" in said_of(text, tmp_path / "a.toml")
    known = text.replace(f'"{agent}"', '"prednisone and blinatumomab"')
    path = tmp_path / "known.toml"
    path.write_text(known)
    assert read_scenario(path).scenario.therapy.agent == "prednisone and blinatumomab"
