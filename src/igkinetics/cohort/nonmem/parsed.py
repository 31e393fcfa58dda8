"""Event files once their cells are read: exact times, what doses imply, and problems under the names of items."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.parsed import Parsed
from igkinetics.errors import Problem
from igkinetics.units import TIME_IN_DAY

SHOWN_AS: Final = {
    "patient_id": "ID",
    "day": "TIME",
    "datetime": "DATE",
    "igg": "DV",
    "amount": "AMT",
    "duration": "RATE or DUR",
    "lower_limit": "LLOQ",
    "route": "CMT",
}


def in_file_order(parsed: Parsed) -> Parsed:
    """Times of an event file are exact; doses keep what they imply for `implied_doses`."""
    frame = parsed.frame.assign(date_only=False)
    times = tuple(replace(one, midnight_only=False) for one in parsed.times)
    if parsed.table.name == "weights":
        frame = frame.assign(known_from=frame["moment"])
    if parsed.table.name == "doses":
        text = parsed.table.text
        nothing = np.full(len(text), np.nan)
        said = (numbers(text[item])[0] if item in text else nothing for item in ("II", "ADDL", "SS", "LAG"))
        interval, more, steady, lag = said
        day = TIME_IN_DAY[parsed.table.settings.units["day"]]
        lag_day = np.nan_to_num(lag) * day
        until = numbers(text["until_after"])[0] if "until_after" in text else np.full(len(text), np.nan)
        frame = frame.assign(
            moment=frame["moment"] + lag_day,
            interval_day=interval * day,
            n_more=np.nan_to_num(more).astype(int),
            steady=np.nan_to_num(steady) > 0,
            only_before=(text["only_before"] == "1").to_numpy(dtype=bool),
            until_after=np.where(np.isnan(until), np.inf, until - lag_day),
        )
        if "person" in text:
            carried, number = (numbers(text[name])[0].astype(int) for name in ("carried", "record_number"))
            frame = frame.assign(person=text["person"], carried=carried, record_number=number)
    return replace(parsed, frame=frame, times=times)


def in_items(problem: Problem, event_files: frozenset[str]) -> Problem:
    """A problem of an event file under the name of the item."""
    if problem.file not in event_files:
        return problem
    return replace(problem, column=SHOWN_AS.get(problem.column, problem.column))
