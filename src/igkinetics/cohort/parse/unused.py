"""Columns that nothing uses. All are listed; one that looks like a column of the contract is a warning, or an error.

An error, where its cells contradict what is assumed without it: a column `units` that reads g/L beside
igg_unit = "mg/dL", a column `Route` that reads sc where every dose is taken as iv. What to write is said; a column that
is really to be left alone is named under `ignore`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import COLUMN_UNITS, CONTRACT, TableName
from igkinetics.cohort.mapping.headings import NOT_TOTAL_IGG, rank, read_heading, words_of
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.outcomes import meaning as meaning_of
from igkinetics.cohort.outcomes import words_of as name_words
from igkinetics.cohort.parse.assumed import CHECKS, FLAGS, plain_levels, where
from igkinetics.cohort.parse.cells import igg_cells, numbers
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.contrary_words import SIGN, Contrary, contrary_words, other_drug
from igkinetics.cohort.parse.elsewhere import MISSED, speaks_of
from igkinetics.cohort.parse.times import dates_of
from igkinetics.errors import Problem, counted
from igkinetics.units import G_PER_L_IN, TIME_IN_DAY, WEIGHT_IN_KG, canonical_unit

Mask = npt.NDArray[np.bool_]
SAME_QUANTITY: Final[dict[str, tuple[str, ...]]] = {
    "weight": ("weight", "weight_kg"),
    "weight_kg": ("weight", "weight_kg"),
    **dict.fromkeys(("duration", "duration_h", "end"), ("duration", "duration_h", "end")),
}
"""Columns of the contract of which one is enough."""
WITH_UNIT: Final = {"weight_kg": ("weight", WEIGHT_IN_KG, "kg"), "duration_h": ("duration", TIME_IN_DAY, "h")}
"""A column in a fixed unit -> the generic one, its units, the fixed one."""
WORDS_SHOWN: Final = 3
ENDS: Final = ("death", "transplant")
END_COLUMNS: Final = {"death": "death", "hsct": "transplant"}
AMOUNTS: Final = ("amount_g", "amount_g_per_kg", "amount")
REFERENCE: Final = re.compile(
    r"ref(?:erence)?[_ .-]?(?:range|interval|limit|low|high|lo|hi|min|max)|norm", re.IGNORECASE
)
REFERENCE_G_PER_L: Final = (1.0, 30.0)
"""Limits of reference of IgG lie between these at any age; those in another unit are at least ten times off."""
AGAIN: Final = frozenset(
    {"repeat", "repeated", "retest", "recheck", "rerun", "dup", "duplicate", "second", "corrected"}
)
PERSON: Final = frozenset(
    {"mrn", "nhs", "surname", "lastname", "pseudonym", "subject", "person", "passport"}
    | {"site", "centre", "center", "zentrum", "country"}
)
AT_THE_PATIENT: Final = frozenset(
    {"collected", "collection", "sampled", "sampling", "drawn", "draw", "specimen", "taken", "given", "administered"}
    | {"administration", "infused", "abnahme", "entnahme", "gabe", "prelevement", "extraccion", "prelievo"}
)
"""Headings of when something was done, beside when it was ordered, received or reported."""
SAME_LEVEL: Final = 0.02
CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: ?[ap]\.?m\.?)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedColumn:
    """A column of one file (or of a part of it) that nothing uses."""

    file: str
    table: TableName
    name: str
    meaning: str = ""
    """The column of the contract that it looks like; "" for none."""
    assumed: str = ""
    """What is assumed without it, where its cells contradict that."""
    n_contrary: int = 0
    first_line: int | None = None
    words: tuple[str, ...] = ()
    """Some of the cells that contradict."""
    remedy: str = ""
    """What settles it; "": to leave those rows out."""
    asked: bool = False
    """The rows are used all the same, and asked about."""
    clock: bool = False
    """It holds times of day, and the time of each row is known by its day alone."""
    used: bool = False
    """It is in use, and stands here for what its cells say."""
    kept: bool = False
    """A further column of an open table, which is kept beside those of the contract."""
    elsewhere: str = ""
    """The other table that it speaks of; "" for none."""


def unused_columns(mapped: MappedRows, table: TableName, mapping: Mapping) -> list[UnusedColumn]:
    """The columns of some rows of one file that have no meaning there, in their order."""
    raw, present = mapped.raw, set(mapped.text.columns)
    used, contract, ignored = mapped.used or frozenset(), CONTRACT[table], mapping.table(table).ignore
    unused = []
    for name in raw.cells.columns:
        further = contract.open and name in present and name not in contract.names
        if (name in used and not further) or not (name or (raw.cells[name] != "").any()):
            continue
        meaning = "" if name in ignored else _looks_like(table, name, present)
        if meaning in ENDS and _is_yes_or_no(raw.cells[name]):
            meaning = ""  # followup.py tells of ends without a day
        column = UnusedColumn(file=raw.file, table=table, name=name, meaning=meaning, kept=further)
        if meaning:
            unused.append(_contradiction(column, mapped, mapping))
        elif name in ignored:
            unused.append(column)
        else:
            spoken = replace(column, elsewhere=speaks_of(table, name, raw.cells[name][mapped.kept]))
            unused.append(_by_its_cells(spoken, mapped, mapping))
    return [*unused, *_other_products(mapped, table, ignored)]


def _other_products(mapped: MappedRows, table: TableName, ignored: Iterable[str]) -> list[UnusedColumn]:
    """The column `product` of doses, which is in use, where it names what is no immunoglobulin."""
    if table != "doses" or "product" not in mapped.text.columns:
        return []
    cells = mapped.text["product"].str.strip()
    rows = np.flatnonzero(where(cells, other_drug) & mapped.kept)
    heading = next((name for name in mapped.raw.cells.columns if rank(table, "product", name) is not None), "product")
    if not rows.size or heading in ignored:
        return []
    column = UnusedColumn(file=mapped.raw.file, table=table, name=heading, used=True)
    return [_contradicted(column, mapped, cells, rows, "every row is taken as immunoglobulin G")]


def _looks_like(table: TableName, name: str, present: set[str]) -> str:
    """The optional column of the contract that a heading says and the table does not have; "" for none."""
    for optional in CONTRACT[table].optional:
        alike = SAME_QUANTITY.get(optional, (optional,))
        words = (optional, *WITH_UNIT.get(optional, ())[:1])
        if not present & set(alike) and any(rank(table, str(one), name) is not None for one in words):
            return _in_its_unit(optional, name)
    named = " ".join(word for word in name_words(name).split() if word not in ("day", "date", "d", "datum"))
    return END_COLUMNS.get(meaning_of(named), "") if table == "patients" and named != name_words(name) else ""


def _in_its_unit(meaning: str, name: str) -> str:
    """weight_kg or duration_h where the heading says that unit, else the generic column."""
    for fixed, (generic, _, unit) in WITH_UNIT.items():
        if meaning in (fixed, generic):
            return fixed if canonical_unit(read_heading(name).unit or "") == unit else generic
    return meaning


def joined(parts: Iterable[UnusedColumn]) -> list[UnusedColumn]:
    """One of each column of each file, with what all parts of the file hold."""
    whole: dict[tuple[str, TableName, str], UnusedColumn] = {}
    for part in parts:
        key = (part.file, part.table, part.name)
        before = whole.get(key)
        if before is None or not before.n_contrary:
            whole[key] = replace(part, elsewhere=part.elsewhere or (before.elsewhere if before else ""))
        else:
            whole[key] = replace(before, n_contrary=before.n_contrary + part.n_contrary)
    return list(whole.values())


def _by_its_cells(column: UnusedColumn, mapped: MappedRows, mapping: Mapping) -> UnusedColumn:
    """A column whose heading means nothing: what its cells say of the rows in use, or that they are times of day."""
    cells = mapped.raw.cells[column.name].str.strip()
    for contrary in _said(column, cells, mapped, mapping):
        if contrary is not None and (rows := np.flatnonzero(contrary.rows & mapped.kept)).size:
            told = replace(column, remedy=contrary.remedy, asked=contrary.asked)
            return _contradicted(told, mapped, cells, rows, contrary.assumed)
    if column.table not in ("samples", "doses"):
        return column
    filled = (cells != "").to_numpy(dtype=bool) & mapped.kept
    clock = filled & where(cells, CLOCK)
    return replace(column, clock=bool(clock.any() and 2 * clock.sum() > filled.sum()))


def _said(
    column: UnusedColumn, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping
) -> Iterator[Contrary | None]:
    """What the cells may say against their rows, the first of which is told."""
    beside = next((name for name in (*AMOUNTS, "stop") if name in mapped.text.columns), "")
    yield contrary_words(column.table, column.name, cells, mapped.text[beside] if beside else None)
    if column.table in ("samples", "doses"):
        yield _several_persons(column.name, cells, mapped)
        yield _other_dates(column, cells, mapped, mapping)
    if column.table == "samples":
        yield _bare_signs(column.name, cells, mapped)
        yield _range_in_another_unit(column.name, cells, mapping)
        yield _another_level(column.name, cells, mapped, mapping)


def _several_persons(name: str, cells: pd.Series[str], mapped: MappedRows) -> Contrary | None:
    """Rows whose number or name of a person is another than that of their patient's first row."""
    if not PERSON & set(words_of(name)) or "patient_id" not in mapped.text.columns:
        return None
    first = cells.where(cells != "").groupby(mapped.text["patient_id"]).transform("first")
    rows = ((cells != "") & first.notna() & (cells != first)).to_numpy(dtype=bool)
    assumed = "an id is taken as one person, and here it has several of these"
    return Contrary(rows=rows, assumed=assumed, remedy="see that the ids are right", asked=True)


def _other_dates(column: UnusedColumn, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Dates on which blood was drawn or a dose given, by their heading, that are others than those in use."""
    settings = mapping.table(column.table)
    used = settings.columns.get("datetime", mapped.headings.get("datetime", "datetime"))
    used = used if isinstance(used, str) else used[0]
    if "datetime" not in mapped.text.columns or not AT_THE_PATIENT & set(words_of(column.name)) - set(words_of(used)):
        return None
    here, there = (dates_of(each, settings.datetime_format) for each in (cells, mapped.text["datetime"]))
    return Contrary(
        rows=np.abs(np.floor(here) - np.floor(there)) >= 1.0,
        assumed=f"rows are placed by {used}, and these dates differ from it",
        remedy=f"to place them by these, write datetime = {_quoted(column.name)} under [{column.table}.columns]",
        asked=True,
    )


def _bare_signs(name: str, cells: pd.Series[str], mapped: MappedRows) -> Contrary:
    """Cells such as < beside levels without a sign, whatever the heading."""
    signs = where(cells, SIGN) & plain_levels(mapped)
    remedy = f"write comparator = {_quoted(name)} under [samples.columns] in cohort.toml"
    return Contrary(rows=signs, assumed="a level without a sign was measured", remedy=remedy)


def _range_in_another_unit(name: str, cells: pd.Series[str], mapping: Mapping) -> Contrary | None:
    """Ranges of reference that are none of IgG in the unit stated, and are in another one."""
    stated = mapping.samples.units.get("igg", mapping.igg_unit)
    if stated is None or not REFERENCE.search(name):
        return None

    def foreign(word: str) -> bool:
        ends = [float(end) for end in re.findall(r"\d+(?:\.\d+)?", word.replace(",", "."))]
        return (
            len(ends) in (1, 2)
            and not _is_range_of_igg(ends, stated)
            and any(_is_range_of_igg(ends, unit) for unit in G_PER_L_IN)
        )

    remedy = "state the unit that levels are in (igg_unit), and look at how they were written down"
    return Contrary(rows=where(cells, foreign), assumed=f"igg is in {stated}", remedy=remedy)


def _another_level(name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Levels that differ from those in use, in the unit of their heading or else in the stated one."""
    stated, heading = mapping.samples.units.get("igg", mapping.igg_unit), read_heading(name)
    repeated = "IGG" in heading.concepts and set(heading.unknown) <= AGAIN and not NOT_TOTAL_IGG.search(name)
    if not repeated or stated is None or "igg" not in mapped.text.columns:
        return None
    factor = G_PER_L_IN.get(canonical_unit(heading.unit or stated), np.nan) / G_PER_L_IN[stated]
    level, other = igg_cells(mapped.text["igg"], mapping.samples.decimal), numbers(cells, mapping.samples.decimal)[0]
    differ = (level.limit == 0) & (np.abs(factor * other - level.value) > SAME_LEVEL * level.value)
    assumed = f"the column igg alone is used, and these levels differ from it by more than {SAME_LEVEL:.0%}"
    return Contrary(rows=differ, assumed=assumed, remedy="see which of the two is right", asked=True)


def _is_range_of_igg(ends: list[float], unit: str) -> bool:
    """Whether limits of reference could be those of IgG (g/L, at any age) in this unit."""
    return all(REFERENCE_G_PER_L[0] <= end * G_PER_L_IN[unit] <= REFERENCE_G_PER_L[1] for end in ends if end > 0)


def _is_yes_or_no(cells: pd.Series[str]) -> bool:
    words = {str(word).strip().casefold() for word in cells.unique()} - {"", "na", "."}
    return bool(words) and words <= FLAGS


def missed(column: UnusedColumn, tables: Container[str]) -> Problem | None:
    """What is told of a column that speaks of a table that the cohort does not have."""
    if not column.elsewhere or column.elsewhere in tables:
        return None
    action = "kept as a covariate" if column.kept else "not used"
    settled = f"or name the column under ignore of [{column.table}]"
    return _warning(column, f"{MISSED[column.elsewhere]}, {settled}", action)


def problem_of(column: UnusedColumn) -> Problem | None:
    """What is told of a column that looks like one of the contract, or whose cells say more than its heading; None for
    any other."""
    if column.clock:
        return _of_times(column)
    if column.asked:
        return _of_remarks(column)
    if not column.meaning:
        return _of_words(column) if column.n_contrary else None
    write = f"{column.meaning} = {_quoted(column.name)} under [{column.table}.columns]"
    if column.meaning in {generic for generic, _, _ in WITH_UNIT.values()}:
        unit = canonical_unit(read_heading(column.name).unit or "")
        known = COLUMN_UNITS[column.meaning]
        write += f' and {column.meaning} = "{unit if unit in known else "..."}" under [{column.table}.units]'
    if not column.n_contrary:
        action = "kept as a covariate" if column.kept else "not used"
        expected = f"looks like {column.meaning} and is {action}; if it is that, write {write} in cohort.toml"
        return _warning(column, expected, action)
    return _contradicting(column, f"write {write} in cohort.toml")


def _warning(column: UnusedColumn, expected: str, action: str) -> Problem:
    return Problem(
        file=column.file,
        column=column.name,
        found=column.name,
        expected=expected,
        severity="warning",
        action=action,
    )


def _contradicting(column: UnusedColumn, remedy: str) -> Problem:
    """An error with the rows that speak against what is assumed, and what would settle it."""
    shown = ", ".join(repr(word) for word in column.words) + (", ..." if len(column.words) == WORDS_SHOWN else "")
    return Problem(
        file=column.file,
        line=column.first_line,
        column=column.name,
        found=f"{counted(column.n_contrary, 'row')}: {shown}",
        expected=f"{column.assumed}, which this column contradicts; {remedy} "
        f"(or ignore = [{_quoted(column.name)}] under [{column.table}] where it means something else)",
    )


def _of_times(column: UnusedColumn) -> Problem:
    join = f'datetime = ["DATE", {_quoted(column.name)}]'
    expected = f"holds times of day and is not used: rows are placed by their day alone; with dates write {join} under "
    expected += f"[{column.table}.columns], with day numbers give fractions of a day (0.5 is noon)"
    return _warning(column, expected, "not used")


def _of_remarks(column: UnusedColumn) -> Problem:
    """A warning: what is said against rows that are used."""
    look = "look at them" if column.table == "patients" else f"leave such rows out with [[{column.table}.keep]]"
    told = replace(_contradicting(column, ""), severity="warning", action="used")
    return replace(told, expected=f"{column.assumed}; {column.remedy or look}, or name the column under ignore")


def _of_words(column: UnusedColumn) -> Problem:
    if column.remedy:
        return _contradicting(column, column.remedy)
    name, words = _quoted(column.name), ", ".join(map(_quoted, column.words))
    rule = f"[[{column.table}.keep]] column = {name}, none_of = [{words}]"
    return _contradicting(column, f"leave such rows out: {rule}")


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _contradiction(column: UnusedColumn, mapped: MappedRows, mapping: Mapping) -> UnusedColumn:
    """The column with the rows in use whose cell contradicts what is assumed without it."""
    check = CHECKS.get((column.table, column.meaning))
    if check is None:
        by_cells = _by_its_cells(replace(column, meaning=""), mapped, mapping)
        return by_cells if by_cells.n_contrary else column
    cells = mapped.raw.cells[column.name].str.strip()
    contrary, assumed = check(cells, mapped, mapping)
    rows = np.flatnonzero(contrary & mapped.kept)
    return _contradicted(column, mapped, cells, rows, assumed) if rows.size else column


def _contradicted(
    column: UnusedColumn, mapped: MappedRows, cells: pd.Series[str], rows: npt.NDArray[np.intp], assumed: str
) -> UnusedColumn:
    words = tuple(str(word) for word in cells.iloc[rows].unique()[:WORDS_SHOWN])
    return replace(
        column, assumed=assumed, n_contrary=int(rows.size), first_line=int(mapped.raw.line[rows[0]]), words=words
    )
