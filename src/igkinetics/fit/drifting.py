"""Drifting courses, draw by draw: their lowest levels, and the time that levels spend below a threshold, as kernels."""

from __future__ import annotations

from math import exp, isnan, nan

import numpy as np

from igkinetics.fit.drift import Integers
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import Schedule


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
def fill_time_below(days: Floats, levels: Floats, threshold: float, first: Floats, spent: Floats) -> None:
    for k in range(levels.shape[0]):
        first[k], spent[k] = spent_below(days, levels[k], threshold)
