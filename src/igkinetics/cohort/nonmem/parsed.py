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
    "patient_id": "ID", "day": "TIME", "igg": "DV", "amount": "AMT", "duration": "RATE or DUR", "lower_limit": "LLOQ",
    "route": "CMT",
}  # fmt: skip


def in_file_order(parsed: Parsed) -> Parsed:
    """Times of an event file are exact; doses keep what they imply for `implied_doses`."""
    frame = parsed.frame.assign(date_only=False)
    if parsed.table.name == "doses":
        items = (parsed.table.text[item].replace("nan", "") for item in ("II", "ADDL", "SS"))
        interval, more, steady = (numbers(item)[0] for item in items)
        day = TIME_IN_DAY[parsed.table.settings.units["day"]]
        frame = frame.assign(
            interval_day=interval * day, n_more=np.nan_to_num(more).astype(int), steady=np.nan_to_num(steady) > 0
        )
    return replace(parsed, frame=frame)


def in_items(problem: Problem, event_files: frozenset[str]) -> Problem:
    """A problem of an event file under the name of the item."""
    if problem.file not in event_files:
        return problem
    return replace(problem, column=SHOWN_AS.get(problem.column, problem.column))
