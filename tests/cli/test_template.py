"""A stranger's path: template, three patients filled in by a program, check, fit."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import python_calamine
import xlsxwriter
from typer.testing import CliRunner, Result

from igkinetics.cli.main import app
from igkinetics.cohort.read import read_cohort
from igkinetics.cohort.template import COLUMNS, EXAMPLE

FILLED = {
    "samples": [
        (who, day, round(level * (0.55 + 0.45 * 0.98**day)), "mg/dL")
        for who, level in (("Ana", 700), ("Ben", 560), ("Cy", 480))
        for day in (0, 14, 28, 56, 84, 120)
    ],
    "doses": [("Ben", 30, 30, 4, "iv", "")],
    "therapy": [(who, 0, 28, "blinatumomab") for who in ("Ana", "Ben", "Cy")],
    "patients": [("Ana", "control", 62), ("Ben", "IVIG", 80), ("Cy", "control", 71)],
    "outcomes": [],
}


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def filled_in(template: Path, target: Path) -> None:
    """The sheets of the template as they are, with rows below their headers."""
    with python_calamine.CalamineWorkbook.from_path(template) as empty, xlsxwriter.Workbook(target) as book:
        for name in empty.sheet_names:
            sheet = book.add_worksheet(name)
            rows = [*empty.get_sheet_by_name(name).to_python(skip_empty_area=False), *FILLED.get(name, [])]
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)


def test_template_check_fit_works_the_first_time(tmp_path: Path) -> None:
    folder = tmp_path / "ward"
    made = call("template", str(folder))
    assert made.exit_code == 0, made.stderr
    unfilled = call("check", str(folder))
    assert unfilled.exit_code == 2
    assert "cohort.xlsx [samples]: 1 problem" in unfilled.stderr
    assert "a cohort needs at least one row of samples" in unfilled.stderr
    filled_in(folder / "cohort.xlsx", tmp_path / "filled.xlsx")
    (tmp_path / "filled.xlsx").replace(folder / "cohort.xlsx")
    checked = call("check", str(folder))
    assert checked.exit_code == 0, checked.stderr
    assert "cohort.xlsx [samples]: 18 read = 0 filtered + 18 used + 0 set aside" in checked.stdout
    fitted = call("fit", str(folder), "--out", str(tmp_path / "out"), "--draws", "200")
    assert fitted.exit_code == 0, fitted.stderr
    nadir = pd.read_csv(tmp_path / "out" / "nadir.csv")
    assert nadir["status"].tolist() == ["fitted"] * 3
    rows = json.loads((tmp_path / "out" / "run.json").read_text())["rows"]
    assert rows["cohort.xlsx [doses]"] == {"read": 1, "filtered": 0, "used": 1, "set_aside": 0}


def test_the_worked_patient_would_be_read_without_a_problem(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "example.xlsx") as book:
        for table, rows in EXAMPLE.items():
            sheet = book.add_worksheet(table)
            for number, row in enumerate((COLUMNS[table], *rows)):
                sheet.write_row(number, 0, row)
    cohort = read_cohort(tmp_path / "example.xlsx")
    assert cohort.problems.empty
    assert cohort.patient("P01").dose_g.tolist() == [30.0]


def test_export_writes_a_cohort_that_check_reads(tmp_path: Path) -> None:
    samples = tmp_path / "samples.csv"
    samples.write_text("patient_id,day,igg\nP1,0,500\nP1,7,400\n")
    done = call("export", str(samples), "--igg-unit", "mg/dL", "--format", "nonmem", "--out", str(tmp_path / "nm"))
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "nm" / "events.csv").read_text().splitlines()[1] == "1,0.0,0,0,.,.,2,500.0,0,.,0"
    assert call("check", str(tmp_path / "nm")).exit_code == 0
    refused = call("export", str(samples), "--igg-unit", "mg/dL", "--format", "sas", "--out", str(tmp_path / "x"))
    assert refused.exit_code == 2
    assert "--format: found 'sas'; must be nonmem" in refused.stderr
