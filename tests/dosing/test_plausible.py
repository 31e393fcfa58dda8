"""Doses, levels and errors in another unit are refused by their key in every file that holds regimens."""

from __future__ import annotations

from pathlib import Path

import pytest

from igkinetics.dosing.regimen import Regimen
from igkinetics.errors import InputError
from igkinetics.scenarios.read_scenario import read_scenario
from igkinetics.scenarios.run import run_scenario

SCENARIO = """
horizon_day = 365
thresholds_mg_dl = [400]
seed = 1
[population]
card = "adult_b_cell_depletion"
n = 20
weight_kg = 75
"""
CALENDAR = '[[regimen]]\nname = "a"\n'
RULE = (
    '[[regimen]]\nname = "a"\nrule = {{ below_mg_dl = {}, check_every_day = 7, minimum_gap_day = 21, '
    "assay_cv_percent = {}, {} }}\n"
)
SEARCH = (
    '[search]\ntarget = {{ quantity = "trough", at_least_mg_dl = 500, probability = 0.9 }}\ninterval_day = [28]\n{}\n'
)
CASES = {
    "dose_g_per_kg = 400\ninterval_day = 28": ("regimen[a].dose_g_per_kg", "not in mg/kg?"),
    "dose_g_per_kg = 0.0004\ninterval_day = 28": ("regimen[a].dose_g_per_kg", "not in mg/kg?"),
    "dose_g_per_kg = 0.4\ninterval_day = 28\nloading_g_per_kg = 30": ("regimen[a].loading_g_per_kg", "not in mg/kg?"),
    "dose_g = 30000\ninterval_day = 28": ("regimen[a].dose_g", "not in mg?"),
    "dose_g = 0.4\ninterval_day = 28": ("regimen[a].dose_g", "is 0.0053 g/kg at the mean weight, 75 kg"),
    "dose_g_per_kg = 0.4\ninterval_day = 4": ("regimen[a].interval_day", "gives 2.8 g/kg in four weeks"),
    "dose_g = 30\ninterval_day = 4": ("regimen[a].interval_day", "gives 210 g in four weeks"),
    "dose_g = 30\ninterval_day = 672": ("regimen[a].interval_day", "an interval is at most 120 days"),
    "dose_g = 30\ninterval_day = 28\nduration_h = 240": ("regimen[a].duration_h", "is it in hours?"),
    "dose_g = 30\ninterval_day = 28\nvial_g = 250": ("regimen[a].vial_g", "no vial holds more than 100 g"),
}
OF_RULES = {
    RULE.format(4, 7, "dose_g_per_kg = 0.4"): ("regimen[a].rule.below_mg_dl", "is it in another unit?"),
    RULE.format(400, 0.07, "dose_g_per_kg = 0.4"): ("regimen[a].rule.assay_cv_percent", "write 7, or 0 for none"),
    RULE.format(400, 7, "dose_g_per_kg = 400"): ("regimen[a].rule.dose_g_per_kg", "not in mg/kg?"),
    RULE.format(400, 7, "dose_g = 0.4"): ("regimen[a].rule.dose_g", "at the mean weight"),
    SEARCH.format("dose_g_per_kg = [100, 200, 400]"): ("search.dose_g_per_kg", "not in mg/kg?"),
    SEARCH.format("dose_g = [0.2, 0.4, 0.6]"): ("search.dose_g", "not in mg?"),
    SEARCH.format("dose_g = [20, 30, 40]\nvial_g = 250"): ("search.vial_g", "no vial holds more"),
    "[assay]\ncv_percent = 0.07\n": ("assay.cv_percent", "write 7, or 0 for none"),
}


@pytest.mark.parametrize("text", [*(CALENDAR + one for one in CASES), *OF_RULES])
def test_what_was_meant_in_another_unit_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO + text, encoding="utf-8")
    key, said = {**{CALENDAR + one: told for one, told in CASES.items()}, **OF_RULES}[text]
    with pytest.raises(InputError) as refused:
        read_scenario(path)
    assert any(one.column == key and said in one.expected for one in refused.value.problems)


@pytest.mark.parametrize("text", [one for one in CASES if "rule" not in one])
def test_doses_beyond_all_use_are_kept_where_they_are_meant(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(f'{SCENARIO}{CALENDAR}{text}\nunusual_doses = "as_given"\n', encoding="utf-8")
    assert read_scenario(path).scenario.regimen[0].unusual_doses == "as_given"


def test_usual_doses_are_not_asked_about() -> None:
    for dose, interval in ((0.4, 28), (1.0, 21), (2.0, 28), (0.1, 7), (0.015, 1), (0.8, 14)):
        assert Regimen(dose_g_per_kg=dose, interval_day=interval).unusual_doses is None


def test_a_target_that_no_serum_reaches_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    text = SEARCH.format("dose_g = [20, 30, 40]").replace("at_least_mg_dl = 500", "at_least_mg_dl = 5")
    path.write_text(SCENARIO + text, encoding="utf-8")
    with pytest.raises(InputError, match="levels of IgG lie between 20 and 6000 mg/dL"):
        run_scenario(path)
