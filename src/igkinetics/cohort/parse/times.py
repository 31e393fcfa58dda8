"""Day numbers and dates: reading them, and putting every patient's rows on that patient's own time line.

Inside this package a moment is a float: the day number as given, or days since 1970-01-01 00:00, so that its
floor is the date either way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.date_formats import readings
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.findings import Finding, Mask, Table, Texts, for_each, refuse, warn
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
    with_offset = cells.str.contains(r"(?:Z|[+-]\d{2}:?\d{2}) *$", regex=True).to_numpy(dtype=bool)
    never = f"the clocks in {zone} skipped this time; a clock without summer time needs its own time_zone"
    twice = f"the clocks in {zone} showed this time twice: one hour is not known"
    return refuse(skipped, column, cells, never) + warn(repeated & ~with_offset, column, cells, twice)


TimeKind = Literal["days", "dates"]
Accepts = Literal["days", "dates", "either"]
ISO_DATE: Final = r"\d{4}-\d{2}-\d{2}"
ISO_DATE_TIME: Final = ISO_DATE + r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
ISO_WITH_OFFSET: Final = ISO_DATE_TIME + r" ?(?:Z|[+-]\d{2}:?\d{2})"
EITHER_WAY: Final = r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}.*"
TWO_WAYS: Final = (
    "two of the forms in datetime_format fit and give different times: state one form alone (rows of another form "
    "need a file, and a mapping, of their own), or write such dates as 2024-03-31"
)
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
    code, distinct = pd.factorize(text)  # a million dates are the same few thousand, again and again
    each = pd.Series(distinct, dtype=str)
    moment_of, dated, timed = _moments_of(each, table, column, accepts)
    moment, is_date, clock = moment_of[code], dated[code], timed[code]
    times = dates_or_moments(column, moment, is_date, clock)
    bad = np.isnan(moment) if needed else np.isnan(moment) & (text != "").to_numpy(dtype=bool)
    findings = _unreadable(table, column, bad, (code, each), accepts) if bad.any() else []
    if accepts != "days" and len(table.settings.datetime_format) > 1:
        findings += refuse(read_two_ways(each, table.settings.datetime_format)[code] & is_date, column, text, TWO_WAYS)
    if table.settings.time_zone is not None and clock.any():
        findings += clock_changes(table, column, moment, clock, table.settings.time_zone)
    return times, findings


def _moments_of(text: pd.Series[str], table: Table, column: str, accepts: Accepts) -> tuple[Floats, Mask, Mask]:
    """(moments, is a date, has a time of day) of cells; nan where one is no time that is accepted."""
    settings = table.settings
    day = np.full(len(text), np.nan)
    if accepts != "dates":
        day = numbers(text, settings.decimal)[0] * TIME_IN_DAY[settings.units.get(column, "day")]
        day[(day > LATEST_DAY) | (day < EARLIEST_DAY)] = np.nan
    moment, clock = np.full(len(text), np.nan), np.zeros(len(text), dtype=bool)
    if accepts != "days":
        moment, clock = _dates(text.where(np.isnan(day), ""), settings.datetime_format, settings.time_zone)
    is_date = ~np.isnan(moment)
    return np.where(is_date, moment, day), is_date, clock


def _unreadable(
    table: Table, column: str, bad: Mask, coded: tuple[npt.NDArray[np.intp], pd.Series[str]], accepts: Accepts
) -> list[Finding]:
    """What is wrong with each cell that is no time: a spreadsheet's number, an offset without a zone, a day that may be
    a month, or other. coded: the place of each row's cell among the different ones, and these."""
    wrong, code = np.unique(coded[0][bad], return_inverse=True)
    cells, rows, settings = coded[1].iloc[wrong], np.flatnonzero(bad), table.settings

    written = table.text[column].str.strip()

    def refused(which: Mask, expected: str | Texts) -> list[Finding]:
        """The rows of some of the cells; expected: one text, or one for each of these cells."""
        mask = np.zeros_like(bad)
        mask[rows] = which[code]
        if not isinstance(expected, str):
            place = np.cumsum(which) - 1
            expected = expected[place[code[which[code]]]]
        return refuse(mask, column, written, expected)

    number = numbers(cells, settings.decimal)[0]
    serial = (number > LATEST_DAY) & (number < 2 * LATEST_DAY)
    findings = refused(serial, for_each(np.floor(number[serial]), _spreadsheet_date))
    offset, either = np.zeros_like(serial), np.zeros_like(serial)
    if accepts != "days":
        offset = ~serial & cells.str.fullmatch(ISO_WITH_OFFSET).to_numpy(dtype=bool)
        either = ~serial & cells.str.fullmatch(EITHER_WAY).to_numpy(dtype=bool) & (not settings.datetime_format)
    under = f"under [{table.name}] in cohort.toml"
    zone = f'has an offset from UTC, so the zone of the local clock is needed: time_zone = "Europe/Berlin" {under}'
    findings += refused(offset, zone)
    if either.any():
        findings += refused(either, _day_or_month(cells[either], coded[1], under))
    return findings + refused(~(serial | offset | either), f"must be {EXPECTED[accepts]}")


def _day_or_month(cells: pd.Series[str], column: pd.Series[str], under: str) -> str | Texts:
    """What is asked of dates whose day may be the month: the forms that read every cell of the column are named."""
    which = "which is the day and which the month? State it: datetime_format = "
    forms = [json.dumps(one[0] if len(one) == 1 else list(one)) for one in readings(column)]
    if len(forms) == 1:
        return f"{which}{forms[0]} {under} is what reads all cells of this column"
    if forms:
        return f"{which}{forms[0]} {under}, or {forms[1]}: both read all cells of this column"
    marks = cells.str.extract(r"([/.-])", expand=False)
    mixed = "no one order reads all cells of this column, so write such dates as 2024-03-31"
    return for_each(marks, lambda mark: f'{which}"%d{mark}%m{mark}%Y" {under}; {mixed}')


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


def dates_of(cells: pd.Series[str], formats: tuple[str, ...]) -> Floats:
    """Days since 1970-01-01 of cells that are dates; nan for any other."""
    code, distinct = pd.factorize(cells.str.strip())
    return _dates(pd.Series(distinct, dtype=str), formats, None)[0][code]


def read_two_ways(text: pd.Series[str], formats: tuple[str, ...]) -> Mask:
    """Cells that two of the forms read as different times, such as 03/04/2024 by day and month and the reverse."""
    read = [_moments(pd.to_datetime(text, format=one, errors="coerce")) for one in formats]
    differ: Mask = np.fmax.reduce(read) > np.fmin.reduce(read)
    return differ


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
