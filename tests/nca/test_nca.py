"""Profiles of a cohort: against the areas and rates of a known curve, and with a reason for each missing value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.cli.main import app
from igkinetics.cohort.model import Cohort
from igkinetics.noncompartmental.parameters import PARAMETERS
from igkinetics.noncompartmental.run import COLUMNS, Nca
from igkinetics.report.nca_page import nca_report

CL, V, BASE, TAU = 0.2, 4.0, 5.0, 28.0
RATE = CL / V


def written(folder: Path, samples: str, doses: str = "", extra: str = "") -> Cohort:
    folder.mkdir()
    (folder / "cohort.toml").write_text(f'igg_unit = "g/L"\nunusual_levels = "as_given"\n{extra}', encoding="utf-8")
    (folder / "samples.csv").write_text(f"patient_id,day,igg\n{samples}\n", encoding="utf-8")
    if doses:
        (folder / "doses.csv").write_text(f"patient_id,day,amount_g,duration_h,route\n{doses}\n", encoding="utf-8")
    return igk.read_cohort(folder)


def value(result: Nca, profile: str, name: str) -> float:
    return float(row_of(result, profile, name)["value"])


def row_of(result: Nca, profile: str, name: str) -> pd.Series:
    table = result.table
    return table[(table["profile"] == profile) & (table["parameter"] == name)].iloc[0]


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """A patient of one compartment with constant production: two infusions of an hour, sampled densely."""
    folder = tmp_path_factory.mktemp("nca")
    days = np.unique(np.r_[0.0, 1 / 24, np.geomspace(0.05, TAU, 60), TAU + np.r_[1 / 24, np.geomspace(0.05, 200, 80)]])
    doses = pd.DataFrame({"day": [0.0, TAU], "amount_g": [20.0, 20.0], "duration_h": [1.0, 1.0], "route": ["iv", "iv"]})
    curve = igk.concentration(days, {"CL": CL, "V1": V, "C_base": BASE}, doses=doses)
    samples = "\n".join(
        f"A,{day!r},{level!r}" for day, level in zip(days.tolist(), curve["total"].tolist(), strict=True)
    )
    return written(folder / "rich", samples, f"A,0,20,1,iv\nA,{TAU:g},20,1,iv")


def test_a_dose_above_a_known_baseline_gives_back_clearance_volume_and_half_life(rich: Cohort) -> None:
    result = igk.nca(rich, baseline="predose")
    decline = np.exp(-RATE * TAU)
    assert value(result, "dose 1", "clearance") == pytest.approx(CL, rel=2e-3)
    assert value(result, "dose 1", "volume_steady_state") == pytest.approx(V, rel=4e-3)
    assert value(result, "dose 1", "half_life") == pytest.approx(np.log(2) / RATE, rel=1e-6)
    assert value(result, "dose 1", "auc_tau") == pytest.approx(20 / CL * (1 - decline), rel=2e-3)
    assert value(result, "dose 1", "clearance_tau") == pytest.approx(CL / (1 - decline), rel=2e-3)
    assert "less 5 g/L" in row_of(result, "dose 1", "auc_tau")["method"]


def test_subtracting_the_predose_level_of_a_later_dose_leaves_out_what_the_first_left_behind(rich: Cohort) -> None:
    before_first = igk.nca(rich, baseline="before_first_dose")
    assert value(before_first, "dose 2", "c_start") == pytest.approx(20 / V * np.exp(-RATE * (TAU - 1 / 48)), rel=1e-3)
    predose = igk.nca(rich, baseline="predose")
    assert row_of(predose, "dose 2", "c_start")["reason"] == "" or np.isnan(value(predose, "dose 2", "c_start"))
    assert value(before_first, "dose 2", "auc_last") > value(predose, "dose 2", "auc_last")


def test_a_level_that_an_earlier_dose_left_is_no_constant_baseline(rich: Cohort) -> None:
    """Less the level before the second dose, the half-life would read 5 days in place of 13.9 on days 1 to 28."""
    predose, before_first = igk.nca(rich, baseline="predose"), igk.nca(rich, baseline="before_first_dose")
    for name in ("half_life", "lambda_z", "clearance", "clearance_tau", "auc_inf"):
        assert "holds what the dose on day 0 left" in row_of(predose, "dose 2", name)["reason"]
    assert value(before_first, "dose 2", "half_life") == pytest.approx(np.log(2) / RATE, rel=1e-6)
    for name in ("clearance", "volume_z", "volume_steady_state", "mean_residence_time"):
        assert "it is not that of this dose" in row_of(before_first, "dose 2", name)["reason"]


def test_a_level_below_its_limit_is_no_baseline_and_is_not_called_unmeasured(tmp_path: Path) -> None:
    cohort = written(tmp_path / "low", "A,0,<4\nA,1,9\nA,7,8\nA,20,7", "A,0,20,1,iv")
    reason = row_of(igk.nca(cohort, baseline="predose"), "dose 1", "cmax")["reason"]
    assert reason == "the level just before this dose was below its limit, so there is no baseline to subtract"


def test_profiles_of_troughs_alone_are_in_no_median(rich: Cohort, tmp_path: Path) -> None:
    rows = "A,0,4\nA,1,12\nA,7,9\nA,20,7\nA,28,6\nA,56,6"
    page = nca_report(igk.nca(written(tmp_path / "mixed", rows, "A,0,20,1,iv\nA,28,20,1,iv")))
    assert (
        "1 of 2 profiles hold fewer than 3 levels after the dose: they are in nca.csv, but in none of the medians"
        in page
    )
    assert "highest level measured 12 g/L" in page


def test_total_igg_has_no_area_to_infinity_and_nothing_is_subtracted_unasked(rich: Cohort) -> None:
    result = igk.nca(rich)
    assert value(result, "dose 1", "c_start") == pytest.approx(BASE)
    for name in ("auc_inf", "clearance", "volume_z", "clearance_tau"):
        assert "total IgG tends to the patient's own level" in row_of(result, "dose 1", name)["reason"]
    assert value(result, "dose 1", "auc_tau") == pytest.approx(
        BASE * TAU + 20 / CL * (1 - np.exp(-RATE * TAU)), rel=1e-3
    )
    assert value(result, "record", "c_average") > BASE


def test_every_value_is_there_or_says_why_not(rich: Cohort, tmp_path: Path) -> None:
    sparse = written(
        tmp_path / "sparse", "B,0,4\nB,10,<0.4\nB,20,6\nC,5,>30\nC,9,3", "B,0,10,2,iv\nC,1,10,2,sc\nC,3,10,2,sc"
    )
    for cohort in (rich, sparse):
        for baseline in ("total", "zero", "predose", "before_first_dose"):
            for half_life in ("least_squares", "tobit"):
                table = igk.nca(cohort, baseline=baseline, half_life=half_life).table
                assert list(table.columns) == list(COLUMNS)
                assert set(table["parameter"]) == set(PARAMETERS)
                assert (table["value"].isna() == (table["reason"] != "")).all()
    table = igk.nca(sparse).table
    reasons = table.set_index(["patient_id", "profile", "parameter"])["reason"]
    assert reasons["B", "dose 1", "cmin"].startswith("values below the limit")
    assert reasons["C", "dose 2", "cmax"] == "1 value above the upper limit: the highest level is not known"
    assert reasons["C", "dose 1", "cmax"].startswith("no measured level above 0 between days 1 and 3")
    assert reasons["C", "dose 2", "auc_last"].endswith("above the upper limit: the area under it is not known")
    assert "no level was measured just before this dose" in igk.nca(sparse, baseline="predose").table.iloc[-1]["reason"]


def test_doses_of_one_course_can_be_one(tmp_path: Path) -> None:
    cohort = written(tmp_path / "course", "A,0,4\nA,2,9\nA,9,7\nA,30,5", "A,0,10,4,iv\nA,1,10,4,iv")
    apart, joined = igk.nca(cohort), igk.nca(cohort, join_doses_day=1)
    assert set(apart.table["profile"]) == {"record", "dose 1", "dose 2"}
    assert set(joined.table["profile"]) == {"record", "dose 1"}
    assert value(joined, "dose 1", "dose") == 20
    assert joined.profiles[1].infusion_day == pytest.approx(1 + 4 / 24)


def test_values_below_the_limit_lengthen_the_line_by_maximum_likelihood(tmp_path: Path) -> None:
    levels = 8 * np.exp(-0.1 * np.arange(0, 50, 5))
    rows = "\n".join(
        f"A,{5 * place},{'<0.4' if level < 0.4 else repr(float(level))}" for place, level in enumerate(levels)
    )
    cohort = written(tmp_path / "below", rows)
    result = igk.nca(cohort, half_life="tobit", baseline="zero")
    assert value(result, "record", "half_life") == pytest.approx(np.log(2) / 0.1, rel=1e-3)
    assert value(result, "record", "lambda_z_points") == 9


def test_wrong_choices_are_named_all_at_once(rich: Cohort) -> None:
    with pytest.raises(igk.InputError) as caught:
        igk.nca(rich, baseline="predoes", area="log", join_doses_day=-1.0)
    said = str(caught.value)
    assert all(name in said for name in ("did you mean predose?", "area", "join_doses_day"))


def test_the_page_shows_the_table(rich: Cohort) -> None:
    result = igk.nca(rich, baseline="predose")
    page = nca_report(result)
    assert all(words in page for words in ("less the profile", "<svg"))
    assert f"{value(result, 'dose 1', 'clearance'):.4g}" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--baseline", "none"], "--baseline: found 'none'; must be one of total, zero, predose, before_first_dose"),
        (["--area", "log"], "--area: found 'log'; must be one of linear_up_log_down, linear"),
        (["--half-life", "tobitt"], "did you mean tobit?"),
        (["--first", "impute"], "--first: found 'impute'; must be one of keep, drop"),
        (["--join-doses-day", "nan"], "--join-doses-day: found 'nan'; must be a number of days, 0 or more"),
        (["--join-doses-day", "-1"], "--join-doses-day: found '-1.0'; must be a number of days, 0 or more"),
        (["--igg-unit", "mmol/L"], "igg-unit"),
    ],
)
def test_the_command_refuses_what_cannot_be_done(words: list[str], said: str, tmp_path: Path) -> None:
    written(tmp_path / "cohort", "A,0,5\nA,9,4", "A,0,30,0,iv")
    done = CliRunner().invoke(app, ["nca", str(tmp_path / "cohort"), "--out", str(tmp_path / "out"), *words])
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()
