"""Numbers and words out of columns of text, with a finding for every cell that is neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.findings import Finding, Mask, Table, refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Numbers that can be true: low to high, both included unless `above` (then low itself is refused)."""

    low: float
    high: float
    unit: str
    above: bool = False

    def __str__(self) -> str:
        start = "above" if self.above else "from"
        return f"a number {start} {self.low:g} to {self.high:g} {self.unit}".rstrip()


def numbers(cells: pd.Series[str], decimal: str = ".") -> tuple[Floats, Mask]:
    """(values, unreadable): nan in both an empty and an unreadable cell, such as 1e999 or 1,301."""
    text = cells.str.strip()
    foreign_mark = np.zeros(len(text), dtype=bool)
    if decimal == ",":
        foreign_mark = text.str.contains(".", regex=False).to_numpy(dtype=bool)
        text = text.str.replace(",", ".", regex=False)
    values: Floats = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    values[np.isinf(values) | foreign_mark] = np.nan
    return values, np.isnan(values) & (text != "").to_numpy(dtype=bool)


def number_column(
    table: Table, name: str, possible: Range, factor: float | Floats = 1.0
) -> tuple[Floats, list[Finding]]:
    """A column in the unit used inside (cell x factor); nan where empty, refused or without the column."""
    cells = table.column(name)
    if cells is None:
        return np.full(len(table.text), np.nan), []
    values, unreadable = numbers(cells, table.settings.decimal)
    values = values * factor
    impossible = (values > possible.high) | (
        (values <= possible.low) if possible.above else (values < possible.low)
    )
    findings = refuse(unreadable | impossible, name, cells, f"must be {possible}")
    return np.where(impossible, np.nan, values), findings


@dataclass(frozen=True, slots=True, kw_only=True)
class IggCells:
    """A column such as 338, <40, >3000, in the cell's own unit."""

    value: Floats
    limit: npt.NDArray[np.int8]
    """0 measured, -1 below the value, +1 above it."""
    unreadable: Mask


def igg_cells(cells: pd.Series[str], decimal: str) -> IggCells:
    """Measured and censored values. Unreadable: neither a number nor `<` or `>` with a number above 0."""
    text = cells.str.strip()
    limit = np.zeros(len(text), dtype=np.int8)
    first = text.str.slice(0, 1)
    limit[first.isin(["<", "≤"]).to_numpy(dtype=bool)] = -1
    limit[first.isin([">", "≥"]).to_numpy(dtype=bool)] = 1
    censored = limit != 0
    if censored.any():
        text = text.where(~censored, text.str.replace(r"^(?:[<>]=?|[≤≥])", "", regex=True))
    value, unreadable = numbers(text, decimal)
    unreadable |= censored & ~(value > 0)
    return IggCells(value=np.where(unreadable, np.nan, value), limit=limit, unreadable=unreadable)


def word_column(table: Table, name: str, known: Sequence[str]) -> tuple[pd.Series[str], list[Finding]]:
    """A column of known words, in lower case ("" where empty or refused). Absent column: all ""."""
    cells = table.column(name)
    if cells is None:
        return pd.Series("", index=table.text.index, dtype=str), []
    words = cells.str.strip().str.lower()
    strange = (~words.isin([*known, ""])).to_numpy(dtype=bool)
    expected = f"{' or '.join(known)}; map other words under [{table.name}.values.{name}] in cohort.toml"
    return words.where(~strange, ""), refuse(strange, name, cells, expected)


def unit_factors(cells: pd.Series[str], units: dict[str, float]) -> tuple[Floats, Mask]:
    """(factor, unknown) for a column of units, capitals ignored; nan where empty or unknown."""
    factor_of = {unit.lower(): factor for unit, factor in units.items()}
    text = cells.str.strip().str.lower()
    factors: Floats = np.asarray(text.map(factor_of), dtype=np.float64)
    return factors, np.isnan(factors) & (text != "").to_numpy(dtype=bool)


def patient_column(table: Table) -> list[Finding]:
    """Rows that do not say whose they are."""
    cells = table.text["patient_id"]
    return refuse((cells == "").to_numpy(dtype=bool), "patient_id", cells, "a patient id is needed")
