"""Workbooks (.xlsx): the sheets of one, and a sheet as rows of text."""

from __future__ import annotations

import datetime
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import python_calamine as calamine

from igkinetics.cohort.mapping.contract import suggestion
from igkinetics.cohort.mapping.headings import HEADER_ROWS_LOOKED_AT
from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.cohort.source.raw import RawRows
from igkinetics.cohort.source.textfile import header_below, header_is
from igkinetics.errors import InputError, Problem

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta
WORKBOOK_SUFFIXES: Final = (".xlsx", ".xlsm")
MOST_BYTES: Final = 1 << 30
"""Of one workbook when unpacked; larger tables belong into CSV or Parquet."""
MOST_BYTES_UNREAD: Final = 20_000_000
"""Of a sheet that is only looked at."""
MOST_CELLS: Final = 50_000_000
"""Rows x columns up to the last cell of a sheet: what the reader has to hold in memory."""
CELL: Final = re.compile(
    rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,4})([0-9]{1,8})"[^>]*?(?:/>|>(.*?)</(?:\w+:)?c>)', re.DOTALL
)
FORMULA: Final = re.compile(rb"<(?:\w+:)?f\b")
VALUE: Final = re.compile(rb"<(?:\w+:)?(?:v|is)\b[^>/]*>[^<]|<(?:\w+:)?is\b")
ERROR: Final = re.compile(rb"<(?:\w+:)?c\b[^>]*\bt=\"e\"")


def sheet_names(path: Path, file: str) -> list[str]:
    """The names of the sheets, in the order of the workbook. InputError when it is none."""
    _check_size(path, file)
    try:
        with calamine.CalamineWorkbook.from_path(path) as workbook:
            return list(workbook.sheet_names)
    except calamine.PasswordError:
        raise _refused(file, "a password", "a workbook without a password") from None
    except (calamine.CalamineError, OSError) as fault:
        raise _not_a_workbook(file, fault) from None


def read_sheet(
    path: Path, file: str, sheet: str, settings: TableMapping, table: str, source: bytes | None = None
) -> RawRows:
    """The rows below the header, the first row with any text below the lines to skip; lines are rows of the sheet.

    Numbers are text in their shortest exact form (whole ones without a point), dates and times in ISO form.
    source: the sheet's XML, where it was read already.
    """
    cells, faults = _checked_cells(path, file, sheet, source)
    filled = [number for number in range(settings.skip_lines, len(cells)) if any(map(str.strip, cells[number]))]
    if not filled:
        raise _refused(file, "", "an empty sheet; a header and rows are needed")
    index = header_below([cells[number] for number in filled[:HEADER_ROWS_LOOKED_AT]], settings)
    if index:
        shown = ", ".join(cell.strip() for cell in cells[filled[0]] if cell.strip())
        raise InputError([_problem(file, filled[0] + 1, shown, header_is(filled[index] + 1, table))])
    return _rows(file, cells, filled[0], faults)


def sheet_cells(path: Path, file: str, sheet: str) -> list[list[str]]:
    """Every cell of a sheet as text, from its first row. InputError without such a sheet."""
    return _checked_cells(path, file, sheet)[0]


def sheet_source(path: Path, file: str, sheet: str) -> tuple[int, bytes]:
    """(the position of a sheet in its workbook, its XML). InputError without such a sheet."""
    names = sheet_names(path, file)
    if sheet not in names:
        raise _refused(file, sheet, f"no such sheet; {suggestion(sheet, names)}")
    position = names.index(sheet)
    try:
        with zipfile.ZipFile(path) as archive:
            return position, archive.read(sheet_part(archive, position)[0])
    except (KeyError, IndexError, zipfile.BadZipFile, OSError) as fault:
        raise _not_a_workbook(file, fault) from None


def _checked_cells(
    path: Path, file: str, sheet: str, source: bytes | None = None
) -> tuple[list[list[str]], dict[int, Problem]]:
    """The cells of a sheet, and by row the first that has no value."""
    faults = _cells_without_value(sheet_source(path, file, sheet)[1] if source is None else source, file)
    try:
        with calamine.CalamineWorkbook.from_path(path) as workbook:
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except (calamine.CalamineError, OSError) as fault:
        raise _not_a_workbook(file, fault) from None
    return [[_as_text(cell) for cell in row] for row in rows], faults


def _rows(file: str, cells: list[list[str]], first: int, faults: dict[int, Problem]) -> RawRows:
    header = [name.strip() for name in cells[first]]
    columns = [number for number, name in enumerate(header) if name]
    problems, rows, lines, empty = [], [], [], []
    for number, row in enumerate(cells[first + 1 :], start=first + 2):
        if number in faults:
            problems.append(faults[number])
        elif any(map(str.strip, row)):
            outside = [cell for index, cell in enumerate(row) if cell.strip() and index not in columns]
            if outside:
                problems.append(_problem(file, number, outside[0], "no cell outside the columns that have a name"))
            else:
                rows.append([row[index] for index in columns])
                lines.append(number)
        else:
            empty.append(number)
    while empty and (not lines or empty[-1] > lines[-1]):
        empty.pop()  # rows below the last one were only formatted
    names = [header[index] for index in columns]
    kept = list(dict.fromkeys(names))
    return RawRows(
        file=file,
        cells=pd.DataFrame({name: pd.Series([row[names.index(name)] for row in rows], dtype=str) for name in kept}),
        line=np.array(lines, dtype=np.intp),
        repeated_names=frozenset(name for name in kept if names.count(name) > 1),
        n_unread=len(problems) + len(empty),
        problems=tuple(problems),
        empty=np.array(empty, dtype=np.intp),
        sheet_columns={name: header.index(name) + 1 for name in kept},
    )


def _as_text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ", timespec="seconds" if cell.microsecond == 0 else "microseconds")
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else str(cell)


def _check_size(path: Path, file: str) -> None:
    """Refuse what is no archive, a damaged one, and what would fill the memory when unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            n_bytes = sum(entry.file_size for entry in archive.infolist())
            if n_bytes > MOST_BYTES:
                expected = f"at most {MOST_BYTES >> 20} MiB; save large tables as CSV or Parquet"
                raise _refused(file, f"{n_bytes >> 20} MiB when unpacked", expected)
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, NotImplementedError, EOFError) as fault:
        raise _not_a_workbook(file, fault) from None
    if damaged is not None:
        raise _refused(file, damaged, "a workbook that is whole; this part is damaged")


def _cells_without_value(source: bytes, file: str) -> dict[int, Problem]:
    """By row: the first formula without a stored result, or error such as #N/A, which the reader takes as empty.

    Also refuses a sheet whose last cell is so far out that holding the rows up to it would fill the memory.
    """
    columns, last = _extent(source)
    if columns * last > MOST_CELLS:
        expected = f"at most {MOST_CELLS:,} cells up to the last one; delete what lies far below or beside the table"
        raise _refused(file, f"{last} rows and {columns} columns", expected)
    faults: dict[int, Problem] = {}
    if not (FORMULA.search(source) or ERROR.search(source)):
        return faults
    for match in CELL.finditer(source):
        letters, row, content = match[1], int(match[2]), match[3] or b""
        name = f"cell {letters.decode()}{row}"
        if ERROR.match(match[0]):
            value = (re.search(rb"<(?:\w+:)?v>([^<]*)", content) or [b"", b"an error"])[1].decode("utf-8", "replace")
            faults.setdefault(row, _problem(file, row, value, "a value, not an error of the spreadsheet", name))
        elif FORMULA.search(content) and not VALUE.search(content):
            expected = "a formula without its result; open and save the workbook in a spreadsheet program"
            expected += ", or write the value"
            faults.setdefault(row, _problem(file, row, "a formula", expected, name))
    return faults


def sheet_part(archive: zipfile.ZipFile, position: int) -> tuple[str, bytes]:
    """(the part of a sheet by its position, its entry in workbook.xml, which names the relation to that part)."""
    relations = archive.read("xl/_rels/workbook.xml.rels")
    entry, identity = re.findall(
        rb"(<(?:\w+:)?sheet\b[^>]*?\br:id=\"([^\"]+)\"[^>]*>)", archive.read("xl/workbook.xml")
    )[position]
    targets = {}
    for relation in re.findall(rb"<(?:\w+:)?Relationship\b[^>]*>", relations):
        name, target = (re.search(rb"\b" + key + rb'="([^"]*)"', relation) for key in (b"Id", b"Target"))
        if name and target:
            targets[name[1]] = target[1].decode("utf-8", "replace")
    part = targets[identity].lstrip("/")
    return (part if part.startswith("xl/") else f"xl/{part}"), entry


def first_rows(path: Path, sheets: Sequence[str], most_rows: int) -> dict[str, list[list[str]]]:
    """The first rows of sheets that nothing reads, as text; none of a sheet that is large or cannot be read."""
    rows: dict[str, list[list[str]]] = {}
    try:
        with zipfile.ZipFile(path) as archive, calamine.CalamineWorkbook.from_path(path) as workbook:
            names = list(workbook.sheet_names)
            for sheet in sheets:
                part = sheet_part(archive, names.index(sheet))[0]
                if archive.getinfo(part).file_size > MOST_BYTES_UNREAD or _far_out(archive.read(part)):
                    continue
                cells = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False, nrows=most_rows)
                rows[sheet] = [[_as_text(cell) for cell in row] for row in cells]
    except (calamine.CalamineError, KeyError, IndexError, zipfile.BadZipFile, OSError):
        pass  # told where the workbook is read
    return rows


def _far_out(source: bytes) -> bool:
    """Whether the last cell of a sheet is so far out that holding the rows up to it would fill the memory."""
    columns, last = _extent(source)
    return columns * last > MOST_CELLS


def _extent(source: bytes) -> tuple[int, int]:
    """(the last column of a sheet, its last row) in which a cell stands."""
    cells = re.findall(rb'\br="([A-Z]{1,4})([0-9]{1,8})"', source)
    return (
        max(map(column_number, {one for one, _ in cells}), default=0),
        max((int(n) for _, n in cells), default=0),
    )


def column_number(letters: bytes) -> int:
    """A column by its letters, counted from 1."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _problem(file: str, line: int, found: str, expected: str, column: str = "") -> Problem:
    return Problem(file=file, line=line, column=column, found=found, expected=expected)


def _refused(file: str, found: str, expected: str) -> InputError:
    return InputError([Problem(file=file, found=found, expected=expected)])


def _not_a_workbook(file: str, fault: Exception) -> InputError:
    expected = "a readable .xlsx workbook; open it in a spreadsheet program and save it as .xlsx"
    return _refused(file, type(fault).__name__, expected)


def sheet_for(table: str, names: Sequence[str]) -> str | None:
    """The sheet of a table by its name, capitals and blanks around it ignored."""
    return next((name for name in names if name.strip().lower() == table), None)
