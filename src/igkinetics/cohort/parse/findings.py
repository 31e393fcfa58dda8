"""Defects of single rows, found column-wise: one `Finding` for all rows with the same defect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.errors import Problem, also, counted

Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Scope = Literal["none", "row", "patient"]
MANY_ROWS: Final = 20
"""More rows of a file with one and the same fault are told as one problem."""
MOST_TOLD: Final = 1000
"""Problems of one finding whose texts differ from row to row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one table that passed its filters, as text under contract names.

    text: columns of the contract (and, in open tables, further ones); a missing cell is "".
    written: the cells as they stand in the file, for columns that hold a word for "missing" such as NA.
    file_code, line: for each row, the file (index into `files`) and the physical line.
    n_read, n_filtered, n_unread: rows of each file; unread rows could not be split into cells, or are empty.
    """

    name: TableName
    text: pd.DataFrame
    files: tuple[str, ...]
    file_code: Rows
    line: Rows
    written: dict[str, pd.Series[str]]
    n_read: tuple[int, ...]
    n_filtered: tuple[int, ...]
    n_unread: tuple[int, ...]
    settings: TableMapping

    def column(self, name: str) -> pd.Series[str] | None:
        """The cells of a column, or None when the table does not have it."""
        return self.text[name] if name in self.text.columns else None

    def first_file_with(self, column: str) -> str:
        """The first file with a filled cell in this column, else the first file."""
        cells = self.column(column)
        rows = np.flatnonzero(cells != "") if cells is not None else np.empty(0, dtype=np.intp)
        return self.files[self.file_code[rows[0]]] if rows.size else self.files[0]

    def as_written(self, column: str, row: int, cell: str) -> str:
        """The cell, or the word for "missing" that stood there."""
        return str(self.written[column].iloc[row]) if cell == "" and column in self.written else cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of defect in one column. `removes` tells what is set aside: nothing, the row, the patient."""

    rows: Rows
    column: str
    found: tuple[str, ...]
    expected: tuple[str, ...]
    removes: Scope = "row"
    warning: str = ""
    """Empty for an error; for a warning, what was done about it, e.g. "used"."""
    listed: bool = True
    """False for rows that the mapping itself sets aside: counted, and told in a note, not row by row."""


def refuse(
    mask: Mask, column: str, found: pd.Series[str], expected: str | Sequence[str], removes: Scope = "row"
) -> list[Finding]:
    """An error in every row of the mask (none: empty list). `expected`: one text, or one for each bad row."""
    rows = np.flatnonzero(mask)
    if rows.size == 0:
        return []
    texts = (expected,) * rows.size if isinstance(expected, str) else tuple(expected)
    return [Finding(rows=rows, column=column, found=_cells(found, rows), expected=texts, removes=removes)]


def warn(
    mask: Mask,
    column: str,
    found: pd.Series[str],
    expected: str | Sequence[str],
    action: str = "used",
    removes: Scope = "none",
) -> list[Finding]:
    """A warning for every row of the mask, with what is done about it."""
    return [
        Finding(
            rows=one.rows,
            column=column,
            found=one.found,
            expected=one.expected,
            removes=removes,
            warning=action,
        )
        for one in refuse(mask, column, found, expected)
    ]


def _cells(found: pd.Series[str], rows: Rows) -> tuple[str, ...]:
    return tuple(str(cell) for cell in found.iloc[rows])


def removed_rows(table: Table, findings: Iterable[Finding]) -> Mask:
    """Rows that an error or a "used once" takes out; rows of a removed patient are not yet among them."""
    mask = np.zeros(len(table.text), dtype=bool)
    for finding in findings:
        if finding.removes != "none":
            mask[finding.rows] = True
    return mask


def removed_patients(table: Table, findings: Iterable[Finding]) -> dict[str, str]:
    """Patients whom an error sets aside as a whole, with the first reason."""
    reasons: dict[str, str] = {}
    for finding in findings:
        if finding.removes == "patient":
            patients = table.text["patient_id"].iloc[finding.rows]
            for patient, found, expected in zip(patients, finding.found, finding.expected, strict=True):
                reasons.setdefault(str(patient), f"{table.name}, {finding.column}: found {found!r}; {expected}")
    return reasons


def problems_of(table: Table, findings: Iterable[Finding], *, skip: bool) -> Iterator[Problem]:
    """The findings as problems, with file, line and patient; the same fault in many rows once, with the next lines."""
    for finding in (one for one in findings if one.listed):
        alike: dict[tuple[int, str], list[int]] = {}
        for place, (row, text) in enumerate(zip(finding.rows, finding.expected, strict=True)):
            alike.setdefault((int(table.file_code[row]), text), []).append(place)
        told = 0
        for (_, text), places in alike.items():
            grouped = len(places) > MANY_ROWS
            for place in places[:1] if grouped else places:
                others = also(table.line[finding.rows[places]]) if grouped else ""
                yield _problem(table, finding, place, text + others, skip=skip)
                told += 1
            if told > MOST_TOLD:
                more = sum(len(one) for one in alike.values()) - told
                if more > 0:
                    expected = f"{text} (and {counted(more, 'more row')} like it)"
                    yield _problem(table, finding, place, expected, skip=skip)
                break


def _problem(table: Table, finding: Finding, place: int, expected: str, *, skip: bool) -> Problem:
    row = int(finding.rows[place])
    return Problem(
        file=table.files[table.file_code[row]],
        line=int(table.line[row]),
        patient_id=str(table.text["patient_id"].iloc[row]),
        column=finding.column,
        found=table.as_written(finding.column, row, finding.found[place]),
        expected=expected,
        severity="warning" if finding.warning else "error",
        action=finding.warning or (f"{finding.removes} set aside" if skip else "refused"),
    )
