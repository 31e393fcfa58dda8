"""Over which days each outcome of a regimen is taken: dosing intervals, first dose, horizon.

A dosing interval lasts from one dose to the next. After the last dose of a regimen that stops there is none, and a
single dose has none. A dose due at the horizon itself is not given within it, yet ends an interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from igkinetics.dosing.doses import check_days
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.parameters import Floats
from igkinetics.text import percent
from igkinetics.units import DAY_DECIMALS

LAST_DAYS: Final = 28.0
"""Peak and areas are those of so many last days where no dosing interval is complete."""
Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The days of one regimen's outcomes. kind: doses by a `calendar`, by a `rule`, or `none`.

    horizon: of the lowest level of all, the mean and the days below. nadir: from the first dose on (by a rule: from
    its first check on; without doses: the horizon). troughs: days in which an interval must end for its trough to
    count. trough_day: of a calendar, the moments just before which a level is a trough, ascending. interval: of peak
    and areas; complete: whether it is a dosing interval.
    """

    kind: Literal["calendar", "rule", "none"]
    horizon: Span
    nadir: Span
    troughs: Span
    trough_day: Floats
    interval: Span
    complete: bool

    @property
    def marks(self) -> Floats:
        """As outcome_kernel takes them."""
        return np.array([*self.horizon, *self.nadir, *self.troughs, *self.interval, float(self.complete)])

    @property
    def trough_span(self) -> Span:
        """The first and the last day of a trough; nan where there is none."""
        if self.kind != "calendar":
            return self.troughs if self.kind == "rule" else (np.nan, np.nan)
        return (float(self.trough_day[0]), float(self.trough_day[-1])) if self.trough_day.size else (np.nan, np.nan)


def windows_of(regimen: Dosing, dose_day: Floats, horizon: Span, covered: Span | None = None) -> Windows:
    """dose_day: the doses of a calendar within the horizon. covered: nadir and troughs are taken within these days."""
    start, end = horizon
    low, high = (start, end) if covered is None else (max(start, covered[0]), min(end, covered[1]))
    last = (max(start, end - LAST_DAYS), end)
    if regimen.gives_nothing:
        return Windows(
            kind="none",
            horizon=horizon,
            nadir=(low, high),
            troughs=(low, high),
            trough_day=np.empty(0),
            interval=last,
            complete=False,
        )
    if regimen.rule is not None:
        first = min([*check_days(regimen.rule, start, end)[:1], end])
        return Windows(
            kind="rule",
            horizon=horizon,
            nadir=(min(max(low, first), high), high),
            troughs=(low, high),
            trough_day=np.empty(0),
            interval=last,
            complete=False,
        )
    first = float(dose_day[0]) if dose_day.size else start
    ends = interval_ends(regimen, dose_day, end)
    within = ends[(ends >= low) & (ends <= high)]
    interval = last
    if within.size:
        interval = (float(dose_day[dose_day < within[-1]][-1]), float(within[-1]))
    return Windows(
        kind="calendar",
        horizon=horizon,
        nadir=(min(max(low, first), high), high),
        troughs=(low, high),
        trough_day=within,
        interval=interval,
        complete=bool(within.size),
    )


def interval_ends(regimen: Dosing, dose_day: Floats, horizon_day: float) -> Floats:
    """Where the intervals of a calendar end: at each dose but the first, and at one due at the horizon."""
    if not dose_day.size or regimen.interval_day is None:
        return dose_day[:0]
    due = round(float(dose_day[-1]) + regimen.interval_day, DAY_DECIMALS)
    stopped = regimen.stop_day is not None and due >= regimen.stop_day
    if due == horizon_day and not stopped:
        return np.append(dose_day[1:], horizon_day)
    return dose_day[1:]


NADIR_OUTCOMES: Final = ("nadir", "nadir_day", "p_nadir_at_least")
TROUGH_OUTCOMES: Final = ("trough", "p_trough_at_least")
INTERVAL_OUTCOMES: Final = ("trough_last", "peak", "auc_tau", "auc_tau_infused")
"""Of the last complete interval; every other outcome covers the horizon."""
NO_SPAN: Final = (np.nan, np.nan)


def span_of(outcome: str, windows: Windows) -> Span:
    """First and last day that an outcome covers; nan where there are none, or each patient has other days."""
    if outcome in NADIR_OUTCOMES:
        return windows.nadir
    if outcome in TROUGH_OUTCOMES:
        return windows.trough_span
    if outcome in INTERVAL_OUTCOMES:
        return NO_SPAN if outcome == "trough_last" and not windows.complete else windows.interval
    return windows.horizon


def note_of(outcome: str, windows: Windows, regimen: Dosing, share: float) -> str:
    """What must be known to read an outcome. share: of the cases that have it."""
    trough = outcome in TROUGH_OUTCOMES or outcome == "trough_last"
    if outcome in INTERVAL_OUTCOMES and outcome != "trough_last" and not windows.complete:
        return f"of the last {windows.interval[1] - windows.interval[0]:g} days: no dosing interval is common to all"
    if windows.kind == "none":
        if trough:
            return "no dose is given, so there is no trough"
        return "no dose is given: the whole horizon" if outcome in NADIR_OUTCOMES else ""
    if windows.kind == "rule":
        if trough:
            return (
                f"of the {percent(round(share, 4))} with two doses or more; a rule doses where IgG is low, so "
                "levels before its doses are low by design: compare nadir or mean_igg"
            )
        return "from the first check on" if outcome in NADIR_OUTCOMES else ""
    if trough and not windows.complete:
        return "no dosing interval ends within these days"
    if trough and regimen.stop_day is not None and regimen.stop_day < windows.horizon[1]:
        return "nothing after the last dose is a trough; nadir and mean_igg cover it"
    return ""


def compared_over(outcome: str, own: Windows, other: Windows) -> str:
    """Why two regimens cannot be compared by an outcome, "" where they can; a trough is compared with its days told."""
    one, two = span_of(outcome, own), span_of(outcome, other)
    if outcome in TROUGH_OUTCOMES or np.array_equal(one, two, equal_nan=True):
        return ""
    return f"not compared: {days_words(one)} against {days_words(two)}"


def days_words(span: Span) -> str:
    """ "days 28 to 364" """
    return "no common days" if np.isnan(span[0]) else f"days {span[0]:g} to {span[1]:g}"
