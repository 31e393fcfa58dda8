"""-2 log posterior of many parameter vectors of one patient, without gradients, side by side where curves may go so.

The likelihood of drift.py, step by step for a block of curves at once: measured values with normal error in loops that
the processor takes several curves at a time, any others by the functions for one. Logarithms of variances are taken of
products of a few of them.
"""

from __future__ import annotations

from math import log

import numpy as np

from igkinetics.fit.drift import LOG_2PI, Record, see_sample, value_under
from igkinetics.fit.drift_process import Moments, transition, updated
from igkinetics.fit.likelihood import NORMAL, minus_two_log
from igkinetics.fit.objective import Target, fill_theta, prior_term
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.expm1 import BLOCK
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.kinetics.together import FEWEST_TOGETHER, can_go_together, follow_block, new_together, steps_of

MOST_IN_PRODUCT = 8
MEAN, SLOPE, VARIANCE, SHARED, SLOPE_VARIANCE, VALUE, PRODUCT = (BLOCK * row for row in range(7))
"""What is known of a block's drift (see Moments), -2 log likelihood so far, and the product of variances that its log
is still to be taken of."""
KNOWN_ROOM = 7 * BLOCK


@inner
def begin_known(sd: float, known: Floats) -> None:
    for k in range(BLOCK):
        known[MEAN + k] = known[SLOPE + k] = known[SHARED + k] = known[VALUE + k] = 0.0
        known[VARIANCE + k] = known[SLOPE_VARIANCE + k] = sd * sd
        known[PRODUCT + k] = 1.0


@inner
def predict_block(days: float, sd: float, known: Floats) -> None:
    """So many days later (see predicted_by)."""
    a, b, c, d = transition(days)
    still = sd * sd
    for k in range(BLOCK):
        mean, slope = known[MEAN + k], known[SLOPE + k]
        p, q, v = known[VARIANCE + k] - still, known[SHARED + k], known[SLOPE_VARIANCE + k] - still
        known[MEAN + k], known[SLOPE + k] = a * mean + b * slope, c * mean + d * slope
        known[VARIANCE + k] = still + a * a * p + 2.0 * a * b * q + b * b * v
        known[SHARED + k] = a * c * p + (a * d + b * c) * q + b * d * v
        known[SLOPE_VARIANCE + k] = still + c * c * p + 2.0 * c * d * q + d * d * v


@inner
def see_block(y: float, level: Floats, a: float, b: float, known: Floats) -> None:
    """One measured value with normal error (see see_sample and updated)."""
    for k in range(BLOCK):
        c, mean, variance, shared = level[k], known[MEAN + k], known[VARIANCE + k], known[SHARED + k]
        error, gap = a * a + b * b * c * c, y - c * (1.0 + mean)
        total = c * c * variance + error
        pull = c * gap / total
        known[VALUE + k] += gap * gap / total
        known[PRODUCT + k] *= total
        known[MEAN + k] = mean + variance * pull
        known[SLOPE + k] += shared * pull
        known[VARIANCE + k] = variance * error / total
        known[SHARED + k] = shared * error / total
        known[SLOPE_VARIANCE + k] -= shared * shared * c * c / total


@inner
def weigh_block(y: float, level: Floats, a: float, b: float, known: Floats) -> None:
    """The same where nothing drifts."""
    for k in range(BLOCK):
        variance, gap = a * a + b * b * level[k] * level[k], y - level[k]
        known[VALUE + k] += gap * gap / variance
        known[PRODUCT + k] *= variance


@inner
def add_logs(known: Floats) -> None:
    for k in range(BLOCK):
        known[VALUE + k] += log(known[PRODUCT + k])
        known[PRODUCT + k] = 1.0


@inner
def see_one_by_one(record: Record, n: int, level: Floats, sd: float, known: Floats) -> None:
    """A value beyond a limit, or with another error."""
    kind, _, igg, limit, a, b = record
    for k in range(BLOCK):
        if sd == 0.0:
            known[VALUE + k] += minus_two_log(kind, igg[n], limit[n], level[k], a, b)[0]
            continue
        before = Moments(
            known[MEAN + k], known[SLOPE + k], known[VARIANCE + k], known[SHARED + k], known[SLOPE_VARIANCE + k]
        )
        term, mean, variance = see_sample(kind, igg[n], limit[n], level[k], a, b, before.mean, before.variance)
        after = updated(before, mean, variance)
        known[MEAN + k], known[SLOPE + k], known[VARIANCE + k] = after.mean, after.slope, after.variance
        known[SHARED + k], known[SLOPE_VARIANCE + k] = after.shared, after.slope_variance
        known[VALUE + k] += term


@inner
def value_of_block(record: Record, levels: Floats, sd: float, known: Floats) -> None:
    """-2 log likelihood of a record under one SD of the drift, of levels (n, BLOCK), into known[VALUE ...]."""
    kind, day, igg, limit, a, b = record
    begin_known(sd, known)
    seen = 0
    for n in range(day.size):
        if n > 0 and sd > 0.0:
            predict_block(day[n] - day[n - 1], sd, known)
        if limit[n] != 0 or kind != NORMAL:
            see_one_by_one(record, n, levels[n], sd, known)
            continue
        if sd > 0.0:
            see_block(igg[n], levels[n], a, b, known)
        else:
            weigh_block(igg[n], levels[n], a, b, known)
        seen += 1
        if seen % MOST_IN_PRODUCT == 0:
            add_logs(known)
    if seen % MOST_IN_PRODUCT != 0:
        add_logs(known)
    for k in range(BLOCK):
        known[VALUE + k] += seen * LOG_2PI


@inner
def add_row(row: Floats, total: Floats) -> None:
    for k in range(BLOCK):
        total[k] += row[k]


@kernel
def terms_together(xs: Floats, target: Target, terms: Floats) -> None:
    """As terms_one_by_one, where curves can go together."""
    free, fixed, mu, sd, schedule, record, drift = target
    day = record.day
    steps, on, lengths = steps_of(schedule, day)
    room, known = new_together(lengths.size), np.empty(KNOWN_ROOM)
    thetas = np.empty((BLOCK, N_PARAMETERS))
    level, infused = np.empty((day.size, BLOCK)), np.empty((day.size, BLOCK))
    constant = prior_term(mu, mu, sd)
    for first in range(0, xs.shape[0], BLOCK):
        n = min(BLOCK, xs.shape[0] - first)
        for k in range(n):
            fill_theta(xs[first + k], free, fixed, thetas[k])
        follow_block(thetas[:n], 0, schedule, day, steps, on, lengths, room, level, infused)
        for i in range(day.size):
            add_row(infused[i], level[i])
        for j in range(drift.sds.size):
            value_of_block(record, level, drift.sds[j], known)
            for k in range(n):
                prior = constant
                for i in range(mu.size):
                    prior += ((xs[first + k, i] - mu[i]) / sd[i]) ** 2
                terms[first + k, j] = prior + known[VALUE + k]


@kernel
def terms_one_by_one(xs: Floats, target: Target, terms: Floats) -> None:
    """-2 log posterior of many x (n, p) under each SD of the drift, without gradients, into terms (n, k)."""
    free, fixed, mu, sd, schedule, record, drift = target
    day = record.day
    theta = np.empty(N_PARAMETERS)
    endogenous = np.empty(day.size)
    infused = np.empty(day.size)
    level = np.empty(day.size)
    scratch = np.empty(CURVE_ROOM)
    for i in range(xs.shape[0]):
        fill_theta(xs[i], free, fixed, theta)
        fill_curve(theta, schedule, day, endogenous, infused, scratch)
        for n in range(day.size):
            level[n] = endogenous[n] + infused[n]
        prior = prior_term(xs[i], mu, sd)
        for k in range(drift.sds.size):
            terms[i, k] = prior + value_under(record, level, drift.sds[k])


@kernel
def objective_terms(xs: Floats, target: Target, terms: Floats) -> None:
    """The same, by whichever way is the faster."""
    if xs.shape[0] >= FEWEST_TOGETHER and can_go_together(target.schedule):
        terms_together(xs, target, terms)
    else:
        terms_one_by_one(xs, target, terms)
