"""Many curves under one schedule, followed side by side: what depends on the parameters is worked out once for each
length of step, and a step is then a few products for each curve, which the processor takes several at a time.

The equations are those of `propagate.py`; a step is linear in the state, its coefficients those of `measure_step`.
Without ratios under immunoglobulin and without subcutaneous doses (see `can_go_together`).
"""

from __future__ import annotations

from math import isinf

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.disposition import TO_1_FROM_1, TO_1_FROM_2, disposition_modes
from igkinetics.kinetics.parameters import C_BASE, C_INIT, CL, K_LOSS, V1, V2, Floats, Q, S
from igkinetics.kinetics.propagate import end_of_segment, measure_step
from igkinetics.kinetics.schedule import (
    COLUMNS,
    IV_BOLUS,
    IV_RATE,
    MODIFIED,
    ON_THERAPY,
    SC_BOLUS,
    SC_RATE,
    START,
    Schedule,
)

Integers = npt.NDArray[np.int64]
SAME_STEP_DAY = 1e-12
FIRST, SECOND, GIVEN_1, GIVEN_2, SUPPLY = range(5)
"""The state of a curve: endogenous and infused IgG in both modes, and the B-cell supply."""
LEFT_1, LEFT_2, MADE_1, MADE_2, FED_1, FED_2, BY_RATE_1, BY_RATE_2, SUPPLY_LEFT, SUPPLY_MADE = range(10)
N_COEFFICIENTS = 10


@kernel
def can_go_together(schedule: Schedule) -> bool:
    for k in range(schedule.shape[0]):
        if schedule[k, SC_RATE] != 0.0 or schedule[k, SC_BOLUS] != 0.0 or schedule[k, MODIFIED] != 0.0:
            return False
    return True


@kernel
def steps_of(schedule: Schedule, day: Floats) -> tuple[Integers, Integers, Floats]:
    """The steps (s, 3) that meet all ascending days: kind, segment, and the day each ends on (-1: the segment's end);
    whether therapy goes on in each kind, and its length. A segment begins with a step of kind -1."""
    n = day.size + 2 * schedule.shape[0]
    table = np.empty((n, 3), np.int64)
    lengths, on = np.empty(n), np.empty(n, np.int64)
    steps = kinds = i = 0
    while i < day.size and day[i] <= schedule[0, START]:
        i += 1
    for k in range(schedule.shape[0]):
        if i == day.size:
            break
        table[steps, 0], table[steps, 1], table[steps, 2] = -1, k, -1
        steps += 1
        reached, end, therapy = schedule[k, START], end_of_segment(schedule, k), int(schedule[k, ON_THERAPY])
        while reached < end and i < day.size:
            ends_on = i if day[i] <= end else -1
            target = min(day[i], end)
            length, kind = target - reached, 0
            while kind < kinds and not (on[kind] == therapy and abs(lengths[kind] - length) < SAME_STEP_DAY):
                kind += 1
            if kind == kinds:
                lengths[kinds], on[kinds] = length, therapy
                kinds += 1
            table[steps, 0], table[steps, 1], table[steps, 2] = kind, k, ends_on
            steps += 1
            reached = target
            while i < day.size and day[i] <= target:
                i += 1
    return table[:steps].copy(), on[:kinds].copy(), lengths[:kinds].copy()


@kernel
def fill_coefficients(thetas: Floats, lengths: Floats, on: Integers, coefficients: Floats, entry: Floats) -> None:
    """Coefficients (kind, N_COEFFICIENTS, n) of each kind of step, and entry (4, n): the start of both modes, and what
    1 g given makes in each."""
    modes, segment = np.empty((2, 5)), np.zeros(COLUMNS)
    for k in range(thetas.shape[0]):
        theta = thetas[k]
        disposition_modes(theta[CL], theta[V1], theta[Q], theta[V2], modes)
        for i in range(2):
            entry[i, k] = (modes[i, TO_1_FROM_1] + modes[i, TO_1_FROM_2]) * theta[C_INIT]
            entry[2 + i, k] = modes[i, TO_1_FROM_1] / theta[V1]
        production = theta[CL] * theta[C_BASE] / theta[V1]
        at_once = isinf(theta[K_LOSS])
        for kind in range(lengths.size):
            segment[ON_THERAPY] = float(on[kind])
            step = measure_step(theta, modes, segment, False, lengths[kind])
            into = coefficients[kind]
            for i in range(2):
                mode = step.first if i == 0 else step.second
                made = production * modes[i, TO_1_FROM_1]
                into[LEFT_1 + i, k] = mode.left
                into[BY_RATE_1 + i, k] = modes[i, TO_1_FROM_1] / theta[V1] * mode.area
                if theta[S] == 0.0 or (on[kind] != 0 and at_once):
                    into[MADE_1 + i, k], into[FED_1 + i, k] = made * (1.0 - theta[S]) * mode.area, 0.0
                elif on[kind] != 0:
                    into[MADE_1 + i, k] = made * (1.0 - theta[S]) * mode.area
                    into[FED_1 + i, k] = made * theta[S] * mode.of_supply
                else:
                    refilled = step.supply.rate * mode.lag_of_supply
                    into[MADE_1 + i, k] = made * ((1.0 - theta[S]) * mode.of_supply + refilled)
                    into[FED_1 + i, k] = made * theta[S] * mode.of_supply
            if theta[S] == 0.0:
                into[SUPPLY_LEFT, k], into[SUPPLY_MADE, k] = 0.0, 1.0
            elif on[kind] != 0:
                into[SUPPLY_LEFT, k], into[SUPPLY_MADE, k] = 0.0 if at_once else step.supply.left, 0.0
            else:
                into[SUPPLY_LEFT, k], into[SUPPLY_MADE, k] = step.supply.left, step.supply.rate * step.supply.area


@inner
def carry(values: Floats, left: Floats, made: Floats, fed: Floats, supply: Floats) -> None:
    for k in range(values.size):
        values[k] = values[k] * left[k] + (made[k] + fed[k] * supply[k])


@inner
def carry_given(values: Floats, left: Floats, by_rate: Floats, rate: float) -> None:
    for k in range(values.size):
        values[k] = values[k] * left[k] + by_rate[k] * rate


@inner
def add(one: Floats, other: Floats, total: Floats) -> None:
    for k in range(total.size):
        total[k] = one[k] + other[k]


@kernel
def fill_together(thetas: Floats, schedule: Schedule, day: Floats, endogenous: Floats, total: Floats) -> None:
    """Endogenous and total IgG (day, n), g/L, of curves (n, 13) at ascending days; at a bolus the level before it."""
    n = thetas.shape[0]
    steps, on, lengths = steps_of(schedule, day)
    coefficients, entry = np.empty((lengths.size, N_COEFFICIENTS, n)), np.empty((4, n))
    fill_coefficients(thetas, lengths, on, coefficients, entry)
    state = np.zeros((5, n))
    state[FIRST], state[SECOND], state[SUPPLY] = entry[0], entry[1], 1.0
    i = 0
    while i < day.size and day[i] <= schedule[0, START]:
        add(state[FIRST], state[SECOND], endogenous[i])
        total[i] = endogenous[i]
        i += 1
    for s in range(steps.shape[0]):
        kind, segment, ends_on = steps[s, 0], schedule[steps[s, 1]], steps[s, 2]
        if kind < 0:
            if segment[IV_BOLUS] != 0.0:
                carry_given(state[GIVEN_1], np.ones(n), entry[2], segment[IV_BOLUS])
                carry_given(state[GIVEN_2], np.ones(n), entry[3], segment[IV_BOLUS])
            if segment[ON_THERAPY] != 0.0:
                for k in range(n):
                    if isinf(thetas[k, K_LOSS]):
                        state[SUPPLY, k] = 0.0
            continue
        own = coefficients[kind]
        carry(state[FIRST], own[LEFT_1], own[MADE_1], own[FED_1], state[SUPPLY])
        carry(state[SECOND], own[LEFT_2], own[MADE_2], own[FED_2], state[SUPPLY])
        carry_given(state[GIVEN_1], own[LEFT_1], own[BY_RATE_1], segment[IV_RATE])
        carry_given(state[GIVEN_2], own[LEFT_2], own[BY_RATE_2], segment[IV_RATE])
        carry_given(state[SUPPLY], own[SUPPLY_LEFT], own[SUPPLY_MADE], 1.0)
        if ends_on >= 0:
            add(state[FIRST], state[SECOND], endogenous[ends_on])
            add(state[GIVEN_1], state[GIVEN_2], total[ends_on])
            add(endogenous[ends_on], total[ends_on], total[ends_on])
    for i in range(1, day.size):
        if day[i] == day[i - 1]:
            endogenous[i], total[i] = endogenous[i - 1], total[i - 1]
