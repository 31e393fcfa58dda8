"""Every outcome of docs/model.md 6 against a small simulation that shares no code with the package: an ODE per patient.

Calendar, stop, loading dose, horizon on a dosing day, rule, under the skin, single dose, none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

import igkinetics as igk
from igkinetics.kinetics.parameters import PARAMETERS
from igkinetics.report.scenario_sentences import share_words
from igkinetics.scenarios.read_scenario import parse_scenario
from igkinetics.scenarios.scenario_patients import scenario_patients
from igkinetics.text import UNKNOWN

HORIZON, PATIENTS, DURATION_H = 120.0, 4, 4.0
THRESHOLDS = (450.0, 600.0)
RULE = {"below_mg_dl": 480.0, "check_every_day": 7, "minimum_gap_day": 14, "assay_cv_percent": 0, "dose_g_per_kg": 0.2}
REGIMENS: dict[str, dict[str, Any]] = {
    "calendar": {"dose_g_per_kg": 0.3, "interval_day": 28, "start_day": 3, "duration_h": DURATION_H},
    "ends on the horizon": {"dose_g": 20.0, "interval_day": 30, "duration_h": DURATION_H},
    "stops": {"dose_g_per_kg": 0.4, "interval_day": 21, "stop_day": 60, "duration_h": DURATION_H},
    "loading": {"dose_g": 15.0, "interval_day": 21, "loading_g_per_kg": 0.6, "vial_g": 5.0, "duration_h": DURATION_H},
    "rule": {"rule": RULE, "duration_h": DURATION_H},
    "under the skin": {"dose_g_per_kg": 0.1, "interval_day": 7, "route": "sc", "start_day": 1},
    "single": {"dose_g": 30.0, "interval_day": 28, "stop_day": 14, "duration_h": DURATION_H},
    "none": {},
}
RAW: dict[str, Any] = {
    "horizon_day": HORIZON,
    "thresholds_mg_dl": list(THRESHOLDS),
    "seed": 2,
    "price_per_g": 3.0,
    "population": {"card": "adult_b_cell_depletion", "n": PATIENTS, "weight_kg": {"mean": 75, "sd": 15}},
    "therapy": {"cycles": 2, "on_day": 28, "off_day": 14, "agent": "blinatumomab"},
    "regimen": [{"name": name, **regimen} for name, regimen in REGIMENS.items()],
}


@dataclass
class Patient:
    """One patient's curve, advanced event by event. doses: (day, g)."""

    theta: dict[str, float]
    weight_kg: float
    therapy: np.ndarray
    duration_day: float
    under_skin: bool

    def run(self, doses: list[tuple[float, float]], until: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Days, mg/dL (just before a dose at its day), and the areas so far, total and infused (g*day/L)."""
        p = self.theta
        moments = {
            0.0,
            until,
            *(day for day, _ in doses),
            *(day + self.duration_day for day, _ in doses),
            *self.therapy.reshape(-1),
        }
        events = sorted(day for day in moments if 0.0 <= day <= until)
        # states: endogenous 1, 2, infused 1, 2 (g), depot, b, areas of endogenous and infused
        state = np.array([p["C_init"] * p["V1"], p["C_init"] * p["V2"], 0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
        days, level, areas = [0.0], [100 * p["C_init"]], [state[6:]]
        for start, end in pairwise(events):
            if self.under_skin:
                state[4] += sum(g for day, g in doses if day == start)
            length = self.duration_day
            rate = sum(g / length for day, g in doses if length and day <= start < day + length)
            ill = any(first <= start < stop for first, stop in self.therapy)
            known_b = start >= self.therapy[:, 0].min()
            grid = np.linspace(start, end, max(3, int(40 * (end - start)) + 3))
            solved = solve_ivp(
                self.slope,
                (start, end),
                state,
                method="LSODA",
                args=(rate, ill, known_b),
                rtol=1e-10,
                atol=1e-12,
                t_eval=grid,
            )
            state = solved.y[:, -1].copy()
            days += list(grid[1:])
            level += list(100 * (solved.y[0] + solved.y[2])[1:] / p["V1"])
            areas += list(solved.y[6:].T[1:])
        return np.array(days), np.array(level), np.array(areas)

    def slope(self, _: float, y: np.ndarray, rate: float, ill: bool, known_b: bool) -> np.ndarray:
        p = self.theta
        out, across, back = p["CL"] / p["V1"], p["Q"] / p["V1"], p["Q"] / p["V2"]
        production = p["CL"] * p["C_base"] * (1 - p["S"] + p["S"] * y[5])
        db = -p["k_loss"] * y[5] if ill else (p["k_rec"] * (1 - y[5]) if known_b else 0.0)
        absorbed = p["ka"] * y[4] if self.under_skin else 0.0
        return np.array(
            [
                production - (out + across) * y[0] + back * y[1],
                across * y[0] - back * y[1],
                rate + (p["F"] * absorbed if self.under_skin else 0.0) - (out + across) * y[2] + back * y[3],
                across * y[2] - back * y[3],
                -absorbed,
                db,
                y[0] / p["V1"],
                y[2] / p["V1"],
            ]
        )

    def doses(self, regimen: dict[str, Any]) -> list[tuple[float, float]]:
        if rule := regimen.get("rule"):
            given: list[tuple[float, float]] = []
            for check in np.arange(0.0, HORIZON, rule["check_every_day"]):
                level = self.run(given, check)[1][-1]
                far = not given or check - given[-1][0] >= rule["minimum_gap_day"]
                if round(level) < rule["below_mg_dl"] and far:
                    given.append((float(check), round(rule["dose_g_per_kg"] * self.weight_kg, 3)))
            return given
        if "interval_day" not in regimen:
            return []
        stop = min(HORIZON, regimen.get("stop_day", HORIZON))
        days = np.arange(regimen.get("start_day", 0.0), stop, regimen["interval_day"])
        amount = [regimen.get("dose_g") or round(regimen["dose_g_per_kg"] * self.weight_kg, 3)] * len(days)
        if "loading_g_per_kg" in regimen:
            amount[0] = 5.0 * np.floor(regimen["loading_g_per_kg"] * self.weight_kg / 5.0 + 0.5)
        return list(zip(map(float, days), amount, strict=True))


def truth(patient: Patient, regimen: dict[str, Any]) -> dict[tuple[str, float], float]:
    """Every outcome, from the words of the design alone."""
    doses = patient.doses(regimen)
    days, level, areas = patient.run(doses, HORIZON)
    given = [day for day, _ in doses]
    ends = given[1:]
    if "interval_day" in regimen and given[-1] + regimen["interval_day"] == HORIZON and "stop_day" not in regimen:
        ends = [*ends, HORIZON]
    calendar = "interval_day" in regimen
    start, end = (max(g for g in given if g < ends[-1]), ends[-1]) if calendar and ends else (HORIZON - 28.0, HORIZON)
    first = 0.0 if "rule" in regimen or not given else given[0]
    from_first = days >= first
    troughs = [level[days == day][0] for day in ends]
    at = [np.flatnonzero(days >= day)[0] for day in (start, end)]
    if start not in days:  # no event there: between two points of the grid
        patient_at = [patient.run(doses, day)[2][-1] for day in (start, end)]
        tau = patient_at[1] - patient_at[0]
    else:
        tau = areas[at[1]] - areas[at[0]]
    within = (days >= start) & (days <= end)
    found = {
        "nadir": level[from_first].min(),
        "nadir_day": days[from_first][level[from_first].argmin()],
        "nadir_all": level.min(),
        "trough": min(troughs, default=np.nan),
        "peak": level[within].max(),
        "trough_last": troughs[-1] if troughs else np.nan,
        "mean_igg": 100 * areas[-1].sum() / HORIZON,
        "auc_tau": tau.sum(),
        "auc_tau_infused": tau[1],
        "grams": sum(g for _, g in doses),
        "infusions": len(doses),
        "cost": 3.0 * sum(g for _, g in doses),
    }
    result = {(name, np.nan): value for name, value in found.items()}
    for threshold in THRESHOLDS:
        result["p_nadir_at_least", threshold] = float(found["nadir"] >= threshold)
        result["p_trough_at_least", threshold] = float(found["trough"] >= threshold) if troughs else np.nan
        steps, below = np.diff(days), level < threshold
        result["days_below", threshold] = float(np.sum(steps * (below[1:].astype(float) + below[:-1]) / 2))
    return result


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    keep = {key: value for key, value in RAW.items() if key not in ("thresholds_mg_dl", "regimen", "population")}
    result = igk.simulate_regimens(RAW["population"], RAW["regimen"], thresholds=THRESHOLDS, **keep)
    return result.outcomes


@pytest.fixture(scope="module")
def cases() -> Any:
    return scenario_patients(parse_scenario(RAW, "x", "", None)).batch(0)


@pytest.mark.parametrize("name", REGIMENS)
def test_every_outcome_is_that_of_an_independent_simulation(name: str, found: pd.DataFrame, cases: Any) -> None:
    regimen = REGIMENS[name]
    each = []
    for i in range(PATIENTS):
        theta = dict(zip(PARAMETERS, cases.thetas[i], strict=True))
        patient = Patient(
            theta,
            cases.weight_kg[i],
            cases.therapy[i],
            regimen.get("duration_h", 0.0) / 24,
            regimen.get("route") == "sc",
        )
        each.append(truth(patient, regimen))
    table = found[found["regimen"] == name]
    assert len(table) == len(each[0])
    for row in table.to_dict("records"):
        values = np.array([one[row["outcome"], row["threshold"]] for one in map(Lookup, each)])
        known = values[~np.isnan(values)]
        assert row["share_known"] == pytest.approx(known.size / PATIENTS), row["outcome"]
        expected = known.mean() if known.size else np.nan
        near = {"days_below": {"abs": 0.05}, "nadir_day": {"abs": 0.05}}.get(row["outcome"], {"rel": 2e-5, "abs": 1e-9})
        assert row["mean"] == pytest.approx(expected, nan_ok=True, **near), row["outcome"]


class Lookup:
    """The truth of one patient by outcome and threshold (nan is not equal to itself)."""

    def __init__(self, values: dict[tuple[str, float], float]) -> None:
        self.values = {(name, 0.0 if np.isnan(at) else at): value for (name, at), value in values.items()}

    def __getitem__(self, key: tuple[str, float]) -> float:
        return self.values[key[0], 0.0 if np.isnan(key[1]) else key[1]]


def test_each_row_names_the_days_it_covers(found: pd.DataFrame) -> None:
    spans = {
        (row["regimen"], row["outcome"]): (row["interval_start"], row["interval_end"])
        for row in found.to_dict("records")
    }
    assert spans["calendar", "nadir"] == (3.0, 120.0)
    assert spans["calendar", "nadir_all"] == spans["calendar", "mean_igg"] == (0.0, 120.0)
    assert spans["calendar", "trough"] == (31.0, 115.0)
    assert spans["calendar", "trough_last"] == spans["calendar", "auc_tau"] == (87.0, 115.0)
    assert spans["ends on the horizon", "trough_last"] == (90.0, 120.0)
    assert spans["stops", "trough"] == (21.0, 42.0)  # the last dose is on day 42: nothing after it is a trough
    assert spans["under the skin", "peak"] == (113.0, 120.0)
    for name in ("rule", "single", "none"):
        assert spans[name, "auc_tau"] == (92.0, 120.0)
    notes = {(row["regimen"], row["outcome"]): row["note"] for row in found.to_dict("records")}
    assert notes["none", "trough"] == "no dose is given, so there is no trough"
    assert "low by design" in notes["rule", "trough"]
    assert notes["single", "trough"] == "no dosing interval ends within these days"
    assert notes["stops", "trough"] == "nothing after the last dose is a trough; nadir and mean_igg cover it"


def test_what_covers_different_days_is_not_subtracted() -> None:
    """Under the skin every week against into a vein every four: the same days, or a note in place of a number."""
    regimens = [
        {"name": "iv", "dose_g_per_kg": 0.4, "interval_day": 28},
        {"name": "sc", "dose_g_per_kg": 0.1, "interval_day": 7, "route": "sc"},
    ]
    patients = {"card": "adult_b_cell_depletion", "n": 20, "weight_kg": 70}
    found = igk.simulate_regimens(patients, regimens, horizon_day=140, thresholds=[400], seed=1)
    rows = found.differences.set_index("outcome")
    for outcome in ("auc_tau", "auc_tau_infused", "trough_last", "peak"):
        assert np.isnan(rows.loc[outcome, "mean_difference"])
        assert rows.loc[outcome, "note"] == "not compared: days 133 to 140 against days 112 to 140"
    means = found.outcomes.set_index(["regimen", "outcome"])["mean"]
    for outcome in ("nadir", "mean_igg", "grams"):
        apart = means["sc", outcome] - means["iv", outcome]
        assert rows.loc[outcome, "mean_difference"] == pytest.approx(apart, abs=1e-9)
        assert rows.loc[outcome, "note"] == ""


def test_the_worst_trough_of_the_year_is_not_that_of_its_end() -> None:
    """The example of the README: what keeps the last trough does not keep all of them."""
    patients = {"card": "adult_b_cell_depletion", "n": 1000, "weight_kg": {"mean": 75, "sd": 15}}
    therapy = {"cycles": 4, "on_day": 28, "off_day": 14, "agent": "blinatumomab"}
    regimen = {"name": "a", "dose_g_per_kg": 0.15, "interval_day": 21, "vial_g": 2.5}
    found = igk.simulate_regimens(patients, [regimen], therapy=therapy, horizon_day=365, thresholds=[500], seed=1)
    rows = found.outcomes.set_index("outcome")
    assert rows.loc["p_trough_at_least", "mean"] == pytest.approx(0.53, abs=0.04)  # 0.90 in the last interval
    assert rows.loc["nadir", "median"] == pytest.approx(495, rel=0.03)
    assert rows.loc["days_below", "mean"] == pytest.approx(50, rel=0.1)


def test_levels_in_g_per_l_say_the_same() -> None:
    patients = {"card": "adult_b_cell_depletion", "n": 50, "weight_kg": 70}
    regimen = {"name": "a", "dose_g_per_kg": 0.4, "interval_day": 28}
    either = {
        unit: igk.simulate_regimens(patients, [regimen], horizon_day=60, thresholds=[level], unit=unit, seed=1)
        for unit, level in (("mg/dL", 500), ("g/L", 5))
    }
    one, other = (either[unit].outcomes.set_index("outcome") for unit in ("mg/dL", "g/L"))
    for name, factor in (("nadir", 100.0), ("p_trough_at_least", 1.0), ("days_below", 1.0), ("auc_tau", 1.0)):
        assert one.loc[name, "mean"] == pytest.approx(factor * other.loc[name, "mean"], rel=1e-12)
    assert list(other.loc[["nadir", "mean_igg"], "unit"]) == ["g/L", "g/L"]
    rule = {"check_every_day": 7, "minimum_gap_day": 21, "dose_g": 20}
    given = ({"rule": {**rule, **level}} for level in ({"below": 4.35}, {"below_mg_dl": 435}))
    rules = [
        igk.simulate_regimens(patients, [one], horizon_day=60, thresholds=[5], unit="g/L", seed=1) for one in given
    ]
    pd.testing.assert_frame_equal(rules[0].outcomes, rules[1].outcomes)
    assert "is reported below 4.35 g/L" in rules[0].calendar["note"].iloc[0]
    assert other.loc["days_below", "threshold_unit"] == "g/L"
    curves = [either[unit].trajectories["median"] for unit in ("mg/dL", "g/L")]
    np.testing.assert_allclose(curves[0], 100 * curves[1], rtol=1e-12)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"mean": 0.232, "mean_lower": 0.0113, "mean_upper": 0.7648}, "23.2 % (1.1 to 76.5)"),
        ({"mean": 0.232, "mean_lower": math.nan, "mean_upper": math.nan}, "23.2 %"),
        ({"mean": math.nan, "mean_lower": math.nan, "mean_upper": math.nan}, UNKNOWN),
    ],
)
def test_a_share_stands_with_what_the_card_leaves_open(row: dict[str, float], words: str) -> None:
    assert share_words(row) == words
