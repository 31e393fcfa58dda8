"""The moment of each row: TIME as a number or a clock time, and the date that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.nonmem.items import DATE_ORDER
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.parse.times import TWO_WAYS, read_two_ways
from igkinetics.units import HOURS_PER_DAY, TIME_IN_DAY

CLOCK: Final = r"(\d+):(\d{1,2})(?::(\d{1,2}))?"
ISO: Final = r"\d{4}-\d{1,2}-\d{1,2}"
PARTS: Final = r"(\d{1,4})[/.-](\d{1,2})[/.-](\d{1,4})"
LETTERS: Final = {"y": "%y", "m": "%m", "d": "%d"}
WORDS: Final = {"y": "year", "m": "month", "d": "day"}
MICROSECONDS_PER_DAY: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """days: number of days, or of days since 1970-01-01 for dates; nan where unreadable, which `faults` tell.

    text: the same for the reader of tables, as a column `day` in the unit of time, or as `datetime`.
    """

    days: Floats
    text: pd.Series[str]
    is_date: bool
    faults: tuple[tuple[Mask, str, str], ...] = ()
    """(rows, item, what is expected)."""
    warnings: tuple[tuple[Mask, str, str], ...] = ()


def read_moments(
    time: pd.Series[str] | None,
    date: pd.Series[str] | None,
    *,
    date_item: str,
    formats: tuple[str, ...],
    decimal: str,
    time_unit: str,
) -> Moments:
    """time, date: cells without words for "missing"; at least one of them. date_item: DATE, DAT1, DAT2 or DAT3."""
    if date is None:
        assert time is not None
        return _without_date(time, formats, decimal, time_unit)
    date = date.str.strip()
    unit = TIME_IN_DAY[time_unit]
    number, unreadable = numbers(date, decimal)
    hours, no_hour = (np.zeros(len(date)), np.zeros(len(date), dtype=bool)) if time is None else _hours(time, decimal)
    faults = [(no_hour, "TIME", "the hour of the day beside a date, as hh:mm or a number of hours; 0 for midnight")]
    if not unreadable.any() and not formats:
        days = number + hours / HOURS_PER_DAY
        faults.insert(0, (np.isnan(number), date_item, "a day number is needed"))
        return Moments(days=days, text=as_text(days / unit), is_date=False, faults=_some(faults))
    day, date_faults, warnings = _dates(date, time, date_item, formats)
    days = day + np.where(np.isnan(hours), 0.0, hours) / HOURS_PER_DAY
    days[no_hour] = np.nan
    return Moments(
        days=days, text=_iso(days), is_date=True, faults=_some([*date_faults, *faults]), warnings=_some(warnings)
    )


def _some(told: list[tuple[Mask, str, str]]) -> tuple[tuple[Mask, str, str], ...]:
    return tuple(one for one in told if one[0].any())


def _without_date(time: pd.Series[str], formats: tuple[str, ...], decimal: str, time_unit: str) -> Moments:
    """Plain numbers, clock times in hours, or dates in the column of times."""
    time = time.str.strip()
    unit = TIME_IN_DAY[time_unit]
    if bool(time.str.match(ISO).any()) or formats:
        days, faults, warnings = _dates(time, None, "DATE", formats)
        told = _some([(mask, "TIME", text) for mask, _, text in faults])
        return Moments(days=days, text=_iso(days), is_date=True, faults=told, warnings=_some(warnings))
    value, unreadable = numbers(time, decimal)
    clock = time.str.fullmatch(CLOCK).to_numpy(dtype=bool)
    if not clock.any():
        form = f"a number of {time_unit}s or a clock time hh:mm; dates belong in a column DATE"
        return Moments(days=value * unit, text=time, is_date=False, faults=_some([(np.isnan(value), "TIME", form)]))
    hours, _ = _hours(time, decimal)
    mixed = ~clock & ~np.isnan(value) & (value != 0) & (time_unit != "hour")
    wrong = unreadable & np.isnan(hours)
    days = np.where(mixed, np.nan, hours / HOURS_PER_DAY)
    faults = [
        (mixed, "TIME", "a clock time hh:mm as in other rows"),
        (wrong | np.isnan(hours) & ~mixed & ~wrong, "TIME", "a clock time hh:mm; days belong in a column DATE"),
    ]
    return Moments(days=days, text=as_text(days / unit), is_date=False, faults=_some(faults))


def _hours(time: pd.Series[str], decimal: str) -> tuple[Floats, Mask]:
    """(hours, neither a clock time nor a number)."""
    text = time.str.strip()
    hours, _ = numbers(text, decimal)
    parts = text.str.extract(f"^{CLOCK}$").apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    clock = ~np.isnan(parts[:, 0])
    seconds = np.where(np.isnan(parts[:, 2]), 0.0, parts[:, 2])
    too_many = clock & ((parts[:, 1] >= 60) | (seconds >= 60))
    hours = np.where(clock, parts[:, 0] + parts[:, 1] / 60 + seconds / 3600, hours)
    hours[too_many | (hours < 0)] = np.nan
    return hours, np.isnan(hours)


def hours_in(cells: pd.Series[str], time_unit: str) -> pd.Series[str]:
    """Intervals written as hh:mm, as numbers in the unit of time; all other cells as they are."""
    clock = cells.str.fullmatch(CLOCK).to_numpy(dtype=bool)
    if not clock.any():
        return cells
    hours, _ = _hours(cells, ".")
    return cells.where(~clock, as_text(hours / HOURS_PER_DAY / TIME_IN_DAY[time_unit]).set_axis(cells.index))


def _dates(
    date: pd.Series[str], time: pd.Series[str] | None, item: str, formats: tuple[str, ...]
) -> tuple[Floats, list[tuple[Mask, str, str]], list[tuple[Mask, str, str]]]:
    """(days since 1970-01-01, faults, warnings) of calendar dates."""
    day = np.full(len(date), np.nan)
    forms_of = (date,) if time is None else (date, date.str.cat(time.str.strip(), sep=" "))
    for one in formats:
        for words in forms_of:
            rest = np.isnan(day)
            days = _days(pd.to_datetime(words[rest], format=one, errors="coerce"))
            day[rest] = days if time is None else np.floor(days)
    rest = np.isnan(day)
    if time is None:
        iso_like = date[rest].where(date[rest].str.match(ISO))
        day[rest] = _days(pd.to_datetime(iso_like, format="ISO8601", errors="coerce"))
    order = DATE_ORDER[item]
    parts = date.str.extract(f"^{PARTS}$").apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    iso = date.str.fullmatch(ISO).to_numpy(dtype=bool) & (item != "DAT3")
    rest = np.isnan(day) & ~np.isnan(parts[:, 0])
    part = {letter: np.where(iso, parts[:, index], parts[:, order.index(letter)]) for index, letter in enumerate("ymd")}
    short = rest & ~iso & (part["y"] < 100)
    day[rest & ~short] = _calendar(part)[rest & ~short]
    named = "/".join(WORDS[one] for one in order)
    form = "/".join(LETTERS[one] for one in order)
    two_ways = np.zeros(len(date), dtype=bool)
    if len(formats) > 1:
        two_ways = np.logical_or.reduce([read_two_ways(words, formats) for words in forms_of])
        day[two_ways] = np.nan
    faults = [
        (two_ways, item, TWO_WAYS),
        (
            short,
            item,
            f'which century? Write years of four digits, or datetime_format = "{form}" under [samples] for '
            "1969 to 2068 (with the mark that stands in the file)",
        ),
        (
            np.isnan(day) & ~short & ~two_ways,
            item,
            f"a day number, or a date as {named} (what {item} means to NONMEM) or as "
            "2024-03-31; any other form as datetime_format under [samples]",
        ),
    ]
    other = {**part, "m": part["d"], "d": part["m"]}
    either = rest & ~iso & ~short & ~np.isnan(day)
    unsure = bool(either.any()) and bool((~np.isnan(_calendar(other))[either]).all())
    unsure &= bool((part["m"] != part["d"])[either].any())
    first = np.zeros(len(date), dtype=bool)
    first[np.flatnonzero(either)[:1]] = unsure
    return day, faults, [(first, item, f"all dates are read as {named}, which is what {item} means to NONMEM")]


def _calendar(part: dict[str, Floats]) -> Floats:
    columns = {name: part[letter] for name, letter in (("year", "y"), ("month", "m"), ("day", "d"))}
    return _days(pd.to_datetime(pd.DataFrame(columns).where(lambda table: table["year"] > 0), errors="coerce"))


def _days(stamps: pd.Series[pd.Timestamp]) -> Floats:
    microseconds = stamps.to_numpy(dtype="datetime64[us]")
    days: Floats = microseconds.astype(np.int64) / MICROSECONDS_PER_DAY
    days[np.isnat(microseconds)] = np.nan
    return days


def _iso(days: Floats) -> pd.Series[str]:
    known = ~np.isnan(days)
    micro = np.round(np.where(known, days, 0.0) * MICROSECONDS_PER_DAY).astype("int64").astype("datetime64[us]")
    return pd.Series(np.where(known, np.datetime_as_string(micro, unit="us"), ""), dtype=str)


def as_text(values: Floats) -> pd.Series[str]:
    """Numbers as text that gives exactly them back; nan as no text. Equal numbers are written once."""
    code, distinct = pd.factorize(values)
    text = np.array([*(repr(float(one)) for one in distinct), ""], dtype=object)
    return pd.Series(text[code], dtype=str)


def distinct_numbers(cells: pd.Series[str], decimal: str) -> tuple[Floats, Mask]:
    """`numbers`, for columns of an event file, where few cells differ: each is read once."""
    code, distinct = pd.factorize(cells)
    value, unreadable = numbers(pd.Series(distinct, dtype=str), decimal)
    return value[code], unreadable[code]
