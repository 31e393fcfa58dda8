"""Expected infections against the published relations applied to each patient's trough by hand."""

from __future__ import annotations

import numpy as np
import pytest

from igkinetics.parallel import workers
from igkinetics.scenarios.engine import Setting, simulate
from igkinetics.scenarios.outcomes import Columns
from igkinetics.scenarios.read_scenario import parse_scenario
from igkinetics.scenarios.run import run_scenario
from igkinetics.scenarios.scenario_patients import scenario_patients

RAW = {
    "horizon_day": 200,
    "thresholds_mg_dl": [500],
    "seed": 1,
    "exposure_response": {},
    "population": {"card": "adult_b_cell_depletion", "n": 60, "weight_kg": {"mean": 75, "sd": 15}},
    "regimen": [{"name": "none"}, {"name": "a", "dose_g_per_kg": 0.4, "interval_day": 28}],
}


def test_infections_are_means_over_the_patients_troughs() -> None:
    file = parse_scenario(RAW, "x", "", None)
    found = run_scenario(file)
    cases = scenario_patients(file).batch(0)
    columns = Columns(thresholds=(500.0,), unit="mg/dL", price_per_g=None)
    for regimen in file.scenario.regimen:
        last_days = None if regimen.interval_day else (172.0, 200.0)  # no dosing interval: the lowest of 28 days
        setting = Setting(from_day=0.0, horizon_day=200.0, columns=columns, day=np.empty(0), seed=1, covered=last_days)
        with workers(1) as crew:
            found_values = simulate(regimen, cases, np.empty((60, 0)), setting, crew).values
        place = [one.name for one in columns.all].index("trough_last" if regimen.interval_day else "nadir")
        trough = found_values[:, place]
        rows = found.infections[found.infections["regimen"] == regimen.name].set_index("infection")
        pneumonia = np.mean(0.113 * 0.726 ** ((trough - 500) / 100))
        any_infection = np.mean(0.87 ** ((np.minimum(trough, 960) - 500) / 100))
        assert rows.loc["pneumonia", "value"] == pytest.approx(pneumonia, rel=1e-9)
        assert rows.loc["any infection", "value"] == pytest.approx(any_infection, rel=1e-9)
        assert rows.loc["pneumonia", "lower"] < pneumonia < rows.loc["pneumonia", "upper"]
        assert np.isnan(rows.loc["any infection", "lower"])
        outside = np.mean((trough < 500) | (trough > 1000))
        assert rows.loc["pneumonia", "share_outside_studied"] == pytest.approx(outside)
        assert rows["evidence"].str.startswith("Between-study evidence").all()


def test_infections_are_left_out_unless_asked_for() -> None:
    without = {name: value for name, value in RAW.items() if name != "exposure_response"}
    plain = run_scenario(parse_scenario(without, "x", "", None))
    asked = run_scenario(parse_scenario(RAW, "x", "", None))
    assert plain.infections.empty
    assert plain.outcomes.equals(asked.outcomes)
