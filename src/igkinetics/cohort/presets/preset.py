"""What a preset is: for each table of the contract, the files it comes from and how their rows become the contract's.

A preset only renames, resolves codes and picks rows; reading cells, judging them and everything after is the ordinary
reader's. Rows that are not the cohort's are filtered, rows that cannot be used are told with line and patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName, suggestion
from igkinetics.cohort.mapping.keys import Keep, Mapping, TableMapping
from igkinetics.cohort.parse.columns import holds
from igkinetics.cohort.parse.contrary_words import contrary_words
from igkinetics.cohort.parse.findings import MANY_ROWS, Mask
from igkinetics.cohort.parse.leftovers import WANTED
from igkinetics.cohort.parse.words import Words
from igkinetics.cohort.source.raw import RawRows, read_parquet, whole_file
from igkinetics.cohort.source.textfile import read_text
from igkinetics.errors import InputError, Problem, also

ASKED_FOR: Final = "columns asked for"
Converter = Callable[[RawRows], RawRows]
SUFFIXES: Final = (".csv", ".tsv", ".txt", ".parquet", ".xpt", ".ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetTable:
    """One table of the contract out of the files with one of these names (without suffix, capitals ignored)."""

    table: TableName
    stems: tuple[str, ...]
    convert: Converter


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows that cannot be used as they are. `action` empty: an error; else a warning that says what was done."""

    rows: Mask
    column: str
    found: pd.Series[str]
    expected: str
    action: str = ""
    removes: bool = True


@dataclass(slots=True)
class Rows:
    """The rows of a converted table while a preset works on them."""

    raw: RawRows
    columns: dict[str, pd.Series[str]]
    wanted: Mask
    faults: list[Fault] = field(default_factory=list)

    def finished(self) -> RawRows:
        """The converted rows: wanted and sound ones with wanted = "yes", those filtered "no", those at fault told."""
        removed = np.zeros(len(self.wanted), dtype=bool)
        problems = list(self.raw.problems)
        patients = self.columns["patient_id"].reset_index(drop=True)
        for fault in self.faults:
            rows = fault.rows & self.wanted & ~(removed if fault.removes else np.zeros_like(removed))
            places = np.flatnonzero(rows)
            others = also(self.raw.line[places]) if len(places) > MANY_ROWS else ""
            problems += [
                Problem(
                    file=self.raw.file,
                    line=int(self.raw.line[row]),
                    patient_id=str(patients[row]),
                    column=fault.column,
                    found=str(fault.found.iloc[row]),
                    expected=fault.expected + others,
                    severity="warning" if fault.action else "error",
                    action=fault.action or "refused",
                )
                for row in (places[:1] if others else places)
            ]
            if fault.removes:
                removed |= rows
        cells = pd.DataFrame(self.columns, index=self.raw.cells.index)
        cells[WANTED] = pd.Series(np.where(self.wanted, "yes", "no"), index=cells.index, dtype=str)
        return replace(
            self.raw,
            cells=cells[~removed].reset_index(drop=True),
            line=self.raw.line[~removed],
            problems=tuple(problems),
            n_unread=self.raw.n_unread + int(removed.sum()),
            repeated_names=frozenset(),
        )


def what_columns_say(
    raw: RawRows, wanted: Mask, table: TableName, meanings: dict[str, str], *, only: bool = False
) -> list[Fault]:
    """What further columns say against their rows: those that any table would set aside, refuse or ask about.

    meanings: a name of the standard in capitals -> the words it stands for. only: other columns are not looked at.
    """
    asked_for = columns_asked_for(raw.cells)
    faults = []
    for name in raw.cells.columns:
        meaning = meanings.get(str(name).upper())
        if meaning is None and (only or name in asked_for):
            continue
        cells = raw.cells[name].str.strip().where(wanted, "")
        contrary = contrary_words(table, meaning or str(name), Words(cells))
        if contrary is not None:
            raw.cells.attrs.setdefault(ASKED_FOR, set()).add(name)
            aside = not (contrary.remedy or contrary.asked)
            expected = contrary.assumed + (f"; {contrary.remedy}" if contrary.remedy else "")
            action = "row set aside" if aside else "used" if contrary.asked else ""
            faults.append(Fault(contrary.rows, str(name), cells, expected, action, removes=not contrary.asked))
    return faults


def column(cells: pd.DataFrame, *names: str) -> pd.Series[str]:
    """The first of these columns that is there, capitals ignored, without blanks around; else empty cells."""
    by_lower = {str(name).strip().lower(): name for name in cells.columns}
    for name in names:
        if name.lower() in by_lower:
            cells.attrs.setdefault(ASKED_FOR, set()).add(by_lower[name.lower()])
            return cells[by_lower[name.lower()]].str.strip().replace({"NA": "", "NULL": "", "nan": "", ".": ""})
    return pd.Series("", index=cells.index, dtype=str)


def columns_asked_for(cells: pd.DataFrame) -> frozenset[str]:
    """The columns of a file that a preset has looked at: `column` and `stated_rows` note them."""
    return frozenset(cells.attrs.get(ASKED_FOR, ()))


def first_filled(*columns: pd.Series[str]) -> pd.Series[str]:
    """Of each row the first of the cells that is not empty."""
    filled = columns[0]
    for other in columns[1:]:
        filled = filled.where(filled != "", other)
    return filled


def mapped(cells: pd.Series[str], function: Callable[[str], str]) -> pd.Series[str]:
    """The function of every cell, each distinct cell looked at once."""
    code, distinct = pd.factorize(cells)
    return pd.Series(
        np.array([function(str(one)) for one in distinct] or [""], dtype=object)[code], cells.index, dtype=str
    )


def truth(cells: pd.Series[str], function: Callable[[str], bool]) -> Mask:
    """Whether the function holds for every cell."""
    return (mapped(cells, lambda cell: "1" if function(cell) else "") == "1").to_numpy(dtype=bool)


def files_named(folder: Path, stems: Iterable[str]) -> list[Path]:
    """Files of a folder (and of the folders in it) with one of these names and a suffix that can be read."""
    wanted = {stem.lower() for stem in stems}
    return [
        path
        for path in (*sorted(folder.iterdir()), *sorted(folder.glob("*/*")))
        if path.is_file() and path.suffix.lower() in SUFFIXES and path.stem.lower() in wanted
    ]


def read_whole(folder: Path, settings: TableMapping, *stems: str) -> pd.DataFrame:
    """A side table (concepts, people, dictionaries) as text; empty without a file of that name."""
    frames = []
    for path in files_named(folder, stems):
        if path.suffix.lower() == ".parquet":
            raw = whole_file(read_parquet(path, path.name, settings))
        elif path.suffix.lower() == ".xpt":
            raw = read_transport(path, path.name)
        else:
            raw = whole_file(read_text(path, path.name, delimited(path, settings), ""))
        frames.append(raw.cells)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def delimited(path: Path, settings: TableMapping) -> TableMapping:
    """The settings with a tab as delimiter where a file with the suffix .tsv, or a first line with tabs, needs it."""
    if "delimiter" in settings.model_fields_set:
        return settings
    with path.open("rb") as stream:
        tabs = b"\t" in stream.readline(4096)
    return settings.model_copy(update={"delimiter": "\t"}) if tabs else settings


def read_transport(path: Path, file: str) -> RawRows:
    """A SAS transport file as text; lines are row numbers."""
    table = pd.read_sas(path, format="xport", encoding="utf-8")
    text = {str(name): _as_text(table[name]) for name in table.columns}
    return RawRows(file=file, cells=pd.DataFrame(text), line=np.arange(1, len(table) + 1, dtype=np.intp))


def _as_text(cells: pd.Series) -> pd.Series[str]:  # type: ignore[type-arg]
    if pd.api.types.is_float_dtype(cells):
        numbers = [
            ("" if np.isnan(one) else str(int(one)) if float(one).is_integer() else repr(float(one))) for one in cells
        ]
        return pd.Series(numbers, dtype=str)
    return cells.fillna("").astype(str)


def with_wanted_rows(mapping: Mapping, tables: Iterable[TableName]) -> Mapping:
    """The mapping of converted tables: contract names, and only the rows that the preset wants."""
    only = Keep(column=WANTED, equals="yes")
    return mapping.model_copy(
        update={
            name: settings.model_copy(update={"keep": (only,), "ignore": (*settings.ignore, WANTED)})
            for name in tables
            for settings in [mapping.table(name)]
        }
    )


def stated_rows(raw: RawRows, settings: TableMapping, rules: Sequence[Keep] | None = None) -> Mask | None:
    """The rows that the keep rules of cohort.toml state on the file's own columns; None where nothing is stated.

    rules: those of them that are meant for this file; all where it is None.
    """
    rules = settings.keep if rules is None else rules
    if not rules:
        return None
    kept = np.ones(len(raw.cells), dtype=bool)
    for rule in rules:
        if rule.column not in raw.cells.columns:
            expected = f"keep needs this column; {suggestion(rule.column, raw.cells.columns)}"
            raise InputError([Problem(file=raw.file, column="keep", found=rule.column, expected=expected)])
        raw.cells.attrs.setdefault(ASKED_FOR, set()).add(rule.column)
        kept &= holds(rule, raw.cells[rule.column], settings.missing)
    return kept
