"""Every verb from Python: keywords, and results that name their tables, write them and make a page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import igkinetics as igk
from igkinetics.compare.run import GroupComparison
from igkinetics.dose.result import DoseResult
from igkinetics.effect.result import CohortEffect
from igkinetics.evaluate.result import ForecastEvaluation
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.forecast.result import CohortForecast
from igkinetics.output.answer import Answer, named
from igkinetics.scenarios.result import ScenarioResult
from igkinetics.simulate.simulated import SimulatedCohort

FITTED = (CohortFit, CohortForecast, ForecastEvaluation, GroupComparison, CohortEffect)
ANSWERS = (*FITTED, DoseResult, ScenarioResult, SimulatedCohort)
VIRTUAL = {"card": "tortorici_2019", "n": 50, "weight_kg": 70, "covariates": {"deficiency": "primary"}}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda kind: kind.__name__)
def test_who_writes_a_result_is_there(answer: type[Answer]) -> None:
    assert callable(named(answer.FILES))
    assert named(answer.FOLDER).names
    assert answer.PAGE == "" or callable(named(answer.PAGE))


def test_a_scenario_from_a_call_is_written_like_that_of_the_command(tmp_path: Path) -> None:
    result = igk.simulate_regimens(
        {key: value for key, value in VIRTUAL.items() if key != "deficiency"}
        | {"covariates": {"deficiency": "primary"}},
        [{"name": "monthly", "dose_g_per_kg": 0.4, "interval_day": 28}],
        horizon_day=112,
        thresholds=[500],
        seed=1,
    )
    assert set(result.tables) >= {"outcomes", "trajectories", "search"}
    result.write(tmp_path / "out")
    assert len(pd.read_csv(tmp_path / "out" / "outcomes.csv")) == len(result.outcomes)
    with pytest.raises(igk.InputError, match="exists already"):
        result.write(tmp_path / "out")
    result.report(tmp_path / "page.html")
    assert "monthly" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_search_from_a_call_finds_the_cheapest_of_its_candidates() -> None:
    result = igk.search_regimens(
        {"card": "adult_b_cell_depletion", "n": 50, "weight_kg": 70},
        {"quantity": "trough", "at_least": 500, "probability": 0.5},
        dose_g_per_kg=[0.2, 0.4, 0.8],
        interval_day=[28],
        horizon_day=112,
        thresholds=[500],
        seed=1,
    )
    meets = result.search[result.search["meets_target"].astype(bool)]
    assert len(result.search) == 3
    assert result.search.loc[result.search["cheapest"].astype(bool), "grams"].item() == meets["grams"].min()
    with pytest.raises(igk.InputError, match=re.escape("did you mean 'dose_g_per_kg'")):
        igk.search_regimens(
            "tortorici_2019", {}, interval_day=[28], horizon_day=9, thresholds=[5], seed=1, dose_per_kg=1
        )


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in ("pymc", "pytensor", "nutpie"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import importlib.util as util
found = util.find_spec
util.find_spec = lambda name, package=None: None if name in ("pymc", "pytensor", "nutpie") else found(name, package)
"""


def test_without_the_extra_effect_says_what_to_install_and_the_rest_is_there() -> None:
    calls = (
        "import igkinetics as igk\n"
        "for name in igk.__all__:\n    getattr(igk, name)\n"
        "cohort = igk.read_cohort(samples={'patient_id': ['A'], 'day': [0], 'igg': [600]}, igg_unit='mg/dL')\n"
        "try:\n    igk.fit_effect(cohort)\nexcept igk.InputError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + calls], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "PyMC, PyTensor, nutpie not installed" in done.stdout
    assert "pip install 'igkinetics[effect]'" in done.stdout
