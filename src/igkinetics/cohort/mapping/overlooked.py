"""Tables in the folder of a cohort that nothing reads: infusions in ivig.csv would be lost without a word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from igkinetics.cohort.mapping.contract import CONTRACT, TableName, nearest
from igkinetics.cohort.mapping.guess import TITLES
from igkinetics.cohort.mapping.headings import meanings, plain, rank
from igkinetics.errors import Problem

READ_WHEN_NAMED: Final = (".csv", ".parquet")
LIKE_A_TABLE: Final = (*READ_WHEN_NAMED, ".tsv", ".txt", ".xlsx")
TELLING: Final[tuple[TableName, ...]] = ("doses", "samples", "therapy", "outcomes", "weights", "patients")
MARKS: Final = re.compile(r"[\t;,|]")
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


def _not_read(file: str, expected: str, found: str = "") -> Problem:
    return Problem(file=file, found=found or file, expected=expected, severity="warning", action="not read")


def _speaks_of(path: Path, headings: list[str]) -> tuple[TableName | None, str]:
    """The table whose columns a file has, or whose name it bears, and which of the two it is."""
    for table in TELLING[:-1]:
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
