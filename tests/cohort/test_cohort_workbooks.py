"""Workbooks: cells of every kind, what is refused, and the path of somebody who starts from the template."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from defect import warnings_of, write_cohort

from igkinetics.cohort.read import read_cohort
from igkinetics.cohort.source.workbook_looks import shows_more
from igkinetics.errors import InputError

Sheets = dict[str, list[list[Any]]]
HEADER = ["patient_id", "day", "igg", "unit"]
SAMPLES: Sheets = {"samples": [HEADER, ["P1", 0, 640, "mg/dL"], ["P1", 7.5, "<40", "mg/dL"]]}


def workbook(path: Path, sheets: Sheets) -> Path:
    with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy hh:mm"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    if isinstance(cell, str) and cell.startswith("{="):
                        sheet.write_formula(number, place, cell[1:-1], None, "")
                    else:
                        sheet.write(number, place, cell)
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as told:
        read_cohort(path)
    return str(told.value)


def test_a_sheet_is_a_table(tmp_path: Path) -> None:
    sheets = SAMPLES | {
        "Doses": [["patient_id", "day", "amount_g"], ["P1", 3, 40]],
        "notes": [["anything", 1]],
    }
    cohort = read_cohort(workbook(tmp_path / "ward.xlsx", sheets))
    patient = cohort.patient("P1")
    assert patient.sample_igg.tolist() == pytest.approx([6.4, 0.4])
    assert patient.sample_limit.tolist() == [0, -1]
    assert patient.dose_g.tolist() == [40.0]
    assert list(cohort.rows) == ["ward.xlsx [samples]", "ward.xlsx [Doses]"]
    assert list(cohort.inputs) == ["ward.xlsx"]


def test_dates_in_cells_need_no_format_and_join(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 3, 1)
    rows = [["id", "date", "time", "igg"], [7, day, datetime.time(8, 30), 500], [7, "02.03.2024", "20:30", 400]]
    workbook(tmp_path / "lab.xlsx", {"Labor": rows})
    mapping = (
        'igg_unit = "mg/dL"\n[samples]\nfiles = "lab.xlsx"\nsheet = "Labor"\ndatetime_format = "%d.%m.%Y %H:%M"\n'
        '[samples.columns]\npatient_id = "id"\ndatetime = ["date", "time"]\n'
    )
    cohort = read_cohort(write_cohort(tmp_path, {"cohort.toml": mapping}))
    assert cohort.patient("7").sample_day.tolist() == pytest.approx([0.0, 1.5])


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        (
            {"samples": [*SAMPLES["samples"], ["P2", 3, "{=5*100}", "mg/dL"]]},
            "ward.xlsx [samples]: 1 problem\n  line 4, cell C4: found 'a formula'; a formula without its result; "
            "open and save the workbook in a spreadsheet program, or write the value",
        ),
        (
            {"samples": [*SAMPLES["samples"], [], ["P2", "x", 500, "mg/dL"]]},
            "ward.xlsx [samples]: 2 problems\n  warning: line 4: found '1 empty row'; rows with cells\n"
            "  line 5, patient P2, day: found 'x'; must be a number of days; dates belong in a column datetime",
        ),
        (
            {"samples": [*SAMPLES["samples"], ["P2", 3, 500, "mg/dL", "see chart"]]},
            "ward.xlsx [samples]: 1 problem\n  line 4: found 'see chart'; no cell outside the columns that have a name",
        ),
        (
            {"Labs": SAMPLES["samples"], "sample": [["x"]]},
            "ward.xlsx: 1 problem\n  sheet: found 'Labs, sample'; a sheet samples; did you mean 'sample'?",
        ),
        (
            {"samples": []},
            "ward.xlsx [samples]: 1 problem\n  file: found ''; an empty sheet; a header and rows are needed",
        ),
    ],
)
def test_what_is_wrong_in_a_workbook_is_told(tmp_path: Path, sheets: Sheets, message: str) -> None:
    assert refused(workbook(tmp_path / "ward.xlsx", sheets)) == message


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"patient_id,day\n", b"\xd0\xcf\x11\xe0" * 200])
def test_what_is_no_workbook_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ward.xlsx").write_bytes(content)
    assert "a readable .xlsx workbook" in refused(tmp_path / "ward.xlsx")


def test_other_formats_of_workbooks_are_told(tmp_path: Path) -> None:
    (tmp_path / "ward.ods").write_bytes(b"PK")
    assert refused(tmp_path / "ward.ods") == "ward.ods: 1 problem\n  file: found '.ods'; a workbook saved as .xlsx"


def test_a_cell_at_the_far_corner_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "ward.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("samples")
        sheet.write_row(0, 0, ["patient_id", "day", "igg"])
        sheet.write(1_048_575, 16_383, 1)
    assert "found '1048576 rows and 16384 columns'; at most 50,000,000 cells" in refused(path)


def test_a_part_that_would_fill_the_memory_is_not_unpacked(tmp_path: Path) -> None:
    path = workbook(tmp_path / "ward.xlsx", SAMPLES)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/big.xml", "w") as part:
        for _ in range(1025):
            part.write(bytes(1 << 20))
    assert "MiB when unpacked'; at most 1024 MiB; save large tables as CSV or Parquet" in refused(path)


def test_a_mapping_beside_a_workbook_is_not_applied_and_this_is_said(tmp_path: Path) -> None:
    path = workbook(tmp_path / "ward.xlsx", SAMPLES)
    (tmp_path / "cohort.toml").write_text('lower_limit = 40\nigg_unit = "mg/dL"\n')
    assert warnings_of(read_cohort(path)) == [
        "cohort.toml: file: found 'cohort.toml'; give the folder, or cohort.toml, to have it applied to ward.xlsx "
        "[not read]"
    ]


def test_a_workbook_may_have_any_name_and_files_any_case(tmp_path: Path) -> None:
    (tmp_path / "cohort.toml").write_text('igg_unit = "mg/dL"\n')
    rows = [["patient_id", "day", "igg"], ["P1", 3, 640]]
    for name, sheet in (("Ward 3, May.XLSX", "SAMPLES"), ("~$Ward 3, May.xlsx", "x")):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            page = book.add_worksheet(sheet)
            for number, row in enumerate(rows):
                page.write_row(number, 0, row)
    assert read_cohort(tmp_path).samples["igg"].tolist() == [6.4]
    (tmp_path / "Doses.CSV").write_text("patient_id,day,amount_g\nP1,4,30\n")
    assert read_cohort(tmp_path).doses["amount_g"].tolist() == [30.0]
    (tmp_path / "other.xlsx").write_bytes((tmp_path / "Ward 3, May.XLSX").read_bytes())
    with pytest.raises(InputError, match="one workbook, or the name of the one that is meant"):
        read_cohort(tmp_path)


def told(path: Path) -> str:
    return "\n".join(warnings_of(read_cohort(path)))


DOSES = ["patient_id", "day", "amount_g"]


@pytest.mark.parametrize(
    ("sheet", "rows", "expected"),
    [
        (
            "IVIG",
            [DOSES, ["P1", 3, 40]],
            "speaks of doses, and nothing reads this sheet: its rows are missing from the",
        ),
        ("Infusionen", [["Pat.", "Tag", "Gramm"], ["P1", 3, 40]], 'write sheet = "Infusionen" under [doses]'),
        ("SCIG", [DOSES, ["P1", 3, 10]], 'ignore_sheets = ["SCIG"] at the top of cohort.toml'),
        ("Ward B", [HEADER, ["P2", 0, 640, "mg/dL"]], "speaks of samples"),
        ("samples (2)", [HEADER, ["P2", 0, 640, "mg/dL"]], "write its rows into the sheet samples"),
        ("Blincyto", [["patient_id", "start", "stop"], ["P1", 0, 28]], "speaks of therapy"),
        ("Patienten", [["Pat.", "Gewicht (kg)"], ["P1", 70]], "speaks of patients"),
    ],
)
def test_a_sheet_that_nothing_reads_is_asked_about(
    tmp_path: Path, sheet: str, rows: list[list[Any]], expected: str
) -> None:
    path = workbook(tmp_path / "ward.xlsx", SAMPLES | {sheet: rows})
    assert expected in told(path)
    (tmp_path / "cohort.toml").write_text(f'ignore_sheets = "{sheet}"\n')
    assert told(tmp_path) == ""


def test_a_second_sheet_of_doses_is_asked_about_beside_the_first(tmp_path: Path) -> None:
    sheets = SAMPLES | {"doses": [DOSES, ["P1", 3, 40]], "doses 2": [DOSES, ["P1", 9, 40]]}
    assert "sheet: found 'doses 2'; speaks of doses" in told(workbook(tmp_path / "ward.xlsx", sheets))


def test_sheets_that_speak_of_no_table_are_named_and_not_asked_about(tmp_path: Path) -> None:
    legend = [["abbreviation", "meaning"], ["IgG", "immunoglobulin G"]]
    sheets = SAMPLES | {"legend": legend, "Available": legend, "empty": [], "header": [HEADER]}
    cohort = read_cohort(workbook(tmp_path / "ward.xlsx", sheets))
    assert cohort.problems.empty
    assert cohort.unused_columns == {"ward.xlsx": ("sheet legend", "sheet Available")}


def test_a_sheet_to_ignore_that_is_not_there_is_told(tmp_path: Path) -> None:
    workbook(tmp_path / "ward.xlsx", SAMPLES)
    (tmp_path / "cohort.toml").write_text('ignore_sheets = ["legend"]\n')
    assert "ignore_sheets: found 'legend'; no such sheet" in refused(tmp_path)


def odd_workbook(path: Path, *, look: str) -> Path:
    """Five samples of one patient; the third or its column looks odd."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("samples")
        sheet.write_row(0, 0, ["patient_id", "day", "igg", "unit", "remark"])
        formats = {"struck": {"font_strikeout": True}, "unit": {"num_format": '0" mg/dL"'}}
        formats |= {"below": {"num_format": '"<"0'}, "percent": {"num_format": "0%"}, "plain": {"num_format": "0.0"}}
        formats |= {"colour": {"bg_color": "red"}, "white": {"bg_color": "white"}, "striped": {"bg_color": "#eeeeee"}}
        style = book.add_format(formats.get(look, {}))
        for row in range(1, 6):
            sheet.write_row(row, 0, ["P1", 7 * row, 600 - 10 * row, "mg/dL", "x"])
        sheet.write_number(3, 2, 570, style)
        if look == "row":
            sheet.set_row(3, None, None, {"hidden": True})
        if look == "filter":
            sheet.autofilter(0, 0, 5, 4)
            sheet.set_row(2, None, None, {"hidden": True})
            sheet.set_row(3, None, None, {"hidden": True})
        if look in ("column", "beside"):
            sheet.set_column(*((2, 2) if look == "column" else (4, 4)), None, None, {"hidden": True})
        if look == "comment":
            sheet.write_comment(3, 2, "wrong patient, do not use")
        if look == "striped":
            sheet.write_number(1, 2, 590, style)
        if look in ("mean", "formulas"):
            for row in (3,) if look == "mean" else range(1, 6):
                sheet.write_formula(row, 2, f"=AVERAGE(F{row},G{row})", None, 600 - 10 * row)
        if look == "rich":
            sheet.write_rich_string(3, 2, book.add_format({"font_strikeout": True}), "<5", "70")
        if look == "sheet":
            sheet.hide()
            book.add_worksheet("notes").activate()
    return path


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        ("row", "line 4: found '1 hidden row'; hidden or filtered out, and read like any other"),
        ("filter", "line 3: found '2 hidden rows'; hidden or filtered out"),
        ("column", "igg: found 'a hidden column'; this column is hidden, and is used"),
        ("struck", "line 4, igg: found '570'; crossed out in the sheet, and read like any other"),
        ("rich", "line 4, igg: found '<570'; crossed out in the sheet"),
        ("comment", "line 4, igg: found '570'; a comment on this cell says \"wrong patient, do not use\""),
        ("below", "line 4, igg: found '570'; its number format \"<\"0 shows it as something else"),
        ("percent", "its number format 0% shows it as something else"),
        ("sheet", "found 'a hidden sheet'"),
        ("mean", "line 4, igg: found '570'; made of other cells by =AVERAGE(F3,G3), and read like any other"),
        ("formulas", ""),
        ("colour", "line 4, igg: found '570'; on a ground of another colour than most of this column (1 cell)"),
        ("white", ""),
        ("striped", ""),
        ("plain", ""),
        ("unit", ""),
        ("beside", ""),
    ],
)
def test_cells_that_look_as_if_they_were_not_meant_are_asked_about(tmp_path: Path, look: str, expected: str) -> None:
    odd_workbook(tmp_path / "ward.xlsx", look=look)
    (tmp_path / "cohort.toml").write_text('igg_unit = "mg/dL"\n')
    asked = told(tmp_path)
    assert expected in asked
    assert bool(asked) is bool(expected)
    (tmp_path / "cohort.toml").write_text('igg_unit = "mg/dL"\n[samples]\nunusual_cells = "as_given"\n')
    assert told(tmp_path) == ""


def test_a_thread_of_comments_is_told_whole(tmp_path: Path) -> None:
    odd_workbook(tmp_path / "note.xlsx", look="comment")
    kind = "http://schemas.microsoft.com/office/2017/10/relationships/threadedComment"
    target = "../threadedComments/threadedComment1.xml"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="{target}"/></Relationships>'
    said = ("no?", "no &amp; no")
    thread = "".join(f'<threadedComment ref="C4" id="{one}"><text>{one}</text></threadedComment>' for one in said)
    with zipfile.ZipFile(tmp_path / "note.xlsx") as note, zipfile.ZipFile(tmp_path / "ward.xlsx", "w") as ward:
        for name in note.namelist():
            content = note.read(name)
            if name == "xl/worksheets/_rels/sheet1.xml.rels":
                content = content.replace(b"</Relationships>", relation.encode())
            ward.writestr(name, content)
        ward.writestr("xl/threadedComments/threadedComment1.xml", f"<ThreadedComments>{thread}</ThreadedComments>")
    (tmp_path / "note.xlsx").unlink()
    (tmp_path / "cohort.toml").write_text('igg_unit = "mg/dL"\n')
    assert 'a comment on this cell says "no? / no & no"' in told(tmp_path)


def test_rows_that_the_mapping_leaves_out_are_not_asked_about(tmp_path: Path) -> None:
    odd_workbook(tmp_path / "ward.xlsx", look="comment")
    rule = '[[samples.keep]]\ncolumn = "day"\nnone_of = [21]\n'
    (tmp_path / "cohort.toml").write_text(f'igg_unit = "mg/dL"\n{rule}')
    assert told(tmp_path) == ""


@pytest.mark.parametrize(
    ("code", "tells"),
    [
        ("General", False),
        ("0.00", False),
        ("#,##0", False),
        ("@", False),
        ("dd.mm.yyyy hh:mm", False),
        ('_-* #,##0.00_-;\\-* #,##0.00_-;_-* "-"??_-;_-@_-', False),
        ("[Red]0", False),
        ("[$-409]d\\-mmm\\-yy", False),
        ("0.00E+00", False),
        ('"<"0', True),
        ("\\<0", True),
        ('[<600]"<"0;0', True),
        ("0%", True),
        ("#,##0,", True),
        (";;;", True),
        ('0" g/L"', True),
    ],
)
def test_number_formats_that_show_more_than_the_number(code: str, tells: bool) -> None:
    assert shows_more(code) is tells
