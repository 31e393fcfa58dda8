"""Which column of an event file is which item, and which rows are comments."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import suggestion
from igkinetics.cohort.mapping.keys import Mapping, TableMapping
from igkinetics.cohort.nonmem.items import DATE_ORDER, DV_NAMES, FILTERS, READ
from igkinetics.cohort.nonmem.text import commented
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.source.raw import RawRows
from igkinetics.errors import Problem, also, counted

USUAL: Final = {"TINF": "DUR", "BLOQ": "BLQ"}
MISSING: Final = "."
TOLD_ONLY: Final = ("LIMIT",)
"""Items that are looked at and have no use."""


def left_out(raw: RawRows, mapping: Mapping) -> tuple[Mask, tuple[Problem, ...]]:
    """Rows commented out by a mark at their start, or in a column C or IGNORE about which no rule says anything."""
    ruled = {rule.column for one in (mapping.samples, mapping.doses) for rule in one.keep}
    marks = {str(raw.cells.columns[0]) if len(raw.cells.columns) else "": commented(raw.cells)}
    for name in raw.cells.columns:
        item = FILTERS.get(str(name).strip().upper())
        if item in ("C", "IGNORE") and name not in ruled:
            cells = raw.cells[name].str.strip()
            number, unreadable = numbers(cells)
            marked = unreadable & ~cells.isin([MISSING, "NA"]).to_numpy(dtype=bool)
            marks[str(name)] = marks.get(str(name), False) | marked | ((number != 0) & ~np.isnan(number))
    out, told = np.zeros(len(raw.cells), dtype=bool), []
    for name, mask in marks.items():
        rows = np.flatnonzero(mask & ~out)
        out |= mask
        if rows.size:
            told.append(
                Problem(
                    file=raw.file,
                    line=int(raw.line[rows[0]]),
                    column=name,
                    found=str(raw.cells[name].iloc[rows[0]]),
                    expected=f"{counted(len(rows), 'row')} commented out{also(raw.line[rows])}",
                    severity="warning",
                    action="left out, counted as filtered",
                )
            )
    return out, tuple(told)


def without_dots(cells: pd.DataFrame, settings: TableMapping) -> pd.DataFrame:
    words = [word for word in (*settings.missing, MISSING) if word]
    columns = {name: cells[name].where(~cells[name].str.strip().isin(words), "") for name in cells.columns}
    return pd.DataFrame(columns, index=cells.index)


def item_columns(raw: RawRows, mapping: Mapping) -> dict[str, str]:
    """The column of the file for each item: as mapped, else of that name, capitals ignored."""
    by_upper = {name.strip().upper(): name for name in reversed(raw.cells.columns)}
    names = {USUAL.get(item, item): by_upper[item] for item in reversed(READ) if item in by_upper}
    of_samples, of_doses = mapping.samples.columns, mapping.doses.columns
    wanted = {
        "ID": of_samples.get("patient_id"),
        "TIME": of_samples.get("day"),
        "DV": of_samples.get("igg"),
        "LLOQ": of_samples.get("lower_limit"),
        "AMT": of_doses.get("amount"),
        "DUR": of_doses.get("duration"),
        "LAG": of_doses.get("lag"),
        "ROUTE": of_doses.get("route"),
        "PRODUCT": of_doses.get("product"),
    }
    both = of_samples.get("datetime")
    if both is not None:
        names = {item: name for item, name in names.items() if item not in (*DATE_ORDER, "TIME")}
        date, *time = (both,) if isinstance(both, str) else both
        item = date.strip().upper()
        wanted |= {item if item in DATE_ORDER else "DATE": date, "TIME": time[0] if time else None}
    columns = {item: name for item, name in wanted.items() if isinstance(name, str) and name in raw.cells.columns}
    return {item: name for item, name in names.items() if name not in columns.values()} | columns


def used_columns(raw: RawRows, columns: dict[str, str], mapping: Mapping) -> frozenset[str]:
    """Columns that say something here: items that are read, marks of rows, kinds of observation, columns of rules."""
    ruled = {rule.column for one in (mapping.samples, mapping.doses) for rule in one.keep}
    marks = {name for name in raw.cells.columns if FILTERS.get(str(name).strip().upper()) in ("C", "IGNORE")}
    read = {name for item, name in columns.items() if item not in TOLD_ONLY}
    return frozenset(read | marks | ruled)


def absent_columns(raw: RawRows, columns: dict[str, str]) -> list[Problem]:
    problems = []
    present = list(raw.cells.columns)
    dates = [item for item in DATE_ORDER if item in columns]
    for item in ("ID", "TIME", "DV"):
        if item in columns or (item == "TIME" and dates):
            continue
        hint = suggestion(item, [name for name in present if name not in columns.values()] or present)
        if item == "DV":
            by_upper = {name.strip().upper(): name for name in reversed(present)}
            near = next((by_upper[name] for name in DV_NAMES if name in by_upper), None)
            hint = (
                f'if it is {near!r}, write igg = "{near}" under [samples.columns]'
                if near
                else ("name the column of IgG as igg under [samples.columns]")
            )
        problems.append(
            Problem(file=raw.file, column=item, found=", ".join(present), expected=f"a column {item} is needed; {hint}")
        )
    if len(dates) > 1:
        problems.append(
            Problem(
                file=raw.file,
                column="DATE",
                found=", ".join(dates),
                expected="one column of dates, or datetime under [samples.columns]",
            )
        )
    return problems


def repeated_columns(raw: RawRows, columns: dict[str, str]) -> list[Problem]:
    return [
        Problem(file=raw.file, column=name, found=name, expected="a column name that occurs once")
        for name in columns.values()
        if name in raw.repeated_names
    ]
