"""One file of rows, whatever its format: foreign column names, every cell as text, and the lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.errors import InputError, Problem, counted

Lines = npt.NDArray[np.intp]
ROWS_AT_A_TIME = 1 << 18
"""Rows of one part of a large file: what is in memory as text at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """The rows of one file. cells: text, "" when absent; line: physical line (Parquet: row number)."""

    file: str
    cells: pd.DataFrame
    line: Lines
    repeated_names: frozenset[str] = frozenset()
    """Column names that occur more than once; the first of them is in `cells`."""
    n_unread: int = 0
    """Rows that could not be split into cells, told in `problems`, or are empty."""
    problems: tuple[Problem, ...] = ()
    empty: Lines = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    """Lines of rows without any text, which are not in `cells`."""
    sheet_columns: dict[str, int] = field(default_factory=dict)
    """Of a sheet: the place of each column, counted from 1."""


def empty_rows_problem(file: str, lines: Sequence[int] | Lines) -> list[Problem]:
    """One warning for all rows without any text, at the first of them."""
    if len(lines) == 0:
        return []
    found = counted(len(lines), "empty row")
    return [
        Problem(
            file=file,
            line=int(lines[0]),
            found=found,
            expected="rows with cells",
            severity="warning",
            action="row set aside",
        )
    ]


def whole_file(read: Iterable[RawRows]) -> RawRows:
    """The parts of one file as one."""
    parts = list(read)
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        cells=pd.concat([part.cells for part in parts], ignore_index=True),
        line=np.concatenate([part.line for part in parts]),
        n_unread=sum(part.n_unread for part in parts),
        problems=tuple(problem for part in parts for problem in part.problems),
        empty=np.concatenate([part.empty for part in parts]),
    )


def read_parquet(path: Path, file: str, settings: TableMapping) -> Iterator[RawRows]:
    """A Parquet file as text, in parts, at least one.

    Numbers are in their shortest exact form, dates and times in ISO form.
    """
    n_read = 0
    try:
        with path.open("rb") as stream, pyarrow.parquet.ParquetFile(stream) as table:
            for part in _tables(table):
                names = part.column_names
                first = {name: names.index(name) for name in names}
                columns = {name: _as_text(part.column(number), settings.decimal) for name, number in first.items()}
                cells = pa.table(columns).to_pandas()
                line = np.arange(n_read + 1, n_read + len(cells) + 1, dtype=np.intp)
                n_read += len(cells)
                repeated = frozenset(name for name in names if names.count(name) > 1)
                yield RawRows(file=file, cells=cells, line=line, repeated_names=repeated)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as fault:
        expected = "a readable Parquet file of plain columns"
        problem = Problem(file=file, found=type(fault).__name__, expected=expected)
        raise InputError([problem]) from None


def _tables(file: pa.parquet.ParquetFile) -> Iterator[pa.Table]:
    empty = True
    for batch in file.iter_batches(batch_size=ROWS_AT_A_TIME):
        empty = False
        yield pa.Table.from_batches([batch])
    if empty:
        yield file.schema_arrow.empty_table()


def _as_text(column: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    text = pa.compute.fill_null(column.cast(pa.string()), "")
    text.validate(full=True)  # text that is not UTF-8
    if pa.types.is_floating(column.type):
        text = pa.compute.replace_substring_regex(text, pattern=r"^nan$", replacement="")
        if decimal != ".":
            text = pa.compute.replace_substring(text, pattern=".", replacement=decimal)
    return text
