"""One curve's outcomes, exactly: lowest level, days below, and trough, peak and areas of one dosing interval.

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
    enter_segment,
    level,
    prepare,
    production_input,
)
from igkinetics.kinetics.schedule import IV_BOLUS, IV_RATE, SC_BOLUS, SC_RATE, START, Schedule

NADIR, NADIR_DAY, TROUGH, PEAK, AUC, AUC_INFUSED, GRAMS, INFUSIONS = range(8)
N_FOUND: Final = 8
FROM, UNTIL, INTERVAL_START, INTERVAL_END, LOWEST_IS_TROUGH = range(5)
"""Places in `marks`: window of the outcomes; the dosing interval (nan: none); whether its lowest level is the trough
(1: no dose follows by the calendar) or the level at its end (0)."""


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
def end_interval(theta: Floats, modes: Floats, state: Floats, lowest: float, found: Floats) -> None:
    """Trough and areas: found[AUC] and found[AUC_INFUSED] hold what was there and what came in, g."""
    found[AUC_INFUSED] = (found[AUC_INFUSED] - infused_in_body(theta, modes, state)) / theta[CL]
    own = (found[AUC] - amount_in_body(theta, modes, state, ENDOGENOUS)) / theta[CL]
    found[AUC] = own + found[AUC_INFUSED]
    found[TROUGH] = min(level(state, ENDOGENOUS) + level(state, INFUSED), lowest)


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
def fill_outcomes(
    theta: Floats, schedule: Schedule, marks: Floats, thresholds: Floats, search: Search, found: Floats,
    below: Floats,
) -> None:  # fmt: skip
    """Fill found (8) but for GRAMS and INFUSIONS, and below (n_threshold, 2): first day (nan), days.

    Each of the marks FROM, UNTIL, INTERVAL_START and INTERVAL_END must start a segment; the schedule starts by FROM.
    The window is closed: the level before a dose at FROM counts, one at UNTIL does not.
    """
    modes, state, edges, at_edges, knots, values, work, _ = search
    edges[0] = 0.0
    prepare(theta, schedule, modes, state)
    found[:] = np.nan
    found[NADIR] = np.inf
    below[:, 0] = np.nan
    below[:, 1] = 0.0
    lowest_of_interval = np.inf
    for k in range(schedule.shape[0]):
        start = schedule[k, START]
        if start == marks[FROM]:
            found[NADIR], found[NADIR_DAY] = level(state, ENDOGENOUS) + level(state, INFUSED), start
        if start == marks[INTERVAL_START]:
            found[PEAK] = -np.inf
            found[AUC] = amount_in_body(theta, modes[0], state, ENDOGENOUS)
            found[AUC_INFUSED] = infused_in_body(theta, modes[0], state)
        if start == marks[INTERVAL_END]:
            lowest = lowest_of_interval if marks[LOWEST_IS_TROUGH] != 0.0 else np.inf
            end_interval(theta, modes[0], state, lowest, found)
        if start >= marks[UNTIL]:
            return
        segment = schedule[k]
        length = schedule[k + 1, START] - start
        inside = marks[INTERVAL_START] <= start < marks[INTERVAL_END]
        if inside:
            produced, given, under_skin = input_of_segment(theta, segment, state[SUPPLY], length)
            found[AUC] += produced
            found[AUC_INFUSED] += given
            if under_skin != 0.0:
                found[AUC_INFUSED] += theta[F] * under_skin
        enter_segment(theta, modes[0], segment, state)
        advance(theta, modes[0], segment, state, length, at_edges[1])
        if start >= marks[FROM]:
            copy_vector(state, at_edges[0])
            edges[1] = length
            n = knots_of_segment(theta, modes[0], segment, True, search)
            for i in range(n):
                if values[i] < found[NADIR]:
                    found[NADIR] = values[i]
                    found[NADIR_DAY] = schedule[k + 1, START] if i == n - 1 else start + knots[i]
                if inside:
                    found[PEAK] = max(found[PEAK], values[i])
                    lowest_of_interval = min(lowest_of_interval, values[i])
            add_days_below(theta, modes[0], segment, state, knots[:n], values[:n], thresholds, below, work[3])
        copy_vector(at_edges[1], state)
