"""A table whose cells have been read, before it is compared with the other tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import CONTRACT, TableName
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.findings import Finding, Mask, Table, removed_rows, warn
from igkinetics.cohort.parse.times import Times, read_times
from igkinetics.errors import Problem, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """frame: one row for each row of the table, in its order: patient_id and typed columns (nan: refused).

    times: the columns of times, with the same rows. problems: those that concern the whole table.
    """

    table: Table
    frame: pd.DataFrame
    times: tuple[Times, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    extra: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Further columns of an open table, with the same rows."""

    def with_findings(self, more: Iterable[Finding]) -> Parsed:
        return replace(self, findings=(*self.findings, *more))

    def with_problem(self, problem: Problem) -> Parsed:
        return replace(self, problems=(*self.problems, problem))

    def usable(self) -> pd.DataFrame:
        """The rows of the frame that nothing has removed so far; the index still is the row of the table."""
        removed = removed_rows(self.table, self.findings)
        return self.frame[~removed] if removed.any() else self.frame

    def rows(self, index: pd.Index[int]) -> Mask:
        """These rows of the table as a mask over all its rows."""
        mask = np.zeros(len(self.frame), dtype=bool)
        mask[index.to_numpy()] = True
        return mask


Tables = dict[TableName, Parsed]
DATES: Final = 1 << 23
"""More dates than there are between the years 1 and 9999."""


def event_times(table: Table) -> tuple[Times, list[Finding]]:
    """The column day or datetime of samples, doses and outcomes; every row needs one."""
    if "datetime" in table.text.columns:
        return read_times(table, "datetime", "dates", needed=True)
    return read_times(table, "day", "days", needed=True)


def whole_table(table: Table, column: str, found: str, expected: str) -> Problem:
    """A problem of a column of a table, told at the first file that has it (else the first)."""
    return Problem(file=table.first_file_with(column), column=column, found=found, expected=expected)


def number_patients(tables: Tables) -> tuple[Tables, list[str]]:
    """The frames with a column `patient` (position in the list, -1 for nobody), and the list of everyone.

    Everyone is whoever stands in any row of any file, as they first appear: patients, samples, doses,
    therapy, outcomes, weights, covariates.
    """
    order: tuple[TableName, ...] = ("patients", "samples", "doses", "therapy", "outcomes", "weights", "covariates")
    present = [name for name in order if name in tables]
    if not present:
        return {}, []
    coded = {name: pd.factorize(tables[name].frame["patient_id"]) for name in present}
    everyone = list(dict.fromkeys(str(one) for _, ids in coded.values() for one in ids))
    position = pd.Index([one for one in everyone if one != ""], dtype=str)
    places = {name: position.get_indexer(pd.Index(ids, dtype=str)).astype(np.int32) for name, (_, ids) in coded.items()}
    numbered = {
        name: replace(parsed, frame=parsed.frame.assign(patient=places[name][coded[name][0]]))
        for name, parsed in tables.items()
    }
    return numbered, list(position)


def time_order(rows: pd.DataFrame) -> npt.NDArray[np.intp]:
    """The places of the rows by patient and moment; equal moments keep their order."""
    patient, moment = rows["patient"].to_numpy(), rows["moment"].to_numpy(dtype=np.float64)
    later = (patient[1:] > patient[:-1]) | ((patient[1:] == patient[:-1]) & (moment[1:] >= moment[:-1]))
    return np.arange(len(rows)) if bool(later.all()) else np.lexsort((moment, patient))


def lookup(patients: pd.Series[int], values: pd.Series[float]) -> Floats:
    """The value of each row's patient; nan where the patient has none."""
    return np.asarray(values.reindex(patients.to_numpy()), dtype=np.float64)


def by_date(patients: pd.Series[int], moments: pd.Series[float]) -> npt.NDArray[np.int64]:
    """One number for each patient and date. Moments must be numbers."""
    date = np.floor(moments.to_numpy(dtype=np.float64)).astype(np.int64)
    return patients.to_numpy(dtype=np.int64) * DATES + date + DATES // 2


MOSTLY: Final = 0.5
"""A column of covariates of which more is numbers is meant to be numbers."""


def words_among_numbers(table: Table) -> list[Finding]:
    """A warning for every word in a further column that is numbers elsewhere: because of it all of them are text."""
    findings: list[Finding] = []
    for name in further_names(table):
        cells = table.text[name].str.strip()
        filled = (cells != "").to_numpy(dtype=bool)
        unreadable = numbers(cells, table.settings.decimal)[1]
        n_numbers = int((filled & ~unreadable).sum())
        if unreadable.any() and n_numbers > MOSTLY * filled.sum():
            expected = (
                f"a number like the other {counted(n_numbers, 'cell')} of this column, which is kept as text because "
                f'of this; correct it, or say that it is no value: missing = ["", "NA", "..."] under [{table.name}]'
            )
            findings += warn(unreadable, name, cells, expected, action="kept as text")
    return findings


def further_names(table: Table) -> list[str]:
    """The columns outside the contract."""
    known = set(CONTRACT[table.name].names)
    return [str(name) for name in table.text.columns if name not in known]


def further_columns(table: Table) -> pd.DataFrame:
    """Columns outside the contract: numbers where every filled cell is one, else text."""
    columns: dict[str, pd.Series[str] | Floats] = {}
    for name in further_names(table):
        values, unreadable = numbers(table.text[name], table.settings.decimal)
        columns[name] = table.text[name].str.strip() if unreadable.any() or np.isnan(values).all() else values
    return pd.DataFrame(columns, index=table.text.index)
