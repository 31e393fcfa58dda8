"""The optimum of one problem by damped Gauss-Newton steps, and the normal approximation around it, as kernels.

A step needs the levels' derivatives once, where a quasi-Newton search learns the curvature from many gradients. The
metric is the information expected under the error model (with drift: of the marginal normal distribution), the prior's
included, so it is positive definite; where steps fall slowly it is learnt from the gradients. The information at the
optimum is the normal approximation's too, for points made from that are weighed by the posterior itself. What does not
converge is said so, and left to the search for one patient.
Source: Nocedal and Wright, Numerical Optimization, 2nd ed., ch. 6 (BFGS) and 10 (Levenberg-Marquardt).
"""

from __future__ import annotations

from math import exp, inf, log, nan, pi, sqrt
from typing import NamedTuple

import numpy as np

from igkinetics.fit.batch.algebra import cholesky, half_dot, learn, solve
from igkinetics.fit.batch.levels import Steps, new_steps, read_samples, walk_steps
from igkinetics.fit.drift import drift_value_and_slopes
from igkinetics.fit.drift_process import DRIFT_DAYS
from igkinetics.fit.engine import APART
from igkinetics.fit.likelihood import NORMAL, STUDENT_T, log_normal_cdf, log_t4_cdf, minus_two_log
from igkinetics.fit.objective import Target, fill_theta, prior_term, slope_on_scale
from igkinetics.kinetics.compile import inner, kernel, merged
from igkinetics.kinetics.copying import copy_table, copy_vector
from igkinetics.kinetics.gradient import Course, add_gradient_of, new_course, walk
from igkinetics.kinetics.parameters import C_INIT, N_PARAMETERS, Floats
from igkinetics.kinetics.schedule import Schedule
from igkinetics.kinetics.together import can_go_together

MOST_STEPS = 60
LONGEST_STEP = 3.0
"""Prior SDs."""
GOAL = 3e-9
"""Gain promised by a step (of -2 log posterior) at which it is the last: it is taken, and what it promises is believed,
for it errs by less than that."""
LEARN_FROM, SLOW = 1.0, 0.1
"""Once a step promises less than the first, and more than this share of what the step before did, the metric is learnt
from the steps: where residuals are large, the information expected is too far off the curvature."""
FIRST_DAMPING = 0.05
MOST_IN_PRODUCT = 8
ROUNDING = 4e-15
DIFFERENCE = 1e-5
LOG_2PI = log(2.0 * pi)


class Room(NamedTuple):
    """What a search works in, for n samples and p parameters at most: steps between events, where all that is given is
    intravenous; the course, for other records; theta (13,), derivatives (13,), levels (n,), by_level (n,), by_x (n, p),
    correlation of the drift between samples (n, n), marginal covariance (n, n), derivatives over its root (n, p)."""

    together: bool
    steps: Steps
    course: Course
    theta: Floats
    by_theta: Floats
    level: Floats
    by_level: Floats
    by_x: Floats
    correlation: Floats
    covariance: Floats
    over_root: Floats


@kernel
def new_room(schedule: Schedule, day: Floats, p: int) -> Room:
    n = day.size
    correlation = np.empty((n, n))
    for i in range(n):
        for j in range(i + 1):
            apart = (day[i] - day[j]) / DRIFT_DAYS
            correlation[i, j] = (1.0 + apart) * exp(-apart)
    return Room(
        can_go_together(schedule),
        new_steps(schedule, day),
        new_course(schedule, n),
        np.empty(N_PARAMETERS),
        np.empty(N_PARAMETERS),
        np.empty(n),
        np.empty(n),
        np.empty((n, p)),
        correlation,
        np.empty((n, n)),
        np.empty((n, p)),
    )


@kernel
def expected_curvature(kind: int, y: float, limit: int, c: float, a: float, b: float) -> float:
    """Of -2 log likelihood of one value in the predicted level, none negative: its mean under the error model where the
    value is measured; for a limit what bends the log of the probability beyond it."""
    variance = a * a + b * b * c * c
    ratio = 2.0 * b * b * c / variance
    if limit != 0:
        z = (y - c) / sqrt(variance)
        dz = -1.0 / sqrt(variance) - 0.5 * z * ratio
        side = -float(limit)
        if kind == STUDENT_T:
            hazard = log_t4_cdf(side * z)[1]
            return 2.0 * hazard * hazard * dz * dz
        hazard = log_normal_cdf(side * z)[1]
        return 2.0 * max(hazard * (hazard + side * z), 0.0) * dz * dz
    if kind == STUDENT_T:  # 4 degrees of freedom
        return 10.0 / 7.0 / variance + 4.0 / 7.0 * ratio * ratio
    return 2.0 / variance + ratio * ratio


@inner
def fill_levels(x: Floats, target: Target, room: Room) -> None:
    """Levels at the samples and their derivatives in x. The room is of the schedule with therapy: where a structure
    does not heed that, its share of production is 0."""
    free, fixed, _, _, schedule, record, _ = target
    course, theta, by_theta, level, by_x = room.course, room.theta, room.by_theta, room.level, room.by_x
    fill_theta(x, free, fixed, theta)
    if room.together:
        walk_steps(theta, room.steps)
        read_samples(theta, free, fixed[C_INIT] >= 0.0, room.steps, level, by_x)
        return
    walk(theta, schedule, record.day, course)
    for n in range(record.day.size):
        level[n] = course.endogenous[n] + course.infused[n]
        for place in range(N_PARAMETERS):
            by_theta[place] = 0.0
        add_gradient_of(theta, course, course.epoch[n], course.responses[n], by_theta)
        if fixed[C_INIT] < 0.0:
            by_theta[C_INIT] = 0.0
        for i in range(x.size):
            by_x[n, i] = slope_on_scale(free[i], by_theta, theta)


@inner
def evaluate(x: Floats, target: Target, room: Room, gradient: Floats, information: Floats) -> float:
    """-2 log posterior at x (p,), with its gradient (p,) and its expected Hessian (p, p)."""
    _, _, mu, sd, _, record, drift = target
    day, p = record.day, x.size
    fill_levels(x, target, room)
    level, by_level, by_x = room.level, room.by_level, room.by_x
    value = prior_term(x, mu, sd)
    for i in range(p):
        for j in range(p):
            information[i, j] = 0.0
        information[i, i] = 2.0 / (sd[i] * sd[i])
        gradient[i] = (x[i] - mu[i]) * information[i, i]
    if drift.sds[0] > 0.0:
        value += drift_value_and_slopes(record, level, drift.sds[0], by_level)
        add_marginal_information(target, room, p, information)
    else:
        value += add_values(target, room, p, information)
    for n in range(day.size):
        for i in range(p):
            gradient[i] += by_level[n] * by_x[n, i]
    for i in range(p):
        for j in range(i):
            information[j, i] = information[i, j]
    return value


@merged
def add_values(target: Target, room: Room, p: int, information: Floats) -> float:
    """-2 log likelihood of values each of which stands by itself, with its slopes; adds the expected Hessian to the
    lower triangle."""
    kind, _, igg, limit, a, b = target.record
    level, by_level, by_x = room.level, room.by_level, room.by_x
    value, product, seen = 0.0, 1.0, 0
    for n in range(igg.size):
        c = level[n]
        if kind == NORMAL and limit[n] == 0:  # as minus_two_log; logarithms are taken of products of a few
            variance, gap = a * a + b * b * c * c, igg[n] - c
            inverse = 1.0 / variance
            ratio, misfit = 2.0 * b * b * c * inverse, gap * gap * inverse
            value += misfit + LOG_2PI
            product *= variance
            seen += 1
            by_level[n] = ratio * (1.0 - misfit) - 2.0 * gap * inverse
            weight = 2.0 * inverse + ratio * ratio
            if seen % MOST_IN_PRODUCT == 0:
                value += log(product)
                product = 1.0
        else:
            term, by_level[n] = minus_two_log(kind, igg[n], limit[n], c, a, b)
            value += term
            weight = expected_curvature(kind, igg[n], limit[n], c, a, b)
        for i in range(p):
            own = weight * by_x[n, i]
            for j in range(i + 1):
                information[i, j] += own * by_x[n, j]
    return value + log(product)


@merged
def add_marginal_information(target: Target, room: Room, p: int, information: Floats) -> None:
    """2 J' V^-1 J into the lower triangle, V the covariance of the samples with the drift integrated out."""
    kind, day, igg, limit, a, b = target.record
    level, by_x, v, z = room.level, room.by_x, room.covariance, room.over_root
    sd = target.drift.sds[0]
    n = day.size
    for i in range(n):
        for j in range(i + 1):
            v[i, j] = sd * sd * level[i] * level[j] * room.correlation[i, j]
        error = a * a + b * b * level[i] * level[i]
        if limit[i] != 0:  # a limit says the less, the farther the level lies on its side
            error = 2.0 / max(expected_curvature(kind, igg[i], limit[i], level[i], a, b), 1e-6)
        v[i, i] += error
    cholesky(v, n)
    for i in range(n):
        for k in range(p):
            total = by_x[i, k]
            for j in range(i):
                total -= v[i, j] * z[j, k]
            z[i, k] = total / v[i, i]
    for i in range(p):
        for j in range(i + 1):
            total = 0.0
            for n_ in range(n):
                total += z[n_, i] * z[n_, j]
            information[i, j] += 2.0 * total


@inner
def met_by(x: Floats, scale: Floats, modes: Floats) -> int:
    """Which of these minima (k, p) is the one that x (p,) has come to: nearer than two different ones are."""
    for k in range(modes.shape[0]):
        apart = 0.0
        for i in range(x.size):
            apart = max(apart, abs(x[i] - modes[k, i]) / scale[i])
        if apart < APART:
            return k
    return -1


class Descent(NamedTuple):
    """What a descent of p parameters works in: gradient here and at the next place, step, that place, what learns (p,);
    metric, expected Hessian there, factor (p, p)."""

    gradient: Floats
    new_gradient: Floats
    step: Floats
    trial: Floats
    product: Floats
    metric: Floats
    new_expected: Floats
    factor: Floats


@kernel
def descend(
    start: Floats, target: Target, room: Room, modes: Floats, x: Floats, expected: Floats
) -> tuple[float, bool, int]:
    """Minimum of -2 log posterior from start (p,) into x (p,), with the expected Hessian there (p, p): its value, and
    whether the last step promised less than GOAL. A search that comes to one of these minima (k, p) ends there, and
    its place is returned (-1: none of them)."""
    p = start.size
    own = Descent(
        np.empty(p),
        np.empty(p),
        np.empty(p),
        np.empty(p),
        np.empty(p),
        np.empty((p, p)),
        np.empty((p, p)),
        np.empty((p, p)),
    )
    return descend_in(start, target, room, modes, x, expected, own)


@inner
def next_step(metric: Floats, damping: float, scale: Floats, gradient: Floats, factor: Floats, step: Floats) -> bool:
    """What leads to the minimum under this metric, damped; False where it is not positive definite."""
    p = step.size
    copy_table(metric, factor)
    for i in range(p):
        factor[i, i] += damping * 2.0 / (scale[i] * scale[i])
    if not cholesky(factor, p):
        return False
    solve(factor, gradient, step)
    return True


@inner
def descend_in(
    start: Floats, target: Target, room: Room, modes: Floats, x: Floats, expected: Floats, own: Descent
) -> tuple[float, bool, int]:
    """As descend; nothing is counted here (see inner)."""
    gradient, new_gradient, step, trial, product, metric, new_expected, factor = own
    p, scale = start.size, target.sd
    copy_vector(start, x)
    value = evaluate(x, target, room, gradient, expected)
    if not np.isfinite(value):
        return inf, False, -1
    copy_table(expected, metric)
    damping, before, learning = 0.0, inf, False
    for _ in range(MOST_STEPS):
        if not next_step(metric, damping, scale, gradient, factor, step):
            return value, False, -1
        promised = half_dot(gradient, step)
        if promised < GOAL and damping < 1.0:
            for i in range(p):
                x[i] -= step[i]
            return value - promised, True, -1
        learning = learning or (promised < LEARN_FROM and promised > SLOW * before)
        before = promised
        longest = 0.0
        for i in range(p):
            longest = max(longest, abs(step[i]) / scale[i])
        length = min(1.0, LONGEST_STEP / longest)
        for i in range(p):
            trial[i] = x[i] - length * step[i]
        new_value = evaluate(trial, target, room, new_gradient, new_expected)
        if new_value <= value + ROUNDING * abs(value):
            gained = value - new_value
            copy_table(new_expected, expected)
            if learning:
                for i in range(p):
                    step[i], gradient[i] = trial[i] - x[i], new_gradient[i] - gradient[i]
                learn(step, gradient, product, metric)
            else:
                copy_table(new_expected, metric)
            copy_vector(trial, x)
            copy_vector(new_gradient, gradient)
            value = new_value
            damping = damping * 0.1 if gained > 0.25 * promised * length else damping * 2.0
            if damping < 1e-4:
                damping = 0.0
            if promised < LEARN_FROM:
                met = met_by(x, scale, modes)
                if met >= 0:
                    return value, True, met
        else:
            damping = max(4.0 * damping, FIRST_DAMPING)
            if damping > 1e9:
                return value, promised < 1e-6, -1
    return value, False, -1


@merged
def fill_exact_hessian(x: Floats, target: Target, room: Room, hessian: Floats) -> None:
    """Hessian (p, p) of -2 log posterior at x (p,), by forward differences of its gradient."""
    p = x.size
    moved, here, there, unused = x.copy(), np.empty(p), np.empty(p), np.empty((p, p))
    for k in range(p + 1):
        if k > 0:
            moved[k - 1] = x[k - 1] + DIFFERENCE
        evaluate(moved, target, room, here if k == 0 else there, unused)
        if k > 0:
            moved[k - 1] = x[k - 1]
            for j in range(p):
                hessian[k - 1, j] = (there[j] - here[j]) / DIFFERENCE
    for i in range(p):
        for j in range(i):
            hessian[i, j] = hessian[j, i] = 0.5 * (hessian[i, j] + hessian[j, i])


@merged
def normal_around(value: float, hessian: Floats, root: Floats) -> float:
    """Cholesky factor (p, p) of the covariance of the normal approximation, whose log integral is returned (nan where
    the Hessian is not positive definite). hessian: of -2 log posterior, or its mean."""
    p = hessian.shape[0]
    factor = 0.5 * hessian
    if not cholesky(factor, p):
        return nan
    logs = 0.0
    covariance = np.empty((p, p))
    right, column = np.empty(p), np.empty(p)
    for k in range(p):
        logs += log(factor[k, k])
        right[:] = 0.0
        right[k] = 1.0
        solve(factor, right, column)
        covariance[:, k] = column
    if not cholesky(covariance, p):
        return nan
    for i in range(p):
        for j in range(p):
            root[i, j] = covariance[i, j] if j <= i else 0.0  # the room may be larger
    return -0.5 * value + 0.5 * p * LOG_2PI - logs
