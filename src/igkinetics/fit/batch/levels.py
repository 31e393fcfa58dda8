"""Levels at a patient's samples with their slopes in the parameters, all steps between events worked out side by side.

The equations are those of `kinetics/responses.py` and `kinetics/chain_rule.py`: what each mode of the disposition makes
of production, of B-cell supply and of infusions, with its derivatives. What a step does depends on its length and on
the rates alone, so its coefficients are computed for all steps at once, in loops that the processor takes several steps
at a time; the responses are then carried from step to step by a few products. Without ratios under immunoglobulin and
without subcutaneous doses (see `can_go_together`); other records go through `kinetics/gradient.py`.
"""

from __future__ import annotations

from math import isinf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.disposition import RATE, TO_1_FROM_1, TO_1_FROM_2, count_modes, disposition_slopes
from igkinetics.kinetics.expm1 import (
    BIAS,
    EXPONENT_AT,
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    ROUNDS,
    SMALLEST,
    T2,
    T3,
    T4,
    T5,
    T6,
    T7,
    T8,
    T9,
    T10,
    T11,
    T12,
    T13,
)
from igkinetics.kinetics.parameters import C_BASE, C_INIT, CL, K_LOSS, K_REC, V1, V2, Floats, Q, S
from igkinetics.kinetics.schedule import IV_BOLUS, IV_RATE, START, Schedule
from igkinetics.kinetics.together import steps_of

Integers = npt.NDArray[np.int64]
LANES = 32
"""Steps whose numbers stand side by side: loops of a fixed length over rows a fixed distance apart."""
CLOSE = 1e-3
"""Difference of rates x days below which derivatives of a pair of decays come from their series."""
LOST, LOST_BETWEEN, LOST_SUPPLY, LENGTH, ON, RATE_OF_SUPPLY = (LANES * row for row in range(6))
LEFT, AREA, SLOPE, PAIR, TWICE_L, TWICE_S, REFILLED = (LANES * row for row in range(6, 13))
STEP_ROWS = 13 * LANES
"""Of one mode in LANES steps: exp(-rate t) - 1 of the mode, of the difference between its rate and the supply's, and of
the supply; length, whether therapy goes on, rate of the supply; and what each step does (see fill_coefficients)."""
EXPONENTIALS = 3 * LANES
SAMPLES = 16
"""Samples whose numbers stand side by side."""
SAMPLE_LOST, SINCE, B, B_L, B_LOSS, B_REC, V, V_L = (SAMPLES * row for row in range(8))
TOTAL, BY_CL, BY_V1, BY_Q, BY_V2, BY_BASE, BY_INIT, BY_S, BY_LOSS, BY_REC = (SAMPLES * row for row in range(8, 18))
SAMPLE_ROWS = 18 * SAMPLES
"""Of one mode at SAMPLES samples: exp(-rate t) - 1, t the days since the first day; responses to supply and infusions;
what the mode makes of the level and of its derivatives."""
OF_PARAMETER = (BY_CL, BY_V1, BY_Q, BY_V2, -1, -1, BY_BASE, BY_INIT, BY_S, BY_LOSS, BY_REC, -1, -1)
DECAYING, SUPPLY_LOSS, SUPPLY_REC = range(3)


class Steps(NamedTuple):
    """The steps between a patient's events and samples: how many, and of each (s,) its length, whether therapy goes on,
    g per day infused, g given at the start, and the sample that it ends on (-1: none).

    again: samples on the day of the one before. What a walk works in: tables of LANES steps and of SAMPLES samples at a
    time, both modes of each in turn; room for exponentials, whose bits are seen as whole numbers too; the supply when
    each step begins (s, 3), modes (2, 5) and slopes (2, 5, 4)."""

    n_steps: int
    length: Floats
    on: Floats
    rate: Floats
    bolus: Floats
    sample: Integers
    again: Integers
    table: Floats
    samples: Floats
    scales: Floats
    bits: Integers
    supply: Floats
    modes: Floats
    slopes: Floats


@kernel
def new_steps(schedule: Schedule, day: Floats) -> Steps:
    """Of a schedule that curves can go together under, at ascending days."""
    table, on, lengths = steps_of(schedule, day)
    count = 0
    for s in range(table.shape[0]):
        count += table[s, 0] >= 0
    blocks = (count + LANES - 1) // LANES
    length, therapy, rate, bolus = np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count)
    sample, steps = np.full(count, -1), np.zeros((2 * blocks, STEP_ROWS))
    given, n = 0.0, 0
    for s in range(table.shape[0]):
        kind, segment = table[s, 0], table[s, 1]
        if kind < 0:
            given += schedule[segment, IV_BOLUS]
            continue
        length[n], therapy[n], rate[n] = lengths[kind], float(on[kind]), schedule[segment, IV_RATE]
        bolus[n], given = given, 0.0
        sample[n] = table[s, 2]
        for mode in range(2):
            row, at = steps[2 * (n // LANES) + mode], n % LANES
            row[LENGTH + at], row[ON + at] = length[n], therapy[n]
        n += 1
    samples = np.zeros((2 * ((day.size + SAMPLES - 1) // SAMPLES), SAMPLE_ROWS))
    again, k = np.empty(day.size, np.int64), 0
    for i in range(day.size):
        for mode in range(2):
            samples[2 * (i // SAMPLES) + mode, SINCE + i % SAMPLES] = max(day[i] - schedule[0, START], 0.0)
        if i > 0 and day[i] == day[i - 1] and day[i] > schedule[0, START]:
            again[k] = i
            k += 1
    scales = np.empty(EXPONENTIALS)
    return Steps(
        count,
        length,
        therapy,
        rate,
        bolus,
        sample,
        again[:k].copy(),
        steps,
        samples,
        scales,
        scales.view(np.int64),
        np.zeros((count, 3)),
        np.zeros((2, 5)),
        np.zeros((2, 5, 4)),
    )


@inner
def expm1_in_place(x: Floats, scales: Floats, bits: Integers) -> None:
    """exp(x) - 1 of EXPONENTIALS numbers, the first of x, none positive (see kinetics/expm1.py)."""
    for k in range(EXPONENTIALS):
        bounded = max(x[k], SMALLEST)
        shifted = bounded * LOG2_E + ROUNDS
        whole = shifted - ROUNDS
        r = bounded - whole * LN2_HIGH - whole * LN2_LOW
        square = r * r
        fourth = square * square
        low = (1.0 + r * T2) + square * (T3 + r * T4)
        middle = (T5 + r * T6) + square * (T7 + r * T8)
        high = (T9 + r * T10) + square * (T11 + r * T12)
        scales[k] = shifted
        x[k] = r * (low + fourth * (middle + fourth * (high + fourth * T13)))
    for k in range(EXPONENTIALS):
        bits[k] = (bits[k] + BIAS) << EXPONENT_AT
    for k in range(EXPONENTIALS):
        x[k] = scales[k] * x[k] + (scales[k] - 1.0)


@inner
def fill_coefficients(of_mode: float, loss: float, recovery: float, table: Floats, steps: Steps) -> None:
    """What LANES steps do to one mode: divided differences of the exponential (see kinetics/exponentials.py).

    With l the mode's rate and r the supply's: LEFT exp(-l t), AREA D[0, l], SLOPE D[0, l, l], PAIR D[l, r],
    TWICE_L D[l, l, r], TWICE_S D[l, r, r], and REFILLED r D[0, l, r] off therapy, 0 on it. D[l, r] is written with the
    slower of both.
    """
    inverse = 1.0 / of_mode
    for k in range(LANES):
        on, t = table[ON + k], table[LENGTH + k]
        rate = on * loss + (1.0 - on) * recovery
        table[RATE_OF_SUPPLY + k] = rate
        table[LOST_SUPPLY + k] = -rate * t
        table[LOST + k] = -of_mode * t
        table[LOST_BETWEEN + k] = -abs(rate - of_mode) * t
    expm1_in_place(table, steps.scales, steps.bits)
    for k in range(LANES):
        t, r, of_supply = table[LENGTH + k], table[RATE_OF_SUPPLY + k], table[LOST_SUPPLY + k]
        left, left_supply = 1.0 + table[LOST + k], 1.0 + of_supply
        area = -table[LOST + k] * inverse
        gap, high = r - of_mode, max(r, of_mode)
        x = gap * t
        size = abs(x)
        near = size < CLOSE
        divisor = 1.0 / (1.0 if near else gap)
        series = t * (1.0 - size * (0.5 - size * (1.0 / 6.0 - size / 24.0)))
        apart = -table[LOST_BETWEEN + k] * abs(divisor)
        pair = (left if of_mode < r else left_supply) * (series if near else apart)
        twice = left * t * t
        twice_l = twice * (0.5 - x * (1.0 / 6.0 - x / 24.0))
        twice_s = twice * (0.5 - x * (1.0 / 3.0 - x / 8.0))
        area_of_supply = -of_supply / r if r > 0.0 else t
        lag = ((area if of_mode < r else area_of_supply) - pair) / high
        table[LEFT + k], table[AREA + k] = left, area
        table[SLOPE + k] = (area - t * left) * inverse
        table[PAIR + k] = pair
        table[TWICE_L + k] = twice_l if near else (t * left - pair) * divisor
        table[TWICE_S + k] = twice_s if near else (pair - t * left_supply) * divisor
        table[REFILLED + k] = (1.0 - table[ON + k]) * r * lag


@inner
def carry_supply(theta: Floats, steps: Steps) -> None:
    """What the supply lies above where it goes to when each step begins, with its derivatives."""
    table, supply = steps.table, steps.supply
    at_once = isinf(theta[K_LOSS])
    here, by_loss, by_rec = 1.0, 0.0, 0.0
    for j in range(steps.n_steps):
        on, lost = steps.on[j] != 0.0, table[2 * (j // LANES), LOST_SUPPLY + j % LANES]
        if on and at_once:
            here = by_loss = by_rec = 0.0
        decaying = here if on else here - 1.0
        supply[j, DECAYING], supply[j, SUPPLY_LOSS], supply[j, SUPPLY_REC] = decaying, by_loss, by_rec
        kept, moved = 1.0 + lost, steps.length[j] * decaying * (1.0 + lost)
        here = decaying * kept if on else here * kept - lost
        by_loss, by_rec = by_loss * kept, by_rec * kept
        if on:
            by_loss -= moved
        else:
            by_rec -= moved


@inner
def carry_mode(mode: int, steps: Steps) -> None:
    """Responses of one mode to supply and infusions at each sample (see advance_responses)."""
    table, supply, samples = steps.table, steps.supply, steps.samples
    b = b_l = b_loss = b_rec = v = v_l = 0.0
    for j in range(steps.n_steps):
        t, off, at = steps.length[j], 1.0 - steps.on[j], j % LANES
        own = table[2 * (j // LANES) + mode]
        left, area, slope, pair = own[LEFT + at], own[AREA + at], own[SLOPE + at], own[PAIR + at]
        decaying, by_loss, by_rec = supply[j, DECAYING], supply[j, SUPPLY_LOSS], supply[j, SUPPLY_REC]
        v += steps.bolus[j]
        b_l = left * (b_l - t * b) - off * slope - decaying * own[TWICE_L + at]
        b = left * b + (off + decaying) * pair + own[REFILLED + at]
        shift = decaying * own[TWICE_S + at]
        b_loss = left * b_loss + by_loss * pair - (1.0 - off) * shift
        b_rec = left * b_rec + by_rec * pair - off * shift
        v_l = left * (v_l - t * v) - steps.rate[j] * slope
        v = left * v + steps.rate[j] * area
        n = steps.sample[j]
        if n >= 0:
            row, at = samples[2 * (n // SAMPLES) + mode], n % SAMPLES
            row[B + at], row[B_L + at], row[B_LOSS + at], row[B_REC + at] = b, b_l, b_loss, b_rec
            row[V + at], row[V_L + at] = v, v_l
    for n in steps.again:
        row, before = samples[2 * (n // SAMPLES) + mode], samples[2 * ((n - 1) // SAMPLES) + mode]
        for response in (B, B_L, B_LOSS, B_REC, V, V_L):
            row[response + n % SAMPLES] = before[response + (n - 1) % SAMPLES]


@inner
def expm1_of_samples(x: Floats, scales: Floats, bits: Integers) -> None:
    """The same of SAMPLES numbers."""
    for k in range(SAMPLES):
        bounded = max(x[k], SMALLEST)
        shifted = bounded * LOG2_E + ROUNDS
        whole = shifted - ROUNDS
        r = bounded - whole * LN2_HIGH - whole * LN2_LOW
        square = r * r
        fourth = square * square
        low = (1.0 + r * T2) + square * (T3 + r * T4)
        middle = (T5 + r * T6) + square * (T7 + r * T8)
        high = (T9 + r * T10) + square * (T11 + r * T12)
        scales[k] = shifted
        x[k] = r * (low + fourth * (middle + fourth * (high + fourth * T13)))
    for k in range(SAMPLES):
        bits[k] = (bits[k] + BIAS) << EXPONENT_AT
    for k in range(SAMPLES):
        x[k] = scales[k] * x[k] + (scales[k] - 1.0)


@inner
def fill_mode(theta: Floats, mode: int, table: Floats, steps: Steps) -> None:
    """What one mode makes of the levels of SAMPLES samples and of their derivatives (see add_gradient)."""
    modes, slopes = steps.modes, steps.slopes[mode]
    rate, a, d = modes[mode, RATE], modes[mode, TO_1_FROM_1], modes[mode, TO_1_FROM_2]
    c_init, base, share, cl = theta[C_INIT], theta[C_BASE], theta[S], theta[CL]
    by_rate, per_volume, made, start = 1.0 / rate, 1.0 / theta[V1], cl * base, (a + d) * c_init
    weight = a * per_volume
    rate_cl, from_1_cl, from_2_cl = slopes[RATE, 0], slopes[TO_1_FROM_1, 0], slopes[TO_1_FROM_2, 0]
    rate_v1, from_1_v1, from_2_v1 = slopes[RATE, 1], slopes[TO_1_FROM_1, 1], slopes[TO_1_FROM_2, 1]
    rate_q, from_1_q, from_2_q = slopes[RATE, 2], slopes[TO_1_FROM_1, 2], slopes[TO_1_FROM_2, 2]
    rate_v2, from_1_v2, from_2_v2 = slopes[RATE, 3], slopes[TO_1_FROM_1, 3], slopes[TO_1_FROM_2, 3]
    for k in range(SAMPLES):
        table[SAMPLE_LOST + k] = -rate * table[SINCE + k]
    expm1_of_samples(table, steps.scales, steps.bits)
    for k in range(SAMPLES):
        elapsed, gone = table[SINCE + k], table[SAMPLE_LOST + k]
        left, u = 1.0 + gone, -gone * by_rate
        u_l = (elapsed * left - u) * by_rate
        b, v = table[B + k], table[V + k]
        production = (1.0 - share) * u + share * b
        inflow = made * production + v
        moved = weight * (made * ((1.0 - share) * u_l + share * table[B_L + k]) + table[V_L + k])
        moved -= start * elapsed * left
        from_2 = c_init * left
        from_1 = from_2 + inflow * per_volume
        table[TOTAL + k] = start * left + weight * inflow
        by_cl = rate_cl * moved + from_1_cl * from_1 + from_2_cl * from_2
        by_v1 = rate_v1 * moved + from_1_v1 * from_1 + from_2_v1 * from_2
        table[BY_CL + k] = by_cl + weight * base * production
        table[BY_V1 + k] = by_v1 - weight * per_volume * inflow
        table[BY_Q + k] = rate_q * moved + from_1_q * from_1 + from_2_q * from_2
        table[BY_V2 + k] = rate_v2 * moved + from_1_v2 * from_1 + from_2_v2 * from_2
        table[BY_BASE + k] = weight * cl * production
        table[BY_INIT + k] = (a + d) * left
        table[BY_S + k] = weight * made * (b - u)
        table[BY_LOSS + k] = weight * made * share * table[B_LOSS + k]
        table[BY_REC + k] = weight * made * share * table[B_REC + k]


@inner
def walk_steps(theta: Floats, steps: Steps) -> None:
    """Levels of all samples, and their derivatives, into their table."""
    modes = steps.modes
    disposition_slopes(theta[CL], theta[V1], theta[Q], theta[V2], modes, steps.slopes)
    loss, recovery = 0.0 if isinf(theta[K_LOSS]) else theta[K_LOSS], theta[K_REC]
    for mode in range(count_modes(theta[Q])):
        for block in range(mode, steps.table.shape[0], 2):
            fill_coefficients(modes[mode, RATE], loss, recovery, steps.table[block], steps)
        if mode == 0:
            carry_supply(theta, steps)
        carry_mode(mode, steps)
        for block in range(mode, steps.samples.shape[0], 2):
            fill_mode(theta, mode, steps.samples[block], steps)


@inner
def of_sample(row: int, n: int, two: bool, samples: Floats) -> float:
    block, at = 2 * (n // SAMPLES), row + n % SAMPLES
    return samples[block, at] + samples[block + 1, at] if two else samples[block, at]


@inner
def read_samples(theta: Floats, free: Integers, follows: bool, steps: Steps, level: Floats, by_x: Floats) -> None:
    """Levels (n,) and their derivatives in x (n, p) after a walk. follows: whether C_init is a ratio to C_base."""
    samples, two = steps.samples, theta[Q] != 0.0
    for n in range(level.size):
        level[n] = of_sample(TOTAL, n, two, samples)
    for i in range(free.size):
        place = free[i]
        row, scale = OF_PARAMETER[place], theta[place]
        if place == S:
            scale *= 1.0 - theta[place]
        elif row < 0 or (place == C_INIT and not follows):
            scale = 0.0
        for n in range(level.size):
            by_x[n, i] = of_sample(row, n, two, samples) * scale if scale != 0.0 else 0.0
        if place == C_BASE and follows:
            for n in range(level.size):
                by_x[n, i] += of_sample(BY_INIT, n, two, samples) * theta[C_INIT]
