"""A dosing calendar for one patient: days and grams of each regimen, so that it can be checked by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics import text
from igkinetics.scenarios.calendar import Calendar, calendar_for
from igkinetics.scenarios.result import ScenarioResult

MOST_DOSES: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """One regimen. lines: what is given when; total: grams within the horizon, or why it is not known."""

    name: str
    lines: tuple[str, ...]
    total: str


def calendar_of(result: ScenarioResult) -> tuple[str, list[CalendarView]]:
    """Whose calendar, and one view per regimen."""
    calendars = calendar_for(result)
    return calendars.whose, [view(one) for one in calendars.regimens]


def view(calendar: Calendar) -> CalendarView:
    if calendar.rule:
        return CalendarView(name=text.visible(calendar.name, 120), lines=(calendar.rule,), total="as measured")
    if calendar.day.size == 0:
        return CalendarView(name=text.visible(calendar.name, 120), lines=("no immunoglobulin",), total="0 g")
    lines = [f"day {day:g}: {grams:g} g" for day, grams in zip(calendar.day, calendar.amount_g, strict=True)]
    shown = lines[:MOST_DOSES]
    if len(lines) > MOST_DOSES:
        shown.append(f"and {len(lines) - MOST_DOSES} more, the last on day {calendar.day[-1]:g}")
    total = f"{np.sum(calendar.amount_g):g} g"
    return CalendarView(name=text.visible(calendar.name, 120), lines=tuple(shown), total=total)
