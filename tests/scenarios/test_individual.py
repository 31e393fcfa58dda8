"""Forecasts for one patient: from a fit's folder, against the fit itself and a case solved by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, t

import igkinetics as igk
from igkinetics.dosing.assay import measured
from igkinetics.errors import InputError
from igkinetics.fit.output import Extras, write_fit
from igkinetics.scenarios.individual import expected_sd
from igkinetics.scenarios.read_scenario import parse_scenario
from igkinetics.scenarios.run import run_scenario
from igkinetics.scenarios.scenario_patients import scenario_patients
from igkinetics.scenarios.tally import quantiles_of

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, regimens: list[dict[str, Any]], patient: str, **more: Any) -> Any:
    population = {"fit": str(folder), "patient": patient, **more.pop("population", {})}
    return igk.simulate_regimens(population, regimens, **{"horizon_day": 181, "thresholds": [400], "seed": 1, **more})


def test_without_doses_the_forecast_is_the_fit(folder: Path) -> None:
    """control-02 was never infused: the scenario `none` is the fitted course."""
    found = run(folder, [{"name": "none"}], "control-02", population={"from_day": 0})
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
    last = run(folder, [{"name": "none"}], "IVIG-01", horizon_day=120)
    assert last.about.days_from.day > 150
    with_doses = last.trajectories[(last.trajectories["patient_id"] == "IVIG-01")]
    replayed = run(folder, [{"name": "none"}], "IVIG-01", population={"from_day": 0}, horizon_day=300)
    without = replayed.trajectories[(replayed.trajectories["patient_id"] == "IVIG-01")]
    assert (with_doses["infused"] > 0).any()
    assert (without["infused"] == 0).all()
    assert last.about.notes[0].startswith("days count from this patient's last sample (day 1")


def test_a_dose_now_is_given_at_the_last_sample(folder: Path) -> None:
    """Days count from the last sample: the first dose, and every outcome, lies there or after it."""
    regimen = {"name": "now", "dose_g": 30, "interval_day": 28, "vial_g": 5, "loading_g_per_kg": 0.6}
    found = run(folder, [regimen, {"name": "none"}], "IVIG-01", horizon_day=84)
    calendar = found.calendar[found.calendar["regimen"] == "now"]
    assert list(calendar["day"]) == [0.0, 28.0, 56.0]
    assert list(calendar["vials"])[1:] == ["6 x 5 g", "6 x 5 g"]
    assert list(calendar["note"]) == ["loading dose", "", ""]
    assert list(found.calendar[found.calendar["regimen"] == "none"]["note"]) == ["no immunoglobulin"]
    assert found.trajectories["day"].min() == 0.0
    rows = found.outcomes[found.outcomes["regimen"] == "now"].set_index("outcome")
    assert (rows.loc["nadir", "interval_start"], rows.loc["trough", "interval_start"]) == (0.0, 28.0)
    assert rows.loc["nadir_day", "lower"] >= 0.0
    assert rows.loc["infusions", "mean"] == 3.0  # the one due on day 84 is not given within the horizon
    assert rows.loc["trough", "interval_end"] == 84.0


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patient whose record is in dates, fitted with them: day 0 is 5 January 2024, 18:00."""
    place = tmp_path_factory.mktemp("dated")
    zero = pd.Timestamp("2024-01-05 18:00")
    days = [0.0, 14.0, 30.0, 61.0, 95.5]
    stamps = [(zero + pd.Timedelta(days=day)).isoformat() for day in days]
    samples = pd.DataFrame({"patient_id": "A", "datetime": stamps, "igg": [6.1, 5.6, 5.0, 4.1, 3.6]})
    samples.to_csv(place / "samples.csv", index=False)
    therapy = pd.DataFrame([{"patient_id": "A", "start": stamps[0], "stop": stamps[2]}])
    therapy.to_csv(place / "therapy.csv", index=False)
    pd.DataFrame([{"patient_id": "A", "weight_kg": 70}]).to_csv(place / "patients.csv", index=False)
    (place / "cohort.toml").write_text('igg_unit = "g/L"\n', encoding="utf-8")
    fit = igk.fit_cohort(igk.read_cohort(place), igk.FitOptions(draws=400))
    for name, extras in (("fit", Extras(dates=True)), ("dateless", Extras())):
        (place / name).mkdir()
        write_fit(fit, place / name, extras)
    return place


def test_dates_stand_for_days_and_beside_them(dated: Path) -> None:
    """Day 95.5 is 10 April, 06:00. The unit of the fit is that of the thresholds and of every table."""
    regimen = {"name": "a", "dose_g": 30, "interval_day": 28, "start_day": "2024-04-17"}
    patients = {"fit": str(dated / "fit"), "patient": "A"}
    fixed = {"horizon_day": 60, "thresholds": [4], "seed": 1}
    found = igk.simulate_regimens(patients, [regimen, {"name": "now", "dose_g": 30, "interval_day": 28}], **fixed)
    assert found.about.days_from.date == "2024-04-10"
    assert list(found.calendar["date"]) == ["2024-04-17", "2024-05-15", "2024-04-10", "2024-05-08", "2024-06-05"]
    assert list(found.calendar["day"]) == [7.0, 35.0, 0.0, 28.0, 56.0]
    assert set(found.trajectories["unit"]) == {"g/L"}
    assert found.outcomes.set_index("outcome").loc["nadir", "unit"].eq("g/L").all()
    from_date = igk.simulate_regimens({**patients, "from_day": "2024-04-01"}, [{}], **fixed)
    assert from_date.about.days_from.day == pytest.approx(86.25)  # its first moment
    sampled = igk.simulate_regimens({**patients, "from_day": "2024-04-10"}, [{}], **fixed)
    assert sampled.about.days_from.day == 95.5  # the sample of that date
    with pytest.raises(InputError, match=r"regimen\[a\].start_day: found .2024-04-17.; a date needs the date"):
        igk.simulate_regimens({**patients, "fit": str(dated / "dateless")}, [regimen], **fixed)
    with pytest.raises(InputError, match=r"a date needs the date of day 0"):
        igk.simulate_regimens({"card": "adult_b_cell_depletion", "weight_kg": 70}, [regimen], **fixed)
    events = pd.read_parquet(dated / "dateless" / "events.parquet")
    assert "day_zero" not in set(events["event"])  # nothing tells a date unless asked


def test_options_for_a_next_dose_and_the_most_telling_sample(folder: Path) -> None:
    regimen = {"name": "a", "dose_g_per_kg": 0.4, "interval_day": 28}
    found = run(folder, [regimen], "IVIG-01", horizon_day=60)
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
        constant = np.column_stack([np.full(1500, error), np.zeros((1500, 2))])
        assert expected_sd(level, trough, constant) == pytest.approx(expected, rel=0.02)


def test_a_patient_without_numbers_and_an_unknown_one_are_told(folder: Path) -> None:
    with pytest.raises(InputError, match=r"population.patient: found 'nobody'; has no fitted numbers: no_samples"):
        run(folder, [{}], "nobody")
    with pytest.raises(InputError, match=r"found 'P99'; must be a patient of fit: IVIG-01 and control-02"):
        run(folder, [{}], "P99")
    with pytest.raises(InputError, match=r"from_day: found '-100'; must not lie before the record of IVIG-01"):
        run(folder, [{}], "IVIG-01", population={"from_day": -100})


def test_the_value_of_a_sample_follows_the_residual_model_of_the_fit() -> None:
    """Log-normal: the same sum with logarithms. Student-t: the integral by brute force over measurements."""
    generator = np.random.default_rng(5)
    z = generator.standard_normal((2, 1500))
    level, trough = 5.0 * np.exp(0.2 * z[0]), 4.0 + 0.8 * z[0] + 0.6 * z[1]
    covariance = np.cov(np.log(level), trough)
    s = np.sqrt(np.log1p(0.3**2))
    expected = np.sqrt(covariance[1, 1] - covariance[0, 1] ** 2 / (covariance[0, 0] + s**2))
    proportional = np.column_stack([np.zeros(1500), np.full(1500, 0.3), np.full(1500, 1.0)])
    assert expected_sd(level, trough, proportional) == pytest.approx(expected, rel=0.02)
    additive = np.column_stack([np.full(1500, 0.8), np.zeros(1500), np.full(1500, 2.0)])
    read = level + 0.8 * generator.standard_t(4, 1500)
    weight = t(4).pdf((read[:, None] - level) / 0.8)
    weight /= weight.sum(axis=1, keepdims=True)
    by_force = np.sqrt(np.mean(weight @ trough**2 - (weight @ trough) ** 2))
    assert expected_sd(level, trough, additive) == pytest.approx(by_force, rel=0.03)


def test_a_rule_measures_with_the_residual_model_of_the_fit() -> None:
    """The quantiles of measurements of one level are those of each model."""
    z = np.linspace(-6.0, 6.0, 41)
    level, a, b = 4.3, 0.2, 0.09
    for kind, expected in (
        (0.0, level + np.hypot(a, b * level) * z),
        (1.0, level * np.exp(np.sqrt(np.log1p(b**2 + (a / level) ** 2)) * z)),
        (2.0, level + np.hypot(a, b * level) * np.sign(z) * t.isf(norm.sf(abs(z)), 4)),
    ):
        assert_allclose([measured(level, a, b, kind, one) for one in z], expected, rtol=1e-9)


@pytest.mark.parametrize("residual", ["lognormal", "student_t"])
def test_a_fit_with_another_residual_carries_it_into_rules(residual: str, folder: Path, tmp_path: Path) -> None:
    fit = igk.fit_cohort(igk.read_cohort(folder.parent), igk.FitOptions(draws=200, residual=residual))
    write_fit(fit, tmp_path)
    rule = {"below_mg_dl": 500, "check_every_day": 7, "minimum_gap_day": 14, "dose_g": 20}
    file = parse_scenario(
        {
            "horizon_day": 60,
            "thresholds": [400],
            "seed": 1,
            "regimen": [{"rule": rule}],
            "population": {"fit": str(tmp_path), "patient": "IVIG-01"},
        },
        "x",
        "",
        None,
    )
    kinds = scenario_patients(file).batch(0).error[:, 2]
    assert set(kinds) == {{"lognormal": 1.0, "student_t": 2.0}[residual]}
    assert run_scenario(file).outcomes["share_known"].notna().all()


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
