"""Individual dosing against an enumeration that knows nothing of the engine, and against a scenario of the same fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import igkinetics as igk
from igkinetics.cohort.model import Cohort
from igkinetics.dose.columns import DOSE_COLUMNS, column_words
from igkinetics.dose.patient import patient_to_dose, recorded_member
from igkinetics.dose.result import DoseResult
from igkinetics.fit.likelihood import NORMAL, RESIDUALS, STUDENT_T
from igkinetics.fit.output import write_fit
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.schedule import build_schedule

DESIGN = """
seed = 7
title = "Patients to dose"
[population]
card = "adult_b_cell_depletion"
weight_kg = { mean = 75, sd = 15 }
[therapy]
cycles = 3
on_day = 28
off_day = 14
agent = "blinatumomab"
[visits]
every_day = 21
until_day = 130
[assay]
cv_percent = 8
[[group]]
name = "IVIG"
n = NUMBER
[group.regimen]
dose_g_per_kg = 0.3
interval_day = 42
start_day = 20
"""
AMOUNTS, INTERVALS, HORIZON, DRAWS = (10.0, 25.0, 40.0), (21.0, 28.0), 112.0, 150


def made_cohort(number: int, folder: Path) -> Cohort:
    igk.simulate_cohort(DESIGN.replace("NUMBER", str(number))).write(folder / "cohort")
    return igk.read_cohort(folder / "cohort")


def enumerated(result: DoseResult) -> list[tuple[float, float, float]]:
    """(amount, interval, share at target) of every combination by hand, ranked by hand."""
    (member,) = patient_to_dose(result.fits, result.facts, result.options, result.plan.unit).members
    last = float(member.doses[:, 0].max(initial=-np.inf))
    found = []
    for amount in AMOUNTS:
        for interval in INTERVALS:
            first = max(0.0, round(last + interval, 3))
            days = np.round(np.arange(first, HORIZON + interval, interval), 3)
            given, troughs = days[days < HORIZON], days[(days > first) & (days <= HORIZON)]
            schedule = build_schedule(
                start_day=member.start_day,
                dose_day=[*member.doses[:, 0], *given],
                dose_g=[*member.doses[:, 1], *np.full(given.size, amount)],
                dose_duration_day=[*member.doses[:, 2], *np.zeros(given.size)],
                dose_is_sc=np.zeros(len(member.doses) + given.size),
                therapy_start=member.therapy[:, 0],
                therapy_stop=member.therapy[:, 1],
            )
            level = 100 * np.add(*igg_curve(member.thetas, schedule, troughs)) * member.factor_at(troughs)
            low, high = result.plan.limits[0], (*result.plan.limits, np.inf)[1]
            kept = (level.min(axis=1) >= low) & (level.max(axis=1) <= high)
            found.append((amount, interval, float(kept.mean())))
    wanted = result.options.probability
    enough = sorted((amount / interval, -interval, k) for k, (amount, interval, p) in enumerate(found) if p >= wanted)
    rest = sorted((-p, amount / interval, -interval, k) for k, (amount, interval, p) in enumerate(found) if p < wanted)
    return [found[each[-1]] for each in (*enough, *rest)]


def compare_with_enumeration(number: int, folder: Path) -> None:
    cohort = made_cohort(number, folder)
    some = 0
    for place, patient_id in enumerate(cohort.patient_ids):
        choices = {"target": 500, "interval": INTERVALS, "dose_g": AMOUNTS, "probability": 0.7, "horizon": HORIZON}
        choices |= {"target_upper": 1100} if place % 3 == 0 else {}
        result = igk.dose_patient(cohort, patient_id, draws=DRAWS, **choices)
        by_hand = enumerated(result)
        assert result.dose["amount_g"].tolist() == [amount for amount, _, _ in by_hand], patient_id
        assert result.dose["interval_day"].tolist() == [interval for _, interval, _ in by_hand], patient_id
        assert_allclose(result.dose["p_target"], [share for _, _, share in by_hand], atol=1e-12)
        some += result.meets
    assert some > 0


def test_ranks_are_those_of_an_exhaustive_search(tmp_path: Path) -> None:
    compare_with_enumeration(20, tmp_path)


@pytest.mark.slow
def test_ranks_are_those_of_an_exhaustive_search_of_many(tmp_path: Path) -> None:
    compare_with_enumeration(200, tmp_path)


def test_shares_are_those_of_a_scenario_of_the_same_fit(ward: Cohort, dosed: DoseResult, tmp_path: Path) -> None:
    """P07's first dose is due on the day of the last sample under both intervals, so that one search says the same."""
    fits = igk.fit_cohort(ward.only("P07"), draws=400)
    write_fit(fits, tmp_path)
    found = igk.search_regimens(
        {"fit": str(tmp_path), "patient": "P07"},
        {"quantity": "trough", "at_least": 4.5, "probability": 0.8},
        dose_g=[15, 25, 40, 55],
        interval_day=[28],
        vial_g=[2.5, 5, 10],
        horizon_day=112,
        thresholds=[4.5],
        seed=1,
    ).search
    own = dosed.dose[dosed.dose["interval_day"] == 28].sort_values("amount_g")
    population = found[found["patient_id"] == ""]
    assert_allclose(own["p_target"], population["probability"], rtol=0, atol=1e-12)
    assert own["vials"].tolist() == population["vials"].tolist()
    error = recorded_member(fits, "P07").error
    assert set(error[:, 2]) == {NORMAL, STUDENT_T}  # measured values scatter as in each draw, as from a folder
    assert_allclose(error[:, 2], fits.draws["residual"].map(RESIDUALS))


def test_the_table_is_that_of_the_contract(dosed: DoseResult) -> None:
    table = dosed.dose
    assert ",".join(table.columns) == (
        "rank,amount_g,vials,interval_day,route,start,p_target,trough,nadir,days_below,grams_per_28_days,cost"
    )
    assert table["rank"].tolist() == list(range(1, 9))
    assert_allclose(table["grams_per_28_days"], table["amount_g"] * 28 / table["interval_day"])
    assert_allclose(table["cost"], 90 * table["grams_per_28_days"])
    assert set(table["start"]) == {"2024-05-30"}  # 28 days after the dose of 2 May; 21 days have passed
    meets = table["p_target"] >= 0.8
    assert 0 < meets.sum() < len(table)
    assert meets.iloc[: meets.sum()].all()
    assert table.loc[meets, "grams_per_28_days"].is_monotonic_increasing
    assert (table["nadir"] <= table["trough"] + 1e-9).all()
    for name, each in dosed.tables.items():
        assert all(column_words(name, column) for column in each.columns)
    assert list(DOSE_COLUMNS) == list(table.columns)


def test_calendar_forecast_and_next_sample_are_of_the_first_rank(dosed: DoseResult) -> None:
    first = dosed.dose.iloc[0]
    calendar = dosed.calendar
    assert set(calendar["amount_g"]) == {first["amount_g"]}
    assert calendar["date"].iloc[0] == first["start"]
    days = pd.to_datetime(calendar["date"])
    assert set(days.diff().dropna().dt.days) == {int(first["interval_day"])}
    assert calendar["day"].iloc[0] == 140  # of the record: days from 11 January
    (best,) = dosed.next_sample[dosed.next_sample["best"]].to_dict("records")
    assert best["day"] < best["dose_day"] < best["trough_day"]
    assert best["dose_day"] == calendar["day"].iloc[1]
    assert 0.0 <= best["p_change"] <= 1.0
    assert (dosed.next_sample["day"] > 140).all()
    under = dosed.forecast[dosed.forecast["policy"] == dosed.best.name].set_index("day")
    assert under.loc[140.0, "date"] == "2024-05-30"
    assert (under["lower"] <= under["median"]).all()
    without = dosed.forecast[dosed.forecast["policy"] == "no further dose"].set_index("day")
    assert (without["p_below"] + 1e-12 >= under["p_below"]).all()


def test_a_dose_given_since_the_last_sample_stays_and_the_next_is_due_after_it(ward: Cohort) -> None:
    result = igk.dose_patient(ward, "P11", target=4, interval=[21, 28], dose_g=[20, 30], draws=150, horizon=112)
    starts = result.dose.set_index("interval_day")["start"]
    assert set(starts[21.0]) == {"2024-02-28"}
    assert set(starts[28.0]) == {"2024-03-06"}
    without = result.forecast[result.forecast["policy"] == "no further dose"]
    assert without["median"].iloc[1] > without["median"].iloc[0] + 3  # the infusion of that day, after the sample


def test_the_unit_of_the_call_is_that_of_the_results(ward: Cohort, dosed: DoseResult) -> None:
    options = {"interval": [28], "dose_g": [40], "draws": 400, "horizon": 112}
    other = igk.dose_patient(ward, "P07", target=450, unit="mg/dL", **options).dose.iloc[0]
    own = dosed.dose[(dosed.dose["amount_g"] == 40) & (dosed.dose["interval_day"] == 28)].iloc[0]
    assert other["trough"] == pytest.approx(100 * own["trough"])
    assert other["p_target"] == own["p_target"]
