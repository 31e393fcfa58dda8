"""A cohort posterior as population: its own patients, some of them, or new ones.

The posterior is made here, so that its truth is known; the file has the form that `effect` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cards.prior import PRIOR_PARAMETERS, draw_parameters, kinetic_parameters, patient_prior
from igkinetics.errors import InputError
from igkinetics.fit.records import event_table
from igkinetics.kinetics.parameters import PARAMETERS
from igkinetics.output.files import digests
from igkinetics.scenarios.new_patients import correlation_roots

xarray = pytest.importorskip("xarray")
ROOT = Path(__file__).resolve().parents[2]
CARD = "adult_b_cell_depletion"
CHAINS, DRAWS = 2, 90
EVERY_4_WEEKS = {"name": "a", "dose_g_per_kg": 0.4, "interval_day": 28}
FIXED: dict[str, Any] = {"horizon_day": 168, "thresholds": [400], "seed": 1}


@pytest.fixture(scope="module")
def effect(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draws from the card's prior for the patients of the example, as if they were a posterior."""
    folder = tmp_path_factory.mktemp("effect")
    cohort = igk.read_cohort(ROOT / "data" / "blina23")
    card = load_card(CARD)
    thetas = []
    for place, patient in enumerate(cohort.each_patient()):
        prior = patient_prior(card, weight_kg=patient.weight_kg, agents=("blinatumomab",))
        drawn = draw_parameters(prior, np.random.default_rng([7, place]), CHAINS * DRAWS, with_uncertainty=True)
        thetas.append(kinetic_parameters({**drawn, "clearance_ratio": np.ones(1), "production_ratio": np.ones(1)}))
    theta = np.stack(thetas, axis=1).reshape(CHAINS, DRAWS, len(thetas), len(PARAMETERS))
    generator = np.random.default_rng(3)
    population = {"CL": 0.14, "V1": 3.5, "C_base": 5.0, "omega_CL": 0.2, "omega_V1": 0.1, "omega_C_base": 0.3,
                  "S_cd19_directed": 0.6, "omega_S": 0.4, "k_loss": 0.1, "k_rec": 0.008}  # fmt: skip
    drawn = {name: (("chain", "draw"), value * np.exp(0.05 * generator.standard_normal((CHAINS, DRAWS))))
             for name, value in population.items()}  # fmt: skip
    error = np.broadcast_to([0.2, 0.09], (CHAINS, DRAWS, 2))
    posterior = xarray.Dataset(
        {"theta": (("chain", "draw", "patient", "parameter"), theta),
         "residual_error": (("chain", "draw", "error"), error), **drawn},
        coords={"patient": list(cohort.patient_ids), "parameter": list(PARAMETERS), "error": ["a", "b"]},
    )
    posterior.to_netcdf(folder / "posterior.nc", group="posterior", engine="h5netcdf")
    event_table(cohort).to_parquet(folder / "events.parquet")
    record = {"command": "effect", "cards": {CARD: card.sha256},
              "files": digests(folder, ("posterior.nc", "events.parquet"))}  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


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
    people = {"effect": str(effect), "new": 800, "weight_kg": 70}
    therapy = {"cycles": 2, "on_day": 28, "off_day": 14, "agent": "blinatumomab"}
    found = igk.simulate_regimens(people, [EVERY_4_WEEKS, {"name": "none"}], therapy=therapy, **FIXED)
    assert "800 new patients" in found.about.says
    assert found.patient_outcomes.empty
    none = found.outcomes[found.outcomes["regimen"] == "none"]
    assert value(none, "peak", "median") < 600  # C_base 5.0, not the card's 6.0
    area = found.outcomes[found.outcomes["regimen"] == "a"]
    # near steady state: dose / CL; log-normal with typical 0.14 and omega 0.2
    assert value(area, "auc_infused", "median") == pytest.approx(28.0 / 0.14, rel=0.08)
    spread = np.log(value(area, "auc_infused", "upper") / value(area, "auc_infused", "lower")) / 3.92
    assert spread == pytest.approx(np.hypot(0.2, 0.05), rel=0.2)
    assert value(area, "trough", "mean_lower") < value(area, "trough") < value(area, "trough", "mean_upper")


def test_correlations_of_the_posterior_reach_new_patients(effect: Path) -> None:
    """CL and C_base together: what each patient needs and makes."""
    with xarray.open_dataset(effect / "posterior.nc", group="posterior", engine="h5netcdf") as posterior:
        correlated = posterior.load().assign(correlation_CL_C_base=(("chain", "draw"), np.full((CHAINS, DRAWS), 0.8)))
    roots = correlation_roots(correlated, CHAINS * DRAWS)
    matrix = roots[5] @ roots[5].T
    cl, c_base = PRIOR_PARAMETERS.index("CL"), PRIOR_PARAMETERS.index("C_base")
    assert matrix[cl, c_base] == pytest.approx(0.8)
    np.fill_diagonal(matrix, 0.0)
    assert np.count_nonzero(matrix) == 2
    assert_allclose(correlation_roots(posterior, 3), np.tile(np.eye(len(PRIOR_PARAMETERS)), (3, 1, 1)))
