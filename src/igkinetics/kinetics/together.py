"""Many curves under one schedule, followed side by side: what depends on the parameters is worked out once for each
length of step, and a step is then a few products for each curve, which the processor takes several at a time.

The equations are those of `propagate.py`; a step is linear in the state. Curves go in blocks of BLOCK, a quantity of a
block in one row of a flat array, so that every loop has a fixed length and rows lie a fixed distance apart.
Without ratios under immunoglobulin and without subcutaneous doses (see `can_go_together`).
"""

from __future__ import annotations

from math import isinf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_vector
from igkinetics.kinetics.disposition import RATE, TO_1_FROM_1, TO_1_FROM_2, disposition_modes
from igkinetics.kinetics.expm1 import BLOCK, fill_expm1
from igkinetics.kinetics.parameters import C_BASE, C_INIT, CL, K_LOSS, K_REC, V1, V2, Floats, Q, S
from igkinetics.kinetics.propagate import end_of_segment
from igkinetics.kinetics.schedule import (
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
FEWEST_TOGETHER = 8
"""Fewer curves are followed one by one."""
FIRST, SECOND, GIVEN_1, GIVEN_2, SUPPLY = (BLOCK * row for row in range(5))
"""The state of a block: endogenous and infused IgG in both modes, and the B-cell supply."""
STATE_ROOM = 5 * BLOCK
RATE_1, RATE_2, START_1, START_2, BY_GRAM_1, BY_GRAM_2, LOSS, RECOVERY, STEADY_1, STEADY_2, VARYING_1, VARYING_2 = (
    BLOCK * row for row in range(12)
)
"""What a block's parameters give: rates of both modes, their level at the start, what 1 g makes in each, rates of loss
and recovery of supply (0 where it is lost at once), production into each mode that goes on without supply, and that
which goes with it."""
KEPT = 12 * BLOCK
"""0 where supply is lost at once, else 1."""
DRAWN_ROOM = 13 * BLOCK
LEFT_1, LEFT_2, MADE_1, MADE_2, FED_1, FED_2, BY_RATE_1, BY_RATE_2, SUPPLY_LEFT, SUPPLY_MADE = (
    BLOCK * row for row in range(10)
)
"""A step: x LEFT + MADE + FED x supply, infused IgG by rate of infusion, supply x LEFT + MADE."""
STEP_ROOM = 10 * BLOCK
LOST_1, LOST_2, LOST_SUPPLY, LOST_BETWEEN = (BLOCK * row for row in range(4))
"""exp(-rate t) - 1 for both modes, the supply, and the difference between its rate and a mode's."""
LOST_ROOM = 4 * BLOCK


class Together(NamedTuple):
    """Room for a block: modes (2, 5), what its parameters give, its state, coefficients of each kind of step (kinds,
    STEP_ROOM), and
    what a step works in."""

    modes: Floats
    drawn: Floats
    state: Floats
    coefficients: Floats
    lost: Floats
    gaps: Floats
    scales: Floats
    bits: Integers


@kernel
def new_together(kinds: int) -> Together:
    scales = np.empty(BLOCK)
    return Together(
        np.empty((2, 5)),
        np.empty(DRAWN_ROOM),
        np.empty(STATE_ROOM),
        np.empty((max(kinds, 1), STEP_ROOM)),
        np.empty(LOST_ROOM),
        np.empty(BLOCK),
        scales,
        scales.view(np.int64),
    )


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


@inner
def enter_block(thetas: Floats, first: int, room: Together) -> None:
    """What BLOCK parameter vectors from `first` on give, the last one as often as it takes to fill the block."""
    modes, drawn = room.modes, room.drawn
    for k in range(BLOCK):
        theta = thetas[min(first + k, thetas.shape[0] - 1)]
        disposition_modes(theta[CL], theta[V1], theta[Q], theta[V2], modes)
        at_once = isinf(theta[K_LOSS])
        drawn[RATE_1 + k], drawn[RATE_2 + k] = modes[0, RATE], modes[1, RATE]
        drawn[START_1 + k] = (modes[0, TO_1_FROM_1] + modes[0, TO_1_FROM_2]) * theta[C_INIT]
        drawn[START_2 + k] = (modes[1, TO_1_FROM_1] + modes[1, TO_1_FROM_2]) * theta[C_INIT]
        drawn[BY_GRAM_1 + k], drawn[BY_GRAM_2 + k] = (
            modes[0, TO_1_FROM_1] / theta[V1],
            modes[1, TO_1_FROM_1] / theta[V1],
        )
        drawn[LOSS + k], drawn[RECOVERY + k] = 0.0 if at_once else theta[K_LOSS], theta[K_REC]
        drawn[KEPT + k] = 0.0 if at_once and theta[S] != 0.0 else 1.0
        production = theta[CL] * theta[C_BASE] / theta[V1]
        for i in range(2):
            made = production * modes[i, TO_1_FROM_1]
            drawn[STEADY_1 + i * BLOCK + k] = made * (1.0 - theta[S])
            drawn[VARYING_1 + i * BLOCK + k] = made * theta[S]


@inner
def begin_block(drawn: Floats, state: Floats) -> None:
    """The state before anything happens."""
    for k in range(BLOCK):
        state[FIRST + k], state[SECOND + k] = drawn[START_1 + k], drawn[START_2 + k]
        state[GIVEN_1 + k] = state[GIVEN_2 + k] = 0.0
        state[SUPPLY + k] = 1.0


@inner
def fill_mode(drawn: Floats, mode: int, supplied: int, refilling: bool, t: float, lost: Floats, step: Floats) -> None:
    """Coefficients of one mode (0, 1): its divided differences with the supply, of which `lost` holds the exponentials.

    rate of either 0: the response to a constant is t. D[a, b] is written with the slower of both, in which nothing
    cancels; what cancels in `lag` is small beside what it is added to.
    """
    at = mode * BLOCK
    for k in range(BLOCK):
        rate, supply = drawn[RATE_1 + at + k], drawn[supplied + k]
        gap, high = abs(supply - rate), max(supply, rate)
        left = 1.0 + lost[LOST_1 + at + k]
        area = -lost[LOST_1 + at + k] / rate if rate > 0.0 else t
        area_of_supply = -lost[LOST_SUPPLY + k] / supply if supply > 0.0 else t
        slower = left if rate < supply else 1.0 + lost[LOST_SUPPLY + k]
        pair = slower * (-lost[LOST_BETWEEN + k] / gap if gap > 0.0 else t)
        lag = ((area_of_supply if supply < rate else area) - pair) / high if high > 0.0 else 0.0
        steady, varying = drawn[STEADY_1 + at + k], drawn[VARYING_1 + at + k]
        step[LEFT_1 + at + k] = left
        step[FED_1 + at + k] = varying * pair
        step[MADE_1 + at + k] = steady * pair + (steady + varying) * supply * lag if refilling else steady * area
        step[BY_RATE_1 + at + k] = drawn[BY_GRAM_1 + at + k] * area


@inner
def fill_gaps(drawn: Floats, mode: int, supplied: int, gaps: Floats) -> None:
    for k in range(BLOCK):
        gaps[k] = abs(drawn[supplied + k] - drawn[RATE_1 + mode * BLOCK + k])


@inner
def fill_supply(drawn: Floats, refilling: bool, lost: Floats, step: Floats) -> None:
    for k in range(BLOCK):
        step[SUPPLY_LEFT + k] = 1.0 + lost[LOST_SUPPLY + k]
        step[SUPPLY_MADE + k] = -lost[LOST_SUPPLY + k] if refilling else 0.0


@inner
def fill_step(room: Together, on_therapy: bool, t: float, step: Floats) -> None:
    """Coefficients (STEP_ROOM,) of a step of t days."""
    drawn, lost, gaps, scales, bits = room.drawn, room.lost, room.gaps, room.scales, room.bits
    supplied = LOSS if on_therapy else RECOVERY
    fill_expm1(drawn, supplied, t, lost, LOST_SUPPLY, scales, bits)
    fill_supply(drawn, not on_therapy, lost, step)
    for mode in range(2):
        fill_expm1(drawn, RATE_1 + mode * BLOCK, t, lost, LOST_1 + mode * BLOCK, scales, bits)
        fill_gaps(drawn, mode, supplied, gaps)
        fill_expm1(gaps, 0, t, lost, LOST_BETWEEN, scales, bits)
        fill_mode(drawn, mode, supplied, not on_therapy, t, lost, step)


@inner
def carry(state: Floats, step: Floats, rate: float) -> None:
    """The state a step later."""
    for k in range(BLOCK):
        supply = state[SUPPLY + k]
        state[FIRST + k] = state[FIRST + k] * step[LEFT_1 + k] + (step[MADE_1 + k] + step[FED_1 + k] * supply)
        state[SECOND + k] = state[SECOND + k] * step[LEFT_2 + k] + (step[MADE_2 + k] + step[FED_2 + k] * supply)
        state[GIVEN_1 + k] = state[GIVEN_1 + k] * step[LEFT_1 + k] + step[BY_RATE_1 + k] * rate
        state[GIVEN_2 + k] = state[GIVEN_2 + k] * step[LEFT_2 + k] + step[BY_RATE_2 + k] * rate
        state[SUPPLY + k] = supply * step[SUPPLY_LEFT + k] + step[SUPPLY_MADE + k]


@inner
def enter_segment_together(drawn: Floats, segment: Floats, state: Floats) -> None:
    """What happens at the instant a segment starts: boluses; supply drops at once where k_loss is infinite."""
    if segment[IV_BOLUS] != 0.0:
        for k in range(BLOCK):
            state[GIVEN_1 + k] += drawn[BY_GRAM_1 + k] * segment[IV_BOLUS]
            state[GIVEN_2 + k] += drawn[BY_GRAM_2 + k] * segment[IV_BOLUS]
    if segment[ON_THERAPY] != 0.0:
        for k in range(BLOCK):
            state[SUPPLY + k] *= drawn[KEPT + k]


@inner
def read_levels(state: Floats, endogenous: Floats, infused: Floats) -> None:
    for k in range(BLOCK):
        endogenous[k] = state[FIRST + k] + state[SECOND + k]
        infused[k] = state[GIVEN_1 + k] + state[GIVEN_2 + k]


@inner
def follow_block(
    thetas: Floats,
    first: int,
    schedule: Schedule,
    day: Floats,
    steps: Integers,
    on: Integers,
    lengths: Floats,
    room: Together,
    endogenous: Floats,
    infused: Floats,
) -> None:
    """Endogenous and infused IgG (day, BLOCK), g/L, of the curves from `first` on; steps, on, lengths: of steps_of."""
    drawn, state, coefficients = room.drawn, room.state, room.coefficients
    enter_block(thetas, first, room)
    for kind in range(lengths.size):
        fill_step(room, on[kind] != 0, lengths[kind], coefficients[kind])
    begin_block(drawn, state)
    i = 0
    while i < day.size and day[i] <= schedule[0, START]:
        read_levels(state, endogenous[i], infused[i])
        i += 1
    for s in range(steps.shape[0]):
        kind, segment, ends_on = steps[s, 0], schedule[steps[s, 1]], steps[s, 2]
        if kind < 0:
            enter_segment_together(drawn, segment, state)
            continue
        carry(state, coefficients[kind], segment[IV_RATE])
        if ends_on >= 0:
            read_levels(state, endogenous[ends_on], infused[ends_on])
    for i in range(1, day.size):
        if day[i] == day[i - 1]:
            copy_vector(endogenous[i - 1], endogenous[i])
            copy_vector(infused[i - 1], infused[i])


@kernel
def fill_together(thetas: Floats, schedule: Schedule, day: Floats, endogenous: Floats, total: Floats) -> None:
    """Endogenous and total IgG (day, n), g/L, of curves (n, 13) at ascending days; at a bolus the level before it."""
    steps, on, lengths = steps_of(schedule, day)
    room = new_together(lengths.size)
    own, given = np.empty((day.size, BLOCK)), np.empty((day.size, BLOCK))
    for first in range(0, thetas.shape[0], BLOCK):
        n = min(BLOCK, thetas.shape[0] - first)
        follow_block(thetas, first, schedule, day, steps, on, lengths, room, own, given)
        for i in range(day.size):
            for k in range(n):
                endogenous[i, first + k] = own[i, k]
                total[i, first + k] = own[i, k] + given[i, k]


@kernel
def fill_curves_together(thetas: Floats, schedule: Schedule, day: Floats, endogenous: Floats, infused: Floats) -> None:
    """As fill_curves: endogenous and infused IgG (n, day), curve by curve."""
    steps, on, lengths = steps_of(schedule, day)
    room = new_together(lengths.size)
    own, given = np.empty((day.size, BLOCK)), np.empty((day.size, BLOCK))
    for first in range(0, thetas.shape[0], BLOCK):
        n = min(BLOCK, thetas.shape[0] - first)
        follow_block(thetas, first, schedule, day, steps, on, lengths, room, own, given)
        for k in range(n):
            for i in range(day.size):
                endogenous[first + k, i] = own[i, k]
                infused[first + k, i] = given[i, k]
