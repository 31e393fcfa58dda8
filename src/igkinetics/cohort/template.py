"""The workbook to start from: a sheet for each table, what each column means, and one worked patient."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import xlsxwriter

from igkinetics.cohort.mapping.contract import CONTRACT, TableName

MEANING: Final = {
    "patient_id": "the same text for the same patient in every sheet",
    "day": "day number on the patient's own time line, e.g. from the start of therapy; negative before it",
    "igg": "total serum IgG; write <40 for below, >3000 for above the assay's limit",
    "unit": "mg/dL or g/L; never guessed",
    "amount_g": "grams of immunoglobulin",
    "duration_h": "hours of infusion; empty: taken as given at once",
    "route": "iv or sc; empty: iv",
    "product": "any text",
    "start": "first day of B-cell-depleting therapy",
    "stop": "day on which it ended; empty: ongoing. For CAR-T: documented B-cell recovery",
    "agent": "e.g. blinatumomab; decides how much of the IgG is expected to depend on B cells",
    "group": "any text, e.g. IVIG or control",
    "weight_kg": "kilograms",
    "sex": "any text",
    "age_y": "years",
    "death": "day of death, empty while alive",
    "transplant": "day of a stem cell transplant, which ends follow-up; empty: none",
    "outcome": "death and hsct (transplant) end follow-up; any other text is counted",
}
COLUMNS: Final[dict[TableName, tuple[str, ...]]] = {
    "samples": ("patient_id", "day", "igg", "unit"),
    "doses": ("patient_id", "day", "amount_g", "duration_h", "route", "product"),
    "therapy": ("patient_id", "start", "stop", "agent"),
    "patients": ("patient_id", "group", "weight_kg", "sex", "age_y", "death", "transplant"),
    "outcomes": ("patient_id", "day", "outcome"),
    "weights": ("patient_id", "day", "weight_kg"),
}
EXAMPLE: Final[dict[TableName, tuple[tuple[object, ...], ...]]] = {
    "samples": (
        ("P01", -3, 640, "mg/dL"),
        ("P01", 14, 520, "mg/dL"),
        ("P01", 28, 410, "mg/dL"),
        ("P01", 42, 690, "mg/dL"),
        ("P01", 70, 430, "mg/dL"),
        ("P01", 98, 360, "mg/dL"),
        ("P01", 140, 450, "mg/dL"),
    ),
    "doses": (("P01", 29, 30, 4, "iv", "IVIG 10 %"),),
    "therapy": (("P01", 0, 28, "blinatumomab"), ("P01", 42, 70, "blinatumomab")),
    "patients": (("P01", "IVIG", 72, "f", 54, None, 180),),
    "outcomes": (("P01", 61, "infection"),),
    "weights": (("P01", 0, 72), ("P01", 60, 66)),
}
PAGE: Final = (
    "Serum IgG: a workbook for igkinetics",
    "",
    "1. Fill the sheet samples: one row for each measured IgG. It is the only sheet that is needed.",
    "2. Fill doses (immunoglobulin), therapy (B-cell depletion), patients and outcomes as far as known; weights only",
    "   where a weight changed: a dose in g/kg (amount_g_per_kg in place of amount_g) uses that of its day.",
    "   Leave a sheet as it is when there is nothing to say; delete nothing from its first row.",
    "3. Dates instead of day numbers: rename the column day to datetime in samples, doses, outcomes and weights,",
    "   and write dates in start, stop, death and transplant too. Days and dates cannot be mixed.",
    "4. The sheet example shows one made-up patient, filled in. It is not read.",
    "5. igkinetics check FOLDER tells what was understood and everything that is wrong; then",
    "   igkinetics fit FOLDER --out RESULTS.",
    "",
    "Columns",
)
ROWS_WITH_CHOICES: Final = 5000


def write_template(path: Path) -> None:
    """An empty workbook of the contract's tables with a page of explanation and a worked patient."""
    with xlsxwriter.Workbook(path) as workbook:
        bold = workbook.add_format({"bold": True, "bottom": 1})
        page = workbook.add_worksheet("read me")
        page.set_column(0, 0, 14)
        page.set_column(1, 1, 14)
        for row, line in enumerate(PAGE):
            page.write_string(row, 0, line, bold if row in (0, len(PAGE) - 1) else None)
        row = len(PAGE)
        for table in COLUMNS:
            for column in COLUMNS[table]:
                needed = any(column in group for group in CONTRACT[table].required) and column != "stop"
                page.write_row(row, 0, (table, column, MEANING[column] + ("  (needed)" if needed else "")))
                row += 1
        for table in COLUMNS:
            _empty_sheet(workbook.add_worksheet(table), table, bold)
        example, row = workbook.add_worksheet("example"), 0
        example.set_column(0, 6, 14)
        for table in COLUMNS:
            example.write_string(row, 0, f"sheet {table}", bold)
            example.write_row(row + 1, 0, COLUMNS[table], bold)
            for number, values in enumerate(EXAMPLE[table]):
                example.write_row(row + 2 + number, 0, values)
            row += len(EXAMPLE[table]) + 3


def _empty_sheet(sheet: xlsxwriter.worksheet.Worksheet, table: TableName, bold: object) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(COLUMNS[table]) - 1, 14)
    choices = {"unit": ["mg/dL", "g/L"], "route": ["iv", "sc"]}
    for index, column in enumerate(COLUMNS[table]):
        sheet.write_string(0, index, column, bold)
        sheet.write_comment(0, index, MEANING[column])
        if column in choices:
            rule = {"validate": "list", "source": choices[column]}
            sheet.data_validation(1, index, ROWS_WITH_CHOICES, index, rule)
