"""Delimited text: decoding, cells, physical lines, rows of a wrong length.

A file in which every line is one row (nearly all files) is read by pyarrow. Where a quoted cell holds a line
break, a line is blank, or a row has too few or too many cells, the csv module reads the file again, row by
row, and tells the line of each.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from igkinetics.cohort.mapping import TableMapping
from igkinetics.cohort.raw import RawRows, empty_rows_problem
from igkinetics.errors import InputError, Problem

BINARY_STARTS: Final = {
    b"PK\x03\x04": "a workbook or zip archive",
    b"PAR1": "a Parquet file (name it .parquet)",
    b"\x1f\x8b": "a compressed file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
OTHER_DELIMITERS: Final = (";", "\t", ",", "|")
SMALLEST_BLOCK: Final = 1 << 20
LARGEST_BLOCK: Final = 1 << 28


def read_text(path: Path, file: str, settings: TableMapping, table: str) -> RawRows:
    """The rows of a delimited text file. InputError when it cannot be read as text with a header."""
    text = _without_first_lines(_decoded(path.read_bytes(), file, settings, table), settings.skip_lines)
    if not text.strip():
        raise _refused(file, None, "", f"an empty file; {table} needs a header line and rows")
    header, header_line = _header(text, file, settings)
    _check_delimiter(header, header_line, file, settings, table)
    quick = _read_quickly(text, header, settings)
    if quick is not None:
        line = np.arange(len(quick), dtype=np.intp) + settings.skip_lines + 2
        return RawRows(file=file, cells=quick, line=line, repeated_names=_repeated(header))
    return _read_row_by_row(text, header, file, settings)


def _refused(file: str, line: int | None, found: str, expected: str) -> InputError:
    return InputError([Problem(file=file, line=line, found=found, expected=expected)])


def _decoded(content: bytes, file: str, settings: TableMapping, table: str) -> str:
    for start, what in BINARY_STARTS.items():
        if content.startswith(start):
            raise _refused(file, None, repr(start), f"delimited text is needed, and this is {what}")
    encoding = settings.encoding
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        guess = "utf-16" if content.startswith(UTF16_MARKS) else "cp1252"
        raise _refused(
            file,
            line,
            repr(content[fault.start : fault.start + 1]),
            f'not {settings.encoding} text; state the encoding, e.g. encoding = "{guess}" under [{table}] in '
            "cohort.toml",
        ) from None


def _without_first_lines(text: str, n_lines: int) -> str:
    start = 0
    for _ in range(n_lines):
        start = text.find("\n", start) + 1
        if start == 0:
            return ""
    return text[start:]


def _records(text: str, file: str, settings: TableMapping) -> Iterator[tuple[int, list[str]]]:
    """(first physical line, cells) of every row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=settings.delimiter)
    line = settings.skip_lines
    try:
        for cells in reader:
            if cells:
                yield line + 1, cells
            line = settings.skip_lines + reader.line_num
    except csv.Error as fault:
        raise _refused(file, line + 1, str(fault), "delimited text") from None


def _header(text: str, file: str, settings: TableMapping) -> tuple[list[str], int]:
    line, cells = next(_records(text, file, settings))
    return [cell.strip() for cell in cells], line


def _repeated(header: list[str]) -> frozenset[str]:
    return frozenset(name for name in header if header.count(name) > 1)


def _check_delimiter(header: list[str], line: int, file: str, settings: TableMapping, table: str) -> None:
    if len(header) > 1:
        return
    for other in OTHER_DELIMITERS:
        if other != settings.delimiter and other in header[0]:
            shown = other.replace("\t", "\\t")
            raise _refused(
                file,
                line,
                header[0],
                f'one column only; if cells are separated by {shown!r}, write delimiter = "{shown}" under '
                f"[{table}] in cohort.toml",
            )


def _read_quickly(text: str, header: list[str], settings: TableMapping) -> pd.DataFrame | None:
    """All cells by pyarrow, or None unless every physical line is exactly one row of the right length."""
    content = text.encode("utf-8")
    ragged: list[Any] = []

    def skip_ragged(row: Any) -> str:
        ragged.append(row)
        return "skip"

    placeholders = [f"column {number}" for number in range(len(header))]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(content),
            read_options=pa.csv.ReadOptions(
                column_names=placeholders,
                block_size=min(max(SMALLEST_BLOCK, len(content) // 8), LARGEST_BLOCK),
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=settings.delimiter,
                newlines_in_values=b'"' in content,
                invalid_row_handler=skip_ragged,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(placeholders, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException:
        return None
    n_lines = content.count(b"\n") + (not content.endswith(b"\n"))
    if ragged or table.num_rows != n_lines:
        return None
    first = {name: number for number, name in reversed(list(enumerate(header)))}
    cells: pd.DataFrame = table.slice(1).select(sorted(first.values())).to_pandas()
    return cells.set_axis(list(dict.fromkeys(header)), axis=1)


def _read_row_by_row(text: str, header: list[str], file: str, settings: TableMapping) -> RawRows:
    rows, lines, problems, empty = [], [], [], []
    records = _records(text, file, settings)
    next(records)
    for line, cells in records:
        if len(cells) == len(header):
            rows.append(cells)
            lines.append(line)
        elif not any(cell.strip() for cell in cells):
            empty.append(line)
        else:
            problems.append(
                Problem(
                    file=file,
                    line=line,
                    found=settings.delimiter.join(cells),
                    expected=f"{len(header)} cells as in the header, not {len(cells)}",
                )
            )
    n_unread = len(problems) + len(empty)
    problems += empty_rows_problem(file, empty)
    kept = dict.fromkeys(header)
    cells_frame = pd.DataFrame(
        {name: pd.Series([row[header.index(name)] for row in rows], dtype=str) for name in kept}
    )
    return RawRows(
        file=file,
        cells=cells_frame,
        line=np.array(lines, dtype=np.intp),
        repeated_names=_repeated(header),
        n_unread=n_unread,
        problems=tuple(problems),
    )
