"""One file of rows, whatever its format: foreign column names, every cell as text, and the lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from igkinetics.cohort.mapping import TableMapping
from igkinetics.errors import InputError, Problem, counted

Lines = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """The rows of one file. cells: text, "" when absent; line: physical line (Parquet: row number)."""

    file: str
    cells: pd.DataFrame
    line: Lines
    repeated_names: frozenset[str] = frozenset()
    """Column names that occur more than once; the first of them is in `cells`."""
    n_unread: int = 0
    """Rows that could not be split into cells, or are empty, told in `problems`."""
    problems: tuple[Problem, ...] = field(default=())


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


def read_parquet(path: Path, file: str, settings: TableMapping) -> RawRows:
    """A Parquet file as text: numbers in their shortest exact form, dates and times in ISO form."""
    try:
        with path.open("rb") as stream:
            table = pyarrow.parquet.read_table(stream)
        columns = {
            name: _as_text(table[name], settings.decimal) for name in dict.fromkeys(table.column_names)
        }
    except (pa.ArrowException, OSError, UnicodeDecodeError) as fault:
        expected = "a readable Parquet file of plain columns"
        problem = Problem(file=file, found=type(fault).__name__, expected=expected)
        raise InputError([problem]) from None
    cells = pa.table(columns).to_pandas()
    return RawRows(file=file, cells=cells, line=np.arange(1, len(cells) + 1, dtype=np.intp))


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
