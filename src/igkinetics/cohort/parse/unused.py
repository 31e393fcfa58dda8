"""Columns that nothing uses. All are listed; one that looks like a column of the contract is a warning, or an error.

An error, where its cells contradict what is assumed without it: a column `units` that reads g/L beside
igg_unit = "mg/dL", a column `Route` that reads sc where every dose is taken as iv. What to write is said; a column that
is really to be left alone is named under `ignore`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import COLUMN_UNITS, CONTRACT, TableName
from igkinetics.cohort.mapping.headings import rank, read_heading
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.outcomes import meaning as meaning_of
from igkinetics.cohort.outcomes import words_of as name_words
from igkinetics.cohort.parse.assumed import CHECKS, FLAGS
from igkinetics.cohort.parse.beside import other_strength, quoted, said_beside
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.contrary_words import contrary_words
from igkinetics.cohort.parse.elsewhere import MISSED, names_infusions, speaks_of
from igkinetics.cohort.parse.known_words import unknown_words
from igkinetics.cohort.parse.words import Words
from igkinetics.errors import Problem, counted
from igkinetics.units import TIME_IN_DAY, WEIGHT_IN_KG, canonical_unit

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
WORDS_NAMED: Final = 40
"""In a rule that leaves them out."""
NAMES: Final = ("agent", "product", "outcome")
ENDS: Final = ("death", "transplant")
END_COLUMNS: Final = {"death": "death", "hsct": "transplant"}
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
    words: dict[str, int] = field(default_factory=dict)
    """The cells that contradict, as far as they are told, and in how many rows each stands."""
    remedy: str = ""
    """What settles it; "": to leave those rows out."""
    unknown: tuple[str, ...] = ()
    """Further words of a column that contradicts, of which nobody knows that they do not."""
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
    ruled_out = {rule.column for rule in mapping.table(table).keep if rule.operator == "none_of"}
    unused = []
    for name in raw.cells.columns:
        further = contract.open and name in present and name not in contract.names
        ruled = name in ruled_out and name not in mapped.headings.values() and name not in present
        if (name in used and not (further or ruled)) or not (name or (raw.cells[name] != "").any()):
            continue
        meaning = "" if name in ignored else _looks_like(table, name, present)
        if meaning in NAMES and not numbers(raw.cells[name])[1].any() and (raw.cells[name] != "").any():
            meaning = ""  # a number is no name
        if meaning == "lower_limit" and _is_yes_or_no(raw.cells[name]):
            meaning = "censored"  # `<LOD`: whether it lies below, and not the limit
        if meaning in ENDS and _is_yes_or_no(raw.cells[name]):
            meaning = ""  # followup.py tells of ends without a day
        meaning = "" if ruled else meaning
        column = UnusedColumn(file=raw.file, table=table, name=name, meaning=meaning, kept=further, used=ruled)
        if meaning:
            unused.append(_contradiction(column, mapped, mapping))
        elif name in ignored:
            unused.append(replace(column, used=ruled))
        else:
            spoken = replace(column, elsewhere=speaks_of(table, name, raw.cells[name][mapped.kept]))
            unused.append(_by_its_cells(spoken, mapped, mapping))
    return [*unused, *_in_use(mapped, table, mapping), *_infusions_left_out(mapped, table, mapping)]


def _infusions_left_out(mapped: MappedRows, table: TableName, mapping: Mapping) -> Iterator[UnusedColumn]:
    """Columns by which rows of samples are left out that are infusions."""
    for column in dict.fromkeys(rule.column for rule in mapping.table(table).keep) if table == "samples" else ():
        if column in mapped.raw.cells.columns and names_infusions(mapped.raw.cells[column][~mapped.kept]):
            yield UnusedColumn(file=mapped.raw.file, table=table, name=column, used=True, elsewhere="doses")


def _in_use(mapped: MappedRows, table: TableName, mapping: Mapping) -> Iterator[UnusedColumn]:
    """Columns of doses that are in use, where they name what is no immunoglobulin or of another strength."""
    if table != "doses":
        return
    ignored = mapping.doses.ignore
    for name in ("product", "amount", "amount_unit"):
        headings = mapped.raw.cells.columns
        heading = mapped.headings.get(name, name if name in headings else "")
        if name not in mapped.text.columns or heading not in headings or heading in ignored:
            continue
        column = UnusedColumn(file=mapped.raw.file, table=table, name=heading, used=True)
        written = mapped.raw.cells[heading].str.strip()
        verdicts = [other_strength(Words(written), mapped, mapping)]
        if name == "product":
            verdicts += [contrary_words(table, name, Words(mapped.text[name].str.strip()))]
        for contrary in verdicts:
            if contrary is not None and (rows := np.flatnonzero(contrary.rows & mapped.kept)).size:
                told = replace(column, remedy=contrary.remedy, asked=contrary.asked)
                yield _contradicted(told, mapped, written, rows, contrary.assumed)
                break


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
            words = Counter(before.words) + Counter(part.words)
            whole[key] = replace(
                before, n_contrary=before.n_contrary + part.n_contrary, words=dict(list(words.items())[:WORDS_NAMED])
            )
    return list(whole.values())


def _by_its_cells(column: UnusedColumn, mapped: MappedRows, mapping: Mapping) -> UnusedColumn:
    """A column whose heading means nothing: what its cells say of the rows in use, or that they are times of day."""
    cells = mapped.raw.cells[column.name].str.strip()
    words = Words(cells)
    for contrary in said_beside(column.table, column.name, words, mapped, mapping):
        if contrary is not None and (rows := np.flatnonzero(contrary.rows & mapped.kept)).size:
            told = replace(column, remedy=contrary.remedy, asked=contrary.asked)
            if not contrary.asked:
                told = replace(told, unknown=_not_known(column, mapped, words, ~contrary.rows))
            return _contradicted(told, mapped, cells, rows, contrary.assumed)
    if column.table not in ("samples", "doses"):
        return column
    filled = (cells != "").to_numpy(dtype=bool) & mapped.kept
    clock = filled & words.where(CLOCK)
    return replace(column, clock=bool(clock.any() and 2 * clock.sum() > filled.sum()))


def _not_known(column: UnusedColumn, mapped: MappedRows, words: Words, others: Mask) -> tuple[str, ...]:
    """The words beside those that contradict, of which nobody knows that their rows are the usual thing."""
    unknown = unknown_words(column.table, column.name, words)
    if unknown is None:
        return ()
    beside = words.cells[unknown.rows & others & mapped.kept].unique()
    return tuple(str(word) for word in beside[:WORDS_NAMED])


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
    write = f"{column.meaning} = {quoted(column.name)} under [{column.table}.columns]"
    if column.meaning in {generic for generic, _, _ in WITH_UNIT.values()}:
        unit = canonical_unit(read_heading(column.name).unit or "")
        known = COLUMN_UNITS[column.meaning]
        write += f' and {column.meaning} = "{unit if unit in known else "..."}" under [{column.table}.units]'
    if column.meaning == "censored":
        write += ', and, where 1 means below, "1" = "-1" under [samples.values.censored]'
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
    counts = len(column.words) > 1 and any(n != column.n_contrary // len(column.words) for n in column.words.values())
    words = [f"{word!r} in {n}" if counts else repr(word) for word, n in column.words.items()]
    shown = ", ".join(words[:WORDS_SHOWN]) + (", ..." if len(words) > WORDS_SHOWN else "")
    return Problem(
        file=column.file,
        line=column.first_line,
        column=column.name,
        found=f"{counted(column.n_contrary, 'row')}: {shown}",
        expected=f"{column.assumed}, which this column contradicts; {remedy} "
        f"(or ignore = [{quoted(column.name)}] under [{column.table}] where it means something else)",
    )


def _of_times(column: UnusedColumn) -> Problem:
    join = f'datetime = ["DATE", {quoted(column.name)}]'
    expected = f"holds times of day and is not used: rows are placed by their day alone; with dates write {join} under "
    expected += f"[{column.table}.columns], with day numbers give fractions of a day (0.5 is noon)"
    return _warning(column, expected, "not used")


def _of_remarks(column: UnusedColumn) -> Problem:
    """A warning: what is said against rows that are used."""
    look = "look at them" if column.table == "patients" else f"leave such rows out with {_rule(column)}"
    told = replace(_contradicting(column, ""), severity="warning", action="used")
    remedy = column.remedy.replace("{rule}", _rule(column)) or look
    return replace(told, expected=f"{column.assumed}; {remedy}, or name the column under ignore")


def _of_words(column: UnusedColumn) -> Problem:
    if column.remedy:
        return _contradicting(column, column.remedy)
    further = ""
    if column.unknown:
        shown = ", ".join(repr(word) for word in column.unknown)
        further = f"; it also holds {shown}: add there what does not count"
    return _contradicting(column, f"leave such rows out: {_rule(column)}{further}")


def _rule(column: UnusedColumn) -> str:
    """What in cohort.toml leaves out the rows with these words."""
    more = ", ..." if len(column.words) == WORDS_NAMED else ""
    words = ", ".join(map(quoted, column.words)) + more
    return f"[[{column.table}.keep]] column = {quoted(column.name)}, none_of = [{words}]"


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
    words = {str(word): int(n) for word, n in cells.iloc[rows].value_counts(sort=False).head(WORDS_NAMED).items()}
    return replace(
        column, assumed=assumed, n_contrary=int(rows.size), first_line=int(mapped.raw.line[rows[0]]), words=words
    )
