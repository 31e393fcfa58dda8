"""Years of another calendar. Asked about, never changed: two dates may lie days further apart, or less, than they seem.

Buddhist years (2566) have other leap years; Persian (1402) and Hijri (1445) ones other months. Years of two digits are
taken to lie between 1969 and 2068.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.parse.findings import Mask, warn
from igkinetics.cohort.parse.parsed import Parsed

DAYS_OF_A_YEAR: Final = 365.2425
FIRST_YEAR, LAST_YEAR = 1900.0, 2300.0
"""Databases without names move their dates to years such as 2180."""
LAST_OF_TWO_DIGITS: Final = 2040.0
"""Buddhist 66 is read as 2066, Hijri 45 as 2045."""
CALENDARS: Final = (("Buddhist", 2400.0, 2700.0), ("Persian or Hijri", 1250.0, 1550.0))


def check_calendars(parsed: Parsed) -> Parsed:
    """Ask, once for each column of dates, about years that no record is of."""
    place = parsed.usable().index.to_numpy()
    short = any("%y" in one for one in parsed.table.settings.datetime_format)
    for times in parsed.times:
        if parsed.table.column(times.column) is None or not times.is_date.any():
            continue
        year = 1970.0 + times.moment[place] / DAYS_OF_A_YEAR
        last = LAST_OF_TWO_DIGITS if short else LAST_YEAR
        odd: Mask = times.is_date[place] & ((year < FIRST_YEAR) | (year >= last))
        if not odd.any():
            continue
        first = int(np.flatnonzero(odd)[0])
        date = np.datetime64(int(np.floor(times.moment[place[first]])), "D")
        told = f"read as the year {date.astype('datetime64[Y]')} of our calendar: {_which(float(year[first]), short)}"
        row = pd.Index(place[first : first + 1])
        parsed = parsed.with_findings(warn(parsed.rows(row), times.column, parsed.table.text[times.column], told))
    return parsed


def _which(year: float, short: bool) -> str:
    """The calendar that this year fits, and what to do."""
    if short and year >= LAST_OF_TWO_DIGITS:
        return "is it of another calendar (Buddhist, Hijri)? Write dates such as 2024-03-31"
    named = next((name for name, low, high in CALENDARS if low <= year < high), "")
    asked = f"is it a {named} year?" if named else "is it right, and of this calendar?"
    return f"{asked} Months and leap years differ there; write dates such as 2024-03-31"
