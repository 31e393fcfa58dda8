"""Exact minimum of the curve over a window, and exact time below a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.propagate import (
    ENDOGENOUS,
    INFUSED,
    STATE_SIZE,
    advance,
    change_modes,
    enter_segment,
    level,
    prepare,
)
from igkinetics.kinetics.schedule import MODIFIED, START, Schedule
from igkinetics.kinetics.turning import MAX_TERMS, exponential_roots, slope_terms

ROOT_TOLERANCE_DAY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowest:
    """Lowest total and lowest endogenous IgG in a window, g/L, and their earliest days."""

    total: float
    total_day: float
    endogenous: float
    endogenous_day: float


@kernel
def part_level(state: Floats, total: bool) -> float:
    return level(state, ENDOGENOUS) + (level(state, INFUSED) if total else 0.0)


@kernel
def level_at(
    theta: Floats, modes: Floats, segment: Floats, state: Floats, t: float, total: bool, after: Floats
) -> float:
    advance(theta, modes, segment, state, t, after)
    return part_level(after, total)


@kernel
def knots_of_segment(
    theta: Floats, modes: Floats, segment: Floats, state: Floats, low: float, high: float, total: bool, knots: Floats
) -> int:
    """Times (from the segment's start) between which the curve is monotonic: low, turning points, high."""
    knots[0] = low
    n = 1
    if high > low:
        coefficients = np.empty(MAX_TERMS)
        rates = np.empty(MAX_TERMS)
        roots = np.empty(MAX_TERMS)
        terms = slope_terms(theta, modes, segment, state, total, coefficients, rates)
        for k in range(exponential_roots(coefficients, rates, terms, high, roots)):
            if low < roots[k] < high:
                knots[n] = roots[k]
                n += 1
        knots[n] = high
        n += 1
    return n


@kernel
def crossing(
    theta: Floats, modes: Floats, segment: Floats, state: Floats, low: float, high: float, threshold: float,
    after: Floats,
) -> float:  # fmt: skip
    """When total IgG passes the threshold on a monotonic piece that crosses it."""
    falling = level_at(theta, modes, segment, state, low, True, after) >= threshold
    while high - low > ROOT_TOLERANCE_DAY:
        middle = 0.5 * (low + high)
        above = level_at(theta, modes, segment, state, middle, True, after) >= threshold
        if above == falling:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@kernel
def fill_lowest(
    theta: Floats, schedule: Schedule, window: Floats, thresholds: Floats, lowest: Floats, below: Floats
) -> None:
    """Fill lowest (4): total, its day, endogenous, its day; below (n_threshold, 2): first day (nan), days.

    window (2,): days, closed. A bolus at the window's first instant counts after the level before it.
    """
    modes = np.zeros((2, 2, 5))
    state = np.zeros(STATE_SIZE)
    after = np.zeros(STATE_SIZE)
    knots = np.empty(MAX_TERMS + 2)
    prepare(theta, schedule, modes, state)
    lowest[0] = lowest[2] = np.inf
    lowest[1] = lowest[3] = np.nan
    below[:, 0] = np.nan
    below[:, 1] = 0.0
    if window[0] <= schedule[0, START] <= window[1]:
        lowest[0], lowest[1] = part_level(state, True), schedule[0, START]
        lowest[2], lowest[3] = part_level(state, False), schedule[0, START]
        below[:, 0] = np.where(lowest[0] < thresholds, schedule[0, START], np.nan)
    modified = int(schedule[0, MODIFIED])
    last = schedule.shape[0] - 1
    for k in range(last + 1):
        now = int(schedule[k, MODIFIED])
        if now != modified:
            change_modes(modes[modified], modes[now], state)
            modified = now
        enter_segment(theta, modes[now], schedule[k], state)
        start = schedule[k, START]
        end = schedule[k + 1, START] if k < last else np.inf
        low = max(window[0], start) - start
        high = min(window[1], end) - start
        if high >= low:
            for part in range(2):
                n = knots_of_segment(theta, modes[now], schedule[k], state, low, high, part == 0, knots)
                for i in range(n):
                    value = level_at(theta, modes[now], schedule[k], state, knots[i], part == 0, after)
                    if value < lowest[2 * part]:
                        lowest[2 * part], lowest[2 * part + 1] = value, start + knots[i]
                if part == 0 and thresholds.size:
                    add_days_below(theta, modes[now], schedule[k], state, knots[:n], thresholds, below, after)
        if end > window[1]:
            return
        advance(theta, modes[now], schedule[k], state, end - start, after)
        state[:] = after


@kernel
def add_days_below(
    theta: Floats, modes: Floats, segment: Floats, state: Floats, knots: Floats, thresholds: Floats, below: Floats,
    after: Floats,
) -> None:  # fmt: skip
    """Add the time of one segment below each threshold; between knots the curve is monotonic."""
    for j in range(thresholds.size):
        value = level_at(theta, modes, segment, state, knots[0], True, after)
        if value < thresholds[j] and np.isnan(below[j, 0]):
            below[j, 0] = segment[START] + knots[0]
        for i in range(1, knots.size):
            low, high = knots[i - 1], knots[i]
            next_value = level_at(theta, modes, segment, state, high, True, after)
            if (value < thresholds[j]) != (next_value < thresholds[j]):
                middle = crossing(theta, modes, segment, state, low, high, thresholds[j], after)
                if value < thresholds[j]:
                    high = middle
                else:
                    low = middle
                    if np.isnan(below[j, 0]):
                        below[j, 0] = segment[START] + low
                below[j, 1] += high - low
            elif value < thresholds[j]:
                below[j, 1] += high - low
            value = next_value


@kernel
def fill_lowest_of_many(
    thetas: Floats, schedule: Schedule, window: Floats, thresholds: Floats, lowest: Floats, below: Floats
) -> None:
    """Many parameter vectors (n, 13): lowest (n, 4), below (n, n_threshold, 2)."""
    for i in range(thetas.shape[0]):
        fill_lowest(thetas[i], schedule, window, thresholds, lowest[i], below[i])


def lowest_of_many(
    parameters: Floats, schedule: Schedule, window_start: float, window_end: float, thresholds: npt.ArrayLike = ()
) -> tuple[Floats, Floats]:
    """Exact minima of many curves. parameters (n, 13); thresholds (m,), g/L.

    Returns lowest (n, 4): total, day, endogenous, day; and below (n, m, 2): first day below (nan: never) and
    days below, both of total IgG. The window must start no earlier than the schedule (AssertionError).
    """
    if not schedule[0, START] <= window_start <= window_end:
        raise AssertionError(f"window {window_start} to {window_end} lies before the schedule or is reversed")
    limits = np.asarray(thresholds, dtype=float).reshape(-1)
    lowest = np.empty((parameters.shape[0], 4))
    below = np.empty((parameters.shape[0], limits.size, 2))
    window = np.array([window_start, window_end])
    fill_lowest_of_many(np.ascontiguousarray(parameters, dtype=float), schedule, window, limits, lowest, below)
    return lowest, below


def lowest(parameters: Floats, schedule: Schedule, window_start: float, window_end: float) -> Lowest:
    """Exact minimum of one curve over [window_start, window_end], with its earliest day. parameters (13,)."""
    found, _ = lowest_of_many(parameters[None, :], schedule, window_start, window_end)
    total, total_day, endogenous, endogenous_day = (float(value) for value in found[0])
    return Lowest(total=total, total_day=total_day, endogenous=endogenous, endogenous_day=endogenous_day)
