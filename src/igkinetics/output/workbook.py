"""All tables of a fit as one workbook, a sheet each, and a first sheet that explains every column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xlsxwriter

from igkinetics import text

WORKBOOK: Final = "tables.xlsx"
MOST_ROWS: Final = 1_048_575
"""Of a sheet, below its heading: what the format can hold."""
MADE: Final = datetime(2000, 1, 1)
"""Written as the time of creation, so that the same tables give the same bytes; run.json says when they were made."""
WIDTH: Final = 14


def write_workbook(tables: dict[str, pd.DataFrame], path: Path, words: Callable[[str, str], str]) -> None:
    """Texts from the data are written as text, never as formulas or links; unknown values as empty cells.

    words: table and column -> what it means.
    """
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "constant_memory": True,
    }
    with xlsxwriter.Workbook(path, options) as workbook:
        workbook.set_properties({"created": MADE})
        bold = workbook.add_format({"bold": True, "bottom": 1})
        _explain(workbook.add_worksheet("columns"), tables, words, bold)
        for name, table in tables.items():
            if len(table) <= MOST_ROWS:
                _write_table(workbook.add_worksheet(name), table, bold)


def _explain(sheet: Any, tables: dict[str, pd.DataFrame], words: Callable[[str, str], str], bold: Any) -> None:
    sheet.set_column(0, 1, 2 * WIDTH)
    sheet.set_column(2, 2, 8 * WIDTH)
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, ("sheet", "column", "meaning"), bold)
    rows = [(name, column, words(name, column)) for name, table in tables.items() for column in table.columns]
    rows += [
        (name, "", f"{len(table)} rows are more than a sheet can hold; the file {name} beside this workbook has them")
        for name, table in tables.items()
        if len(table) > MOST_ROWS
    ]
    for index, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            sheet.write_string(index, column, cell)


def _write_table(sheet: Any, table: pd.DataFrame, bold: Any) -> None:
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, max(len(table.columns) - 1, 0), WIDTH)
    sheet.write_row(0, 0, list(table.columns), bold)
    for index, row in enumerate(table.itertuples(index=False, name=None), start=1):
        for column, value in enumerate(row):
            _write_cell(sheet, index, column, value)


def _write_cell(sheet: Any, row: int, column: int, value: Any) -> None:
    if not text.known(value):
        return
    if isinstance(value, bool | np.bool_):
        sheet.write_boolean(row, column, bool(value))
    elif isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value):
        sheet.write_number(row, column, float(f"{value:.10g}"))
    else:
        sheet.write_string(row, column, str(value))
