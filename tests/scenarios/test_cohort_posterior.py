"""A cohort posterior as population: its own patients, some of them, or new ones.

The posterior is made here, so that its truth is known; the file has the form that `effect` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import igkinetics as igk
from igkinetics.cards.prior import PRIOR_PARAMETERS
from igkinetics.errors import InputError
from igkinetics.scenarios.new_patients import correlation_roots

xarray = pytest.importorskip("xarray")
ROOT = Path(__file__).resolve().parents[2]
EVERY_4_WEEKS = {"name": "a", "dose_g_per_kg": 0.4, "interval_day": 28}
FIXED: dict[str, Any] = {"horizon_day": 168, "thresholds": [400], "seed": 1}


def value(table: pd.DataFrame, outcome: str, column: str = "mean") -> float:
    return float(table[table["outcome"] == outcome][column].iloc[0])


def test_own_patients_are_all_of_the_cohort_with_a_trajectory_each(effect: Path) -> None:
    found = igk.simulate_regimens({"effect": str(effect)}, [EVERY_4_WEEKS], **FIXED)
    cohort = igk.read_cohort(ROOT / "data" / "blina23")
    assert found.about.says == f"the 23 own patients of the cohort posterior in {effect.name} (nobody else), 180 draws"
    assert set(found.trajectories["patient_id"]) == {"", *cohort.patient_ids}
    weights = cohort.patients["weight_kg"].to_numpy(dtype=float)
    assert value(found.outcomes, "grams") == pytest.approx(np.mean(np.round(0.4 * weights, 3)) * 6, rel=1e-9)
    own = found.patient_outcomes[found.patient_outcomes["outcome"] == "trough"]
    assert own["mean"].mean() == pytest.approx(value(found.outcomes, "trough"), rel=1e-9)
    lower, upper = (value(found.outcomes, "trough", end) for end in ("lower", "upper"))
    inner = [value(found.outcomes, "trough", end) for end in ("mean_lower", "mean_upper")]
    assert lower < inner[0] < inner[1] < upper  # a mean over 23 is surer than one patient


def test_patients_can_be_named_and_are_then_the_same(effect: Path) -> None:
    everybody = igk.simulate_regimens({"effect": str(effect)}, [EVERY_4_WEEKS], **FIXED).patient_outcomes
    named = {"effect": str(effect), "patients": ["IVIG-02", "control-01"]}
    two = igk.simulate_regimens(named, [EVERY_4_WEEKS], **FIXED)
    assert "2 patients of the cohort posterior" in two.about.says
    for name in ("IVIG-02", "control-01"):
        rows = [table[table["patient_id"] == name]["mean"].to_numpy() for table in (everybody, two.patient_outcomes)]
        assert_allclose(rows[0], rows[1], rtol=1e-12)
    with pytest.raises(InputError, match=r"population.patients: found 'P99'; must be patients of"):
        igk.simulate_regimens({"effect": str(effect), "patients": ["P99"]}, [EVERY_4_WEEKS], **FIXED)


def test_new_patients_are_those_of_the_population_level(effect: Path) -> None:
    """Their clearance and volume follow the posterior of the population, not the card's."""
    patients = {"effect": str(effect), "new": 800, "weight_kg": 70}
    therapy = {"cycles": 2, "on_day": 28, "off_day": 14, "agent": "blinatumomab"}
    found = igk.simulate_regimens(patients, [EVERY_4_WEEKS, {"name": "none"}], therapy=therapy, **FIXED)
    assert "800 new patients" in found.about.says
    assert found.patient_outcomes.empty
    none = found.outcomes[found.outcomes["regimen"] == "none"]
    assert value(none, "peak", "median") < 600  # C_base 5.0, not the card's 6.0
    area = found.outcomes[found.outcomes["regimen"] == "a"]
    # near steady state: dose / CL; log-normal with typical 0.14 and omega 0.2
    assert value(area, "auc_tau_infused", "median") == pytest.approx(28.0 / 0.14, rel=0.08)
    spread = np.log(value(area, "auc_tau_infused", "upper") / value(area, "auc_tau_infused", "lower")) / 3.92
    assert spread == pytest.approx(np.hypot(0.2, 0.05), rel=0.2)
    assert value(area, "trough", "mean_lower") < value(area, "trough") < value(area, "trough", "mean_upper")


def test_correlations_of_the_posterior_reach_new_patients(effect: Path) -> None:
    """CL and C_base together: what each patient needs and makes."""
    with xarray.open_dataset(effect / "posterior.nc", group="posterior", engine="h5netcdf") as posterior:
        chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
        correlated = posterior.load().assign(correlation_CL_C_base=(("chain", "draw"), np.full((chains, draws), 0.8)))
    roots = correlation_roots(correlated, chains * draws)
    matrix = roots[5] @ roots[5].T
    cl, c_base = PRIOR_PARAMETERS.index("CL"), PRIOR_PARAMETERS.index("C_base")
    assert matrix[cl, c_base] == pytest.approx(0.8)
    np.fill_diagonal(matrix, 0.0)
    assert np.count_nonzero(matrix) == 2
    assert_allclose(correlation_roots(posterior, 3), np.tile(np.eye(len(PRIOR_PARAMETERS)), (3, 1, 1)))
