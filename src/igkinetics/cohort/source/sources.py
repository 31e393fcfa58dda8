"""Where a table lies: one file, or one sheet of a workbook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from igkinetics.cohort.mapping.contract import TABLES, TableName, suggestion
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.source.raw import RawRows
from igkinetics.cohort.source.workbook import sheet_for, sheet_names
from igkinetics.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of one table; `label` names it in every message and output (never an absolute path)."""

    table: TableName
    path: Path
    label: str
    sheet: str = ""
    """Of a workbook."""
    convert: Callable[[RawRows], RawRows] | None = None
    """What makes rows of the contract out of the file's, where a preset reads it."""
    frame: pd.DataFrame | None = None
    """The table itself, where it is in memory and not in a file."""


def sheet_sources(
    mapping: Mapping, path: Path, label: str, only: TableName | None = None, *, needed: bool = False
) -> tuple[list[Source], list[Problem]]:
    """The sheet of each table (or of one) in a workbook: the one the mapping names, else the table's own name."""
    names = sheet_names(path, label)
    sources: list[Source] = []
    problems: list[Problem] = []
    for table in TABLES if only is None else (only,):
        asked = mapping.table(table).sheet
        sheet = asked if asked in names else sheet_for(table, names) if asked is None else None
        if sheet is not None:
            sources.append(Source(table=table, path=path, label=f"{label} [{sheet}]", sheet=sheet))
        elif asked is not None or needed or table == "samples":
            expected = f"a sheet {asked or table}; {suggestion(asked or table, names)}"
            problems.append(Problem(file=label, column="sheet", found=", ".join(names), expected=expected))
    return sources, problems
