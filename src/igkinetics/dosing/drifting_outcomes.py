"""Outcomes of one curve that drifts: the kinetic curve times a factor that changes from day to day.

Lowest levels, peaks and days below are looked for on every day and on both sides of every event. Areas are the exact
ones of the kinetic curve, and what the factor adds by trapezoids.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from igkinetics.dosing.outcome_kernel import (
    AUC_TAU,
    AUC_TAU_INFUSED,
    COMPLETE,
    FROM,
    INTERVAL_END,
    INTERVAL_START,
    LATE,
    MEAN,
    NADIR,
    NADIR_ALL,
    NADIR_DAY,
    NADIR_FROM,
    NADIR_UNTIL,
    PEAK,
    TROUGH,
    TROUGH_FROM,
    TROUGH_LAST,
    TROUGH_UNTIL,
    UNTIL,
)
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.curves import fill_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START, Schedule

JUST_AFTER_DAY: Final = 1e-6
"""How long after an event its level is taken."""


@kernel
def days_looked_at(schedule: Schedule, drift_day: Floats, first: float, last: float) -> Floats:
    """Every day from first to last, where the drift is given, and both sides of every event, ascending."""
    n_days, n_events = int(np.ceil(last - first)), schedule.shape[0]
    days = np.empty(n_days + 1 + 2 * n_events)
    for i in range(n_days):
        days[i] = first + i
    days[n_days] = last
    for k in range(n_events):
        days[n_days + 1 + 2 * k] = schedule[k, START]
        days[n_days + 2 + 2 * k] = schedule[k, START] + JUST_AFTER_DAY
    days = np.sort(np.concatenate((days, drift_day)))
    return days[(days >= first) & (days <= last)]


@kernel
def lowest_within(days: Floats, levels: Floats, first: float, last: float) -> tuple[float, float]:
    """The lowest level from first to last and its earliest day; nan where there is none."""
    low = day = np.nan
    for i in range(days.size):
        if first <= days[i] <= last and not levels[i] >= low:
            low, day = levels[i], days[i]
    return low, day


@kernel
def area_within(days: Floats, values: Floats, first: float, last: float) -> float:
    area = 0.0
    for i in range(days.size - 1):
        if days[i] >= first and days[i + 1] <= last:
            area += 0.5 * (values[i] + values[i + 1]) * (days[i + 1] - days[i])
    return area


@kernel
def days_below(days: Floats, levels: Floats, threshold: float) -> float:
    """Time below the threshold, levels straight between the days."""
    spent = 0.0
    for i in range(days.size - 1):
        left, right = threshold - levels[i], threshold - levels[i + 1]
        if left > 0.0 or right > 0.0:
            share = 1.0 if left >= 0.0 and right >= 0.0 else max(left, right) / abs(left - right)
            spent += share * (days[i + 1] - days[i])
    return spent


@kernel
def drifting_outcomes(
    theta: Floats,
    schedule: Schedule,
    marks: Floats,
    trough_day: Floats,
    thresholds: Floats,
    drift_day: Floats,
    factor: Floats,
    scratch: Floats,
    outcomes: Floats,
    below: Floats,
) -> None:
    """Turn the outcomes of the kinetic curve, as fill_outcomes left them, into those of the curve times `factor`."""
    days = days_looked_at(schedule, drift_day, marks[FROM], marks[UNTIL])
    own, given = np.empty(days.size), np.empty(days.size)
    fill_curve(theta, schedule, days, own, given, scratch)
    factors = np.interp(days, drift_day, factor)
    levels = (own + given) * factors
    added, added_given = (own + given) * (factors - 1.0), given * (factors - 1.0)
    outcomes[NADIR_ALL], _ = lowest_within(days, levels, marks[FROM], marks[UNTIL])
    outcomes[NADIR], outcomes[NADIR_DAY] = lowest_within(days, levels, marks[NADIR_FROM], marks[NADIR_UNTIL])
    outcomes[MEAN] += area_within(days, added, marks[FROM], marks[UNTIL]) / (marks[UNTIL] - marks[FROM])
    start, end = marks[INTERVAL_START], marks[INTERVAL_END]
    if start < end:
        outcomes[PEAK] = -lowest_within(days, -levels, np.nextafter(start, np.inf), end)[0]
        outcomes[AUC_TAU] += area_within(days, added, start, end)
        outcomes[AUC_TAU_INFUSED] += area_within(days, added_given, start, end)
        outcomes[LATE] = lowest_within(days, levels, end if marks[COMPLETE] != 0.0 else start, end)[0]
    outcomes[TROUGH] = outcomes[TROUGH_LAST] = np.nan
    for i in range(trough_day.size):
        if marks[TROUGH_FROM] <= trough_day[i] <= marks[TROUGH_UNTIL] and trough_day[i] <= marks[UNTIL]:
            trough, _ = lowest_within(days, levels, trough_day[i], trough_day[i])
            outcomes[TROUGH] = trough if np.isnan(outcomes[TROUGH]) else min(outcomes[TROUGH], trough)
            outcomes[TROUGH_LAST] = trough
    for j in range(thresholds.size):
        below[j, 1] = days_below(days, levels, thresholds[j])
