"""Dosing by a rule, against a day-by-day check that shares no code with the simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import expm

from igkinetics.simulate.run import simulate_cohort

REGIMEN = "dose_g_per_kg = 0.4, interval_day = 28, start_day = 7, stop_day = 100"
CHECKED = (
    "rule = { below_mg_dl = 700, check_every_day = 1, minimum_gap_day = 12, dose_g_per_kg = 0.3, "
    "start_day = 3, stop_day = 120, delay_day = 2 }"
)
THERAPY = ((0, 28), (42, 70), (84, 112))
QUIET = ("cv_percent = 8", "cv_percent = 0")


def stepped(value: pd.Series, state: np.ndarray, on_therapy: bool) -> np.ndarray:
    """State (A1, A2, b, 1) one day on: two compartments, production R = CL C_base ((1 - S) + S b)."""
    rate = np.zeros((4, 4))
    rate[0, :] = [-(value["CL"] + value["Q"]) / value["V1"], value["Q"] / value["V2"], 0, 0]
    rate[0, 2] = value["CL"] * value["C_base"] / 100 * value["S"]
    rate[0, 3] = value["CL"] * value["C_base"] / 100 * (1 - value["S"])
    rate[1, :2] = [value["Q"] / value["V1"], -value["Q"] / value["V2"]]
    rate[2, 2] = -value["k_loss"] if on_therapy else -value["k_rec"]
    rate[2, 3] = 0 if on_therapy else value["k_rec"]
    return expm(rate) @ state


def doses_day_by_day(value: pd.Series, weight_kg: float) -> tuple[list[int], list[float]]:
    """Days and amounts: measured each morning, whole mg/dL, dosed two days later if below 700."""
    c_init = value["C_init"] / 100
    state = np.array([c_init * value["V1"], c_init * value["V2"], 1.0, 1.0])
    ordered: list[int] = []
    for day in range(141):
        below = round(100 * state[0] / value["V1"]) < 700
        if 3 <= day < 120 and below and (not ordered or day + 2 - ordered[-1] >= 12):
            ordered.append(day + 2)
        if day in ordered:
            state[0] += round(0.3 * weight_kg, 3)
        state = stepped(value, state, any(start <= day < stop for start, stop in THERAPY))
    return ordered, [round(0.3 * weight_kg, 3)] * len(ordered)


def test_a_rule_doses_as_a_day_by_day_check_would(design: Callable[..., str]) -> None:
    simulated = simulate_cohort(design(QUIET, (REGIMEN, CHECKED), ("n = 6", "n = 8")))
    values = simulated.truth_parameters.pivot(index="patient_id", columns="parameter", values="value")
    doses = simulated.doses.groupby("patient_id")
    dosed = 0
    for patient in simulated.patients[simulated.patients["group"] == "treated"].itertuples():
        days, amounts = doses_day_by_day(values.loc[patient.patient_id], patient.weight_kg)
        given = doses.get_group(patient.patient_id) if days else simulated.doses.iloc[:0]
        assert_array_equal(given["day"], days)
        assert_allclose(given["amount_g"], amounts)
        dosed += len(days)
    assert dosed > 20


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_record_alone_explains_every_dose(design: Callable[..., str], seed: int) -> None:
    """Noisy visits, moved and missed, with illness between: dosed exactly at visits that read below the level."""
    rule = "rule = { below_mg_dl = 600, check = 'visits', minimum_gap_day = 21, dose_g = 30, start_day = 5 }"
    visits = (
        "until_day = 140\njitter_day = 4\nmissed = 0.2\n"
        "illness = { per_year_at_500 = 6, rate_ratio_per_100_mg_dl = 0.7 }"
    )
    simulated = simulate_cohort(design(("seed = 7", f"seed = {seed}"), (REGIMEN, rule), ("until_day = 140", visits)))
    expected = []
    for patient_id, rows in simulated.samples.groupby("patient_id", sort=False):
        last = -np.inf
        for row in rows.itertuples():
            below = row.igg.startswith("<") or float(row.igg) < 600
            if patient_id.startswith("treated") and row.day >= 5 and below and round(row.day - last, 3) >= 21:
                expected.append((patient_id, row.day))
                last = row.day
    assert list(simulated.doses[["patient_id", "day"]].itertuples(index=False, name=None)) == expected
    assert len(expected) > 5


def test_hidden_checks_dose_without_standing_in_the_record(design: Callable[..., str]) -> None:
    shown = simulate_cohort(design((REGIMEN, CHECKED)))
    hidden = simulate_cohort(design((REGIMEN, CHECKED.replace("delay_day = 2", "delay_day = 2, recorded = false"))))
    assert shown.doses.equals(hidden.doses)
    visits = set(hidden.samples[["patient_id", "day"]].itertuples(index=False, name=None))
    assert len(visits) == 10 * 11
    both = 8  # on days 14, 28, ..., 112 the check of that morning is the visit's measurement
    assert len(shown.samples) == len(hidden.samples) + 6 * (117 - both)
    assert not shown.samples.duplicated(["patient_id", "day"]).any()


def test_illness_visits_before_a_dose_do_not_depend_on_it(design: Callable[..., str]) -> None:
    illness = "until_day = 140\nillness = { per_year_at_500 = 12, rate_ratio_per_100_mg_dl = 0.5 }"
    later = REGIMEN.replace("start_day = 7", "start_day = 70").replace("0.4", "2")
    sooner = REGIMEN.replace("0.4", "2").replace("start_day = 7", "start_day = 42")
    record = {
        start: simulate_cohort(design(("until_day = 140", illness), (REGIMEN, regimen))).samples
        for start, regimen in ((42, sooner), (70, later))
    }
    own = {start: rows[rows["patient_id"].str.startswith("treated")] for start, rows in record.items()}
    before = [rows[rows["day"] <= 42].reset_index(drop=True) for rows in own.values()]
    assert before[0].equals(before[1])
    assert len(before[0]) > 6 * 4
    assert len(own[42]) < len(own[70])
