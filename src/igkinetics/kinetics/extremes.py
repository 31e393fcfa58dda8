"""Exact minimum of the curve over a window, and exact time below a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_vector
from igkinetics.kinetics.extremes_together import fill_lowest_together
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.propagate import (
    ENDOGENOUS,
    INFUSED,
    STATE_SIZE,
    advance,
    begin_segment,
    end_of_segment,
    holds_depot,
    level,
    prepare,
)
from igkinetics.kinetics.schedule import IV_RATE, START, Schedule
from igkinetics.kinetics.together import FEWEST_TOGETHER, can_go_together
from igkinetics.kinetics.turning import FLAT as FLAT
from igkinetics.kinetics.turning import MAX_TERMS, exponential_roots, slope_terms

ROOT_TOLERANCE_DAY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowest:
    """Lowest total and lowest endogenous IgG in a window, g/L, and their earliest days."""

    total: float
    total_day: float
    endogenous: float
    endogenous_day: float


class Search(NamedTuple):
    """Room for a search along a curve: modes (2, 2, 5), state (6,), edges (2,) of a segment with the states there,
    knots and values (6,) of its monotonic pieces, work (4, 6), and room (5, 4) for the roots."""

    modes: Floats
    state: Floats
    edges: Floats
    at_edges: Floats
    knots: Floats
    values: Floats
    work: Floats
    room: Floats


@kernel
def new_search() -> Search:
    """Room, for as many curves as one likes."""
    return Search(
        np.zeros((2, 2, 5)),
        np.zeros(STATE_SIZE),
        np.zeros(2),
        np.zeros((2, STATE_SIZE)),
        np.zeros(MAX_TERMS + 2),
        np.zeros(MAX_TERMS + 2),
        np.zeros((4, STATE_SIZE)),
        np.zeros((MAX_TERMS + 1, MAX_TERMS)),
    )


@inner
def part_level(state: Floats, total: bool) -> float:
    return level(state, ENDOGENOUS) + (level(state, INFUSED) if total else 0.0)


@inner
def level_at(
    theta: Floats, modes: Floats, segment: Floats, state: Floats, t: float, total: bool, after: Floats
) -> float:
    advance(theta, modes, segment, state, t, after)
    return part_level(after, total)


@inner
def knots_of_segment(theta: Floats, modes: Floats, segment: Floats, total: bool, search: Search) -> int:
    """Times (from the segment's start) between which the curve is monotonic, and its levels there.

    Given the search's state at the segment's start and its edges; fills its knots and values: first edge, turning
    points, last edge. Returns their number.
    """
    state, edges, at_edges, knots, values, work, room = search[1:]
    knots[0], values[0] = edges[0], part_level(at_edges[0], total)
    n = 1
    if edges[1] > edges[0]:
        coefficients, rates, roots, after = work[0], work[1], work[2], work[3]
        terms = slope_terms(theta, modes, segment, state, total, coefficients, rates)
        for k in range(exponential_roots(coefficients, rates, terms, edges[1], roots, room)):
            if edges[0] < roots[k] < edges[1]:
                knots[n] = roots[k]
                values[n] = level_at(theta, modes, segment, state, roots[k], total, after)
                n += 1
        knots[n], values[n] = edges[1], part_level(at_edges[1], total)
        n += 1
    return n


@inner
def crossing(
    theta: Floats,
    modes: Floats,
    segment: Floats,
    state: Floats,
    low: float,
    high: float,
    threshold: float,
    falling: bool,
    after: Floats,
) -> float:
    """When total IgG passes the threshold on a monotonic piece that crosses it; bisection to ROOT_TOLERANCE_DAY."""
    while high - low > ROOT_TOLERANCE_DAY:
        middle = 0.5 * (low + high)
        above = level_at(theta, modes, segment, state, middle, True, after) >= threshold
        if above == falling:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@inner
def add_days_below(
    theta: Floats,
    modes: Floats,
    segment: Floats,
    state: Floats,
    knots: Floats,
    values: Floats,
    thresholds: Floats,
    below: Floats,
    after: Floats,
) -> None:
    """Add the time of one segment below each threshold; between knots the curve is monotonic."""
    for j in range(thresholds.size):
        if values[0] < thresholds[j] and np.isnan(below[j, 0]):
            below[j, 0] = segment[START] + knots[0]
        for i in range(1, knots.size):
            low, high = knots[i - 1], knots[i]
            low_is_below = values[i - 1] < thresholds[j]
            if low_is_below != (values[i] < thresholds[j]):
                passed = crossing(theta, modes, segment, state, low, high, thresholds[j], not low_is_below, after)
                if low_is_below:
                    high = passed
                else:
                    low = passed
                    if np.isnan(below[j, 0]):
                        below[j, 0] = segment[START] + low
                below[j, 1] += high - low
            elif low_is_below:
                below[j, 1] += high - low


@inner
def start_of_search(
    state: Floats, first_day: float, window: Floats, thresholds: Floats, lowest: Floats, below: Floats
) -> None:
    """Nothing found yet but the level before anything happens, where the window holds the first day."""
    lowest[0] = lowest[2] = np.inf
    lowest[1] = lowest[3] = np.nan
    below[:, 0] = np.nan
    below[:, 1] = 0.0
    if window[0] <= first_day <= window[1]:
        lowest[0], lowest[1] = part_level(state, True), first_day
        lowest[2], lowest[3] = part_level(state, False), first_day
        for j in range(thresholds.size):
            if lowest[0] < thresholds[j]:
                below[j, 0] = first_day


@inner
def fill_lowest(
    theta: Floats, schedule: Schedule, window: Floats, thresholds: Floats, search: Search, lowest: Floats, below: Floats
) -> None:
    """Fill lowest (4): total, its day, endogenous, its day; below (n_threshold, 2): first day (nan), days.

    window (2,): days, closed. A bolus at the window's first instant counts after the level before it.
    """
    modes, state, edges, at_edges, knots, values, work, _ = search
    prepare(theta, schedule, modes, state)
    start_of_search(state, schedule[0, START], window, thresholds, lowest, below)
    for k in range(schedule.shape[0]):
        segment = schedule[k]
        now = begin_segment(theta, schedule, k, modes, state)
        start, end = segment[START], end_of_segment(schedule, k)
        edges[0] = max(window[0], start) - start
        edges[1] = min(window[1], end) - start
        advance(theta, modes[now], segment, state, edges[1], at_edges[1])
        if edges[1] >= edges[0]:
            if edges[0] == 0.0:
                copy_vector(state, at_edges[0])
            else:
                advance(theta, modes[now], segment, state, edges[0], at_edges[0])
            infused = level(state, INFUSED) != 0.0 or segment[IV_RATE] != 0.0 or holds_depot(segment, state)
            n = 0
            for part in range(2):
                if part == 0 or infused:  # without infused IgG the total is the endogenous IgG
                    n = knots_of_segment(theta, modes[now], segment, part == 0, search)
                for i in range(n):
                    if values[i] < lowest[2 * part] * (1.0 - FLAT):
                        lowest[2 * part], lowest[2 * part + 1] = values[i], start + knots[i]
                        if i == n - 1:  # exact, where start + knot rounds
                            lowest[2 * part + 1] = max(window[0], min(window[1], end))
                        elif i == 0:
                            lowest[2 * part + 1] = max(window[0], start)
                if part == 0 and thresholds.size:
                    add_days_below(theta, modes[now], segment, state, knots[:n], values[:n], thresholds, below, work[3])
        if end > window[1]:
            return
        copy_vector(at_edges[1], state)


@kernel
def fill_lowest_of_many(
    thetas: Floats, schedule: Schedule, window: Floats, thresholds: Floats, lowest: Floats, below: Floats
) -> None:
    """Many parameter vectors (n, 13): lowest (n, 4), below (n, n_threshold, 2)."""
    search = new_search()
    for i in range(thetas.shape[0]):
        fill_lowest(thetas[i], schedule, window, thresholds, search, lowest[i], below[i])


def lowest_of_many(
    parameters: Floats, schedule: Schedule, window_start: float, window_end: float, thresholds: npt.ArrayLike = ()
) -> tuple[Floats, Floats]:
    """Exact minima of many curves. parameters (n, 13); thresholds (m,), g/L.

    Returns lowest (n, 4): total, day, endogenous, day (of a flat minimum the earliest); and below (n, m, 2): first day
    below (nan: never) and days below, both of total IgG. The window must start no earlier than the
    schedule (AssertionError).
    """
    if not schedule[0, START] <= window_start <= window_end:
        raise AssertionError(f"window {window_start} to {window_end} lies before the schedule or is reversed")
    limits = np.asarray(thresholds, dtype=float).reshape(-1)
    lowest = np.empty((parameters.shape[0], 4))
    below = np.empty((parameters.shape[0], limits.size, 2))
    window = np.array([window_start, window_end])
    thetas = np.require(parameters, float, ("C", "W"))
    if thetas.shape[0] < FEWEST_TOGETHER or not can_go_together(schedule):
        fill_lowest_of_many(thetas, schedule, window, limits, lowest, below)
        return lowest, below
    fill_lowest_together(thetas, schedule, window, lowest)
    below[:, :, 0], below[:, :, 1] = np.nan, 0.0
    ever = np.flatnonzero(lowest[:, 0] < max(limits, default=-np.inf))
    if ever.size:
        spent = np.empty((ever.size, limits.size, 2))
        fill_lowest_of_many(thetas[ever], schedule, window, limits, np.empty((ever.size, 4)), spent)
        below[ever] = spent
    return lowest, below


def lowest(parameters: Floats, schedule: Schedule, window_start: float, window_end: float) -> Lowest:
    """Exact minimum of one curve over [window_start, window_end], with its earliest day. parameters (13,)."""
    levels, _ = lowest_of_many(parameters[None, :], schedule, window_start, window_end)
    total, total_day, endogenous, endogenous_day = (float(value) for value in levels[0])
    return Lowest(total=total, total_day=total_day, endogenous=endogenous, endogenous_day=endogenous_day)
