"""What the files and the mapping hold that nothing uses: columns without a meaning, keys that match nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from igkinetics.cohort.mapping.contract import CONTRACT, TABLES, TableName, suggestion
from igkinetics.cohort.mapping.keys import Keep, Mapping, TableMapping
from igkinetics.cohort.parse.columns import WORDS_SHOWN, MappedRows, holds
from igkinetics.cohort.parse.stated_units import headings_against_units
from igkinetics.cohort.parse.unused import UnusedColumn, joined, missed, problem_of, unused_columns
from igkinetics.cohort.source.raw import RawRows
from igkinetics.errors import Problem, counted

WANTED: Final = "is a row of the cohort"
"""The column of a converted table that says which rows are the cohort's; no file has one of this name."""
LIKE_IT: Final = re.compile(r"glob|\big|gam", re.IGNORECASE)
"""What may be immunoglobulin by a name that nobody knows: told first."""
MATCHING = ("columns", "units", "constants", "values", "keep", "ignore")
"""Keys of a table's section that must match something in its files."""


@dataclass(slots=True)
class _Matched:
    """What the files of one table have of the mapping's entries."""

    n_rows: int = 0
    columns: set[str] = field(default_factory=set)
    headings: set[str] = field(default_factory=set)
    words: dict[str, set[str]] = field(default_factory=dict)
    n_kept: list[int] = field(default_factory=list)
    beside: list[list[str]] = field(default_factory=list)


class Leftovers:
    """Gathers, file by file and part by part, what is not used."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._columns: list[UnusedColumn] = []
        self._matched: dict[TableName, _Matched] = {}
        self._converted: dict[str, tuple[list[str], set[str]]] = {}
        self._units: dict[Problem, None] = {}
        self._products: list[Problem] = []
        self._in_use: dict[str, set[str]] = {}
        """File -> the columns that some table reads: another table of the same file needs no word of them."""

    def add(self, mapped: MappedRows, table: TableName) -> None:
        if mapped.used is None:
            return
        self._columns = joined([*self._columns, *unused_columns(mapped, table, self._mapping)])
        self._units |= dict.fromkeys(headings_against_units(mapped, table, self._mapping))
        if table == "doses":
            self._products += products_left_out(mapped.raw, self._mapping.doses)
        known = {mapped.headings.get(name, name) for name in mapped.text.columns if name in CONTRACT[table].names}
        self._in_use.setdefault(mapped.raw.file, set()).update(known)
        matched = self._matched.setdefault(table, _Matched())
        matched.n_rows += len(mapped.text)
        matched.columns |= set(mapped.text.columns)
        matched.headings |= set(mapped.raw.cells.columns)
        for name, words in mapped.words_met.items():
            matched.words.setdefault(name, set()).update(words)
        n_rules = len(mapped.n_kept)
        matched.n_kept = [a + b for a, b in zip(matched.n_kept or [0] * n_rules, mapped.n_kept, strict=True)]
        seen = zip(matched.beside or [[] for _ in range(n_rules)], mapped.words_beside, strict=True)
        matched.beside = [[*before, *words] for before, words in seen]

    def add_events(self, raw: RawRows, used: frozenset[str], people: MappedRows | None) -> None:
        """The columns of an event file. people: the rows of its patients; None where a patients table holds them."""
        kept: set[str] = set()
        if people is not None:
            self.add(people, "patients")
            kept = set(people.raw.cells.columns)
        self.add_file(raw, used | kept, "samples")

    def add_file(self, raw: RawRows, used: frozenset[str], table: TableName) -> None:
        """A part of a file of which a reader has used these columns, for one table or for several."""
        self._matched.setdefault(table, _Matched()).headings |= set(raw.cells.columns)
        headings, known = self._converted.setdefault(raw.file, ([], set()))
        headings += [
            name for name in raw.cells.columns if name not in headings and (name or (raw.cells[name] != "").any())
        ]
        known |= used

    def add_names(self, file: str, names: list[str]) -> None:
        """What a file without columns holds that nothing uses."""
        headings, _ = self._converted.setdefault(file, ([], set()))
        headings += [name for name in names if name not in headings]

    def unused(self) -> dict[str, tuple[str, ...]]:
        """File -> its columns that nothing uses; files without any are left out."""
        entries: dict[str, list[str]] = {}
        for column in self._columns:
            if not (column.kept or column.used) and column.name not in entries.setdefault(column.file, []):
                entries[column.file].append(column.name)
        for file, (headings, used) in self._converted.items():
            entries[file] = [name for name in headings if name not in used]
        return {file: tuple(names) for file, names in entries.items() if names}

    def problems(self, tables: set[TableName], converted: set[TableName], stated: Mapping) -> list[Problem]:
        """Of columns that look like the contract's, and of entries that match nothing.

        tables: those with a file; converted: those whose rows a preset makes; stated: the mapping as it was written.
        """
        used = self._in_use
        columns = [one for one in self._columns if not (one.kept and one.name in used.get(one.file, ()))]
        told = [problem for column in columns if (problem := problem_of(column)) is not None]
        present: set[str] = {*tables, *(("doses", "weights") if stated.format != "tables" else ())}
        of_no_table = [one for one in columns if one.name not in used.get(one.file, ())]
        told += [problem for column in of_no_table if (problem := missed(column, present)) is not None]
        told += [*self._units, *self._products]
        of_events = stated.format == "nonmem" and "patients" not in tables
        for name in TABLES:
            made_here = (name in converted and name not in ("samples", "doses")) or (of_events and name == "patients")
            if made_here and stated.table(name).keep:
                expected = f'format = "{stated.format}" takes the rows of {name} itself'
                told.append(_entry(f"{name}.keep", stated.table(name).keep[0].column, expected))
        return [*told, *(problem for name in TABLES for problem in self._entries(name, tables, name in converted))]

    def _entries(self, table: TableName, tables: set[TableName], converted: bool) -> Iterator[Problem]:
        if self._mapping.format == "nonmem" and table in ("samples", "doses"):
            return  # told with the event file
        settings = self._mapping.table(table)
        if table not in self._matched:
            given = [key for key in MATCHING if getattr(settings, key)]
            if given and table not in tables:
                yield _entry(f"{table}.{given[0]}", "no such file", f"the cohort has no file of {table}")
            return
        matched = self._matched[table]
        yield from _names(table, settings, matched)
        if matched.n_rows:
            yield from _words(table, settings, matched)
            if converted:
                return  # its rules were asked about the columns of the file
            for rule, n_kept, beside in zip(settings.keep, matched.n_kept, matched.beside, strict=False):
                if n_kept == 0 and beside:
                    yield _rule(table, rule, beside)


def products_left_out(raw: RawRows, settings: TableMapping) -> list[Problem]:
    """A warning for each rule on words, with the words it leaves out: a brand among them would be lost."""
    told = []
    for rule in settings.keep:
        if rule.column not in raw.cells.columns or rule.operator in ("empty", "at_least", "at_most"):
            continue
        by_preset = rule.column == WANTED
        cells = raw.cells["product" if by_preset else rule.column].str.strip()
        out = cells[~holds(rule, raw.cells[rule.column], settings.missing) & (cells != "")]
        if out.empty:
            continue
        words = out.value_counts(sort=False).sort_values(ascending=False, kind="stable")
        words = words.iloc[np.argsort([not LIKE_IT.search(str(word)) for word in words.index], kind="stable")]
        rule_words = "the preset takes as no immunoglobulin" if by_preset else "keep leaves out"
        shown = ", ".join(f"{word!r} in {n}" for word, n in words.head(WORDS_SHOWN).items())
        more = f" and {len(words) - WORDS_SHOWN} words more" if len(words) > WORDS_SHOWN else ""
        told.append(
            Problem(
                file=raw.file,
                line=int(raw.line[int(out.index[0])]),
                column="product" if by_preset else rule.column,
                found=str(out.iloc[0]),
                expected=f"{rule_words} {counted(len(out), 'row')} of doses: {shown}{more}",
                severity="warning",
                action="left out, counted as filtered",
            )
        )
    return told


def _names(table: TableName, settings: TableMapping, matched: _Matched) -> Iterator[Problem]:
    for name, unit in settings.units.items():
        if name not in matched.columns:
            yield _entry(f"{table}.units.{name}", unit, "no file of this table has the column")
    for name in settings.values:
        if name not in matched.columns:
            yield _entry(f"{table}.values.{name}", name, "no file of this table has the column")
    for name in settings.ignore:
        if name not in matched.headings:
            expected = f"no file of this table has the column; {suggestion(name, matched.headings)}"
            yield _entry(f"{table}.ignore", name, expected)


def _words(table: TableName, settings: TableMapping, matched: _Matched) -> Iterator[Problem]:
    """An error for the words of a translation that no cell has."""
    for name, translation in settings.values.items():
        absent = [word for word in translation if word not in matched.words.get(name, ())]
        if name not in matched.columns or not absent:
            continue
        shown = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
        which = "these" if len(absent) > 1 else "it"
        expected = "no cell of this column reads so"
        expected += "" if len(absent) == len(translation) else f"; other cells do, so take {which} out of the table"
        yield _entry(f"{table}.values.{name}", shown, expected)


def _rule(table: TableName, rule: Keep, beside: list[str]) -> Problem:
    shown = ", ".join(repr(word) for word in dict.fromkeys(beside[:5]))
    operand = getattr(rule, rule.operator)
    found = f"{rule.column} {rule.operator} {operand!r}"
    return _entry(f"{table}.keep", found, f"holds for no row; the column reads {shown}")


def _entry(key: str, found: str, expected: str) -> Problem:
    return Problem(file="cohort.toml", column=key, found=found, expected=f"matches nothing: {expected}")
