"""The curve with its gradient in all 13 parameters.

C1 and its gradient are linear in the responses of `responses.py`. So the gradient of any weighted sum of levels, such
as a log likelihood, needs the chain rule once per epoch, on the weighted sum of the responses: `walk` steps through
the schedule, `add_weighted_gradient` comes back with the weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.chain_rule import GRADIENT_1, GRADIENT_2, N_START, RATIOS_ACT, add_gradient, read_level
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_table
from igkinetics.kinetics.disposition import count_modes, disposition_slopes
from igkinetics.kinetics.parameters import C_INIT, CL, CLEARANCE_RATIO, V1, V2, Floats, Q
from igkinetics.kinetics.propagate import end_of_segment
from igkinetics.kinetics.responses import (
    N_RESPONSES,
    N_SHARED,
    SUPPLY,
    advance_responses,
    enter_segment,
    leave_segment,
    nothing_given,
)
from igkinetics.kinetics.schedule import MODIFIED, START, Schedule


class Course(NamedTuple):
    """Room for a walk through a schedule of at most so many days and epochs, and what the walk leaves there.

    An epoch ends where the ratios under immunoglobulin begin or cease to act. modes (2, 2, 5), slopes (2, 2, 5, 4):
    without and with the ratios; starts (n_epoch, 31); epoch (n_day,) of each day; responses (n_day, 2, 13);
    endogenous, infused (n_day,), g/L; weights (n_day,): the caller's, for add_weighted_gradient. The rest is where
    the walk is now: responses (2, 13), and shared (5,) by the modes.
    """

    modes: Floats
    slopes: Floats
    starts: Floats
    epoch: npt.NDArray[np.int64]
    responses: Floats
    endogenous: Floats
    infused: Floats
    weights: Floats
    here: Floats
    after: Floats
    shared: Floats
    shared_after: Floats


@kernel
def new_course(schedule: Schedule, n_day: int) -> Course:
    """Room for walks of up to n_day days through this schedule, or through parts of it."""
    n_epoch = 1
    for k in range(1, schedule.shape[0]):
        n_epoch += schedule[k, MODIFIED] != schedule[k - 1, MODIFIED]
    return Course(
        np.zeros((2, 2, 5)),
        np.zeros((2, 2, 5, 4)),
        np.zeros((n_epoch, N_START)),
        np.zeros(n_day, dtype=np.int64),
        np.zeros((n_day, 2, N_RESPONSES)),
        np.zeros(n_day),
        np.zeros(n_day),
        np.zeros(n_day),
        np.zeros((2, N_RESPONSES)),
        np.zeros((2, N_RESPONSES)),
        np.zeros(N_SHARED),
        np.zeros(N_SHARED),
    )


@inner
def begin_walk(theta: Floats, schedule: Schedule, course: Course) -> None:
    """Disposition, the first epoch's start and the state before anything happens."""
    modes, slopes, start = course.modes, course.slopes, course.starts[0]
    disposition_slopes(theta[CL], theta[V1], theta[Q], theta[V2], modes[0], slopes[0])
    disposition_slopes(theta[CL] * theta[CLEARANCE_RATIO], theta[V1], theta[Q], theta[V2], modes[1], slopes[1])
    start[:] = 0.0
    start[0] = start[1] = theta[C_INIT]
    start[GRADIENT_1 + C_INIT] = start[GRADIENT_2 + C_INIT] = 1.0
    start[RATIOS_ACT] = schedule[0, MODIFIED]
    nothing_given(course.here)
    course.shared[:] = 0.0
    course.shared[SUPPLY] = 1.0


@inner
def begin_epoch(theta: Floats, course: Course, before: int) -> None:
    """A parameter changes: today's concentrations, with their gradient, are the next epoch's start."""
    old, new, here = course.starts[before], course.starts[before + 1], course.here
    modified = old[RATIOS_ACT] != 0.0
    modes, slopes = course.modes[int(modified)], course.slopes[int(modified)]
    new[:] = 0.0
    new[0], new[2] = read_level(theta, modes, False, old, here)
    add_gradient(theta, modes, slopes, False, old, here, new[GRADIENT_1:GRADIENT_2])
    if theta[Q] != 0.0:
        new[1], new[3] = read_level(theta, modes, True, old, here)
        add_gradient(theta, modes, slopes, True, old, here, new[GRADIENT_2:RATIOS_ACT])
    new[RATIOS_ACT] = 0.0 if modified else 1.0
    nothing_given(here)


@inner
def keep(theta: Floats, course: Course, n: int, epoch: int, responses: Floats) -> None:
    """Keep the responses (2, 13) of day n, and its level."""
    course.epoch[n] = epoch
    copy_table(responses, course.responses[n])
    start = course.starts[epoch]
    modes = course.modes[int(start[RATIOS_ACT])]
    course.endogenous[n], course.infused[n] = read_level(theta, modes, False, start, responses)


@inner
def walk(theta: Floats, schedule: Schedule, day: Floats, course: Course) -> None:
    """Fill the course at ascending days; same conventions as curves.fill_curve."""
    begin_walk(theta, schedule, course)
    n_modes = count_modes(theta[Q])
    here, after, shared, shared_after = course.here, course.after, course.shared, course.shared_after
    epoch = n = 0
    while n < day.size and day[n] <= schedule[0, START]:
        keep(theta, course, n, epoch, here)
        n += 1
    last = schedule.shape[0] - 1
    for k in range(last + 1):
        if n == day.size:
            return
        segment = schedule[k]
        if segment[MODIFIED] != course.starts[epoch, RATIOS_ACT]:
            begin_epoch(theta, course, epoch)
            epoch += 1
        modes = course.modes[int(segment[MODIFIED])]
        enter_segment(theta, n_modes, segment, here, shared)
        start, end = segment[START], end_of_segment(schedule, k)
        reached = -np.inf
        while n < day.size and day[n] <= end:
            if day[n] != reached:
                advance_responses(theta, modes, n_modes, segment, day[n] - start, here, shared, after, shared_after)
                reached = day[n]
            keep(theta, course, n, epoch, after)
            n += 1
        if k < last:
            is_there = reached == end
            leave_segment(theta, modes, n_modes, segment, end - start, is_there, here, shared, after, shared_after)


@inner
def add_gradient_of(theta: Floats, course: Course, epoch: int, responses: Floats, gradient: Floats) -> None:
    """Add to gradient (13,) that of the level that responses (2, 13), or a sum of them, make in an epoch."""
    start = course.starts[epoch]
    modified = int(start[RATIOS_ACT])
    add_gradient(theta, course.modes[modified], course.slopes[modified], False, start, responses, gradient)


@inner
def add_weighted_gradient(theta: Floats, course: Course, n_day: int, gradient: Floats) -> None:
    """After a walk to n_day days, add to gradient (13,) that of the sum of course.weights times the total levels."""
    total = course.here
    n = epoch = 0
    while n < n_day:
        total[:] = 0.0
        while n < n_day and course.epoch[n] == epoch:
            for i in range(count_modes(theta[Q])):
                for k in range(N_RESPONSES):
                    total[i, k] += course.weights[n] * course.responses[n, i, k]
            n += 1
        add_gradient_of(theta, course, epoch, total, gradient)
        epoch += 1


@kernel
def fill_curve_with_gradient(
    theta: Floats, schedule: Schedule, day: Floats, endogenous: Floats, infused: Floats, gradient: Floats
) -> None:
    """Fill endogenous, infused (n_day,) g/L and gradient (n_day, 13) of their sum, at ascending days.

    What a structure lacks has derivative 0: Q and V2 where Q = 0 (one compartment), S, k_loss and k_rec where S = 0
    (constant production), k_loss where it is infinite (step loss).
    """
    course = new_course(schedule, day.size)
    walk(theta, schedule, day, course)
    endogenous[:] = course.endogenous
    infused[:] = course.infused
    gradient[:] = 0.0
    for n in range(day.size):
        add_gradient_of(theta, course, course.epoch[n], course.responses[n], gradient[n])
