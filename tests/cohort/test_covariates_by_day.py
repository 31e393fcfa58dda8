"""Covariates that vary over time: read, checked, kept and shown, and said to be used by nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter
from defect import SAMPLES, Files, warnings_of, write_cohort

from igkinetics.cohort.check import summary
from igkinetics.cohort.export import write_nonmem
from igkinetics.cohort.model import Cohort, RowCount
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

TWO: Files = {"samples.csv": SAMPLES + "P1,0,600\nP1,9,500\nP2,1,400\n"}
EVENTS = 'format = "nonmem"\nigg_unit = "mg/dL"\namount_unit = "g/kg"\ntime_unit = "day"\n'


def read(folder: Path, files: Files) -> Cohort:
    return read_cohort(write_cohort(folder / "ward", {**TWO, **files}))


def refusal(folder: Path, files: Files) -> str:
    with pytest.raises(InputError) as refused:
        read(folder, files)
    return str(refused.value)


def shown(cohort: Cohort) -> dict[str, str]:
    table = summary(cohort)
    return dict(zip(table["quantity"], table["value"], strict=True))


def test_they_are_kept_shown_and_said_to_be_used_by_nothing(tmp_path: Path) -> None:
    table = "patient_id,day,albumin,ward\nP1,5,31,B\nP1,0,40,A\nP2,1,,A\n"
    cohort = read(tmp_path, {"covariates.csv": table})
    assert cohort.covariate_names == ("albumin", "ward")
    assert cohort.covariates["day"].tolist() == [0, 5, 1]
    assert cohort.covariates["albumin"].tolist()[:2] == [40, 31]
    assert cohort.covariates["ward"].tolist() == ["A", "B", "A"]
    assert cohort.rows["covariates.csv"] == RowCount(read=3, used=3)
    assert shown(cohort)["albumin"] == "2 values of 1 patient: 35.5 (31 to 40)"
    assert shown(cohort)["ward"] == "3 values of 2 patients"
    (note,) = [note for note in cohort.notes if note.startswith("covariates")]
    assert "(albumin, ward) kept with the cohort; no model uses them" in note


def test_dates_are_days_of_the_patient_like_all_others(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": "patient_id,datetime,igg\nP1,2024-03-01,600\nP1,2024-03-09,500\n",
        "covariates.csv": "patient_id,datetime,crp\nP1,2024-03-04 12:00,8\n",
    }
    assert read(tmp_path, files).covariates["day"].tolist() == [3.5]


def test_a_sheet_of_a_workbook(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "ward.xlsx") as book:
        for name, rows in (
            ("Samples", [("patient_id", "day", "igg", "unit"), ("P1", 0, 600, "mg/dL")]),
            ("Covariates", [("patient_id", "day", "albumin"), ("P1", 3, 38.5)]),
        ):
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    assert read_cohort(tmp_path / "ward.xlsx").covariates["albumin"].tolist() == [38.5]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("patient_id,day\nP1,0\n", "a column for each covariate beside patient_id and day"),
        ("patient_id,albumin\nP1,40\n", "a column day or datetime is needed"),
        ("MRN,Visit day,albumin\nP1,0,40\n", "if it is 'MRN', write patient_id = \"MRN\" under [covariates.columns]"),
        (
            "patient_id,day,albumin\nP1,0,40\nP1,0,41\n",
            "line 2, patient P1, albumin: found '40'; one value per patient",
        ),
        ("patient_id,day,albumin\n,0,40\n", "line 2, patient_id: found ''; a patient id is needed"),
        ("patient_id,day,albumin\nP1,soon,40\n", "line 2, patient P1, day: found 'soon'; must be a number of days"),
        ("patient_id,datetime,albumin\nP1,2024-01-01,40\n", "a mix of days and dates is an error"),
        ("patient_id,day,albumin\nP1,99,40\n", "line 2, patient P1, day: found '99'; after death (day 20)"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, table: str, said: str) -> None:
    assert said in refusal(tmp_path, {"covariates.csv": table, "patients.csv": "patient_id,death\nP1,20\n"})


def test_different_covariates_of_one_time_may_stand_in_different_rows(tmp_path: Path) -> None:
    cohort = read(tmp_path, {"covariates.csv": "patient_id,day,albumin,crp\nP1,0,40,\nP1,0,,8\nP1,0,,8\n"})
    assert len(cohort.covariates) == 2
    assert any("the same as an earlier row [used once]" in one for one in warnings_of(cohort))


@pytest.mark.parametrize("table", ["covariates", "patients"])
def test_a_word_that_makes_numbers_text_is_told(tmp_path: Path, table: str) -> None:
    day, first = (",day", ",0") if table == "covariates" else ("", "")
    rows = f"patient_id{day},albumin\nP1{first},40\nP2{first},34;5\nP3{first},41\n"
    (warning,) = warnings_of(read(tmp_path, {f"{table}.csv": rows}))
    assert "line 3, patient P2, albumin: found '34;5'; a number like the other 2 cells of this column" in warning


def test_they_survive_the_way_through_an_event_file(tmp_path: Path) -> None:
    cohort = read(tmp_path, {"covariates.csv": "patient_id,day,albumin\nP1,0,40\nP1,5,31\n"})
    (tmp_path / "out").mkdir()
    write_nonmem(cohort, tmp_path / "out")
    assert read_cohort(tmp_path / "out").covariates.equals(cohort.covariates)


def test_every_record_of_a_patient_has_covariates_and_weights(tmp_path: Path) -> None:
    events = "ID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,1,0.5,.,1\n1,50,.,800,0\n1,60,0.5,.,4\n1,90,.,700,0\n"
    files: Files = {
        "samples.csv": None,
        "cohort.toml": EVENTS,
        "events.csv": events,
        "weights.csv": "patient_id,day,weight_kg\n1,0,60\n1,55,80\n",
        "covariates.csv": "patient_id,day,albumin\n1,0,40\n",
    }
    cohort = read(tmp_path, files)
    assert cohort.doses["amount_g"].tolist() == [30, 40]
    assert cohort.covariates["patient_id"].tolist() == ["1", "1:2"]
    assert len(cohort.first_records().covariates) == 1


ADDL = "ID,TIME,AMT,DV,EVID,ADDL,II{}\n1,0,.,620,0,.,.{}\n1,1,0.5,.,1,2,28{}\n1,30,.,800,0,.,.{}\n"


@pytest.mark.parametrize("by", ["weights.csv", "rows"])
def test_further_doses_of_a_row_use_the_weight_of_their_own_day(tmp_path: Path, by: str) -> None:
    files: Files = {"samples.csv": None, "cohort.toml": EVENTS}
    if by == "rows":
        files["cohort.toml"] = EVENTS + '[patients.columns]\nweight_kg = "WT"\n'
        files["events.csv"] = ADDL.format(",WT", ",60", ",60", ",80")
    else:
        files["events.csv"] = ADDL.format("", "", "", "")
        files["weights.csv"] = "patient_id,day,weight_kg\n1,0,60\n1,30,80\n"
    cohort = read(tmp_path, files)
    assert cohort.doses["day"].tolist() == [1, 29, 57]
    assert cohort.doses["amount_g"].tolist() == [30, 30, 40]


@pytest.mark.parametrize("in_patients", [True, False])
def test_weights_that_change_stand_in_one_place(tmp_path: Path, in_patients: bool) -> None:
    files: Files = {"weights.csv": "patient_id,day,weight_kg\n1,0,60\n"}
    if in_patients:
        files["patients.csv"] = "patient_id,day,weight_kg\nP1,0,60\nP1,5,61\n"
    else:
        files |= {"samples.csv": None, "cohort.toml": EVENTS + '[patients.columns]\nweight_kg = "WT"\n'}
        files["events.csv"] = "ID,TIME,DV,WT\n1,0,620,60\n1,9,600,70\n"
    assert "found 'weights that change'; the weights by day in one place" in refusal(tmp_path, files)


def test_a_patient_with_a_date_among_days_is_set_aside_with_all_doses(tmp_path: Path) -> None:
    files: Files = {
        "patients.csv": "patient_id,weight_kg,transplant\nP1,70,2024-01-01\nP2,60,\n",
        "doses.csv": "patient_id,day,amount_g_per_kg\nP1,1,0.4\nP2,1,0.5\n",
    }
    folder = write_cohort(tmp_path / "ward", {**TWO, **files})
    cohort = read_cohort(folder, on_problem="skip")
    assert list(cohort.set_aside_patients) == ["P1"]
    assert cohort.doses["amount_g"].tolist() == [30]
