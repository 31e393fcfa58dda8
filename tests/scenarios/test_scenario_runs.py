"""Whole scenarios: common random numbers, several models, batches, jobs, weight bases, the files of the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.cli.main import app
from igkinetics.scenarios.rows import OUTCOME_COLUMNS, TRAJECTORY_COLUMNS
from igkinetics.scenarios.search import SEARCH_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
CARD = "adult_b_cell_depletion"
POPULATION: dict[str, Any] = {"card": CARD, "n": 300, "weight_kg": {"mean": 75, "sd": 15}}
THERAPY = {"cycles": 2, "on_day": 28, "off_day": 14, "agent": "blinatumomab"}
EVERY_4_WEEKS = {"name": "4 weeks", "dose_g_per_kg": 0.4, "interval_day": 28}
EVERY_3_WEEKS = {"name": "3 weeks", "dose_g_per_kg": 0.3, "interval_day": 21}
RULE = {"name": "rule", "rule": {"below_mg_dl": 400, "check_every_day": 7, "minimum_gap_day": 21, "dose_g_per_kg": 0.4}}
FIXED: dict[str, Any] = {"horizon_day": 200, "thresholds": [400, 500], "seed": 1}


def value(table: pd.DataFrame, column: str, **which: object) -> float:
    rows = table
    for name, wanted in which.items():
        rows = rows[rows[name] == wanted]
    (row,) = rows.to_dict("records")
    return float(row[column])


def test_levels_of_a_constant_card_without_immunoglobulin_are_that_constant() -> None:
    found = igk.simulate_regimens({"card": "tortorici_2019", "n": 50, "weight_kg": 70}, [{}], **FIXED)
    curve = found.trajectories
    assert_allclose(curve[["median", "lower", "upper", "endogenous"]], 400.0, rtol=1e-12)
    assert value(found.outcomes, "mean", outcome="nadir") == pytest.approx(400.0, rel=1e-12)
    assert tuple(found.outcomes.columns) == OUTCOME_COLUMNS
    assert list(curve["day"]) == [*range(201)]


@pytest.mark.parametrize("regimen", [EVERY_4_WEEKS, RULE], ids=["calendar", "rule"])
def test_jobs_and_other_regimens_change_no_number(regimen: dict[str, Any]) -> None:
    alone = igk.simulate_regimens(POPULATION, [regimen], therapy=THERAPY, jobs=1, **FIXED)
    others = [{"name": "none"}, EVERY_3_WEEKS]
    beside = igk.simulate_regimens(POPULATION, [*others, regimen], therapy=THERAPY, jobs=3, **FIXED)
    same = beside.outcomes[beside.outcomes["regimen"] == regimen["name"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.outcomes, same, check_exact=True)


@pytest.mark.slow
def test_common_random_numbers_shrink_the_error_of_a_difference() -> None:
    """The spread over seeds of the difference of two means, met by the same and by other patients."""
    together, apart = [], []
    small = {**POPULATION, "n": 100}
    for seed in range(12):
        both = igk.simulate_regimens(small, [EVERY_4_WEEKS, EVERY_3_WEEKS], therapy=THERAPY, **{**FIXED, "seed": seed})
        other = igk.simulate_regimens(small, [EVERY_3_WEEKS], therapy=THERAPY, **{**FIXED, "seed": seed + 100})
        means = [value(both.outcomes, "mean", regimen=name, outcome="trough") for name in ("4 weeks", "3 weeks")]
        together.append(means[1] - means[0])
        apart.append(value(other.outcomes, "mean", outcome="trough") - means[0])
        said = value(both.differences, "mean_difference", outcome="trough")
        assert said == pytest.approx(together[-1], rel=1e-9)
    assert np.std(together) < 0.3 * np.std(apart)
    error = value(both.differences, "monte_carlo_error", outcome="trough")
    assert 0.4 < error / np.std(together, ddof=1) < 2.5


def test_several_models_average_by_their_weights_and_the_spread_between_them_is_told() -> None:
    cards = ["tortorici_2019", "cheng_2026"]
    common = {"n": 400, "weight_kg": {"mean": 60, "sd": 6}}
    models = [{"card": card, "weight": weight} for card, weight in zip(cards, (3, 1), strict=True)]
    mixed = igk.simulate_regimens({**common, "models": models}, [EVERY_4_WEEKS], **FIXED)
    each = [igk.simulate_regimens({**common, "card": card}, [EVERY_4_WEEKS], **FIXED) for card in cards]
    for outcome in ("trough", "nadir", "auc_tau_infused"):
        alone = np.array([value(one.outcomes, "mean", outcome=outcome) for one in each])
        assert value(mixed.outcomes, "mean", outcome=outcome) == pytest.approx(alone @ [0.75, 0.25], rel=1e-12)
        rows = mixed.models[mixed.models["outcome"] == outcome]
        assert_allclose(rows["mean"], alone, rtol=1e-12)
        assert_allclose(rows["sd_between_models"], np.sqrt(3) / 4 * abs(alone[0] - alone[1]), rtol=1e-9)
    lower, upper = (value(mixed.outcomes, end, outcome="trough") for end in ("mean_lower", "mean_upper"))
    troughs = [value(one.outcomes, "mean", outcome="trough") for one in each]
    assert lower <= min(troughs)
    assert upper >= max(troughs)


def test_quantiles_of_many_batches_are_those_of_all_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {**POPULATION, "n": 6000}
    in_batches = igk.simulate_regimens(many, [EVERY_4_WEEKS], **FIXED)
    monkeypatch.setattr("igkinetics.virtual.patients.BATCH", 6000)
    at_once = igk.simulate_regimens(many, [EVERY_4_WEEKS], **FIXED)
    for name in ("median", "lower", "upper"):  # other patients: within what 6,000 of them can tell
        one, other = (frame.trajectories[name].to_numpy() for frame in (in_batches, at_once))
        assert_allclose(one, other, rtol=0.06)


def test_a_dose_by_ideal_weight_takes_height_and_sex() -> None:
    patients = {"card": CARD, "n": 20, "weight_kg": 120, "height_cm": 175.26, "sex": "male"}
    regimens = [
        {"name": basis, "dose_g_per_kg": 0.4, "interval_day": 28, "weight": basis, "vial_g": 2.5}
        for basis in ("actual", "ideal", "adjusted", "lean")
    ]
    found = igk.simulate_regimens(patients, regimens, horizon_day=28, thresholds=[400], seed=1)
    grams = [
        value(found.outcomes, "mean", regimen=basis, outcome="grams")
        for basis in ("actual", "ideal", "adjusted", "lean")
    ]
    # Devine 50 + 2.3 * 9 = 70.7 kg; adjusted 70.7 + 0.4 * 49.3 = 90.42; Boer 48.84 + 0.267 * 175.26 - 19.2 = 76.43
    assert grams == [47.5, 27.5, 35.0, 30.0]


def test_the_command_writes_what_the_contract_says(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    text = (ROOT / "data" / "scenarios" / "preemptive_ivig.toml").read_text(encoding="utf-8")
    file.write_text(text.replace("n = 1000", "n = 60"), encoding="utf-8")
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        done = CliRunner().invoke(app, ["scenario", str(file), "--out", str(out)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    said = done.stdout.splitlines()
    assert said[0].startswith("Recommended: ")
    assert "60 virtual patients of adult_b_cell_depletion; 5 regimens over 365 days." in said
    assert said[-1] == f"Report: {outs[1] / 'report.html'}."
    outcomes = pd.read_csv(outs[0] / "outcomes.csv")
    assert tuple(outcomes.columns) == OUTCOME_COLUMNS
    told = outcomes[outcomes["share_known"] > 0]
    assert (told["mean_lower"] <= told["mean"] + 1e-9).all()
    assert (told["mean"] <= told["mean_upper"] + 1e-9).all()
    assert outcomes.loc[outcomes["share_known"] == 0, "note"].notna().all()
    shares = told[told["outcome"].str.startswith("p_")]
    assert shares[["mean", "mean_lower", "mean_upper"]].stack().between(0, 1).all()
    assert set(outcomes["outcome"]) == {
        "nadir",
        "nadir_day",
        "nadir_all",
        "trough",
        "trough_last",
        "peak",
        "mean_igg",
        "auc_tau",
        "auc_tau_infused",
        "p_nadir_at_least",
        "p_trough_at_least",
        "days_below",
        "grams",
        "infusions",
        "cost",
    }
    curves = pd.read_parquet(outs[0] / "trajectories.parquet")
    assert tuple(curves.columns) == TRAJECTORY_COLUMNS
    assert set(curves["patient_id"]) == {""}
    assert tuple(pd.read_csv(outs[0] / "search.csv").columns) == SEARCH_COLUMNS
    record = json.loads((outs[0] / "run.json").read_text(encoding="utf-8"))
    assert record["command"] == "scenario"
    assert set(record["cards"]) == {CARD}
    for name in ("outcomes.csv", "search.csv", "differences.csv", "trajectories.parquet"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    again = CliRunner().invoke(app, ["scenario", str(file), "--out", str(outs[0])], catch_exceptions=False)
    assert again.exit_code == 2
