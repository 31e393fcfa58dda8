"""A scenario of one dated patient: sentences, calendar file, sheet, the sample that can still change a dose."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import igkinetics as igk
from igkinetics.charts.svg import Figure
from igkinetics.fit.output import Extras, write_fit
from igkinetics.report.scenario_page import scenario_report
from igkinetics.report.scenario_patient import write_scenario_sheet
from igkinetics.report.scenario_sentences import scenario_sentences
from igkinetics.scenarios.individual import Open, sample_days
from igkinetics.scenarios.output import write_scenario
from igkinetics.scenarios.result import ScenarioResult

MONTHLY = {"name": "monthly", "dose_g": 27, "interval_day": 28, "start_day": "2024-06-07", "vial_g": [2.5, 5, 10]}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> ScenarioResult:
    place = tmp_path_factory.mktemp("told")
    samples = [("2024-01-10", 6.8), ("2024-02-07", 5.1), ("2024-03-06", 4.2), ("2024-05-30", 4.3)]
    frame = pd.DataFrame(samples, columns=["datetime", "igg"]).assign(patient_id="P07")
    therapy = pd.DataFrame([{"patient_id": "P07", "start": "2024-01-11", "stop": "2024-04-11"}])
    patients = pd.DataFrame([{"patient_id": "P07", "weight_kg": 75}])
    doses = pd.DataFrame([{"patient_id": "P07", "datetime": "2024-03-07", "amount_g": 30}])
    cohort = igk.read_cohort(samples=frame, therapy=therapy, patients=patients, doses=doses, igg_unit="g/L")
    write_fit(igk.fit_cohort(cohort, draws=200), place, Extras(dates=True))
    return igk.simulate_regimens(
        {"fit": str(place), "patient": "P07"}, [{"name": "none"}, MONTHLY], horizon_day=98, thresholds=[5], seed=1
    )


def test_sentences_name_the_patient_the_dose_and_the_dates(told: ScenarioResult) -> None:
    now, none, monthly, sample, report = scenario_sentences(told, "there")
    assert now == "P07 (75 kg): last sample 4.30 g/L on 2024-05-30 (day 0); 2 regimens over 98 days."
    assert none.startswith("Under none: nadir ")
    row = told.outcomes[(told.outcomes["regimen"] == "monthly") & (told.outcomes["outcome"] == "trough")].iloc[0]
    assert monthly.startswith(
        "Under monthly the next dose is 27.5 g (2 x 10 g + 1 x 5 g + 1 x 2.5 g) iv on 2024-06-07 (day 8)"
    )
    assert "(day 8), the nearest to 27 g in whole vials: lowest trough" in monthly
    assert f"lowest trough {row['median']:.2f} g/L ({row['lower']:.2f} to {row['upper']:.2f})" in monthly
    assert "sample: 2024-" in sample
    assert "before the dose on 2024-06-07 (day 8)" in sample
    assert report == "Report: there."


def test_the_files_of_one_patient_under_one_regimen(told: ScenarioResult, tmp_path: Path) -> None:
    write_scenario(told, tmp_path)
    text = (tmp_path / "calendar.ics").read_text("utf-8")
    assert text.count("SUMMARY:Immunoglobulin 27.5 g iv\\, P07") == 4
    assert "DTSTART;VALUE=DATE:20240607" in text
    write_scenario_sheet(told, tmp_path / "sheet.html", lambda charts: [Figure(title=title) for title, _ in charts])
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert all(words in page for words in ("P07", "75 kg", "4.30 g/L", "2024-07-05 (day 36)", "Checked by"))
    assert "2024-05-30" in scenario_report(told, lambda charts: [Figure(title=title) for title, _ in charts])


def test_of_two_plans_none_goes_into_a_calendar_program(told: ScenarioResult, tmp_path: Path) -> None:
    population = told.file.scenario.population
    other = {"name": "weekly", "dose_g": 8, "interval_day": 7, "route": "sc"}
    regimens = [MONTHLY, other]
    two = igk.simulate_regimens(
        {"fit": str(population.fit), "patient": "P07"}, regimens, horizon_day=63, thresholds=[5], seed=1
    )
    write_scenario(two, tmp_path)
    assert not (tmp_path / "calendar.ics").exists()
    assert set(two.calendar["route"]) == {"iv", "sc"}
    write_scenario_sheet(two, tmp_path / "sheet.html")
    assert not (tmp_path / "sheet.html").exists()


def test_a_sample_is_advised_while_it_can_still_change_a_dose(told: ScenarioResult) -> None:
    table = told.next_sample
    assert (table["day"] < table["dose_day"]).all()
    assert (table["dose_day"] < table["trough_day"]).all()
    assert table["date"].iloc[0] == "2024-05-31"
    assert set(table["dose_day"]) == {8.0}
    assert list(sample_days(0.0, Open(dose_day=8.0, trough_day=36.0))) == [1, 2, 3, 4, 5, 6, 7]


def test_doses_given_since_the_last_sample_are_not_left_out_in_silence(told: ScenarioResult, tmp_path: Path) -> None:
    """Days count from the last sample unless a day is given: a dose of that day would be given by the regimens."""
    at = str(told.file.scenario.population.fit)
    asked = {"horizon_day": 28, "thresholds": [5], "seed": 1}
    early = igk.simulate_regimens({"fit": at, "patient": "P07", "from_day": 30}, [{"name": "none"}], **asked)
    sentence = scenario_sentences(early, "there")[1]
    assert sentence.startswith(
        "Beware: recorded doses from day 0 on are left out, for the regimens take their place: 30 g"
    )
    samples = pd.DataFrame({"patient_id": "Q", "day": [0, 30, 60], "igg": [6.0, 4.4, 4.1]})
    doses = pd.DataFrame({"patient_id": "Q", "day": [60, 61.5], "amount_g": [30, 10]})
    write_fit(igk.fit_cohort(igk.read_cohort(samples=samples, doses=doses, igg_unit="g/L"), draws=100), tmp_path)
    for more, words in (({}, "30 g on day 0 and 10 g on day 1.5; from_day = 62 keeps them."), ({"from_day": 62}, "")):
        found = igk.simulate_regimens({"fit": str(tmp_path), "patient": "Q", **more}, [{"name": "none"}], **asked)
        said = [one for one in scenario_sentences(found, "there") if one.startswith("Beware")]
        assert [one.endswith(words) for one in said] == ([True] if words else [])
