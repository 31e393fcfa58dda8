"""Exact area under the curve between two days: the integral of every mode, segment by segment.

A mode that starts at x0 and is fed by constant + decaying * exp(-r s) has, over t days, the area
x0 D[0, l] + constant D[0, 0, l] + decaying D[0, r, l], with the divided differences of `exponentials`.
Source: integrated by hand; tests/kinetics/test_areas.py checks it against mass balance and an ODE solver.
"""

from __future__ import annotations

import numpy as np

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.disposition import RATE, TO_1_FROM_1, count_modes
from igkinetics.kinetics.exponentials import decay, decay_triple
from igkinetics.kinetics.parameters import C_BASE, CL, KA, V1, F, Floats, Q
from igkinetics.kinetics.propagate import (
    DEPOT,
    ENDOGENOUS,
    INFUSED,
    STATE_SIZE,
    SUPPLY,
    advance,
    begin_segment,
    end_of_segment,
    prepare,
    production_input,
)
from igkinetics.kinetics.schedule import IV_RATE, SC_RATE, START, Schedule


@inner
def add_area(theta: Floats, modes: Floats, segment: Floats, state: Floats, t: float, area: Floats) -> None:
    """Add to area (2,), endogenous and infused, g day/L, those of t days from `state` on; modes (2, 5)."""
    constant, decaying, rate = production_input(theta, segment, state[SUPPLY])
    production = theta[CL] * theta[C_BASE] / theta[V1]
    subcutaneous = state[DEPOT] != 0.0 or segment[SC_RATE] != 0.0
    for i in range(count_modes(theta[Q])):
        loss = modes[i, RATE]
        weight = modes[i, TO_1_FROM_1]
        left = decay(loss, t).area
        steady = decay_triple(0.0, 0.0, loss, t)
        made = constant * steady
        if decaying != 0.0:
            made += decaying * decay_triple(0.0, rate, loss, t)
        area[0] += state[ENDOGENOUS + i] * left + weight * production * made
        given = segment[IV_RATE] * steady
        if subcutaneous:
            ka = theta[KA]
            through_depot = decay_triple(0.0, ka, loss, t)
            given += theta[F] * (ka * state[DEPOT] * through_depot + segment[SC_RATE] * (steady - through_depot))
        area[1] += state[INFUSED + i] * left + weight / theta[V1] * given


@kernel
def fill_area(theta: Floats, schedule: Schedule, window: Floats, area: Floats) -> None:
    """Fill area (2,): endogenous and infused IgG over window (2,) days, g day/L."""
    modes = np.zeros((2, 2, 5))
    state = np.zeros(STATE_SIZE)
    inside = np.zeros(STATE_SIZE)
    after = np.zeros(STATE_SIZE)
    area[:] = 0.0
    prepare(theta, schedule, modes, state)
    for k in range(schedule.shape[0]):
        segment = schedule[k]
        now = begin_segment(theta, schedule, k, modes, state)
        start, end = segment[START], end_of_segment(schedule, k)
        first, stop = max(window[0], start), min(window[1], end)
        if stop > first:
            inside[:] = state
            if first > start:
                advance(theta, modes[now], segment, state, first - start, inside)
            add_area(theta, modes[now], segment, inside, stop - first, area)
        if end >= window[1]:
            return
        advance(theta, modes[now], segment, state, end - start, after)
        state[:] = after


@kernel
def fill_areas(thetas: Floats, schedule: Schedule, window: Floats, areas: Floats) -> None:
    """Many parameter vectors (n, 13): areas (n, 2)."""
    for i in range(thetas.shape[0]):
        fill_area(thetas[i], schedule, window, areas[i])


def areas_of_many(parameters: Floats, schedule: Schedule, window_start: float, window_end: float) -> Floats:
    """Areas under many curves (n, 2): endogenous and infused, g day/L. parameters (n, 13).

    The window must start no earlier than the schedule (AssertionError).
    """
    if not schedule[0, START] <= window_start <= window_end:
        raise AssertionError(f"window {window_start} to {window_end} lies before the schedule or is reversed")
    areas = np.empty((parameters.shape[0], 2))
    window = np.array([window_start, window_end])
    fill_areas(np.require(parameters, float, ("C", "W")), schedule, window, areas)
    return areas
