"""Shrinkage, residual statistics, samples of groups, covariates and the choice of patients, by arithmetic made here."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from igkinetics.fit.cohort_checks import covariates, groups_table, residual_checks, shrinkage_table
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import TABLES
from igkinetics.fit.output import date_of, dates_table
from igkinetics.fit.plots import selected_patients
from igkinetics.fit.selection import LOWEST, RANDOM, WORST
from made_records import cohort_of, record


def predictions(iwres: dict[str, list[float]], sd: float = 0.8, product: float = -0.2) -> pd.DataFrame:
    rows = [
        {
            "patient_id": name,
            "group": "",
            "day": float(day),
            "iwres": value,
            "iwres_expected_sd": sd,
            "limit": "",
            "iwres_expected_product": product if day else np.nan,
            "status": "fitted",
        }
        for name, values in iwres.items()
        for day, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=list(TABLES["predictions"]))


def test_shrinkage_on_both_scales() -> None:
    generator = np.random.default_rng(1)
    eta = generator.normal(0.1, 0.2, 50)
    etas = pd.DataFrame(
        [
            {"patient_id": str(i), "parameter": "CL", "scale": "log", "eta": value, "prior_sd": 0.4, "status": "fitted"}
            for i, value in enumerate(eta)
        ],
        columns=list(TABLES["etas"]),
    )
    table = shrinkage_table(etas, predictions({"a": [1.0, -1.0, 0.5]})).set_index("quantity")
    assert table.loc["CL", "sd"] == pytest.approx(np.std(eta, ddof=1))
    assert table.loc["CL", "shrinkage_sd"] == pytest.approx(1 - np.std(eta, ddof=1) / 0.4)
    assert table.loc["CL", "shrinkage_variance"] == pytest.approx(1 - np.var(eta, ddof=1) / 0.16)
    assert table.loc["IWRES", "shrinkage_sd"] == pytest.approx(1 - np.std([1.0, -1.0, 0.5], ddof=1))


def test_residual_statistics_with_their_jackknife_intervals() -> None:
    generator = np.random.default_rng(2)
    given = {str(i): list(generator.normal(0, 1, generator.integers(3, 9))) for i in range(12)}
    found = residual_checks(predictions(given), 0.9).set_index("quantity")
    everything = np.concatenate(list(given.values()))
    assert found.loc["iwres_mean", "value"] == pytest.approx(everything.mean())
    assert found.loc["iwres_sd", "value"] == pytest.approx(np.sqrt(np.mean(everything**2)))
    assert found.loc["iwres_sd", "expected"] == pytest.approx(0.8)
    assert found.loc["iwres_beyond_2", "value"] == pytest.approx(np.mean(np.abs(everything) > 2))

    def lag(of: list[list[float]]) -> float:
        pairs = np.array([pair for r in of for pair in pairwise(r)])
        return float(np.sum(pairs[:, 0] * pairs[:, 1]) / (0.5 * np.sum(pairs**2)))

    values = list(given.values())
    assert found.loc["iwres_lag_1", "value"] == pytest.approx(lag(values))
    assert found.loc["iwres_lag_1", "expected"] == pytest.approx(-0.2 / 0.64)
    without = [lag(values[:i] + values[i + 1 :]) for i in range(len(values))]
    error = np.sqrt((len(values) - 1) * np.var(without))
    reach = norm.ppf(0.95) * error
    assert found.loc["iwres_lag_1", "upper"] == pytest.approx(lag(values) + reach)
    assert found.loc["iwres_lag_1", "lower"] == pytest.approx(lag(values) - reach)


def test_a_slow_wave_in_the_residuals_shows_as_autocorrelation() -> None:
    wave = {str(i): list(np.sin(np.arange(20) / 4 + i)) for i in range(8)}
    found = residual_checks(predictions(wave), 0.95).set_index("quantity")
    assert found.loc["iwres_lag_1", "lower"] > 0.8
    with_few = residual_checks(predictions({"a": [1.0, -1.0]}), 0.95)
    assert with_few["lower"].isna().all()


def test_samples_near_an_infection_are_counted_per_group() -> None:
    one = record("one", samples=[(0.0, 5.0), (10.0, 4.0), (20.0, 4.0)], doses=[(1.0, 30.0)])
    two = record("two", samples=[(0.0, 5.0), (10.0, 4.0)])
    outcomes = pd.DataFrame(
        [("one", 13.5, "infection"), ("one", 20.0, "infection_death"), ("two", 25.0, "Infection")],
        columns=["patient_id", "day", "outcome"],
    )
    cohort = cohort_of([one, two], outcomes=outcomes)
    patients = cohort.patients.assign(status="fitted", group=["a", "b"])
    table = groups_table(cohort, patients).set_index("group")
    assert list(table["n_samples"]) == [3, 2]
    assert list(table["n_infections"]) == [1, 1]
    assert list(table["n_near_infection"]) == [2, 0]
    assert table.loc["a", "share_near_infection"] == pytest.approx(2 / 3)
    assert list(table["n_infused"]) == [1, 0]
    nothing_known = groups_table(cohort_of([one, two]), patients)
    assert nothing_known["share_near_infection"].isna().all()


def test_covariates_are_what_differs_between_patients(fit: CohortFit) -> None:
    people = fit.cohort.patients.assign(
        weight_kg=np.arange(50.0, 58.0), sex=["f", "m"] * 4, height_cm=170.0, site=[f"site {i}" for i in range(8)]
    )
    found = covariates(replace(fit.cohort, patients=people))
    assert set(found) == {"group", "weight (kg)", "sex"}
    assert found["weight (kg)"]["P01"] == 50.0


def test_a_large_cohort_is_drawn_by_a_stated_choice(fit: CohortFit) -> None:
    assert set(selected_patients(fit).values()) == {""}
    chosen = selected_patients(fit, 6)
    lowest = fit.nadir[fit.nadir["status"] == "fitted"].nsmallest(2, "fitted_nadir")["patient_id"]
    assert [name for name, why in chosen.items() if why == LOWEST] == list(lowest)
    assert [name for name, why in chosen.items() if why == WORST] == ["P05", "P08"]  # what the model cannot explain
    assert sum(why == RANDOM for why in chosen.values()) == 2
    assert selected_patients(fit, 6) == chosen
    explained = replace(fit, patients=fit.patients.assign(status="fitted"))
    worst = explained.diagnostics.set_index("patient_id")["iwres_sd"].drop(list(lowest)).nlargest(2)
    assert [name for name, why in selected_patients(explained, 6).items() if why == WORST] == list(worst.index)


def test_dates_count_from_each_patients_own_day_0(fit: CohortFit) -> None:
    dated = replace(fit, cohort=replace(fit.cohort, day_zero={"P01": pd.Timestamp("2021-03-04 13:30")}))
    assert date_of(dated, "P01", 0.0) == "2021-03-04"
    assert date_of(dated, "P01", 0.5) == "2021-03-05"
    assert date_of(dated, "P01", -4.0) == "2021-02-28"
    assert date_of(dated, "P02", 0.0) == ""
    table = dates_table(dated)
    assert set(table["patient_id"]) == {"P01"}
    row = table[table["event"] == "fitted_nadir"].iloc[0]
    nadir = fit.nadir.iloc[0]["fitted_nadir_day"]
    assert row["date"] == str((pd.Timestamp("2021-03-04 13:30") + pd.Timedelta(days=nadir)).date())
    assert dates_table(fit).empty
