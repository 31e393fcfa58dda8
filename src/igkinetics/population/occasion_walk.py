"""The curve of a patient whose parameters change between occasions, with its gradient (docs/model.md 10.7).

theta of occasion o is the patient's, moved on the scales of estimation: clearance and production (C_base) by the ratios
that the kinetics have for them, so that a change of CL leaves production as it is; V1 and S themselves. Amounts are
continuous where an occasion begins. Steps are those of kinetics.gradient; the gradient is kept apart by occasion.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.fit.objective import slope_on_scale
from igkinetics.kinetics.chain_rule import N_START, RATIOS_ACT, add_gradient, read_level
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_vector
from igkinetics.kinetics.disposition import (
    TO_1_FROM_1,
    TO_1_FROM_2,
    TO_2_FROM_1,
    TO_2_FROM_2,
    count_modes,
    disposition_slopes,
)
from igkinetics.kinetics.parameters import (
    C_BASE,
    C_INIT,
    CL,
    CLEARANCE_RATIO,
    N_PARAMETERS,
    PRODUCTION_RATIO,
    V1,
    V2,
    Floats,
    Q,
    S,
)
from igkinetics.kinetics.propagate import end_of_segment
from igkinetics.kinetics.responses import (
    LEFT,
    N_RESPONSES,
    N_SHARED,
    SUPPLY,
    advance_responses,
    enter_segment,
    leave_segment,
    nothing_given,
)
from igkinetics.kinetics.schedule import START

Integers = npt.NDArray[np.int64]


class Occasions(NamedTuple):
    """columns (r,): of x, that vary between occasions too. most: occasions of a patient. segment (m,): of each segment.

    x holds the p parameters, then one number for each occasion and column, occasion by occasion.
    """

    columns: Integers
    most: int
    segment: Integers


class OccasionRoom(NamedTuple):
    """Room for one patient: theta (o, 13), modes (o, 2, 5), slopes (o, 2, 5, 4) of each occasion; blocks (o, 2, 13):
    gradients of C1 and C2 at the start of the occasion that goes on; level (m,) and gradient (m, o, 13) of samples."""

    thetas: Floats
    modes: Floats
    slopes: Floats
    blocks: Floats
    start: Floats
    here: Floats
    after: Floats
    shared: Floats
    shared_after: Floats
    level: Floats
    by_theta: Floats


@kernel
def new_occasion_room(most: int, n_samples: int) -> OccasionRoom:
    return OccasionRoom(
        np.zeros((most, N_PARAMETERS)),
        np.zeros((most, 2, 5)),
        np.zeros((most, 2, 5, 4)),
        np.zeros((most, 2, N_PARAMETERS)),
        np.zeros(N_START),
        np.zeros((2, N_RESPONSES)),
        np.zeros((2, N_RESPONSES)),
        np.zeros(N_SHARED),
        np.zeros(N_SHARED),
        np.zeros(n_samples),
        np.zeros((n_samples, most, N_PARAMETERS)),
    )


@inner
def acting_place(place: int) -> int:
    """Where among the 13 a change between occasions acts."""
    if place == CL:
        return CLEARANCE_RATIO
    return PRODUCTION_RATIO if place == C_BASE else place


@inner
def fill_occasion_thetas(
    theta: Floats, x: Floats, transform: Floats, used: Integers, places: Integers, occasions: Occasions, thetas: Floats
) -> None:
    """theta (o, 13) of each occasion from the patient's own and the numbers of x beyond the first p."""
    p, r = transform.shape[0], occasions.columns.size
    for o in range(occasions.most):
        copy_vector(theta, thetas[o])
        for j in range(r):
            moved = x[p + o * r + j]
            for k in range(p):
                shift = transform[k, occasions.columns[j]] * moved
                if shift == 0.0 or used[k] == 0:
                    continue
                place = acting_place(places[k])
                if place == S:
                    share = thetas[o, S] * exp(shift)
                    thetas[o, S] = share / (1.0 - thetas[o, S] + share)
                else:
                    thetas[o, place] *= exp(shift)


@inner
def change_occasion(before: int, now: int, room: OccasionRoom, with_slopes: bool) -> None:
    """Another occasion begins: today's concentrations, with their gradients, are its start; amounts are continuous."""
    theta, modes, here, start, blocks = room.thetas[before], room.modes[before], room.here, room.start, room.blocks
    two = theta[Q] != 0.0
    endogenous_1, infused_1 = read_level(theta, modes, False, start, here)
    endogenous_2 = infused_2 = 0.0
    if two:
        endogenous_2, infused_2 = read_level(theta, modes, True, start, here)
    if with_slopes:
        for o in range(blocks.shape[0]):
            for j in range(N_PARAMETERS):
                central = peripheral = 0.0
                for i in range(count_modes(theta[Q])):
                    left = here[i, LEFT]
                    central += left * (
                        modes[i, TO_1_FROM_1] * blocks[o, 0, j] + modes[i, TO_1_FROM_2] * blocks[o, 1, j]
                    )
                    if two:
                        peripheral += left * (
                            modes[i, TO_2_FROM_1] * blocks[o, 0, j] + modes[i, TO_2_FROM_2] * blocks[o, 1, j]
                        )
                blocks[o, 0, j], blocks[o, 1, j] = central, peripheral
        add_gradient(theta, modes, room.slopes[before], False, start, here, blocks[before, 0])
        if two:
            add_gradient(theta, modes, room.slopes[before], True, start, here, blocks[before, 1])
    ratio = theta[V1] / room.thetas[now, V1]
    start[0], start[1], start[2], start[3] = endogenous_1 * ratio, endogenous_2, infused_1 * ratio, infused_2
    if with_slopes and ratio != 1.0:
        for o in range(blocks.shape[0]):
            for j in range(N_PARAMETERS):
                blocks[o, 0, j] *= ratio
    if with_slopes:
        total = start[0] + start[2]
        blocks[before, 0, V1] += total / theta[V1]
        blocks[now, 0, V1] -= total / room.thetas[now, V1]
    nothing_given(here)


@inner
def keep_sample(n: int, o: int, room: OccasionRoom, responses: Floats, with_slopes: bool) -> None:
    """Level of sample n in occasion o and, by occasion, its gradient."""
    theta, modes = room.thetas[o], room.modes[o]
    endogenous, infused = read_level(theta, modes, False, room.start, responses)
    room.level[n] = endogenous + infused
    if not with_slopes:
        return
    for other in range(room.blocks.shape[0]):
        for j in range(N_PARAMETERS):
            value = 0.0
            for i in range(count_modes(theta[Q])):
                value += responses[i, LEFT] * (
                    modes[i, TO_1_FROM_1] * room.blocks[other, 0, j] + modes[i, TO_1_FROM_2] * room.blocks[other, 1, j]
                )
            room.by_theta[n, other, j] = value
    add_gradient(theta, modes, room.slopes[o], False, room.start, responses, room.by_theta[n, o])


@inner
def walk_occasions(schedule: Floats, occasion: Integers, day: Floats, room: OccasionRoom, with_slopes: bool) -> None:
    """Levels, and gradients by occasion, at ascending days; room.thetas are filled. As kinetics.gradient.walk."""
    for o in range(room.thetas.shape[0]):
        theta = room.thetas[o]
        disposition_slopes(
            theta[CL] * theta[CLEARANCE_RATIO], theta[V1], theta[Q], theta[V2], room.modes[o], room.slopes[o]
        )
    here, after, shared, shared_after, start = room.here, room.after, room.shared, room.shared_after, room.start
    o = occasion[0]
    n_modes = count_modes(room.thetas[o, Q])
    start[:] = 0.0
    start[0] = start[1] = room.thetas[o, C_INIT]
    start[RATIOS_ACT] = 1.0
    room.blocks[:] = 0.0
    room.blocks[o, 0, C_INIT] = room.blocks[o, 1, C_INIT] = 1.0
    nothing_given(here)
    shared[:] = 0.0
    shared[SUPPLY] = 1.0
    n = 0
    while n < day.size and day[n] <= schedule[0, START]:
        keep_sample(n, o, room, here, with_slopes)
        n += 1
    last = schedule.shape[0] - 1
    for k in range(last + 1):
        if n == day.size:
            return
        segment = schedule[k]
        if occasion[k] != o:
            change_occasion(o, occasion[k], room, with_slopes)
            o = occasion[k]
        theta, modes = room.thetas[o], room.modes[o]
        enter_segment(theta, n_modes, segment, here, shared)
        begin, end = segment[START], end_of_segment(schedule, k)
        reached = -np.inf
        while n < day.size and day[n] <= end:
            if day[n] != reached:
                advance_responses(theta, modes, n_modes, segment, day[n] - begin, here, shared, after, shared_after)
                reached = day[n]
            keep_sample(n, o, room, after, with_slopes)
            n += 1
        if k < last:
            is_there = reached == end
            leave_segment(theta, modes, n_modes, segment, end - begin, is_there, here, shared, after, shared_after)


@inner
def acting_slope(place: int, by_theta: Floats, theta: Floats) -> float:
    """Derivative in the change of an occasion, on the scale of the parameter in this place."""
    acting = acting_place(place)
    return slope_on_scale(place, by_theta, theta) if acting == place else by_theta[acting] * theta[acting]


@inner
def fill_occasion_slopes(
    n: int, room: OccasionRoom, transform: Floats, used: Integers, places: Integers, occasions: Occasions, out: Floats
) -> None:
    """Slopes of the level of sample n in all of x, into out."""
    p, r = transform.shape[0], occasions.columns.size
    out[:] = 0.0
    for o in range(occasions.most):
        theta, by_theta = room.thetas[o], room.by_theta[n, o]
        for k in range(p):
            if used[k] == 0:
                continue
            own, moved = slope_on_scale(places[k], by_theta, theta), acting_slope(places[k], by_theta, theta)
            for column in range(p):
                out[column] += own * transform[k, column]
            for j in range(r):
                out[p + o * r + j] += moved * transform[k, occasions.columns[j]]
