"""The search against an enumeration that knows nothing of it: curves patient by patient, the grid by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.scenarios.read_scenario import parse_scenario
from igkinetics.scenarios.run import run_scenario
from igkinetics.scenarios.scenario_patients import scenario_patients

HORIZON = 200.0
DOSES, INTERVALS = (0.1, 0.2, 0.3, 0.5), (14.0, 28.0)


def raw(**target: Any) -> dict[str, Any]:
    return {
        "horizon_day": HORIZON,
        "thresholds_mg_dl": [500],
        "seed": 3,
        "price_per_g": 10.0,
        "population": {"card": "adult_b_cell_depletion", "n": 80, "weight_kg": {"mean": 75, "sd": 15}},
        "therapy": {"cycles": 2, "on_day": 28, "off_day": 14},
        "search": {"target": target, "dose_g_per_kg": list(DOSES), "interval_day": list(INTERVALS), "vial_g": [5.0]},
    }


@pytest.mark.parametrize("quantity", ["trough", "nadir"])
def test_the_cheapest_is_that_of_an_exhaustive_enumeration(quantity: str) -> None:
    wanted = {"trough": 0.8, "nadir": 0.4}[quantity]
    file = parse_scenario(raw(quantity=quantity, at_least_mg_dl=500, probability=wanted), "x", "", Path())
    found = run_scenario(file).search
    cases = scenario_patients(file).batch(0)
    enumerated = {}
    for interval in INTERVALS:
        for dose in DOSES:
            day = np.arange(0.0, HORIZON, interval)
            kept, grams = [], []
            for i in range(80):
                amount = max(1, np.floor(round(dose * cases.weight_kg[i], 3) / 5.0 + 0.5)) * 5.0
                courses = cases.therapy[i]
                schedule = build_schedule(
                    start_day=0.0,
                    dose_day=day,
                    dose_g=np.full(day.size, amount),
                    dose_duration_day=np.zeros(day.size),
                    dose_is_sc=np.zeros(day.size),
                    therapy_start=courses[:, 0],
                    therapy_stop=courses[:, 1],
                )
                grid = day[1:] if quantity == "trough" else np.unique([*np.linspace(0, HORIZON, 4001), *day])
                level = np.add(*igg_curve(cases.thetas[i], schedule, grid))
                kept.append(100 * level.min() >= 500)
                grams.append(amount * day.size)
            enumerated[dose, interval] = float(np.mean(kept)), float(np.mean(grams))
    assert len(found) == len(enumerated)
    for row in found.to_dict("records"):
        share, grams = enumerated[row["dose_g_per_kg"], row["interval_day"]]
        assert row["probability"] == pytest.approx(share, abs=1e-12)
        assert row["grams"] == pytest.approx(grams, rel=1e-12)
        assert row["cost"] == pytest.approx(10 * grams, rel=1e-12)
        assert row["probability_error"] == pytest.approx(np.sqrt(share * (1 - share) / 80), abs=1e-12)
        assert row["meets_target"] == (share >= wanted)
    enough = {key: grams for key, (share, grams) in enumerated.items() if share >= wanted}
    assert 0 < len(enough) < len(enumerated)
    (best,) = found[found["cheapest"]].to_dict("records")
    assert (best["dose_g_per_kg"], best["interval_day"]) == min(enough, key=lambda key: enough[key])


def test_a_target_beyond_reach_has_no_cheapest() -> None:
    found = run_scenario(parse_scenario(raw(quantity="nadir", at_least_mg_dl=3000, probability=0.5), "x", "", Path()))
    assert not found.search["cheapest"].any()
    assert not found.search["meets_target"].any()
    assert (found.search["cheapest_for_share"] == 0).all()


def test_a_range_of_doses_is_walked_in_steps_with_both_ends() -> None:
    table = raw(quantity="trough", at_least_mg_dl=500, probability=0.8)
    table["search"] |= {"dose_g_per_kg": [0.2, 1.0], "dose_step_g_per_kg": 0.3}
    found = run_scenario(parse_scenario(table, "x", "", Path())).search
    assert sorted(set(found["dose_g_per_kg"])) == [0.2, 0.5, 0.8, 1.0]
    each = found.groupby("interval_day")["probability"]
    assert (each.diff().dropna() >= 0).all()  # more immunoglobulin never lowers a trough


def test_search_and_regimens_share_their_patients() -> None:
    table = raw(quantity="trough", at_least_mg_dl=500, probability=0.8)
    table["regimen"] = [{"name": "a", "dose_g_per_kg": 0.2, "interval_day": 28.0, "vial_g": 5.0}]
    found = run_scenario(parse_scenario(table, "x", "", Path()))
    rows = found.search[(found.search["dose_g_per_kg"] == 0.2) & (found.search["interval_day"] == 28.0)]
    share = found.outcomes[found.outcomes["outcome"] == "p_trough_at_least"]["mean"].iloc[0]
    assert rows["probability"].iloc[0] == pytest.approx(share, abs=1e-12)
