"""Every number that multiplies work has a bound, or its cost is foreseen and the key that allows it is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from igkinetics.cli.main import app
from igkinetics.errors import InputError
from igkinetics.scenarios.read_scenario import parse_scenario
from igkinetics.scenarios.run import run_scenario
from igkinetics.scenarios.scenario_patients import scenario_patients
from igkinetics.scenarios.workload import foreseen

CALENDAR = {"name": "a", "dose_g": 30, "interval_day": 28}
RULE = {"below_mg_dl": 400, "check_every_day": 7, "minimum_gap_day": 21, "dose_g": 30}
SEARCH = {
    "target": {"quantity": "trough", "at_least_mg_dl": 500, "probability": 0.9},
    "dose_g_per_kg": [0.1, 0.6],
    "interval_day": [28],
}


def raw(**more: Any) -> dict[str, Any]:
    patients = {"card": "adult_b_cell_depletion", "n": 10, "weight_kg": 70, **more.pop("population", {})}
    rest = {"horizon_day": 60, "thresholds_mg_dl": [400], "seed": 1, "regimen": [CALENDAR]}
    return {**rest, "population": patients, **more}


BEYOND = {
    "horizon": (raw(horizon_day=1e9), "horizon_day: found '1e+09'; asks for 1,000,000,000 days; at most 36,525"),
    "interval": (raw(regimen=[{**CALENDAR, "interval_day": 1e-9}]), "interval_day: found '1e-09'; must be 0.01"),
    "doses": (
        raw(horizon_day=30000, regimen=[{**CALENDAR, "dose_g": 5, "interval_day": 1}]),
        "interval_day: found '1'; asks for 30,001 doses; at most 20,000",
    ),
    "checks": (
        raw(regimen=[{"name": "a", "rule": {**RULE, "check_every_day": 1e-7}}]),
        "rule.check_every_day: found '1e-07'; must be 0.01 or more",
    ),
    "patients": (raw(population={"n": 10**9}), "population.n: found '1000000000'; asks for 1,000,000,000 patients"),
    "cycles": (raw(therapy={"cycles": 5000, "on_day": 1, "off_day": 1}), "cycles of therapy; at most 1,000"),
    "search step": (raw(search={**SEARCH, "dose_step_g_per_kg": 1e-9}), "candidates; at most 10,000"),
    "search interval": (raw(search={**SEARCH, "interval_day": [1e-9, 28]}), "search.interval_day: found '1e-09'; must"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_a_number_beyond_its_bound_is_refused_by_its_key(name: str) -> None:
    tables, said = BEYOND[name]
    with pytest.raises(InputError) as caught:
        parse_scenario(tables, "x.toml", "", None)
    assert said in str(caught.value)


def test_a_long_run_is_foreseen_and_the_key_that_allows_it_is_named(tmp_path: Path) -> None:
    """Through the command: refused before anything is drawn, exit status 2."""
    path = tmp_path / "long.toml"
    path.write_text(
        'horizon_day = 3650\nthresholds_mg_dl = [400]\nseed = 1\n[population]\ncard = "adult_b_cell_depletion"\n'
        'n = 4000000\nweight_kg = 70\n[[regimen]]\nname = "a"\ndose_g = 30\ninterval_day = 7\n',
        encoding="utf-8",
    )
    done = CliRunner().invoke(app, ["scenario", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "allow_minutes: found '15'; foreseen: about 52 minutes" in done.output
    assert "write allow_minutes = 53 to allow it" in done.output


def test_what_is_foreseen_grows_with_patients_and_days() -> None:
    took = [
        foreseen(file.scenario, scenario_patients(file), 2).seconds
        for file in (
            parse_scenario(raw(horizon_day=days, population={"n": n}), "x", "", None)
            for days, n in ((60, 10), (60, 10000), (600, 10000))
        )
    ]
    assert took[1] == pytest.approx(1000 * took[0])
    assert 8 < took[2] / took[1] < 11


@pytest.mark.parametrize(("unit", "level", "said"), [("g/L", 400, "0.2 and 60 g/L"), ("mg/dL", 5, "20 and 6000")])
def test_a_threshold_in_another_unit_is_asked_about(unit: str, level: float, said: str) -> None:
    tables = {name: value for name, value in raw().items() if name != "thresholds_mg_dl"}
    file = parse_scenario({**tables, "thresholds": [level], "unit": unit}, "x", "", None)
    with pytest.raises(InputError, match=said):
        run_scenario(file)
