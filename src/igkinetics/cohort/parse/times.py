"""Day numbers and dates: reading them, and putting every patient's rows on that patient's own time line.

Inside this package a moment is a float: the day number as given, or days since 1970-01-01 00:00, so that its
floor is the date either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.findings import Finding, Mask, Table, for_each, refuse, warn
from igkinetics.units import TIME_IN_DAY


def clock_changes(table: Table, column: str, moment: Floats, clock: Mask, zone: str) -> list[Finding]:
    """An error for a time that the local clock never showed, a warning for one that it showed twice.

    moment: days since 1970-01-01 on the local clock, nan where there is none; clock: with a time of day.
    """
    rows = np.flatnonzero(clock & ~np.isnan(moment))
    local = pd.DatetimeIndex(pd.to_datetime(np.round(moment[rows] * 86_400.0), unit="s"))
    skipped, repeated = np.zeros(len(moment), dtype=bool), np.zeros(len(moment), dtype=bool)
    skipped[rows] = local.tz_localize(zone, ambiguous=np.zeros(len(rows), dtype=bool), nonexistent="NaT").isna()
    known = ~skipped[rows]
    repeated[rows[known]] = local[known].tz_localize(zone, ambiguous="NaT").isna()
    # an offset from UTC in the cell says which of the two it was
    cells = table.text[column]
    with_offset = cells.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})\s*$", regex=True).to_numpy(dtype=bool)
    never = f"the clocks in {zone} skipped this time; a clock without summer time needs its own time_zone"
    twice = f"the clocks in {zone} showed this time twice: one hour is not known"
    return refuse(skipped, column, cells, never) + warn(repeated & ~with_offset, column, cells, twice)


TimeKind = Literal["days", "dates"]
Accepts = Literal["days", "dates", "either"]
ISO_DATE: Final = r"\d{4}-\d{2}-\d{2}"
ISO_DATE_TIME: Final = ISO_DATE + r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
ISO_WITH_OFFSET: Final = ISO_DATE_TIME + r"\s?(?:Z|[+-]\d{2}:?\d{2})"
EITHER_WAY: Final = r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}.*"
CLOCK_DIRECTIVES: Final = ("%H", "%I", "%M", "%S", "%T", "%X", "%c")
MICROSECONDS_PER_DAY: Final = 86_400_000_000
EARLIEST_DAY: Final = -100_000.0
LATEST_DAY: Final = 36_525.0
"""A number above a century is no day but the date of a spreadsheet program, from 2000 on."""
SPREADSHEET_DAY_0: Final = pd.Timestamp("1899-12-30")
EXPECTED: Final = {
    "days": "a number of days; dates belong in a column datetime",
    "dates": "a date or local date-time such as 2024-03-31 or 2024-03-31 08:30 (state any other form as "
    "datetime_format); day numbers belong in a column day",
    "either": "a number of days, or a date such as 2024-03-31 or 2024-03-31 08:30 (state any other form as "
    "datetime_format)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Moments of one column; nan where empty or refused."""

    column: str
    moment: Floats
    is_date: Mask
    """The cell was a date or date-time, not a day number."""
    date_only: Mask
    """Known only by its date: a date without a time of day, or a whole day number."""
    clock: Mask
    """The cell was a date with a time of day."""
    midnight_only: bool = False
    """Some cells had a time of day and it was always midnight, so these are dates."""

    def __len__(self) -> int:
        return len(self.moment)


def no_times(column: str, n_rows: int) -> Times:
    nothing = np.zeros(n_rows, dtype=bool)
    return Times(column=column, moment=np.full(n_rows, np.nan), is_date=nothing, date_only=nothing, clock=nothing)


def dates_or_moments(column: str, moment: Floats, is_date: Mask, clock: Mask) -> Times:
    """The times of a whole column, of which those known only by their date are told apart."""
    whole: Mask = moment == np.floor(moment)
    midnight_only = bool(clock.any()) and bool(whole[is_date].all())
    return Times(
        column=column,
        moment=moment,
        is_date=is_date,
        date_only=whole & (~is_date | ~clock | midnight_only),
        clock=clock,
        midnight_only=midnight_only,
    )


def read_times(table: Table, column: str, accepts: Accepts, *, needed: bool) -> tuple[Times, list[Finding]]:
    """One column of times. Findings: unreadable cells and, when `needed`, empty ones."""
    cells = table.column(column)
    if cells is None:
        return no_times(column, len(table.text)), []
    text = cells.str.strip()
    filled = (text != "").to_numpy(dtype=bool)
    day = np.full(len(text), np.nan)
    if accepts != "dates":
        day = numbers(text, table.settings.decimal)[0] * TIME_IN_DAY[table.settings.units.get(column, "day")]
        day[(day > LATEST_DAY) | (day < EARLIEST_DAY)] = np.nan
    moment, clock = np.full(len(text), np.nan), np.zeros(len(text), dtype=bool)
    if accepts != "days":
        settings = table.settings
        moment, clock = _dates(text.where(np.isnan(day), ""), settings.datetime_format, settings.time_zone)
    is_date = ~np.isnan(moment)
    moment = np.where(is_date, moment, day)
    bad = np.isnan(moment) & (filled | needed)
    times = dates_or_moments(column, moment, is_date, clock)
    findings = _unreadable(table, column, text, bad, accepts)
    if table.settings.time_zone is not None and clock.any():
        findings += clock_changes(table, column, moment, clock, table.settings.time_zone)
    return times, findings


def _unreadable(table: Table, column: str, text: pd.Series[str], bad: Mask, accepts: Accepts) -> list[Finding]:
    """What is wrong with each cell that is no time: an offset without a zone, a day that may be a month, or other."""
    offset, either = np.zeros_like(bad), np.zeros_like(bad)
    findings = _spreadsheet_dates(table, column, text, bad)
    if findings:
        bad = bad.copy()
        bad[findings[0].rows] = False
    if accepts != "days" and bad.any():
        offset[bad] = text[bad].str.fullmatch(ISO_WITH_OFFSET).to_numpy(dtype=bool)
        either[bad] = text[bad].str.fullmatch(EITHER_WAY).to_numpy(dtype=bool)
    under = f"under [{table.name}] in cohort.toml"
    zone = f'has an offset from UTC, so the zone of the local clock is needed: time_zone = "Europe/Berlin" {under}'
    findings += refuse(offset, column, text, zone)
    if not table.settings.datetime_format:
        which = 'which is the day and which the month? State it: datetime_format = "%d{0}%m{0}%Y"'
        marks = text[either].str.extract(r"([/.-])", expand=False)
        findings += refuse(either, column, text, for_each(marks, lambda mark: f"{which.format(mark)} {under}"))
        bad = bad & ~either
    return findings + refuse(bad & ~offset, column, text, f"must be {EXPECTED[accepts]}")


def _spreadsheet_dates(table: Table, column: str, text: pd.Series[str], bad: Mask) -> list[Finding]:
    """Numbers too high for a day, told with the date that they are in a spreadsheet program."""
    number = np.full(len(text), np.nan)
    number[bad] = numbers(text[bad], table.settings.decimal)[0]
    serial = (number > LATEST_DAY) & (number < 2 * LATEST_DAY)
    expected = for_each(np.floor(number[serial]), _spreadsheet_date)
    return refuse(serial, column, text, expected)


def _spreadsheet_date(day: float) -> str:
    date = (SPREADSHEET_DAY_0 + pd.Timedelta(days=float(day))).date()
    return f"no day number; if it is a spreadsheet's date, write {date} in its place"


def _dates(text: pd.Series[str], formats: tuple[str, ...], zone: str | None) -> tuple[Floats, Mask]:
    """(moments, has a time of day); nan where no format fits. ISO dates (typed cells come so) need no format."""
    moments, clock = np.full(len(text), np.nan), np.zeros(len(text), dtype=bool)
    for one_format in formats:
        open_rows = np.isnan(moments)
        stamps = pd.to_datetime(text[open_rows], format=one_format, errors="coerce")
        parsed = _moments(stamps)
        moments[open_rows] = parsed
        clock[open_rows] = ~np.isnan(parsed) & any(part in one_format for part in CLOCK_DIRECTIVES)
    open_rows = np.isnan(moments)
    if open_rows.any():
        moments[open_rows], clock[open_rows] = _iso_dates(text[open_rows])
    with_offset = np.isnan(moments) & text.str.fullmatch(ISO_WITH_OFFSET).to_numpy(dtype=bool)
    if zone is not None and with_offset.any():
        stamps = pd.to_datetime(text[with_offset], format="ISO8601", utc=True, errors="coerce")
        moments[with_offset] = _moments(stamps.dt.tz_convert(zone).dt.tz_localize(None))
        clock[with_offset] = ~np.isnan(moments[with_offset])
    return moments, clock


def _iso_dates(text: pd.Series[str]) -> tuple[Floats, Mask]:
    date = text.str.fullmatch(ISO_DATE).to_numpy(dtype=bool)
    clock = text.str.fullmatch(ISO_DATE_TIME).to_numpy(dtype=bool)
    readable = text.where(date | clock, "")
    stamps = pd.to_datetime(readable.where(readable != "", None), format="ISO8601", errors="coerce")
    return _moments(stamps), clock


def _moments(stamps: pd.Series[pd.Timestamp]) -> Floats:
    """Days since 1970-01-01 00:00; nan for no time."""
    microseconds = stamps.to_numpy(dtype="datetime64[us]")
    days: Floats = microseconds.astype(np.int64) / MICROSECONDS_PER_DAY
    days[np.isnat(microseconds)] = np.nan
    return days


def wrong_kind(table: Table, times: Times, kind: TimeKind) -> list[Finding]:
    """Cells that are dates among day numbers, or the reverse: a mix is an error."""
    cells = table.column(times.column)
    if cells is None:
        return []
    given = ~np.isnan(times.moment)
    if kind == "days":
        return refuse(
            given & times.is_date,
            times.column,
            cells,
            "must be a number of days like the samples; a mix of days and dates is an error",
        )
    return refuse(
        given & ~times.is_date,
        times.column,
        cells,
        "must be a date like the samples; a mix of days and dates is an error",
    )
