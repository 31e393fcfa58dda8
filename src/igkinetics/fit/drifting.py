"""Drifting courses, draw by draw: their lowest levels, and the time that levels spend below a threshold, as kernels."""

from __future__ import annotations

from math import exp, isnan, nan

import numpy as np

from igkinetics.fit.drift import Integers
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.expm1 import BLOCK
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.kinetics.schedule import Schedule
from igkinetics.kinetics.together import FEWEST_TOGETHER, can_go_together, follow_block, new_together, steps_of


@inner
def spent_below(days: Floats, levels: Floats, threshold: float) -> tuple[float, float]:
    """First day (nan: never) and days below, straight between the days."""
    first, spent = nan, 0.0
    if levels[0] < threshold:
        first = days[0]
    for i in range(1, days.size):
        left, right = levels[i - 1] - threshold, levels[i] - threshold
        span = days[i] - days[i - 1]
        if left < 0.0 and right < 0.0:
            spent += span
        elif left < 0.0 or right < 0.0:
            crossing = left / (left - right)
            if left < 0.0:
                spent += crossing * span
            else:
                spent += (1.0 - crossing) * span
                if isnan(first):
                    first = days[i - 1] + crossing * span
    return first, spent


@kernel
def fill_one_by_one(
    thetas: Floats,
    schedule: Schedule,
    days: Floats,
    whose: Integers,
    order: Integers,
    u: Floats,
    right: Integers,
    share: Floats,
    as_log: bool,
    thresholds: Floats,
    lowest: Floats,
    below: Floats,
) -> None:
    """As fill_drifting_lowest, one draw after the other."""
    endogenous, infused, total = np.empty(days.size), np.empty(days.size), np.empty(days.size)
    scratch = np.empty(CURVE_ROOM)
    curve = -1
    for k in order:
        if whose[k] != curve:
            curve = whose[k]
            fill_curve(thetas[curve], schedule, days, endogenous, infused, scratch)
        lowest[k, 0] = lowest[k, 2] = np.inf
        for i in range(days.size):
            drift = u[k, right[i] - 1] * (1.0 - share[i]) + u[k, right[i]] * share[i]
            factor = exp(drift) if as_log else max(1.0 + drift, 0.0)
            total[i] = (endogenous[i] + infused[i]) * factor
            if total[i] < lowest[k, 0]:
                lowest[k, 0], lowest[k, 1] = total[i], days[i]
            own = endogenous[i] * factor
            if own < lowest[k, 2]:
                lowest[k, 2], lowest[k, 3] = own, days[i]
        for j in range(thresholds.size):
            below[k, j, 0], below[k, j, 1] = spent_below(days, total, thresholds[j])


TOTAL_LOW, TOTAL_DAY, OWN_LOW, OWN_DAY = (BLOCK * row for row in range(4))
FACTOR = 4 * BLOCK
FOUND_ROOM = 5 * BLOCK


@inner
def drift_factor(before: Floats, after: Floats, share: float, as_log: bool, found: Floats) -> None:
    """What multiplies each curve of a block, its drift lying between those at two nodes."""
    if as_log:
        for k in range(BLOCK):
            found[FACTOR + k] = exp(before[k] * (1.0 - share) + after[k] * share)
    else:
        for k in range(BLOCK):
            found[FACTOR + k] = max(1.0 + (before[k] * (1.0 - share) + after[k] * share), 0.0)


@inner
def take_day(endogenous: Floats, infused: Floats, day: float, found: Floats, total: Floats) -> None:
    """The levels of a day times their drift; total (BLOCK,) is filled in."""
    for k in range(BLOCK):
        both, own = (endogenous[k] + infused[k]) * found[FACTOR + k], endogenous[k] * found[FACTOR + k]
        total[k] = both
        lower, lower_own = both < found[TOTAL_LOW + k], own < found[OWN_LOW + k]
        found[TOTAL_LOW + k] = both if lower else found[TOTAL_LOW + k]
        found[TOTAL_DAY + k] = day if lower else found[TOTAL_DAY + k]
        found[OWN_LOW + k] = own if lower_own else found[OWN_LOW + k]
        found[OWN_DAY + k] = day if lower_own else found[OWN_DAY + k]


@kernel
def fill_side_by_side(
    thetas: Floats,
    schedule: Schedule,
    days: Floats,
    whose: Integers,
    u: Floats,
    right: Integers,
    share: Floats,
    as_log: bool,
    thresholds: Floats,
    lowest: Floats,
    below: Floats,
) -> None:
    """As fill_drifting_lowest, a block of draws at a time."""
    steps, on, lengths = steps_of(schedule, days)
    room, own_thetas = new_together(lengths.size), np.empty((BLOCK, N_PARAMETERS))
    endogenous, infused = np.empty((days.size, BLOCK)), np.empty((days.size, BLOCK))
    total, nodes, found = np.empty((days.size, BLOCK)), np.zeros((u.shape[1], BLOCK)), np.empty(FOUND_ROOM)
    levels = np.empty(days.size)
    for first in range(0, whose.size, BLOCK):
        n = min(BLOCK, whose.size - first)
        for k in range(n):
            own_thetas[k] = thetas[whose[first + k]]
            for t in range(u.shape[1]):
                nodes[t, k] = u[first + k, t]
        follow_block(own_thetas[:n], 0, schedule, days, steps, on, lengths, room, endogenous, infused)
        found[:] = np.inf
        for i in range(days.size):
            drift_factor(nodes[right[i] - 1], nodes[right[i]], share[i], as_log, found)
            take_day(endogenous[i], infused[i], days[i], found, total[i])
        for k in range(n):
            for j in range(4):
                lowest[first + k, j] = found[j * BLOCK + k]
            if thresholds.size:
                levels[:] = total[:, k]
            for j in range(thresholds.size):
                below[first + k, j, 0], below[first + k, j, 1] = spent_below(days, levels, thresholds[j])


@kernel
def fill_drifting_lowest(
    thetas: Floats,
    schedule: Schedule,
    days: Floats,
    whose: Integers,
    order: Integers,
    u: Floats,
    right: Integers,
    share: Floats,
    as_log: bool,
    thresholds: Floats,
    lowest: Floats,
    below: Floats,
) -> None:
    """Lowest levels (m, 4) and times below (m, t, 2) of curves times their drift, looked at on these days.

    whose (m,): the place of each draw's parameters in thetas; order (m,): the draws, those of one curve together; u (m,
    t): the drift at its nodes, of which `right` and `share` (see places_between) say where each day lies.
    """
    if whose.size >= FEWEST_TOGETHER and can_go_together(schedule):
        fill_side_by_side(thetas, schedule, days, whose, u, right, share, as_log, thresholds, lowest, below)
    else:
        fill_one_by_one(thetas, schedule, days, whose, order, u, right, share, as_log, thresholds, lowest, below)


@kernel
def fill_time_below(days: Floats, levels: Floats, threshold: float, first: Floats, spent: Floats) -> None:
    for k in range(levels.shape[0]):
        first[k], spent[k] = spent_below(days, levels[k], threshold)
