"""Tables that are in memory already: data frames read by the same rules as files."""

from __future__ import annotations

from collections.abc import Mapping as Given
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TABLES, TableName
from igkinetics.cohort.mapping.keys import Mapping, TableMapping
from igkinetics.cohort.mapping.locate import Located
from igkinetics.cohort.source.raw import RawRows
from igkinetics.cohort.source.sources import Source
from igkinetics.errors import InputError, Problem
from igkinetics.provenance import sha256_of_bytes

LABEL: Final = "{table} (data frame)"
"""Names a frame in messages and in the run record, as a file's name does a file."""


def locate_frames(tables: Given[TableName, Any], mapping: Mapping) -> Located:
    """A cohort of tables in memory. InputError with every argument that is no table, or where samples are missing.

    tables: of each table a data frame (of pandas, or anything with `to_pandas`), or a mapping of columns.
    """
    problems = [] if "samples" in tables else [_problem("samples", "nothing", "a data frame of samples is needed")]
    if mapping.format != "tables":
        problems.append(_problem("format", mapping.format, 'must be "tables": other formats are read from files'))
    frames: dict[TableName, pd.DataFrame] = {}
    for table in (one for one in TABLES if one in tables):
        frame = _frame(tables[table])
        if frame is None:
            expected = "must be a data frame, or columns by name: {'patient_id': [...], ...}"
            problems.append(_problem(table, type(tables[table]).__name__, expected))
        else:
            frames[table] = frame
    if problems:
        raise InputError(problems)
    sources = [
        Source(table=table, path=Path(), label=LABEL.format(table=table), frame=frame)
        for table, frame in frames.items()
    ]
    inputs = {one.label: sha256_of_bytes(one.frame.to_csv().encode()) for one in sources if one.frame is not None}
    return Located(name="cohort", mapping=mapping, sources=tuple(sources), inputs=inputs, problems=())


def read_frame(frame: pd.DataFrame, label: str, settings: TableMapping) -> RawRows:
    """The rows of a frame, each cell as the text that a file would hold. Rows count from 1."""
    names = [str(name) for name in frame.columns]
    cells = {
        name: [_text(cell, settings.decimal) for cell in frame.iloc[:, names.index(name)].tolist()] for name in names
    }
    return RawRows(
        file=label,
        cells=pd.DataFrame(cells, dtype=str) if len(frame) else pd.DataFrame({name: [] for name in names}, dtype=str),
        line=np.arange(1, len(frame) + 1, dtype=np.intp),
        repeated_names=frozenset(name for name in names if names.count(name) > 1),
    )


def _frame(given: Any) -> pd.DataFrame | None:
    if hasattr(given, "to_pandas"):
        given = given.to_pandas()
    if isinstance(given, Given):
        try:
            given = pd.DataFrame(dict(given))
        except ValueError:  # columns of different lengths
            return None
    if not isinstance(given, pd.DataFrame):
        return None
    named = [name for name in given.index.names if name is not None]
    return given.reset_index() if named else given


def _text(cell: Any, decimal: str) -> str:
    """A cell as a file would hold it: whole numbers without a point, no value as nothing, times in ISO form."""
    if cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, bool | str):
        return str(cell)
    if isinstance(cell, float):
        text = str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
        return text.replace(".", decimal)
    return str(cell.isoformat(sep=" ")) if isinstance(cell, pd.Timestamp) else str(cell)


def _problem(argument: str, found: object, expected: str) -> Problem:
    return Problem(file="call", column=argument, found=str(found), expected=expected)
