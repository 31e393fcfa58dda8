"""What a fitted curve leaves unexplained, patient by patient, as kernels: the scores of fit/unexplained.py, residuals
with what they should be, and the lasting step of fit/common_steps.py."""

from __future__ import annotations

from math import exp, nan, sqrt

import numpy as np
import numpy.typing as npt

from igkinetics.fit.batch.algebra import cholesky, solve
from igkinetics.fit.batch.search import Room
from igkinetics.fit.objective import Target
from igkinetics.kinetics.compile import kernel, merged
from igkinetics.kinetics.disposition import RATE, TO_1_FROM_1, count_modes, disposition_modes
from igkinetics.kinetics.parameters import CL, V1, V2, Floats, Q

Flags = npt.NDArray[np.bool_]

CONTRADICTED_BEYOND = 2.0
LEAST_SPREAD = 0.05
LEAST_BEFORE, LEAST_AFTER = 2, 3
LASTING_FROM = 3.0
NO_WORSE = 0.75
LARGEST_STEP = 0.6
"""As in fit/unexplained.py and fit/common_steps.py (held together by tests/fit/test_batch.py)."""


@kernel
def fill_covariance(target: Target, room: Room, p: int, weight: Floats, covariance: Floats) -> None:
    """Covariance (p, p) of the parameters from the prior and samples of these weights (n,)."""
    sd, by_x = target.sd, room.by_x
    factor = np.zeros((p, p))
    for i in range(p):
        factor[i, i] = 1.0 / (sd[i] * sd[i])
    for n in range(weight.size):
        if weight[n] > 0.0:
            for i in range(p):
                for j in range(i + 1):
                    factor[i, j] += weight[n] * by_x[n, i] * by_x[n, j]
    cholesky(factor, p)
    right, column = np.empty(p), np.empty(p)
    for k in range(p):
        right[:] = 0.0
        right[k] = 1.0
        solve(factor, right, column)
        covariance[:, k] = column


@kernel
def score_of(change: Floats, weight: Floats, left: Floats, room: Room, covariance: Floats) -> float:
    """z of a change (n,) added to the curve; left (n,): residuals. 0 where parameters imitate it."""
    p = covariance.shape[0]
    by_x = room.by_x
    size = pull = 0.0
    cross = np.zeros(p)
    for n in range(weight.size):
        weighted = change[n] * weight[n]
        if weighted != 0.0:
            size += change[n] * weighted
            pull += weighted * left[n]
            for i in range(p):
                cross[i] += weighted * by_x[n, i]
    spread = size
    for i in range(p):
        for j in range(p):
            spread -= cross[i] * covariance[i, j] * cross[j]
    if not size > 0.0 or not spread > LEAST_SPREAD * size:
        return 0.0
    return pull / sqrt(spread)


@merged
def scores(x: Floats, target: Target, room: Room) -> tuple[float, float, int]:
    """At the optimum: the largest |z| of all changes, the misfit of the whole course, and of how many values."""
    _, day, igg, limit, a, b = target.record
    n, p = day.size, x.size
    level, theta = room.level, room.theta
    weight, residual = np.zeros(n), np.zeros(n)
    used, measured = 0, 0
    for k in range(n):
        variance = a * a + b * b * level[k] * level[k]
        gap = igg[k] - level[k]
        if limit[k] == 0 or limit[k] * gap > CONTRADICTED_BEYOND * sqrt(variance):
            weight[k], residual[k] = 1.0 / variance, gap
            used += 1
            measured += limit[k] == 0
    if measured == 0 or used < 2:
        return 0.0, 0.0, used
    covariance = np.empty((p, p))
    fill_covariance(target, room, p, weight, covariance)
    misfit, pull = 0.0, np.zeros(p)
    for i in range(p):
        gap = (x[i] - target.mu[i]) / target.sd[i]
        misfit += gap * gap
        pull[i] = -gap / target.sd[i]
    for k in range(n):
        misfit += weight[k] * residual[k] * residual[k]
        for i in range(p):
            pull[i] += weight[k] * residual[k] * room.by_x[k, i]
    left = residual.copy()
    for i in range(p):
        moved = 0.0
        for j in range(p):
            moved += covariance[i, j] * pull[j]
        for k in range(n):
            left[k] -= room.by_x[k, i] * moved
    largest = 0.0
    change, modes = np.zeros(n), np.empty((2, 5))
    disposition_modes(theta[CL], theta[V1], theta[Q], theta[V2], modes)
    for gap_ in range(n - 1):  # 1 g in the middle of each gap
        middle = 0.5 * (day[gap_] + day[gap_ + 1])
        for k in range(n):
            change[k] = 0.0
            if day[k] > middle:
                for m in range(count_modes(theta[Q])):
                    change[k] += modes[m, TO_1_FROM_1] * exp(-modes[m, RATE] * (day[k] - middle)) / theta[V1]
        largest = max(largest, abs(score_of(change, weight, left, room, covariance)))
    change[:] = 0.0
    before, rank = -1, 0
    for k in range(n):
        if weight[k] > 0.0:
            change[k] = 1.0
            largest = max(largest, abs(score_of(change, weight, left, room, covariance)))
            change[k] = 0.0
            if 2 <= rank < used - 1:  # a pair, with a value on either side
                change[before], change[k] = level[before], level[k]
                largest = max(largest, abs(score_of(change, weight, left, room, covariance)))
                change[before] = change[k] = 0.0
            before = k
            rank += 1
    return largest, misfit, used


@merged
def fill_residuals(
    x: Floats, target: Target, room: Room, iwres: Floats, expected_sd: Floats, product: Floats, pull: Floats, m: Floats
) -> None:
    """Of each sample (n,): IWRES, its SD and its product with the one before expected under the model (nan for limits);
    and of the measured ones, from which a step is told: pull (n,) and information m (n, n), 0 for limits."""
    _, day, igg, limit, a, b = target.record
    n, p = day.size, x.size
    weight, covariance = np.zeros(n), np.empty((p, p))
    for k in range(n):
        if limit[k] == 0:
            weight[k] = 1.0 / (a * a + b * b * room.level[k] * room.level[k])
    fill_covariance(target, room, p, weight, covariance)
    reached, before = np.empty(p), -1
    m[:] = 0.0
    for k in range(n):
        iwres[k] = expected_sd[k] = product[k] = nan
        pull[k] = 0.0
        if limit[k] != 0:
            continue
        iwres[k] = (igg[k] - room.level[k]) * sqrt(weight[k])
        pull[k] = (igg[k] - room.level[k]) * weight[k]
        for i in range(p):
            reached[i] = 0.0
            for j in range(p):
                reached[i] += covariance[i, j] * room.by_x[k, j]
        for other in range(n):
            if weight[other] > 0.0:
                shared = 0.0
                for i in range(p):
                    shared += reached[i] * room.by_x[other, i]
                m[k, other] = -weight[k] * weight[other] * shared
        m[k, k] += weight[k]
        expected_sd[k] = sqrt(max(m[k, k] / weight[k], 0.0))
        if before >= 0:
            product[k] = m[k, before] / sqrt(weight[k] * weight[before])
        before = k


@merged
def lasting_step(day: Floats, level: Floats, measured: Flags, pull: Floats, m: Floats) -> tuple[float, float]:
    """First day and relative size of the lasting step of most evidence; nan where none is told from chance."""
    n = 0
    places = np.empty(day.size, np.int64)
    for k in range(day.size):
        if measured[k]:
            places[n] = k
            n += 1
    if n < LEAST_BEFORE + LEAST_AFTER:
        return nan, nan
    largest = best = best_size = 0.0
    best_day = nan
    for first in range(1, n):
        score = spread = own = 0.0
        for end in range(first + 1, n + 1):
            k = places[end - 1]
            score += level[k] * pull[k]
            own += level[k] * level[k] * m[k, k]
            spread += level[k] * level[k] * m[k, k]
            for other in range(first, end - 1):
                spread += 2.0 * level[k] * level[places[other]] * m[k, places[other]]
            if end < first + 2 or not spread > 0.02 * own:
                continue
            z = abs(score) / sqrt(spread)
            largest = max(largest, z)
            if end == n and first >= LEAST_BEFORE and first <= n - LEAST_AFTER and z > best:
                best, best_day, best_size = z, day[places[first]], score / spread
    if best < LASTING_FROM or best < largest - NO_WORSE or abs(best_size) > LARGEST_STEP:
        return nan, nan
    return best_day, best_size
