"""What a finite number of virtual patients and draws may do to a table, and what not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

import igkinetics as igk
from igkinetics.dosing.cases import Uncertain
from igkinetics.parallel import workers
from igkinetics.scenarios import follow, tally
from igkinetics.scenarios.engine import Setting, assay_noise, simulate
from igkinetics.scenarios.mean_interval import moved_means
from igkinetics.scenarios.read_scenario import ScenarioFile, parse_scenario
from igkinetics.scenarios.run import run_scenario, setting_of
from igkinetics.scenarios.scenario_patients import scenario_patients
from igkinetics.virtual.patients import VirtualPatients

CARD = "adult_b_cell_depletion"
POPULATION: dict[str, Any] = {"card": CARD, "n": 1000, "weight_kg": {"mean": 75, "sd": 15}}
THERAPY = {"cycles": 2, "on_day": 28, "off_day": 14, "agent": "blinatumomab"}
RULE = {"name": "rule", "rule": {"below_mg_dl": 450, "check_every_day": 7, "minimum_gap_day": 21, "dose_g": 50}}
CALENDAR = {"name": "calendar", "dose_g_per_kg": 0.4, "interval_day": 28}


def scenario(n: int, regimens: list[dict[str, Any]], **more: Any) -> ScenarioFile:
    raw = {
        "horizon_day": 100,
        "thresholds": [400, 500],
        "unit": "mg/dL",
        "seed": 3,
        "therapy": THERAPY,
        "population": {**POPULATION, "n": n},
        "regimen": regimens,
        **more,
    }
    return parse_scenario(raw, "call", "", None)


def share_of_level(moved: np.ndarray, limit_g_per_l: float) -> np.ndarray:
    """P(nadir >= limit) where typical C_base is moved by so many SDs of its uncertainty: without therapy the nadir is
    C_base, or the initial level where that is lower; log C_base ~ N(log 6, 0.38^2), log ratio ~ N(0, 0.15^2)."""
    lower = np.minimum(0.15 * ndtri((np.arange(2000) + 0.5) / 2000), 0.0)
    middle = np.log(6.0) + 0.15 * moved[:, None] - np.log(limit_g_per_l)
    return np.asarray(ndtr((middle + lower) / 0.38).mean(axis=1))


def test_the_interval_of_a_probability_is_right_and_the_same_for_every_seed() -> None:
    ends = []
    for seed in range(4):
        found = igk.simulate_regimens(POPULATION, [{"name": "none"}], horizon_day=250, thresholds=[400, 600], seed=seed)
        rows = found.outcomes[found.outcomes["outcome"] == "p_nadir_at_least"]
        ends.append(rows[["mean_lower", "mean_upper"]].to_numpy())
    truth = np.array([share_of_level(ndtri(np.array([0.025, 0.975])), limit) for limit in (4.0, 6.0)])
    assert np.abs(np.mean(ends, axis=0) - truth).max() < 0.03
    assert np.std(ends, axis=0, ddof=1).max() < 0.03


@pytest.mark.slow
def test_means_under_a_moved_population_are_those_of_many_patients_of_it() -> None:
    """Against 20,000 patients at each of six population levels."""
    file = scenario(1000, [CALENDAR, RULE])
    patients = scenario_patients(file)
    assert isinstance(patients, VirtualPatients)
    setting = without_curves(file, patients)
    uncertain = patients.uncertain()
    assert uncertain is not None
    at = np.random.default_rng(4).standard_normal((6, uncertain.at_draws[0].shape[1]))
    asked = Uncertain(
        cases=uncertain.cases, at_cases=uncertain.at_cases, at_draws=(np.concatenate([at, 0 * at[:1]]),), averaged=False
    )
    model = patients.models[0]
    names = [name for name, sd in model.prior.uncertainty.items() if sd]
    is_share = [outcome.is_share for outcome in setting.columns.all]
    with workers(2) as crew:
        for regimen in file.scenario.regimen:
            noise = assay_noise(uncertain.cases, [regimen], setting, 0)
            moved = moved_means(simulate(regimen, uncertain.cases, noise, setting, crew).values, asked, is_share, crew)
            for level, where in enumerate(at):
                shift = np.zeros((20_000, len(model.prior.omega)))
                for name, z in zip(names, where, strict=True):
                    shift[:, list(model.prior.omega).index(name)] = z * model.prior.uncertainty[name]
                cases = patients.moved(50 + level, shift, np.diag(list(model.prior.omega.values()))[None])
                values = simulate(regimen, cases, assay_noise(cases, [regimen], setting, 9), setting, crew).values
                for column, outcome in enumerate(setting.columns.all):
                    truth = np.nanmean(values[:, column])
                    link = moved.level[0, column] + moved.by_draw[0, level, column]
                    if outcome.is_share:
                        assert 1 / (1 + np.exp(-link)) == pytest.approx(truth, abs=0.12), outcome
                    elif outcome.unit == "mg/dL":
                        assert np.exp(link) == pytest.approx(truth, rel=0.12), outcome


def without_curves(file: ScenarioFile, patients: VirtualPatients) -> Setting:
    usual = setting_of(file, patients)
    return Setting(
        from_day=usual.from_day, horizon_day=usual.horizon_day, columns=usual.columns, day=np.empty(0), seed=usual.seed
    )


def all_of(file: ScenarioFile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, endogenous and infused levels of every patient under the only regimen, batch after batch."""
    patients = scenario_patients(file)
    setting, regimens, parts = setting_of(file, patients), file.scenario.regimen, []
    with workers(1) as crew:
        for place in range(patients.n_batches):
            cases = patients.batch(place)
            one = simulate(regimens[0], cases, assay_noise(cases, regimens, setting, place), setting, crew)
            parts.append((one.values, one.endogenous, one.infused))
    values, endogenous, infused = (np.concatenate(each) for each in zip(*parts, strict=True))
    return values, endogenous, infused


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("igkinetics.virtual.patients.BATCH", 50)


@pytest.mark.usefixtures("small_batches")
def test_quantiles_of_many_batches_are_those_of_all_patients() -> None:
    """Also of whole numbers of doses: 50 g or 100 g, nothing between; and of levels that are 0 in half of them."""
    file = scenario(330, [RULE])
    found, (values, endogenous, infused) = run_scenario(file), all_of(file)
    rows = found.outcomes.set_index(["outcome", "threshold"])
    columns = setting_of(file, scenario_patients(file)).columns
    for k, outcome in enumerate(columns.all):
        said = rows.loc[(outcome.name, outcome.threshold)] if np.isfinite(outcome.threshold) else rows.xs(outcome.name)
        said = said.iloc[0] if isinstance(said, pd.DataFrame) else said
        expected = np.nanquantile(values[:, k], [0.5, 0.025, 0.975])
        np.testing.assert_allclose(said[["median", "lower", "upper"]].to_numpy(dtype=float), expected, rtol=1e-12)
    assert rows.xs("grams")["median"].iloc[0] % 50 == 0
    curve = found.trajectories
    total = 100 * np.quantile(endogenous + infused, [0.5, 0.025, 0.975], axis=0)
    # bins know a value to 0.2 %; between two neighbours of 330 values, which lie apart, they place a quantile elsewhere
    np.testing.assert_allclose(curve["median"], total[0], rtol=0.008)
    np.testing.assert_allclose(curve["lower"], total[1], rtol=0.03)
    np.testing.assert_allclose(curve["upper"], total[2], rtol=0.03)
    given = 100 * np.median(infused, axis=0)
    assert (curve["infused"][given == 0.0] == 0.0).all()
    assert (given == 0.0).any()


@pytest.mark.usefixtures("small_batches")
def test_beyond_the_memory_allowed_a_part_of_the_patients_tells_the_quantiles(monkeypatch: pytest.MonkeyPatch) -> None:
    file = scenario(400, [RULE])
    everybody = run_scenario(file)
    width = setting_of(file, scenario_patients(file)).columns.width
    monkeypatch.setattr(tally, "MOST_KEPT", 400 * width // 3)
    found = run_scenario(file)
    assert "medians and spreads are those of one in 4 patients" in found.notes
    assert not any("one in" in note for note in everybody.notes)
    pd.testing.assert_frame_equal(found.outcomes[["mean"]], everybody.outcomes[["mean"]], check_exact=True)
    values = all_of(file)[0][::4]
    levels = found.outcomes[found.outcomes["outcome"] == "nadir"]
    assert levels["median"].iloc[0] == pytest.approx(np.median(values[:, 0]), rel=1e-12)


@pytest.mark.usefixtures("small_batches")
def test_an_interrupted_run_has_the_same_patients_under_every_regimen(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def interrupted_once(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:  # the second regimen in the second batch
            raise KeyboardInterrupt
        return simulate(*arguments)

    monkeypatch.setattr(follow, "simulate", interrupted_once)
    found = run_scenario(scenario(200, [CALENDAR, RULE]))
    assert found.interrupted
    assert found.n_simulated == 100
    monkeypatch.undo()
    monkeypatch.setattr("igkinetics.virtual.patients.BATCH", 50)
    whole = run_scenario(scenario(100, [CALENDAR, RULE]))
    pd.testing.assert_frame_equal(found.outcomes[["mean", "median"]], whole.outcomes[["mean", "median"]])
