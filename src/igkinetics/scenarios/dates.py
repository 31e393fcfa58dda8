"""Dates in a scenario file, of one fitted patient whose day 0 has a date: turned into days.

`fit --dates` writes that date beside the fit; without it the file may state it (`day_zero` under [population]).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.errors import InputError
from igkinetics.fit.records import EPOCH, EVENT_COLUMNS, EVENTS_FILE, folder_with, left_by
from igkinetics.toml_input import Fault, Key

DATED = ("from_day", "start_day", "stop_day", "days")
"""Keys that take a date."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
FROM_DAY: Key = ("population", "from_day")
DAY_ZERO: Key = ("population", "day_zero")
NO_DATES = (
    "a date needs the date of day 0 of one fitted patient: write it as day_zero under [population], such as "
    "day_zero = 2024-02-16, or write the fit with `fit --dates`; or give a day number"
)


def as_date(value: object) -> pd.Timestamp | None:
    """A date of the file, quoted or not; None for anything else."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return pd.Timestamp(value)
    if isinstance(value, str) and DATE.fullmatch(value):
        try:
            return pd.Timestamp(date.fromisoformat(value))
        except ValueError:
            return None
    return None


def dated_keys(raw: object, here: Key = ()) -> Iterator[tuple[Key, pd.Timestamp]]:
    """Where the file holds a date in place of a day."""
    if isinstance(raw, dict):
        for name, value in raw.items():
            yield from dated_keys(value, (*here, name))
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from dated_keys(value, (*here, index))
    elif (date_given := as_date(raw)) is not None:
        named = [part for part in here if isinstance(part, str)]
        if named and named[-1] in DATED:
            yield here, date_given


def with_days(raw: dict[str, Any], folder: Path | None) -> tuple[dict[str, Any], list[Fault]]:
    """The file's tables with days in place of dates, and what is wrong with them.

    from_day is the first moment of its date, or the last sample where that was taken then; other dates are whole days
    after the date of from_day.
    """
    dates, faults = dict(dated_keys(raw)), other_day_zero(raw, folder)
    if not dates:
        return raw, faults
    record = record_of(raw.get("population"), folder)
    if record is not None and np.isnan(record[0]):
        record = None
    if record is None:
        faults += [Fault(key, f"{at.date()}", NO_DATES) for key, at in dates.items()]
        return replaced(raw, dict.fromkeys(dates, 0.0)), faults
    day_zero, last_sample = record
    start = dates.get(FROM_DAY, raw["population"].get("from_day", "last_sample"))
    if isinstance(start, pd.Timestamp):
        sampled = date_of(day_zero + last_sample) == start
        start = last_sample if sampled else round((start - EPOCH) / pd.Timedelta(days=1) - day_zero, 6)
    from_day = last_sample if start == "last_sample" else start
    if not isinstance(from_day, int | float):
        return raw, faults
    first = date_of(day_zero + from_day)
    days = {key: float((at - first).days) for key, at in dates.items()}
    return replaced(raw, days | ({FROM_DAY: from_day} if FROM_DAY in dates else {})), faults


def days_since_epoch(moment: pd.Timestamp) -> float:
    return float((moment - EPOCH) / pd.Timedelta(days=1))


def date_of(days_since_epoch: float) -> pd.Timestamp:
    """The date (its first moment) within which this lies."""
    return (EPOCH + pd.Timedelta(days=days_since_epoch)).round("s").normalize()


def other_day_zero(raw: Mapping[str, Any], folder: Path | None) -> list[Fault]:
    """A stated date of day 0 that is not the one that the fit wrote."""
    population = raw.get("population")
    if not isinstance(population, dict) or (stated := as_date(population.get("day_zero"))) is None:
        return []
    record = record_of({**population, "day_zero": None}, folder)
    if record is None or np.isnan(record[0]) or date_of(record[0]) == stated:
        return []
    return [Fault(DAY_ZERO, f"{stated.date()}", f"the fit says {date_of(record[0]).date()}: leave day_zero out")]


def record_of(population: object, folder: Path | None) -> tuple[float, float] | None:
    """Day 0 of the fitted patient as days since EPOCH (nan: no date is known), and the day of the last sample; None
    for other populations."""
    if not isinstance(population, dict) or not all(isinstance(population.get(key), str) for key in ("fit", "patient")):
        return None
    try:
        fit = folder_with(path_in(population["fit"], folder), population["patient"])
        left = left_by("fit", fit, (EVENTS_FILE,))
    except InputError:  # told when the population is made
        return None
    events = pd.read_parquet(left.folder / EVENTS_FILE, columns=list(EVENT_COLUMNS))
    own = events[events["patient_id"] == population["patient"]]
    zero = own.loc[own["event"] == "day_zero", "value"]
    last_sample = float(own.loc[own["event"] == "sample", "day"].max())
    if len(zero):
        return float(zero.iloc[0]), last_sample
    stated = as_date(population.get("day_zero"))
    return (np.nan if stated is None else days_since_epoch(stated)), last_sample


def path_in(text: str, folder: Path | None) -> Path:
    """A path of a scenario file; a relative one starts here, or where the file lies if nothing is here."""
    path = Path(text)
    if path.is_absolute() or path.exists() or folder is None:
        return path
    return folder / path


def replaced(raw: dict[str, Any], values: dict[Key, float]) -> dict[str, Any]:
    """A copy with other values at these places."""
    copy = deepcopy(raw)
    for key, value in values.items():
        here: Any = copy
        for part in key[:-1]:
            here = here[part]
        here[key[-1]] = value
    return copy
