"""Forecasts for one patient: from a fit's folder, against the fit itself and a case solved by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import igkinetics as igk
from igkinetics.errors import InputError
from igkinetics.fit.output import write_fit
from igkinetics.scenarios.individual import expected_sd
from igkinetics.scenarios.tally import quantiles_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of three patients: with doses, with none, and one who cannot be fitted."""
    place = tmp_path_factory.mktemp("scenario")
    for name in ("samples", "doses", "therapy", "patients", "outcomes"):
        table = pd.read_csv(ROOT / "data" / "blina23" / f"{name}.csv", dtype=str)
        kept = table[table["patient_id"].isin(["IVIG-01", "control-02"])]
        if name == "patients":
            kept = pd.concat([kept, pd.DataFrame([{"patient_id": "nobody", "group": "control"}])])
        kept.to_csv(place / f"{name}.csv", index=False)
    (place / "cohort.toml").write_text('igg_unit = "mg/dL"\n', encoding="utf-8")
    fit = igk.fit_cohort(igk.read_cohort(place))
    out = place / "fit"
    out.mkdir()
    write_fit(fit, out)
    return out


def run(folder: Path, regimens: list[dict[str, Any]], patient: str, **more: Any) -> Any:
    population = {"fit": str(folder), "patient": patient, **more.pop("population", {})}
    return igk.simulate_regimens(population, regimens, **{"horizon_day": 181, "thresholds": [400], "seed": 1, **more})


def test_without_doses_the_forecast_is_the_fit(folder: Path) -> None:
    """control-02 was never infused: the scenario `none` is the fitted course."""
    found = run(folder, [{"name": "none"}], "control-02")
    curves = pd.read_parquet(folder / "curves.parquet")
    own = curves[(curves["patient_id"] == "control-02") & curves["day"].isin(range(10, 170))]
    mine = found.trajectories[found.trajectories["patient_id"] == "control-02"].set_index("day").loc[own["day"]]
    assert_allclose(mine["median"], own["total"], rtol=0.05)
    assert_allclose(mine["lower"], own["lower"], rtol=0.06)
    assert_allclose(mine["upper"], own["upper"], rtol=0.06)
    assert "patient control-02 of the fit in fit" in found.about.says
    everybody = found.trajectories[found.trajectories["patient_id"] == ""]
    assert_allclose(everybody["median"], found.trajectories[found.trajectories["patient_id"] != ""]["median"])


def test_recorded_doses_before_the_forecast_stay(folder: Path) -> None:
    last = run(folder, [{"name": "none"}], "IVIG-01", population={"from_day": "last_sample"}, horizon_day=300)
    assert last.about.from_day > 150
    with_doses = last.trajectories[(last.trajectories["patient_id"] == "IVIG-01")]
    replayed = run(folder, [{"name": "none"}], "IVIG-01", horizon_day=300)
    without = replayed.trajectories[(replayed.trajectories["patient_id"] == "IVIG-01")]
    assert (with_doses["infused"] > 0).any()
    assert (without["infused"] == 0).all()
    nadir = float(last.outcomes[last.outcomes["outcome"] == "nadir_day"]["lower"].iloc[0])
    assert nadir >= last.about.from_day


def test_options_for_a_next_dose_and_the_most_telling_sample(folder: Path) -> None:
    regimen = {"name": "a", "dose_g_per_kg": 0.4, "interval_day": 28, "start_day": 182}
    found = run(folder, [regimen], "IVIG-01", population={"from_day": "last_sample"}, horizon_day=260)
    options = found.next_dose.sort_values("dose_g_per_kg")
    assert (options["days_above_median"].diff().dropna() >= 0).all()  # more lasts longer
    assert (options["p_day_28"].diff().dropna() >= 0).all()
    assert (options["days_above_lower"] <= options["days_above_upper"]).all()
    days = found.next_sample
    assert days["best"].sum() == 1
    assert (days["expected_sd"] <= days["sd_now"] * 1.01).all()
    assert days["narrowing"].max() > 0.1
    assert days["day"].max() < days["trough_day"].iloc[0]


def test_the_value_of_a_sample_is_that_of_the_normal_case() -> None:
    """Jointly normal level and trough: var(T | y) = var T - cov^2 / (var C + error^2)."""
    generator = np.random.default_rng(4)
    z = generator.standard_normal((2, 1500))
    level, trough = 5.0 + z[0], 4.0 + 0.8 * z[0] + 0.6 * z[1]
    for error in (0.5, 1.0, 3.0):
        covariance = np.cov(level, trough)
        expected = np.sqrt(covariance[1, 1] - covariance[0, 1] ** 2 / (covariance[0, 0] + error**2))
        assert expected_sd(level, trough, np.full(1500, error)) == pytest.approx(expected, rel=0.02)


def test_a_patient_without_numbers_and_an_unknown_one_are_told(folder: Path) -> None:
    with pytest.raises(InputError, match=r"population.patient: found 'nobody'; has no fitted numbers: no_samples"):
        run(folder, [{}], "nobody")
    with pytest.raises(InputError, match=r"found 'P99'; must be a patient of fit: IVIG-01 and control-02"):
        run(folder, [{}], "P99")
    with pytest.raises(InputError, match=r"horizon_day: found '100'; must be after the day the regimens start"):
        run(folder, [{}], "IVIG-01", population={"from_day": "last_sample"}, horizon_day=100)


def test_draws_are_kept_for_each_fitted_patient(folder: Path) -> None:
    draws = pd.read_parquet(folder / "draws.parquet")
    kept = draws.groupby("patient_id").size().to_dict()
    assert kept == {"IVIG-01": 2000, "control-02": 2000}  # as many as the fit drew


def test_a_single_quantile_is_found_without_sorting_everything() -> None:
    values = np.random.default_rng(1).standard_normal((101, 7))
    rows = np.arange(0, 101, 2)
    for share in (0.0, 0.025, 0.5, 0.61, 1.0):
        found = quantiles_of(values, rows, np.array([share]))
        assert_allclose(found[0], np.quantile(values[rows], share, axis=0), rtol=1e-12)
    three = quantiles_of(values, rows, np.array([0.5, 0.025, 0.975]))
    assert_allclose(three, np.quantile(values[rows], [0.5, 0.025, 0.975], axis=0), rtol=1e-12)
