"""Defects of single rows, found column-wise: one `Finding` for all rows with the same defect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.errors import Problem, also, counted

Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finding:
    """One kind of defect in one column. `removes` tells what is set aside: nothing, the row, the patient.

    A million rows may have it, so texts are put together only for those that are told.
    """

    rows: Rows
    column: str
    found: pd.Series[str]
    """The cells, in the order of the rows."""
    expected: str | Texts
    """One text for all rows, or one for each."""
    removes: Scope = "row"
    warning: str = ""
    """Empty for an error; for a warning, what was done about it, e.g. "used"."""
    listed: bool = True
    """False for rows that the mapping itself sets aside: counted, and told in a note, not row by row."""

    def part(self, chosen: Mask, removes: Scope) -> Finding:
        """The same of some of the rows."""
        texts = self.expected if isinstance(self.expected, str) else self.expected[chosen]
        return replace(self, rows=self.rows[chosen], found=self.found[chosen], expected=texts, removes=removes)

    def text(self, index: int) -> str:
        return self.expected if isinstance(self.expected, str) else str(self.expected[index])


def refuse(
    mask: Mask, column: str, found: pd.Series[str], expected: str | Sequence[str] | Texts, removes: Scope = "row"
) -> list[Finding]:
    """An error in every row of the mask (none: empty list). `expected`: one text, or one for each bad row."""
    rows = np.flatnonzero(mask)
    if rows.size == 0:
        return []
    texts = expected if isinstance(expected, str) else np.array(expected, dtype=object)
    return [Finding(rows=rows, column=column, found=found.iloc[rows], expected=texts, removes=removes)]


def warn(
    mask: Mask,
    column: str,
    found: pd.Series[str],
    expected: str | Sequence[str] | Texts,
    action: str = "used",
    removes: Scope = "none",
) -> list[Finding]:
    """A warning for every row of the mask, with what is done about it."""
    return [replace(one, removes=removes, warning=action) for one in refuse(mask, column, found, expected)]


def for_each(values: npt.ArrayLike, form: Callable[[Any], str]) -> Texts:
    """A text for each value, each distinct value looked at once."""
    code, distinct = pd.factorize(np.asarray(values))
    return np.array([form(one) for one in distinct], dtype=object)[code]


def for_the_first(n_rows: int, form: Callable[[int], str], rest: str) -> Texts:
    """Texts of their own for the rows that are told one by one, and one text for all others."""
    texts = np.full(n_rows, rest, dtype=object)
    texts[:MOST_TOLD] = [form(index) for index in range(min(n_rows, MOST_TOLD))]
    return texts


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
            for index in np.flatnonzero(~patients.duplicated()):
                found, expected = str(finding.found.iloc[index]), finding.text(int(index))
                reason = f"{table.name}, {finding.column}: found {found!r}; {expected}"
                reasons.setdefault(str(patients.iloc[index]), reason)
    return reasons


def problems_of(table: Table, findings: Iterable[Finding], *, skip: bool) -> Iterator[Problem]:
    """The findings as problems, with file, line and patient; the same fault in many rows once, with the next lines."""
    for finding in (one for one in findings if one.listed):
        told = 0
        for places in _alike(table, finding):
            grouped, text = len(places) > MANY_ROWS, finding.text(int(places[0]))
            for index in places[:1].tolist() if grouped else places.tolist():
                others = also(table.line[finding.rows[places]]) if grouped else ""
                yield _problem(table, finding, index, text + others, skip=skip)
                told += 1
            if told > MOST_TOLD:
                more = len(finding.rows) - told
                if more > 0:
                    expected = f"{text} (and {counted(more, 'more row')} like it)"
                    yield _problem(table, finding, index, expected, skip=skip)
                break


def _alike(table: Table, finding: Finding) -> Iterator[Rows]:
    """The places of rows of one file with one text, group by group, in the order in which they first appear."""
    key = table.file_code[finding.rows].astype(np.int64)
    if not isinstance(finding.expected, str):
        code, _ = pd.factorize(finding.expected)
        key = code * len(table.files) + key
    code, distinct = pd.factorize(key)
    order = np.argsort(code, kind="stable")
    bounds = np.searchsorted(code[order], np.arange(len(distinct) + 1))
    for start, end in pairwise(bounds):
        yield order[start:end]


def _problem(table: Table, finding: Finding, index: int, expected: str, *, skip: bool) -> Problem:
    row = int(finding.rows[index])
    return Problem(
        file=table.files[table.file_code[row]],
        line=int(table.line[row]),
        patient_id=str(table.text["patient_id"].iloc[row]),
        column=finding.column,
        found=table.as_written(finding.column, row, str(finding.found.iloc[index])),
        expected=expected,
        severity="warning" if finding.warning else "error",
        action=finding.warning or (f"{finding.removes} set aside" if skip else "refused"),
    )
