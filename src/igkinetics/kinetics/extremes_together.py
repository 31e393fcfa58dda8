"""Exact minima of many curves under one schedule, side by side (see `together.py`).

The edges of all segments are followed for a block of curves at once. The slope there, and the signs of the terms that
it is a sum of, say whether a minimum can lie between, and how low (Descartes and Budan, as in `turning.py`). Only where
it may lie below all edges is it looked for, curve by curve.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_vector
from igkinetics.kinetics.disposition import disposition_modes
from igkinetics.kinetics.expm1 import BLOCK
from igkinetics.kinetics.parameters import CL, V1, V2, Floats, Q
from igkinetics.kinetics.propagate import DEPOT, ENDOGENOUS, INFUSED, STATE_SIZE, advance, end_of_segment, level
from igkinetics.kinetics.propagate import SUPPLY as SUPPLY_PLACE
from igkinetics.kinetics.schedule import IV_RATE, ON_THERAPY, START, Schedule
from igkinetics.kinetics.together import (
    BY_GRAM_1,
    BY_GRAM_2,
    FIRST,
    GIVEN_1,
    GIVEN_2,
    LEFT_1,
    LEFT_2,
    LOSS,
    RATE_1,
    RATE_2,
    RECOVERY,
    SAME_STEP_DAY,
    SECOND,
    STATE_ROOM,
    STEADY_1,
    STEADY_2,
    SUPPLY,
    SUPPLY_LEFT,
    VARYING_1,
    VARYING_2,
    Integers,
    Together,
    begin_block,
    carry,
    enter_block,
    enter_segment_together,
    fill_step,
    new_together,
)
from igkinetics.kinetics.turning import APART, FLAT, MAX_TERMS, exponential_roots, slope_terms

LOW_TOTAL, DAY_TOTAL, LOW_OWN, DAY_OWN = (BLOCK * row for row in range(4))
LOWEST_ROOM = 4 * BLOCK


class Look(NamedTuple):
    """Room for a look at one curve: modes (2, 5), state (6,), work (4, 6) and room (5, 4) for the roots."""

    modes: Floats
    state: Floats
    work: Floats
    room: Floats


@kernel
def pieces_of(schedule: Schedule, window: Floats) -> tuple[Integers, Integers, Floats]:
    """The steps that meet the window (s, 3): kind, segment, 1 where the step lies in the window; whether therapy goes
    on in each kind, and its length. A segment begins with a step of kind -1."""
    n = 3 * schedule.shape[0]
    table = np.zeros((n, 3), np.int64)
    lengths, on = np.empty(n), np.empty(n, np.int64)
    steps = kinds = 0
    for k in range(schedule.shape[0]):
        start, end, therapy = schedule[k, START], end_of_segment(schedule, k), int(schedule[k, ON_THERAPY])
        table[steps, 0], table[steps, 1] = -1, k
        steps += 1
        left, right = max(window[0], start) - start, min(window[1], end) - start
        met = right >= left
        for part in range(2):
            length = (left if part == 0 else right - left) if met else (right if part == 0 else 0.0)
            inside = met and part == 1
            if length == 0.0 and not inside:
                continue
            kind = 0
            while kind < kinds and not (on[kind] == therapy and abs(lengths[kind] - length) < SAME_STEP_DAY):
                kind += 1
            if kind == kinds:
                lengths[kinds], on[kinds] = length, therapy
                kinds += 1
            table[steps, 0], table[steps, 1], table[steps, 2] = kind, k, int(inside)
            steps += 1
        if end > window[1]:
            break
    return table[:steps].copy(), on[:kinds].copy(), lengths[:kinds].copy()


@inner
def fill_floors(
    drawn: Floats,
    start: Floats,
    end: Floats,
    step: Floats,
    rate: float,
    total: float,
    therapy: bool,
    length: float,
    floors: Floats,
) -> None:
    """How low endogenous (total 0) or total IgG (1) may get between the edges of a piece, into floors (BLOCK,): inf
    where no minimum lies between them, -inf where nothing better is known.

    The slope is c1 exp(-l1 t) + c2 exp(-l2 t) + c3 exp(-rs t), l2 < l1; rs: of the supply. In the order of their rates
    the terms change sign at most once, or the chain of derivatives (Budan) shows as much: then the slope passes 0 where
    its signs at the edges say so. Where it only grows, a tangent at either edge lies below the curve.
    """
    supplied = LOSS if therapy else RECOVERY
    for k in range(BLOCK):
        l1, l2, rs = drawn[RATE_1 + k], drawn[RATE_2 + k], drawn[supplied + k]
        varying_1, varying_2 = drawn[VARYING_1 + k], drawn[VARYING_2 + k]
        given = total * rate
        steady_1 = drawn[STEADY_1 + k] + given * drawn[BY_GRAM_1 + k] + (0.0 if therapy else varying_1)
        steady_2 = drawn[STEADY_2 + k] + given * drawn[BY_GRAM_2 + k] + (0.0 if therapy else varying_2)
        decaying = start[SUPPLY + k] if therapy else start[SUPPLY + k] - 1.0
        fading_1, fading_2 = varying_1 * decaying, varying_2 * decaying
        now_1, now_2 = start[FIRST + k] + total * start[GIVEN_1 + k], start[SECOND + k] + total * start[GIVEN_2 + k]
        then_1, then_2 = end[FIRST + k] + total * end[GIVEN_1 + k], end[SECOND + k] + total * end[GIVEN_2 + k]
        left_1, left_2, left_supply = step[LEFT_1 + k], step[LEFT_2 + k], step[SUPPLY_LEFT + k]
        first = (steady_1 - l1 * now_1) + (steady_2 - l2 * now_2) + (fading_1 + fading_2)
        last = (steady_1 - l1 * then_1) + (steady_2 - l2 * then_2) + (fading_1 + fading_2) * left_supply
        share_1 = 0.0 if fading_1 == 0.0 else fading_1 / (l1 - rs)
        share_2 = 0.0 if fading_2 == 0.0 else fading_2 / (l2 - rs)
        c1, c2 = steady_1 - l1 * now_1 + l1 * share_1, steady_2 - l2 * now_2 + l2 * share_2
        c3 = -rs * (share_1 + share_2)
        lowest, highest = rs <= l2, rs > l1
        slow, r_slow, left_slow = c3 if lowest else c2, rs if lowest else l2, left_supply if lowest else left_2
        fast, r_fast, left_fast = c3 if highest else c1, rs if highest else l1, left_supply if highest else left_1
        middle, r_middle, left_middle = c3, rs, left_supply
        if lowest:
            middle, r_middle, left_middle = c2, l2, left_2
        if highest:
            middle, r_middle, left_middle = c1, l1, left_1
        to_middle, to_fast = middle * (r_slow - r_middle), fast * (r_slow - r_fast)
        turns = (to_middle + to_fast) * (to_middle * left_middle + to_fast * left_fast) <= 0.0
        twice = slow * middle < 0.0 and middle * fast < 0.0
        grows = -(r_slow * slow + r_middle * middle + r_fast * fast)
        grows_last = -(r_slow * slow * left_slow + r_middle * middle * left_middle + r_fast * fast * left_fast)
        close = abs(l1 - rs) < APART * l1 or abs(l2 - rs) < APART * l2
        unknown = (close and (fading_1 != 0.0 or fading_2 != 0.0)) or (twice and turns and first * last >= 0.0)
        level_first, level_last = now_1 + now_2, then_1 + then_2
        meet = (level_last - last * length - level_first) / (first - last)
        tangent = level_first + first * meet
        floor = tangent if not twice and grows > 0.0 and grows_last > 0.0 else -np.inf
        floors[k] = -np.inf if unknown else floor if first <= 0.0 < last else np.inf


@inner
def lower(value: float, day: float, k: int, part: int, lowest: Floats) -> None:
    at = part * 2 * BLOCK + k
    if value < lowest[at] * (1.0 - FLAT):
        lowest[at], lowest[at + BLOCK] = value, day


@inner
def take_edge(state: Floats, day: float, lowest: Floats) -> None:
    """The level at an edge, for all curves of the block."""
    for k in range(BLOCK):
        own = state[FIRST + k] + state[SECOND + k]
        lower(own + (state[GIVEN_1 + k] + state[GIVEN_2 + k]), day, k, 0, lowest)
        lower(own, day, k, 1, lowest)


@inner
def look_inside(
    theta: Floats,
    segment: Floats,
    start: Floats,
    k: int,
    total: bool,
    since: float,
    length: float,
    look: Look,
    lowest: Floats,
) -> None:
    """The turning points of curve k between the edges; since: the day of the first edge."""
    modes, state, work, room = look
    coefficients, rates, roots, after = work[0], work[1], work[2], work[3]
    state[ENDOGENOUS], state[ENDOGENOUS + 1] = start[FIRST + k], start[SECOND + k]
    state[INFUSED], state[INFUSED + 1] = start[GIVEN_1 + k], start[GIVEN_2 + k]
    state[DEPOT], state[SUPPLY_PLACE] = 0.0, start[SUPPLY + k]
    disposition_modes(theta[CL], theta[V1], theta[Q], theta[V2], modes)
    terms = slope_terms(theta, modes, segment, state, total, coefficients, rates)
    for i in range(exponential_roots(coefficients, rates, terms, length, roots, room)):
        if 0.0 < roots[i] < length:
            advance(theta, modes, segment, state, roots[i], after)
            value = level(after, ENDOGENOUS) + (level(after, INFUSED) if total else 0.0)
            lower(value, since + roots[i], k, 0 if total else 1, lowest)


@inner
def has_infused(state: Floats, rate: float) -> bool:
    """Whether infused IgG is there or comes: of all curves or of none."""
    return rate != 0.0 or state[GIVEN_1] != 0.0 or state[GIVEN_2] != 0.0


@inner
def fill_piece(segment: Floats, start: Floats, length: float, step: Floats, room: Together, floors: Floats) -> None:
    """Floors (2, BLOCK) of total and endogenous IgG in a piece of the window that lies within a segment."""
    therapy, rate = segment[ON_THERAPY] != 0.0, segment[IV_RATE]
    fill_floors(room.drawn, start, room.state, step, rate, 1.0, therapy, length, floors[0])
    if has_infused(start, rate):
        fill_floors(room.drawn, start, room.state, step, rate, 0.0, therapy, length, floors[1])
    else:
        copy_vector(floors[0], floors[1])


@inner
def follow_edges(
    schedule: Schedule,
    window: Floats,
    pieces: Integers,
    lengths: Floats,
    room: Together,
    starts: Floats,
    floors: Floats,
    found: Floats,
) -> None:
    """Lowest levels (LOWEST_ROOM,) at the edges of all pieces, the states in which these start, and their floors."""
    begin_block(room.drawn, room.state)
    for k in range(LOWEST_ROOM):
        found[k] = np.inf
    if window[0] <= schedule[0, START] <= window[1]:
        take_edge(room.state, schedule[0, START], found)
    for s in range(pieces.shape[0]):
        kind, segment = pieces[s, 0], schedule[pieces[s, 1]]
        if kind < 0:
            enter_segment_together(room.drawn, segment, room.state)
            continue
        step, length = room.coefficients[kind], lengths[kind]
        if pieces[s, 2] == 0:
            carry(room.state, step, segment[IV_RATE])
            continue
        take_edge(room.state, max(window[0], segment[START]), found)
        copy_vector(room.state, starts[s])
        carry(room.state, step, segment[IV_RATE])
        fill_piece(segment, starts[s], length, step, room, floors[s])
        take_edge(room.state, min(window[1], end_of_segment(schedule, pieces[s, 1])), found)


@kernel
def fill_lowest_together(thetas: Floats, schedule: Schedule, window: Floats, lowest: Floats) -> None:
    """Lowest (n, 4) of many parameter vectors (n, 13), as fill_lowest: total, its day, endogenous, its day."""
    pieces, on, lengths = pieces_of(schedule, window)
    room = new_together(lengths.size)
    look = Look(np.empty((2, 5)), np.empty(STATE_SIZE), np.empty((4, STATE_SIZE)), np.empty((MAX_TERMS + 1, MAX_TERMS)))
    starts, floors = np.empty((pieces.shape[0], STATE_ROOM)), np.empty((pieces.shape[0], 2, BLOCK))
    found = np.empty(LOWEST_ROOM)
    for first in range(0, thetas.shape[0], BLOCK):
        enter_block(thetas, first, room)
        for kind in range(lengths.size):
            fill_step(room, on[kind] != 0, lengths[kind], room.coefficients[kind])
        follow_edges(schedule, window, pieces, lengths, room, starts, floors, found)
        n = min(BLOCK, thetas.shape[0] - first)
        for s in range(pieces.shape[0]):
            if pieces[s, 2] != 0:
                segment = schedule[pieces[s, 1]]
                since, length = max(window[0], segment[START]), lengths[pieces[s, 0]]
                for part in range(2):
                    for k in range(n):
                        if floors[s, part, k] < found[2 * part * BLOCK + k]:
                            look_inside(thetas[first + k], segment, starts[s], k, part == 0, since, length, look, found)
        for k in range(n):
            for i in range(4):
                lowest[first + k, i] = found[i * BLOCK + k]
