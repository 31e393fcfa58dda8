"""Files and sheets of a cohort, or of a draft, that nothing reads: infusions in ivig.csv would be lost unsaid."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import CONTRACT, TableName, nearest, suggestion
from igkinetics.cohort.mapping.guess import (
    SPOKEN_OF,
    TITLES,
    Guess,
    guess_columns,
    of_another_drug,
    therapy_of_immunoglobulin,
    title_of_another_drug,
)
from igkinetics.cohort.mapping.headings import (
    HEADER_ROWS_LOOKED_AT,
    header_place,
    known_headings,
    meanings,
    plain,
    rank,
    says_igg,
)
from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.cohort.mapping.layout import Place
from igkinetics.cohort.mapping.visits import visit_columns
from igkinetics.cohort.presets.concepts import agent_named, says
from igkinetics.cohort.source.raw import RawRows
from igkinetics.cohort.source.workbook import first_rows, sheet_names
from igkinetics.errors import Problem

READ_WHEN_NAMED: Final = (".csv", ".parquet")
LIKE_A_TABLE: Final = (*READ_WHEN_NAMED, ".tsv", ".txt", ".xlsx")
TELLING: Final[tuple[TableName, ...]] = ("doses", "samples", "therapy", "outcomes", "weights", "patients")
MARKS: Final = re.compile(r"[\t;,|]")
ROWS_LOOKED_AT: Final = 60
OF_THE_TEMPLATE: Final = ("read me", "example")
"""Sheets of the template that hold no record."""
MOST_BYTES: Final = 20_000


def overlooked(folder: Path, paths: list[tuple[TableName, Path]]) -> list[Problem]:
    """A warning for each table that speaks of what a cohort holds, and one for all others. paths: what is read."""
    absent = [table for table in CONTRACT if table != "samples" and all(table != used for used, _ in paths)]
    read = {path.resolve() for _, path in paths}
    problems, others = [], []
    for path in sorted(folder.iterdir()):
        suffix = path.suffix.lower()
        if suffix not in LIKE_A_TABLE or path.resolve() in read or not path.is_file() or path.name[0] in "~.":
            continue
        headings = _headings(path)
        if suffix == ".txt" and len(headings) < 2:
            continue
        near = nearest(path.stem, absent)
        spoken, why = _speaks_of(path, headings)
        if near is not None and suffix in READ_WHEN_NAMED:
            problems.append(_not_read(path.name, f"rename it to {near}{suffix} if it belongs to this cohort"))
        elif spoken:
            own = [used.name for table, used in paths if table == spoken]
            named = ", ".join(f'"{one}"' for one in [*own, path.name])
            expected = (
                f"{why} of {spoken}, and nothing reads this file: its rows are missing from the cohort; write "
                f"files = [{named}] under [{spoken}] in cohort.toml, or take it out of the folder"
            )
            problems.append(_not_read(path.name, expected))
        else:
            others.append(path.name)
    if others:
        expected = "tables in this folder that nothing reads; those of this cohort are named by files under their table"
        problems.append(_not_read(others[0], expected, ", ".join(others)))
    return problems


def left_over(places: list[Place], chosen: dict[TableName, Guess]) -> list[tuple[Place, TableName | None]]:
    """The places that no table of a draft reads, and the table of which each speaks, if any."""
    read = {(name, one.place.settings.sheet) for one in chosen.values() for name in (one.place.name, *one.place.others)}
    places = [place for place in places if (place.name, place.settings.sheet) not in read]
    return [(place, speaks_of_table(place)) for place in places]


def speaks_of_table(place: Place) -> TableName | None:
    """Doses, samples or therapy, where the name or the headings of a place say one of them."""
    headings = list(place.raw.cells.columns)
    title = plain(place.title)
    if not headings or not len(place.raw.cells):
        return None
    columns = {table: guess_columns(table, place.raw) for table in SPOKEN_OF}
    guessed = [Guess(table=table, place=place, columns=dict(columns[table]), units={}, keep=()) for table in SPOKEN_OF]
    possible = [
        one for one in guessed if not (of_another_drug(one) if one.table == "doses" else therapy_of_immunoglobulin(one))
    ]
    whole = next((one.table for one in possible if not one.missing), None)
    by_title = next((one.table for one in possible if re.search(TITLES[one.table], title)), None)
    if whole or by_title or agent_named(place.title):
        return whole or by_title or "therapy"
    if visit_columns(headings) or any(map(says_igg, headings)):
        return "samples"
    return "doses" if "amount" in columns["doses"] and any(one.table == "doses" for one in possible) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheets:
    """Of the sheets of a workbook that nothing reads: what is told of those that speak of a table, and all others."""

    problems: tuple[Problem, ...] = ()
    others: tuple[str, ...] = ()


def overlooked_sheets(path: Path, label: str, used: dict[TableName, str], ignored: Collection[str]) -> Sheets:
    """A warning for each sheet with rows that speaks of what a cohort holds. used: table -> its sheet; ignored: those
    that the mapping leaves alone."""
    names = sheet_names(path, label)
    problems = [
        Problem(file=label, column="ignore_sheets", found=name, expected=f"no such sheet; {suggestion(name, names)}")
        for name in ignored
        if name not in names
    ]
    unread = [
        name for name in names if name not in {*used.values(), *ignored} and name.strip().lower() not in OF_THE_TEMPLATE
    ]
    others = []
    for sheet, rows in first_rows(path, unread, ROWS_LOOKED_AT).items():
        table = _sheet_speaks_of(sheet, rows)
        if table is None:
            others += [f"sheet {sheet}"] if sum(any(map(str.strip, row)) for row in rows) > 1 else []
            continue
        own = used.get(table)
        write = f'sheet = "{sheet}" under [{table}]' if own is None else f"its rows into the sheet {own}"
        expected = (
            f"speaks of {table}, and nothing reads this sheet: its rows are missing from the cohort; write {write}, or "
            f'ignore_sheets = ["{sheet}"] at the top of cohort.toml where they are not meant'
        )
        problems.append(
            Problem(file=label, column="sheet", found=sheet, expected=expected, severity="warning", action="not read")
        )
    return Sheets(problems=tuple(problems), others=tuple(others))


def _sheet_speaks_of(sheet: str, rows: list[list[str]]) -> TableName | None:
    """The table of which a sheet with rows speaks by its name or its headings; None for any other."""
    filled = [row for row in rows if any(map(str.strip, row))]
    if not filled:
        return None
    index = header_place(filled[:HEADER_ROWS_LOOKED_AT])
    names = list(dict.fromkeys(name.strip() for name in filled[index] if name.strip()))
    below = filled[index + 1 :]
    if not below or not known_headings(names):
        return None
    places = [[name.strip() for name in filled[index]].index(name) for name in names]
    cells = pd.DataFrame([[row[place] for place in places] for row in below], columns=names, dtype=str)
    raw = RawRows(file=sheet, cells=cells, line=np.arange(len(cells)))
    place = Place(name="", settings=TableMapping(sheet=sheet), raw=raw)
    if (spoken := speaks_of_table(place)) is not None:
        return spoken
    named = next((table for table in TELLING if re.search(TITLES[table], plain(sheet)) or table in plain(sheet)), None)
    return named if named != "doses" and _has("patients", ("patient_id",), names) else None


def _not_read(file: str, expected: str, found: str = "") -> Problem:
    return Problem(file=file, found=found or file, expected=expected, severity="warning", action="not read")


def _speaks_of(path: Path, headings: list[str]) -> tuple[TableName | None, str]:
    """The table whose columns a file has, or whose name it bears, and which of the two it is."""
    another_drug = title_of_another_drug(path.stem)
    for table in TELLING[:-1]:
        if (table == "doses" and another_drug) or (table == "therapy" and says("immunoglobulin", plain(path.stem))):
            continue
        if headings and all(_has(table, group, headings) for group in CONTRACT[table].required):
            return table, "its columns are those"
    for table in TELLING:
        if re.search(TITLES[table], plain(path.stem)) or table in plain(path.stem):
            return table, "its name speaks"
    return None, ""


def _has(table: TableName, group: tuple[str, ...], headings: list[str]) -> bool:
    """Whether a heading says one of the columns of which a table needs one."""
    wide = {"day": "datetime", "amount_g": "amount", "weight_kg": "weight"}
    names = {*group, *(wide[name] for name in group if name in wide)} & {*meanings().get(table, {}), *group}
    return any(rank(table, name, heading) is not None for name in names for heading in headings)


def _headings(path: Path) -> list[str]:
    """The first line of delimited text or the columns of a Parquet file; nothing where it cannot be read."""
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            return list(pq.read_schema(path).names)
        if path.suffix.lower() == ".xlsx":
            return []
        with path.open("rb") as stream:
            first = stream.read(MOST_BYTES).decode("utf-8-sig", errors="replace").splitlines()[:1]
    except (OSError, ValueError):
        return []
    cells = MARKS.split(first[0]) if first else []
    return [cell.strip().strip('"') for cell in cells] if len(cells) > 1 else []
