"""Numbers and words out of columns of text, with a finding for every cell that is neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.findings import Finding, Mask, Table, refuse
from igkinetics.units import TIME_IN_DAY, canonical_unit

LIKE_A_NUMBER: Final = r"[-+.]?[.]?(?:\d|[iI][nN][fF]|[nN][aA][nN])"
"""How text begins that pandas may read as a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Numbers that can be true: low to high, both included unless `above` (then low itself is refused)."""

    low: float
    high: float
    unit: str
    above: bool = False

    def __str__(self) -> str:
        return self.told()

    def told(self, factor: float = 1.0, unit: str = "") -> str:
        """The bounds in the column's own unit, of which one is `factor` in the unit used inside."""
        start = "above" if self.above else "from"
        return f"a number {start} {self.low / factor:.9g} to {self.high / factor:.9g} {unit or self.unit}".rstrip()

    def excludes(self, values: Floats) -> Mask:
        """Numbers that cannot be true; nan is none of them."""
        too_low = values <= self.low if self.above else values < self.low * (1 - 1e-12)
        impossible: Mask = too_low | (values > self.high * (1 + 1e-12))
        return impossible


def numbers(cells: pd.Series[str], decimal: str = ".") -> tuple[Floats, Mask]:
    """(values, unreadable): nan in both an empty and an unreadable cell, such as 1e999 or 1,301."""
    text = cells.str.strip()
    foreign_mark = np.zeros(len(text), dtype=bool)
    if decimal == ",":
        foreign_mark = text.str.contains(".", regex=False).to_numpy(dtype=bool)
        text = text.str.replace(",", ".", regex=False)
    values = _read(text)
    values[np.isinf(values) | foreign_mark] = np.nan
    return values, np.isnan(values) & (text != "").to_numpy(dtype=bool)


def _read(text: pd.Series[str]) -> Floats:
    """Numbers of stripped text, nan where there is none. Arrow reads a column that is all numbers 10 times faster."""
    try:
        filled = pa.array(text.where(text != "", None), type=pa.string())
        return np.array(filled.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        likely = text.str.match(LIKE_A_NUMBER).to_numpy(dtype=bool, na_value=False)
        code, distinct = pd.factorize(text[likely], use_na_sentinel=False)  # the same few, where a column is at fault
        values = np.full(len(text), np.nan)
        read = pd.to_numeric(pd.Series(distinct, dtype=str), errors="coerce").to_numpy(dtype=np.float64)
        values[likely] = read[code]
        return values


def number_column(
    table: Table, name: str, possible: Range, factor: float = 1.0, unit: str = ""
) -> tuple[Floats, list[Finding]]:
    """A column in the unit used inside (cell x factor); nan where empty, refused or without the column."""
    cells = table.column(name)
    if cells is None:
        return np.full(len(table.text), np.nan), []
    values, unreadable = numbers(cells, table.settings.decimal)
    values = values * factor
    impossible = possible.excludes(values)
    findings = refuse(unreadable | impossible, name, cells, f"must be {possible.told(factor, unit)}")
    return np.where(impossible, np.nan, values), findings


def numbers_with_units(
    table: Table, name: str, units: pd.Series[str], factor_of: dict[str, float], possible: Callable[[str], Range]
) -> tuple[Floats, Mask, list[Finding]]:
    """(values in the unit used inside, rows at fault, findings) of a column whose unit stands beside each cell.

    factor_of: one of each unit in the unit used inside. possible: the range of a unit, told in that unit.
    """
    cells = table.text[name]
    values, bad = numbers(cells, table.settings.decimal)
    named = canonical_units(units)
    factors, expected = np.full(len(cells), np.nan), np.full(len(cells), "", dtype=object)
    for unit, factor in factor_of.items():
        here = (named == unit).to_numpy(dtype=bool)
        factors[here], expected[here] = factor, f"must be {possible(unit).told(factor, unit)}"
        bad |= here & possible(unit).excludes(values * factor)
    bad &= ~np.isnan(factors)
    return np.where(bad, np.nan, values * factors), bad, refuse(bad, name, cells, expected[bad].tolist())


def one_spelling(words: pd.Series[str], table: str, what: str) -> tuple[pd.Series[str], list[str]]:
    """Words that differ only in capitals are one, under the spelling that stands first; notes say which."""
    spellings = pd.Series(words.unique(), dtype=str)
    first = spellings.groupby(spellings.str.casefold()).transform("first")
    differing = sorted(set(first[spellings != first]))
    if not differing:
        return words, []
    notes = [
        f"{table}: {', '.join(sorted(set(spellings[first == name])))} are one {what}, {name}" for name in differing
    ]
    return words.map(dict(zip(spellings, first, strict=True))), notes


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


def canonical_units(cells: pd.Series[str]) -> pd.Series[str]:
    """Units under the names used here, whatever their spelling; equal cells are looked at once."""
    code, distinct = pd.factorize(cells)
    named = np.array([canonical_unit(str(one)) for one in distinct], dtype=object)
    return pd.Series(named[code] if len(named) else [], index=cells.index, dtype=str)


def durations(cells: pd.Series[str], decimal: str, day_per_one: float) -> tuple[Floats, Mask, Mask]:
    """(days, unreadable, with a unit of their own): `4` in the column's unit, `4 h` and `240 min` in their own."""
    values, unreadable = numbers(cells, decimal)
    days = values * day_per_one
    own = np.zeros(len(cells), dtype=bool)
    if unreadable.any():
        parts = cells[unreadable].str.strip().str.extract(r"^([\d.,]+)\s*([^\d\s.,]+)$").fillna("")
        amount, _ = numbers(parts[0], decimal)
        factor = canonical_units(parts[1]).map(TIME_IN_DAY).to_numpy(dtype=np.float64)
        days[unreadable] = amount * factor
        own[unreadable] = ~np.isnan(days[unreadable])
    return days, unreadable & ~own, own


def holding(cells: pd.Series[str], pattern: str) -> Mask:
    """Cells that hold a pattern, accents and capitals aside. For many cells: Arrow looks each up in compiled code."""
    text = pa.array(cells, type=pa.string())
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = pc.replace_substring_regex(pc.utf8_normalize(text, "NFKD"), r"\p{Mn}+", "")
    return np.asarray(pc.match_substring_regex(text, pattern, ignore_case=True))


def patient_column(table: Table) -> list[Finding]:
    """Rows that do not say whose they are."""
    cells = table.text["patient_id"]
    return refuse((cells == "").to_numpy(dtype=bool), "patient_id", cells, "a patient id is needed")
