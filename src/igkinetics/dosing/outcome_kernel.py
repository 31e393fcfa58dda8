"""One curve's outcomes, exactly: lowest levels, troughs, days below, areas, and the peak of one dosing interval.

The area under C1 follows from mass balance: int C1 dt = (what came in - what the body gained) / CL, for endogenous
and infused IgG apart. Days, g, L, g/L.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.copying import copy_vector
from igkinetics.kinetics.disposition import TO_1_FROM_1, TO_2_FROM_1
from igkinetics.kinetics.exponentials import decay
from igkinetics.kinetics.extremes import Search, add_days_below, knots_of_segment
from igkinetics.kinetics.parameters import C_BASE, CL, V1, V2, F, Floats
from igkinetics.kinetics.propagate import (
    DEPOT,
    ENDOGENOUS,
    INFUSED,
    SUPPLY,
    advance,
    begin_segment,
    level,
    prepare,
    production_input,
)
from igkinetics.kinetics.schedule import IV_BOLUS, IV_RATE, SC_BOLUS, SC_RATE, START, Schedule

(
    NADIR,
    NADIR_DAY,
    NADIR_ALL,
    TROUGH,
    TROUGH_LAST,
    LATE,
    PEAK,
    MEAN,
    AUC_TAU,
    AUC_TAU_INFUSED,
    GRAMS,
    INFUSIONS,
) = range(12)
N_FOUND: Final = 12
"""Places in `found`. LATE: the level at the end of the last complete interval, else the lowest of the last days."""
(
    FROM,
    UNTIL,
    NADIR_FROM,
    NADIR_UNTIL,
    TROUGH_FROM,
    TROUGH_UNTIL,
    INTERVAL_START,
    INTERVAL_END,
    COMPLETE,
) = range(9)
"""Places in `marks`, see windows.Windows."""
N_DAYS: Final = 8
"""The marks before COMPLETE are days."""
OWN, GIVEN = range(2)


@inner
def amount_in_body(theta: Floats, modes: Floats, state: Floats, part: int) -> float:
    """IgG of one part (ENDOGENOUS or INFUSED) in both compartments, g; modes (2, 5)."""
    amount: float = theta[V1] * (state[part] + state[part + 1])
    for i in range(2):
        if modes[i, TO_1_FROM_1] != 0.0:
            amount += theta[V2] * state[part + i] * modes[i, TO_2_FROM_1] / modes[i, TO_1_FROM_1]
    return amount


@inner
def infused_in_body(theta: Floats, modes: Floats, state: Floats) -> float:
    """Infused IgG in both compartments and what is still to be absorbed, g (a card without absorption has F = nan)."""
    waiting = theta[F] * state[DEPOT] if state[DEPOT] != 0.0 else 0.0
    return amount_in_body(theta, modes, state, INFUSED) + float(waiting)


@inner
def begin_area(theta: Floats, modes: Floats, state: Floats, area: Floats) -> None:
    """area (2): what is in the body, to which `add_input` adds what comes in; g, endogenous and infused."""
    area[OWN] = amount_in_body(theta, modes, state, ENDOGENOUS)
    area[GIVEN] = infused_in_body(theta, modes, state)


@inner
def end_area(theta: Floats, modes: Floats, state: Floats, area: Floats) -> None:
    """Make areas under the curve of the amounts in area (2), g*day/L: endogenous and infused."""
    area[OWN] = (area[OWN] - amount_in_body(theta, modes, state, ENDOGENOUS)) / theta[CL]
    area[GIVEN] = (area[GIVEN] - infused_in_body(theta, modes, state)) / theta[CL]


@inner
def add_input(theta: Floats, segment: Floats, supply: float, t: float, area: Floats) -> None:
    """Add what a segment of t days brings to area (2), g."""
    produced, given, under_skin = input_of_segment(theta, segment, supply, t)
    area[OWN] += produced
    area[GIVEN] += given
    if under_skin != 0.0:
        area[GIVEN] += theta[F] * under_skin


@inner
def input_of_segment(theta: Floats, segment: Floats, supply: float, t: float) -> tuple[float, float, float]:
    """What a segment of t days brings: produced, given into a vein, given under the skin (before F), g."""
    constant, decaying, rate = production_input(theta, segment, supply)
    produced = constant * t
    if decaying != 0.0:
        produced += decaying * decay(rate, t).area
    produced *= theta[CL] * theta[C_BASE]
    return produced, segment[IV_BOLUS] + segment[IV_RATE] * t, segment[SC_BOLUS] + segment[SC_RATE] * t


@inner
def begin_windows(
    theta: Floats, modes: Floats, state: Floats, start: float, marks: Floats, outcomes: Floats, areas: Floats
) -> None:
    """What the level before anything happens at a segment's start says, and the areas that begin there."""
    total = level(state, ENDOGENOUS) + level(state, INFUSED)
    if start == marks[FROM]:
        outcomes[NADIR_ALL] = total
        begin_area(theta, modes, state, areas[0])
    if start == marks[NADIR_FROM]:
        outcomes[NADIR], outcomes[NADIR_DAY] = total, start
    if start == marks[INTERVAL_START]:
        outcomes[PEAK] = -np.inf
        begin_area(theta, modes, state, areas[1])


@inner
def end_windows(
    theta: Floats,
    modes: Floats,
    state: Floats,
    start: float,
    marks: Floats,
    lowest: float,
    outcomes: Floats,
    areas: Floats,
) -> None:
    """Outcomes of windows that end at a segment's start. lowest: of the interval."""
    if start == marks[INTERVAL_END]:
        end_area(theta, modes, state, areas[1])
        outcomes[AUC_TAU], outcomes[AUC_TAU_INFUSED] = areas[1, OWN] + areas[1, GIVEN], areas[1, GIVEN]
        outcomes[LATE] = lowest if marks[COMPLETE] == 0.0 else level(state, ENDOGENOUS) + level(state, INFUSED)
    if start == marks[UNTIL]:
        end_area(theta, modes, state, areas[0])
        outcomes[MEAN] = (areas[0, OWN] + areas[0, GIVEN]) / (marks[UNTIL] - marks[FROM])


@inner
def add_lowest(
    values: Floats, knots: Floats, n: int, start: float, end: float, in_nadir: bool, outcomes: Floats
) -> float:
    """Lowest levels of one segment, between whose n knots the curve is monotonic; returns the segment's lowest."""
    lowest = np.inf
    for i in range(n):
        lowest = min(lowest, values[i])
        if in_nadir and values[i] < outcomes[NADIR]:
            outcomes[NADIR] = values[i]
            outcomes[NADIR_DAY] = end if i == n - 1 else start + knots[i]
    outcomes[NADIR_ALL] = min(outcomes[NADIR_ALL], lowest)
    return lowest


@inner
def fill_outcomes(
    theta: Floats,
    schedule: Schedule,
    marks: Floats,
    trough_day: Floats,
    thresholds: Floats,
    search: Search,
    areas: Floats,
    outcomes: Floats,
    below: Floats,
) -> None:
    """Fill found (12) but for GRAMS and INFUSIONS, and below (n_threshold, 2): first day (nan), days.

    Each of the marked days, and of trough_day (ascending), must start a segment; the schedule starts by FROM.
    Windows are closed: the level before a dose at their first moment counts, one given at their end does not.
    areas (2, 2): room.
    """
    modes, state, edges, at_edges, knots, values, work, _ = search
    edges[0] = 0.0
    prepare(theta, schedule, modes, state)
    outcomes[:] = np.nan
    below[:, 0] = np.nan
    below[:, 1] = 0.0
    lowest_of_interval = np.inf
    n_trough = 0
    for k in range(schedule.shape[0]):
        start = schedule[k, START]
        begin_windows(theta, modes[0], state, start, marks, outcomes, areas)
        end_windows(theta, modes[0], state, start, marks, lowest_of_interval, outcomes, areas)
        while n_trough < trough_day.size and trough_day[n_trough] <= start:
            if trough_day[n_trough] == start and marks[TROUGH_FROM] <= start <= marks[TROUGH_UNTIL]:
                trough = level(state, ENDOGENOUS) + level(state, INFUSED)
                outcomes[TROUGH] = trough if np.isnan(outcomes[TROUGH]) else min(outcomes[TROUGH], trough)
                outcomes[TROUGH_LAST] = trough
            n_trough += 1
        if start >= marks[UNTIL]:
            return
        segment = schedule[k]
        length = schedule[k + 1, START] - start
        within = start >= marks[FROM]
        inside = marks[INTERVAL_START] <= start < marks[INTERVAL_END]
        if within:
            add_input(theta, segment, state[SUPPLY], length, areas[0])
        if inside:
            add_input(theta, segment, state[SUPPLY], length, areas[1])
        begin_segment(theta, schedule, k, modes, state)
        advance(theta, modes[0], segment, state, length, at_edges[1])
        if within:
            copy_vector(state, at_edges[0])
            edges[1] = length
            n = knots_of_segment(theta, modes[0], segment, True, search)
            in_nadir = marks[NADIR_FROM] <= start < marks[NADIR_UNTIL]
            lowest = add_lowest(values, knots, n, start, schedule[k + 1, START], in_nadir, outcomes)
            if inside:
                lowest_of_interval = min(lowest_of_interval, lowest)
                for i in range(n):
                    outcomes[PEAK] = max(outcomes[PEAK], values[i])
            add_days_below(theta, modes[0], segment, state, knots[:n], values[:n], thresholds, below, work[3])
        copy_vector(at_edges[1], state)
