"""Delimited text as parts of rows: cells, physical lines, rows of a wrong length.

A file in which every line is one row (nearly all files) is read by pyarrow, block by block. Where a quoted cell holds
a line break, a line is blank, or a row has too few or too many cells, the csv module reads the file again, row by
row, and tells the line of each. Either way only one part is in memory at a time; what is made of it is kept.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from igkinetics.cohort.mapping.headings import HEADER_ROWS_LOOKED_AT, header_place, known_headings
from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.cohort.parse.findings import MANY_ROWS
from igkinetics.cohort.source.raw import ROWS_AT_A_TIME, RawRows
from igkinetics.errors import InputError, Problem, also

BINARY_STARTS: Final = {
    b"PK\x03\x04": "a workbook or zip archive",
    b"PAR1": "a Parquet file (name it .parquet)",
    b"\x1f\x8b": "a compressed file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
BLOCK_BYTES: Final = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """encoding: to open the file with. n_lines: physical lines, the last one with or without its end.

    plain: every line ends with a line feed (after a carriage return or not), none with a carriage return alone.
    """

    encoding: str
    n_lines: int
    quoted: bool
    plain: bool


def survey(path: Path, file: str, settings: TableMapping, table: str) -> Survey:
    """InputError when the file is binary, or is not text in the encoding stated."""
    _refuse_binary(path, file)
    utf8 = codecs.lookup(settings.encoding).name == "utf-8"
    encoding = "utf-8-sig" if utf8 else settings.encoding
    decoder = codecs.getincrementaldecoder(encoding)()
    n_feeds = n_returns = n_pairs = 0
    quoted, last = False, "\n"
    with path.open("rb") as stream:
        while True:
            block = stream.read(BLOCK_BYTES)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError:
                raise _not_this_encoding(path, file, settings, table) from None
            n_feeds += text.count("\n")
            n_returns += text.count("\r")
            n_pairs += text.count("\r\n") + (last == "\r" and text.startswith("\n"))
            quoted = quoted or '"' in text
            last = text[-1:] or last
            if not block:
                break
    return Survey(encoding=encoding, n_lines=n_feeds + (last != "\n"), quoted=quoted, plain=n_returns == n_pairs)


def _refuse_binary(path: Path, file: str) -> None:
    with path.open("rb") as stream:
        content = stream.read(8)
    for start, what in BINARY_STARTS.items():
        if content.startswith(start):
            expected = f"delimited text is needed, and this is {what}"
            raise InputError([Problem(file=file, found=repr(start), expected=expected)])


def _not_this_encoding(path: Path, file: str, settings: TableMapping, table: str) -> InputError:
    """The line and the byte at which the text ends; the whole file is looked at once more."""
    content = path.read_bytes()
    start = 0
    try:
        content.decode(settings.encoding)
    except UnicodeDecodeError as fault:
        start = fault.start
    except UnicodeError:
        pass
    guess = "utf-16" if content.startswith(UTF16_MARKS) else "cp1252"
    expected = (
        f'not {settings.encoding} text; state the encoding, e.g. encoding = "{guess}" under [{table}] in cohort.toml'
    )
    line = content.count(b"\n", 0, start) + 1
    return InputError([Problem(file=file, line=line, found=repr(content[start : start + 1]), expected=expected)])


OTHER_DELIMITERS: Final = (";", "\t", ",", "|")
BYTES_AT_A_TIME = 1 << 23
SEPARATOR_LINE: Final = re.compile(r'\ufeff?"?sep=(.)"?\s*')
"""What spreadsheet programs write above the header to say what separates the cells."""


def read_text(path: Path, file: str, settings: TableMapping, table: str) -> Iterator[RawRows]:
    """The rows in parts, at least one. InputError unless it is text with a header."""
    layout = survey(path, file, settings, table)
    settings, notes = _with_separator(path, file, settings, layout, table)
    header, header_line = _header(path, file, settings, layout, table)
    _check_delimiter(header, header_line, file, settings, table)
    if layout.plain and _every_line_is_a_row(path, header, settings, layout):
        parts = _parts_of_lines(path, file, header, settings, layout)
    else:
        parts = _parts_of_rows(path, file, header, settings, layout)
    return chain([replace(next(parts), problems=notes)], parts) if notes else parts


def _with_separator(
    path: Path, file: str, settings: TableMapping, layout: Survey, table: str
) -> tuple[TableMapping, tuple[Problem, ...]]:
    """The delimiter that a first line `sep=;` states, with a note. InputError where cohort.toml says another."""
    with path.open(encoding=layout.encoding, newline="") as stream:
        line = stream.readline(100)
    told = SEPARATOR_LINE.fullmatch(line)
    if told is None or settings.skip_lines:
        return settings, ()
    shown = line.strip().replace("\t", "\\t")
    if told[1] == settings.decimal or ("delimiter" in settings.model_fields_set and settings.delimiter != told[1]):
        expected = f"not what [{table}] in cohort.toml says of delimiter and decimal; to read on below: skip_lines = 1"
        raise _refused(file, 1, shown, expected)
    expected = "a line for spreadsheet programs that says what separates the cells"
    note = Problem(file=file, line=1, found=shown, expected=expected, severity="warning", action="cells read so")
    return settings.model_copy(update={"delimiter": told[1], "skip_lines": 1}), (note,)


def _refused(file: str, line: int | None, found: str, expected: str) -> InputError:
    return InputError([Problem(file=file, line=line, found=found, expected=expected)])


def _records(path: Path, file: str, settings: TableMapping, layout: Survey) -> Iterator[tuple[int, list[str]]]:
    """(first physical line, cells) of every row that is not blank, below the lines to skip."""
    line = settings.skip_lines
    with path.open(encoding=layout.encoding, newline="") as stream:
        rows = csv.reader(_below(stream, settings.skip_lines), delimiter=settings.delimiter)
        try:
            for cells in rows:
                if cells:
                    yield line + 1, cells
                line = settings.skip_lines + rows.line_num
        except csv.Error as fault:
            raise _refused(file, line + 1, str(fault), "delimited text") from None


def _below(stream: Any, n_lines: int) -> Iterator[str]:
    """The lines below the first n, where those end with a line feed."""
    for _ in range(n_lines):
        while (line := stream.readline()) and not line.endswith("\n"):
            pass
    yield from stream


def _header(path: Path, file: str, settings: TableMapping, layout: Survey, table: str) -> tuple[list[str], int]:
    records = _records(path, file, settings, layout)
    first = list(islice(records, HEADER_ROWS_LOOKED_AT))
    if not any(any(map(str.strip, one)) for _, one in chain(first, records)):
        raise _refused(file, None, "", f"an empty file; {table} needs a header line and rows")
    line, cells = first[0]
    header = [cell.strip() for cell in cells]
    if any("\x00" in cell for cell in header):
        encoding = "utf-16-be" if header[0].startswith("\x00") else "utf-16-le"
        expected = f'text of two bytes a letter; state it: encoding = "{encoding}" under [{table}] in cohort.toml'
        raise _refused(file, line, settings.delimiter.join(header).replace("\x00", ""), expected)
    index = header_below([row for _, row in first], settings)
    if index:
        raise _refused(file, line, settings.delimiter.join(header), header_is(first[index][0], table))
    return header, line


def header_below(rows: list[list[str]], settings: TableMapping) -> int:
    """The place of the header where the first row has no known heading and a later one has two or more; else 0."""
    sources = settings.columns.values()
    mapped = {name for source in sources for name in ((source,) if isinstance(source, str) else source)}
    first = [cell.strip() for cell in rows[0]]
    return 0 if mapped & set(first) or known_headings(first) > 1 else header_place(rows)


def header_is(line: int, table: str) -> str:
    """The end of a message about a title, or a merged heading, above the header."""
    return f"no header; line {line} looks like it: write skip_lines = {line - 1} under [{table}] in cohort.toml"


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


def _every_line_is_a_row(path: Path, header: list[str], settings: TableMapping, layout: Survey) -> bool:
    """Whether each line below the header is one row with as many cells as the header has."""
    n_rows = 0
    try:
        with _blocks(path, header, settings, layout, only=[0]) as blocks:
            for block in blocks:
                n_rows += block.num_rows
    except pa.ArrowException:
        return False
    return 0 < n_rows == layout.n_lines - settings.skip_lines - 1


def _parts_of_lines(
    path: Path, file: str, header: list[str], settings: TableMapping, layout: Survey
) -> Iterator[RawRows]:
    first = {name: number for number, name in reversed(list(enumerate(header)))}
    line = settings.skip_lines + 2
    with _blocks(path, header, settings, layout, only=sorted(first.values())) as blocks:
        for block in blocks:
            cells = pa.Table.from_batches([block]).to_pandas().set_axis(list(dict.fromkeys(header)), axis=1)
            lines = np.arange(line, line + len(cells), dtype=np.intp)
            line += len(cells)
            yield RawRows(file=file, cells=cells, line=lines, repeated_names=_repeated(header))


def _blocks(path: Path, header: list[str], settings: TableMapping, layout: Survey, only: list[int]) -> Any:
    """pyarrow's reader of the columns at these places; ArrowException at rows of another length than the header."""
    names = [f"column {number}" for number in range(len(header))]
    return pa.csv.open_csv(
        path,
        read_options=pa.csv.ReadOptions(
            column_names=names,
            block_size=BYTES_AT_A_TIME,
            skip_rows=settings.skip_lines + 1,
            use_threads=False,
            encoding="utf8" if layout.encoding == "utf-8-sig" else layout.encoding,
        ),
        parse_options=pa.csv.ParseOptions(delimiter=settings.delimiter, newlines_in_values=layout.quoted),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            include_columns=[names[index] for index in only],
        ),
    )


def _parts_of_rows(
    path: Path, file: str, header: list[str], settings: TableMapping, layout: Survey
) -> Iterator[RawRows]:
    records = _records(path, file, settings, layout)
    next(records)
    uneven = UnevenRows(n_cells=len(header))
    while True:
        some = list(islice(records, ROWS_AT_A_TIME))
        part = _part_of_rows(some, header, file, uneven)
        if len(some) < ROWS_AT_A_TIME:
            yield replace(part, problems=tuple(uneven.problems(file, settings.delimiter)))
            return
        yield part


@dataclass(slots=True, kw_only=True)
class UnevenRows:
    """Rows of a file with more or fewer cells than its header, by how many they have."""

    n_cells: int
    lines: dict[int, list[int]] = field(default_factory=dict)
    first: dict[int, list[list[str]]] = field(default_factory=dict)
    """The cells of the rows that may be told one by one."""

    def add(self, line: int, cells: list[str]) -> None:
        self.lines.setdefault(len(cells), []).append(line)
        first = self.first.setdefault(len(cells), [])
        if len(first) < MANY_ROWS:
            first.append(cells)

    def problems(self, file: str, delimiter: str) -> Iterator[Problem]:
        """Each row, or where many have the same number of cells the first with the lines of the others."""
        for length, lines in self.lines.items():
            grouped = len(lines) > MANY_ROWS
            expected = f"{self.n_cells} cells as in the header, not {length}" + (also(lines) if grouped else "")
            for line, cells in list(zip(lines, self.first[length], strict=False))[: 1 if grouped else None]:
                yield Problem(file=file, line=line, found=delimiter.join(cells), expected=expected)


def _part_of_rows(records: list[tuple[int, list[str]]], header: list[str], file: str, uneven: UnevenRows) -> RawRows:
    """The rows of a part that have as many cells as the header; the others go to `uneven`."""
    rows, lines, empty = [], [], []
    for line, cells in records:
        if len(cells) == len(header):
            rows.append(cells)
            lines.append(line)
        elif not any(cell.strip() for cell in cells):
            empty.append(line)
        else:
            uneven.add(line, cells)
    kept = dict.fromkeys(header)
    return RawRows(
        file=file,
        cells=pd.DataFrame({name: pd.Series([row[header.index(name)] for row in rows], dtype=str) for name in kept}),
        line=np.array(lines, dtype=np.intp),
        repeated_names=_repeated(header),
        n_unread=len(records) - len(rows),
        empty=np.array(empty, dtype=np.intp),
    )
