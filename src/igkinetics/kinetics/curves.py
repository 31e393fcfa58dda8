"""IgG over time: endogenous and infused, for one parameter vector or many."""

from __future__ import annotations

import numpy as np

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_vector
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
    measure_step,
    prepare,
    take_step,
)
from igkinetics.kinetics.schedule import START, Schedule
from igkinetics.kinetics.together import FEWEST_TOGETHER, can_go_together, fill_curves_together

CURVE_ROOM = 20 + 2 * STATE_SIZE
"""Length of the room that fill_curve works in."""
SAME_STEP_DAY = 1e-12
"""Steps whose lengths differ by less are one: days of a grid differ by rounding."""
MOST_IN_A_ROW = 16
"""Equal steps that are taken one from the other before the next is taken from the segment's start: rounding adds up."""


@inner
def fill_curve(
    theta: Floats, schedule: Schedule, day: Floats, endogenous: Floats, infused: Floats, scratch: Floats
) -> None:
    """Fill endogenous and infused (n_day,), g/L, at ascending days; at a bolus the level before it.

    theta (13,); scratch (CURVE_ROOM,) is overwritten.
    """
    scratch[:] = 0.0
    modes = scratch[:20].reshape(2, 2, 5)
    state = scratch[20 : 20 + STATE_SIZE]
    after = scratch[20 + STATE_SIZE : CURVE_ROOM]
    prepare(theta, schedule, modes, state)
    last = schedule.shape[0] - 1
    n = 0
    while n < day.size and day[n] <= schedule[0, START]:
        endogenous[n] = level(state, ENDOGENOUS)
        infused[n] = level(state, INFUSED)
        n += 1
    for k in range(last + 1):
        now = begin_segment(theta, schedule, k, modes, state)
        segment, mode = schedule[k], modes[now]
        copy_vector(state, after)
        end = end_of_segment(schedule, k)
        start, reached, length, in_a_row = segment[START], segment[START], np.inf, 0
        while n < day.size and day[n] <= end:
            if day[n] > reached:  # a sample is often taken just before an infusion
                if abs(day[n] - reached - length) < SAME_STEP_DAY and in_a_row < MOST_IN_A_ROW:
                    if in_a_row == 0:
                        step = measure_step(theta, mode, segment, holds_depot(segment, after), length)
                    take_step(theta, mode, segment, after, step, after)
                    in_a_row += 1
                else:
                    advance(theta, mode, segment, state, day[n] - start, after)
                    in_a_row = 0
                reached, length = day[n], day[n] - reached
            endogenous[n] = level(after, ENDOGENOUS)
            infused[n] = level(after, INFUSED)
            n += 1
        if n == day.size:
            return
        if k < last:
            advance(theta, mode, segment, state, end - start, after)
            copy_vector(after, state)


@kernel
def fill_curves(thetas: Floats, schedule: Schedule, day: Floats, endogenous: Floats, infused: Floats) -> None:
    """Curves of many parameter vectors (n, 13) under one schedule; fills (n, n_day) each, g/L."""
    scratch = np.empty(CURVE_ROOM)
    for i in range(thetas.shape[0]):
        fill_curve(thetas[i], schedule, day, endogenous[i], infused[i], scratch)


def igg_curve(parameters: Floats, schedule: Schedule, day: Floats) -> tuple[Floats, Floats]:
    """Endogenous and infused IgG, g/L, at ascending days.

    parameters: (13,) or (n, 13); returns two arrays (n_day,) or (n, n_day). A day before the schedule's start
    is an AssertionError; at the moment of a bolus the level before it is given.
    """
    days = np.require(day, float, ("C", "W"))  # compiled code knows arrays that can be written
    if days.size and (days[0] < schedule[0, START] or np.any(np.diff(days) < 0)):
        raise AssertionError("days must ascend and not lie before the start of the schedule")
    thetas = np.atleast_2d(np.require(parameters, float, ("C", "W")))
    endogenous = np.empty((thetas.shape[0], days.size))
    infused = np.empty_like(endogenous)
    if thetas.shape[0] >= FEWEST_TOGETHER and can_go_together(schedule):
        fill_curves_together(thetas, schedule, days, endogenous, infused)
    else:
        fill_curves(thetas, schedule, days, endogenous, infused)
    if np.ndim(parameters) == 1:
        return endogenous[0], infused[0]
    return endogenous, infused
