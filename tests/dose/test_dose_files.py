"""The command with its files: calendar files read again by a parser of RFC 5545, the pages, the run record."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from igkinetics.cli.main import app
from igkinetics.dose.output import write_dose
from igkinetics.dose.result import DoseResult
from igkinetics.provenance import RESEARCH_NOTICE
from igkinetics.report.dose_page import dose_report, dose_sentences, first_trough_sentence
from igkinetics.report.dosing_sheet import sheet_of_dose, sheet_page
from igkinetics.scenarios.calendar_file import Entry, calendar_text, folded

Event = dict[str, str]


def events_of(content: bytes) -> list[Event]:
    """The events of an iCalendar file: lines unfolded, text unescaped; AssertionError for what RFC 5545 forbids."""
    text = content.decode("utf-8")
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode("utf-8")) <= 75 for line in text.split("\r\n"))
    lines = text.replace("\r\n ", "").split("\r\n")[:-1]
    assert (lines[0], lines[1], lines[-1]) == ("BEGIN:VCALENDAR", "VERSION:2.0", "END:VCALENDAR")
    assert any(line.startswith("PRODID:") for line in lines)
    events: list[Event] = []
    for line in lines:
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            events.append({})
        elif events and name not in ("END", "BEGIN"):
            assert name not in events[-1]
            events[-1][name] = re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
    for event in events:
        assert {"UID", "DTSTAMP", "DTSTART;VALUE=DATE", "DTEND;VALUE=DATE", "SUMMARY"} <= set(event)
        assert re.fullmatch(r"\d{8}T\d{6}Z", event["DTSTAMP"])
    assert len({event["UID"] for event in events}) == len(events)
    return events


def test_the_calendar_file_holds_the_doses_of_the_table(dosed: DoseResult, tmp_path: Path) -> None:
    write_dose(dosed, tmp_path)
    events = events_of((tmp_path / "calendar.ics").read_bytes())
    doses = [event for event in events if event["SUMMARY"].startswith("Immunoglobulin")]
    days = [date.fromisoformat(event["DTSTART;VALUE=DATE"]).isoformat() for event in doses]
    assert days == pd.read_csv(tmp_path / "calendar.csv")["date"].tolist()
    for event in events:
        start, end = (date.fromisoformat(event[f"{name};VALUE=DATE"]) for name in ("DTSTART", "DTEND"))
        assert end - start == timedelta(days=1)
        assert event["DESCRIPTION"].endswith(RESEARCH_NOTICE)
    (sample,) = [event for event in events if event["SUMMARY"] == "IgG sample, P07"]
    assert sample["DTSTART;VALUE=DATE"] < days[1].replace("-", "")
    first = dosed.dose.iloc[0]
    assert f"{first['amount_g']:g} g ({first['vials']})" in doses[0]["DESCRIPTION"]
    again = tmp_path / "again"
    again.mkdir()
    write_dose(dosed, again)
    assert (again / "calendar.ics").read_bytes() == (tmp_path / "calendar.ics").read_bytes()


def test_names_that_need_escaping_and_long_lines_survive() -> None:
    hostile = 'a;b,c\\d\ne\x07"f": ' + "žluťoučký kůň 馬 " * 12
    entry = Entry(day=date(2024, 2, 29), summary=hostile, description=hostile, key="k")
    (event,) = events_of(calendar_text(hostile, [entry], pd.Timestamp("2024-02-28 06:30").to_pydatetime()).encode())
    assert event["SUMMARY"] == hostile.replace("\x07", "")
    assert event["DTEND;VALUE=DATE"] == "20240301"
    assert event["DTSTAMP"] == "20240228T063000Z"
    assert "".join(part.removeprefix(" ") if k else part for k, part in enumerate(folded("é" * 100))) == "é" * 100


def test_the_sheet_holds_what_a_ward_needs(dosed: DoseResult) -> None:
    sheet = sheet_of_dose(dosed)
    page = sheet_page(sheet, lambda charts: [_undrawn(title) for title, _ in charts])
    for words in ("P07", "75 kg", "4.30 g/L", "2024-05-30", "Checked by", RESEARCH_NOTICE, "adult_b_cell_depletion"):
        assert words in page
    assert len(sheet.doses) == len(dosed.calendar)
    assert sheet.next_sample.startswith("Next sample on 2024-")


def _undrawn(title: str) -> object:
    from igkinetics.charts.svg import Figure

    return Figure(title=title, failure="not drawn here")


def test_the_sentences_speak_of_this_patient(dosed: DoseResult) -> None:
    best, reached, *_, now, without, sample = dose_sentences(dosed)
    first = dosed.dose.iloc[0]
    assert now == "Last sample 4.30 g/L on 2024-05-30 (day 140); last dose 30 g on 2024-05-02 (day 112)."
    assert best.startswith("P07 (75 kg): ")
    assert f"{100 * first['p_target']:.3g} % of draws" in reached
    assert without.startswith("Without another dose IgG lies below 4.5 g/L on 2024-09-19 (day 252) in")
    assert (
        f"{first['amount_g']:g} g ({first['vials']}) iv every {first['interval_day']:g} days, the first on 2024-05-30"
        in best
    )
    assert sample.startswith("Next sample on 2024-")
    page = re.sub(r'<span class="date">(.*?)</span>', r"\1", dose_report(dosed))
    assert all(sentence.split(":")[0] in page for sentence in (now, best))


@pytest.mark.parametrize(("last", "told"), [(1.2, False), (1.6, True)])
def test_where_the_first_trough_decides_it_is_said(dosed: DoseResult, last: float, told: bool) -> None:
    """Every trough has to reach the target, but after some doses they lie far above it."""
    troughs = dosed.calendar["day"].iloc[1:]
    own = (dosed.forecast["policy"] == dosed.best.name) & dosed.forecast["day"].isin(troughs)
    rise = np.linspace(1.0, last, int(own.sum()))
    forecast = dosed.forecast.copy()
    forecast.loc[own, "median"] = 5.0 * rise
    forecast.loc[own, "p_below"] = 0.08 / rise
    sentence = first_trough_sentence(replace(dosed, forecast=forecast))
    assert bool(sentence) == told
    if told:
        assert "The first trough decides the dose: 5.00 g/L on 2024-" in sentence
        assert "below 4.5 in 8 % of draws" in sentence
        assert f"is {5 * last:.2f} g/L" in sentence


def test_the_command_writes_the_contract(ward_folder: Path, tmp_path: Path) -> None:
    call = f"dose {ward_folder} P07 --target 450 --unit mg/dL --probability 0.8 --vial 2.5,5,10 --interval 21,28 "
    call += f"--dose-g 40,55 --route iv --price 90 --horizon 112 --draws 150 --out {tmp_path / 'out'}"
    done = CliRunner().invoke(app, call.split())
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("P07 (75 kg): 40 g (4 x 10 g) iv every")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("dose.csv", "calendar.csv", "calendar.ics", "next_sample.csv", "forecast.csv"),
        *("run.json", "report.html", "sheet.html"),
    }
    header = (tmp_path / "out" / "calendar.csv").read_text("utf-8").splitlines()[0]
    assert header == "regimen,patient_id,day,date,amount_g,vials,route,note"
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert (record["command"], record["igg_unit"], record["thresholds"]) == ("dose", "mg/dL", [450])
    assert record["options"]["patient"] == "P07"
    assert str(tmp_path) not in json.dumps(record)
    assert len(pd.read_csv(tmp_path / "out" / "dose.csv")) == 4
    printed = CliRunner().invoke(app, call.split(" --out ")[0].split())
    assert printed.exit_code == 0, printed.output
    assert printed.stdout == done.stdout[: done.stdout.index("Report: ")]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("--vial 2.5,big", "--vial: found 'big'; must be numbers behind commas, such as 2.5,5,10"),
        (
            "--dose-g-per-kg 0.4 --weight ideal --card tortorici_2019 --route sc",
            "so nothing is known of sc doses: write --route iv",
        ),
        ("--target 500", "name the unit, such as --unit mg/dL"),
    ],
)
def test_faults_are_told_in_flags(ward_folder: Path, tmp_path: Path, more: str, told: str) -> None:
    call = f"dose {ward_folder} P07 --out {tmp_path / 'out'} --target 5 {more}"
    done = CliRunner().invoke(app, call.split())
    assert done.exit_code == 2
    assert told in done.stderr


def test_guidelines_are_listed_without_a_cohort() -> None:
    done = CliRunner().invoke(app, ["dose", "--list-guidelines"])
    assert done.exit_code == 0
    assert "ontario_pid: Ontario, primary immune deficiency, adults" in done.stdout
    assert "Source: Cheng 2026, doi:10.1002/bcp.70420." in done.stdout
