"""What is saved from the page: the files of `dose` and `scenario`, and a record that reads back as it was."""

from __future__ import annotations

import csv
import io
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from igkinetics.app.desk import Desk
from igkinetics.app.links import response_of
from igkinetics.app.saves import SAVES, Wanted, dosing_files, dosing_of, record_files, record_zip, scenario_text
from igkinetics.app.whatif import Plan, scenario_tables
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError
from igkinetics.fit.options import FitOptions
from igkinetics.resources import resource_folder
from igkinetics.scenarios.read_scenario import parse_scenario

WHO = "IVIG-02"
PLAN = Plan(thresholds=(400.0, 500.0), horizon_day=56.0)
A = {"name": "Regimen A", "dose_g": 31.0, "interval_day": 28.0, "start_day": 2.0, "route": "iv", "vial_g": [5.0]}
B = {"name": 'B "quoted"', "dose_g": 10.0, "interval_day": 7.0, "start_day": 0.0, "route": "sc"}


@pytest.fixture(scope="module")
def desk() -> Desk:
    opened = Desk(options=FitOptions(draws=300, jobs=1))
    opened.open(read_cohort(resource_folder("data") / "blina23"))
    return opened


@pytest.fixture(scope="module")
def wanted(desk: Desk) -> Wanted:
    return Wanted(patient=desk.plan(WHO, PLAN), own=desk.of(WHO), card=desk.card, regimens=(A, B))


def test_sheet_and_calendar_are_those_of_dose_and_say_what_the_page_says(wanted: Wanted) -> None:
    result, outlook = dosing_of(wanted), wanted.patient.under(A)
    (row,) = result.dose.to_dict("records")
    assert row["amount_g"] == 30.0
    assert row["vials"] == "6 x 5 g"
    assert row["trough"] == pytest.approx(outlook.three("trough")["median"], rel=1e-12)
    assert row["nadir"] == pytest.approx(outlook.three("nadir")["median"], rel=1e-12)
    assert row["grams_per_28_days"] == outlook.grams_per_28_days
    files = dosing_files(wanted)
    assert {"sheet.html", "report.html", "calendar.csv", "dose.csv", "run.json"} <= set(files)
    calendar = list(csv.DictReader(io.StringIO(files["calendar.csv"].decode())))
    expected = outlook.dose_day + wanted.patient.from_day
    assert [float(each["day"]) for each in calendar] == pytest.approx(expected.tolist(), abs=1e-9)
    assert b"30 g" in files["sheet.html"]


@pytest.mark.slow
def test_the_figure_is_drawn(wanted: Wanted) -> None:
    made = {each.file: each.make(wanted) for each in SAVES if each.file.startswith("figure")}
    assert made["figure.svg"].startswith(b"<svg")
    assert made["figure.png"].startswith(b"\x89PNG")


def test_without_dates_there_is_no_calendar_for_calendar_programs(wanted: Wanted) -> None:
    (link,) = [each for each in SAVES if each.file == "calendar.ics"]
    response = response_of(link, wanted)
    assert "content-disposition" not in response.headers
    assert b"with dates" in response.body
    assert b"nothing to save yet" in response_of(link, None).body


def test_a_sheet_of_nothing_or_of_another_record_is_refused(wanted: Wanted, desk: Desk) -> None:
    with pytest.raises(InputError, match="give regimen A a dose"):
        dosing_of(replace(wanted, regimens=({"name": "Regimen A"},)))
    earlier = desk.plan(WHO, replace(PLAN, from_day=100.0))
    with pytest.raises(InputError, match="leave 'counted from day' empty"):
        dosing_of(replace(wanted, patient=earlier))


def test_the_scenario_is_a_file_that_scenario_reads(wanted: Wanted) -> None:
    raw = tomllib.loads(scenario_text(wanted))
    patient = wanted.patient
    assert raw == scenario_tables(patient.fit, WHO, PLAN, [A, B])
    read = parse_scenario(raw, "scenario.toml", "", None).scenario
    assert [each.name for each in read.regimen] == [A["name"], B["name"]]
    assert read.population.patient == WHO


def test_the_record_is_a_cohort_that_reads_back_as_it_was(wanted: Wanted, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(record_zip(wanted))) as packed:
        packed.extractall(tmp_path)
    again = read_cohort(tmp_path / "record")
    assert again.patient(WHO) == wanted.own.patient(WHO)
    assert again.igg_unit == wanted.own.igg_unit
    assert (tmp_path / "scenario.toml").read_text(encoding="utf-8") == scenario_text(wanted)
    assert "igkinetics fit record" in (tmp_path / "how.txt").read_text(encoding="utf-8")


def test_a_calendar_with_dates_goes_into_calendar_programs() -> None:
    start = pd.Timestamp("2024-03-01")
    days = [0, 20, 40, 60, 80]
    samples = {"patient_id": ["D"] * 5, "igg": [820, 640, 700, 610, 640]}
    samples["datetime"] = [str((start + pd.Timedelta(days=day)).date()) for day in days]
    cohort = read_cohort(samples=samples, patients={"patient_id": ["D"], "weight_kg": [70]}, igg_unit="mg/dL")
    desk = Desk(options=FitOptions(draws=300, jobs=1))
    desk.open(cohort)
    plan = replace(PLAN, thresholds=(300.0,))
    wanted = Wanted(patient=desk.plan("D", plan), own=desk.of("D"), card=desk.card, regimens=(A,))
    calendar = dosing_files(wanted)["calendar.ics"].decode()
    assert calendar.startswith("BEGIN:VCALENDAR")
    assert "DTSTART;VALUE=DATE:20240522" in calendar  # two days after the last sample, 20 May


def test_every_save_has_a_name_of_its_own_and_hostile_text_stays_text(wanted: Wanted) -> None:
    assert len({each.file for each in SAVES}) == len(SAVES)
    desk = Desk(options=FitOptions(draws=300, jobs=1))
    name = '=cmd|"x",\n\x7f'
    desk.open(read_cohort(samples={"patient_id": [name] * 2, "day": [0, 30], "igg": [600, 500]}, igg_unit="mg/dL"))
    files = record_files(desk.of(name), name)
    rows = list(csv.reader(io.StringIO(files["samples.csv"])))
    assert [row[0] for row in rows[1:]] == [name, name]
