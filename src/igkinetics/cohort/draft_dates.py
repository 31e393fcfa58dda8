"""What the dates and times of a foreign table look like, for the draft of its mapping."""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

from igkinetics.cohort.raw import RawRows

Foreign = str | tuple[str, str]
"""A foreign column, or a date and a time of day to join."""
DATES: Final = {
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
}


def is_clock(raw: RawRows, name: str) -> bool:
    """Whether the cells of a column are times of day, as far as they are filled."""
    filled = raw.cells[name].str.strip()
    filled = filled[filled != ""]
    return bool(len(filled)) and bool(filled.str.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?").all())


def date_format(raw: RawRows, column: Foreign) -> list[str]:
    """datetime_format, where all dates are of one form; with a column of times, which may be empty, two of them."""
    if isinstance(column, str):
        return _format_of(raw.cells[column])
    clock = " %H:%M:%S" if bool(raw.cells[column[1]].str.count(":").max() == 2) else " %H:%M"
    return [re.sub(r'= "([^"]*)"', rf'= ["\1{clock}", "\1"]', line) for line in _format_of(raw.cells[column[0]])]


def _format_of(cells: pd.Series[str]) -> list[str]:
    filled = cells[cells.str.strip() != ""].str.strip()
    for pattern, formats in DATES.items():
        if len(filled) and bool(filled.str.match(pattern).all()):
            clock = " %H:%M" if bool(filled.str.contains(":", regex=False).all()) else ""
            readable = [
                one for one in formats if pd.to_datetime(filled, format=one + clock, errors="coerce").notna().all()
            ]
            shown = f'datetime_format = "{(readable or formats)[0]}{clock}"'
            if len(readable) > 1:
                return [f"# {shown}    # CHOOSE: day and month could be either"]
            return [f"{shown}    # GUESS"]
    return []
