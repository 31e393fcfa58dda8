"""Drift: the level is C(t) (1 + u(t)), u the process of `drift_process.py` (docs/model.md 3.7).

What illness, steroids, protein loss, another laboratory or an infusion that nobody recorded do to a course is not in
the equations. u has the SD `sd` and starts stationary at the first sample. Given the kinetic curve, u is integrated out
by a Kalman filter, one step a sample. Under log-normal error the level is C exp(u), which is the same to first order.

Exact: the likelihood of measured values with normal or log-normal error, and of a censored value that only such values
precede. Approximate: after a censored value, or one with Student-t error, u goes on as the normal distribution with the
mean and variance that it has given that value (assumed density filtering; Minka, UAI 2001).
Source: Särkkä, Bayesian Filtering and Smoothing, 2013, ch. 4 (filter) and 12 (sampling of paths).
"""

from __future__ import annotations

from math import exp, log, log1p, pi, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.fit.drift_process import Moments, drawn, predicted, smoothed, stationary, transition, updated
from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T, log_normal_cdf, log_t4_cdf, minus_two_log
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats

Limits = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int64]

LOG_2PI = log(2.0 * pi)
LOG_T4_CONSTANT = log(0.375)
DIFFERENCE = 1e-5
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(25)
NODE_SHARES = NODE_WEIGHTS / NODE_WEIGHTS.sum()
N_SLOPES = 9
"""Of one step: -2 log likelihood, new mean and new variance, each in old mean, old variance and level."""
N_SEEN = 5


class Record(NamedTuple):
    """A patient's samples (n,) at ascending days, g/L, and the residual error that they are taken to have.

    kind: of RESIDUALS in `likelihood.py`; limit: -1 for a value known only to lie below igg, +1 above, 0 measured.
    """

    kind: int
    day: Floats
    igg: Floats
    limit: Limits
    a: float
    b: float


class DriftPrior(NamedTuple):
    """What the SD of the drift may be (k,), and the log prior weight of each; an SD of 0 is no drift."""

    sds: Floats
    log_weights: Floats


@kernel
def error_variance(kind: int, c: float, a: float, b: float) -> float:
    """Of a measured value (of its log under log-normal error) at the kinetic level c."""
    return log1p(b * b + a * a / (c * c)) if kind == LOGNORMAL else a * a + b * b * c * c


@kernel
def see_sample(
    kind: int, y: float, limit: int, c: float, a: float, b: float, mean: float, variance: float
) -> tuple[float, float, float]:
    """-2 log likelihood of one value where u ~ Normal(mean, variance), and the mean and variance of u given it."""
    error = error_variance(kind, c, a, b)
    slope = 1.0 if kind == LOGNORMAL else c
    gap = log(y) - log(c) - mean if kind == LOGNORMAL else y - c * (1.0 + mean)
    total = slope * slope * variance + error
    if kind == STUDENT_T:
        return see_heavy_tailed(gap, limit, slope, sqrt(error), mean, variance)
    if limit != 0:
        side = -float(limit)
        z = side * gap / sqrt(total)
        log_p, hazard = log_normal_cdf(z)
        pull = slope * variance / sqrt(total)
        # the variance left is that under no error plus a positive part, in a form that rounding cannot turn
        left = variance * error / total + pull * pull * max(1.0 - hazard * (hazard + z), 0.0)
        return -2.0 * log_p, mean - side * pull * hazard, left
    jacobian = 2.0 * log(y) if kind == LOGNORMAL else 0.0
    value = gap * gap / total + log(total) + LOG_2PI + jacobian
    return value, mean + slope * variance * gap / total, variance * error / total


@kernel
def see_heavy_tailed(
    gap: float, limit: int, slope: float, scale: float, mean: float, variance: float
) -> tuple[float, float, float]:
    """The same under Student-t error of this scale, by Gauss-Hermite quadrature over u."""
    spread = sqrt(variance)
    power = 0.5 * (STUDENT_DF + 1.0)
    logs = np.empty(NODES.size)
    for i in range(NODES.size):
        z = (gap - slope * spread * NODES[i]) / scale
        if limit != 0:
            logs[i] = log_t4_cdf(-limit * z)[0]
        else:
            logs[i] = LOG_T4_CONSTANT - log(scale) - power * log1p(z * z / STUDENT_DF)
    top = logs.max()
    mass = first = second = 0.0
    for i in range(NODES.size):
        share = NODE_SHARES[i] * exp(logs[i] - top)
        mass += share
        first += share * NODES[i]
        second += share * NODES[i] * NODES[i]
    centre = first / mass
    return -2.0 * (top + log(mass)), mean + spread * centre, variance * max(second / mass - centre * centre, 1e-12)


@kernel
def fill_step_slopes(
    kind: int, y: float, limit: int, c: float, a: float, b: float, mean: float, variance: float, slopes: Floats
) -> None:
    """Slopes (9,) of see_sample's three results in mean, variance and c: closed for a measured value with normal error,
    else by central differences."""
    if limit == 0 and kind != STUDENT_T and kind != LOGNORMAL:
        error, total, gap = a * a + b * b * c * c, c * c * variance + a * a + b * b * c * c, y - c * (1.0 + mean)
        error_c = 2.0 * b * b * c
        total_c = 2.0 * c * variance + error_c
        gain = c * variance / total
        misfit = 1.0 - gap * gap / total
        slopes[0] = -2.0 * gap * c / total
        slopes[1] = c * c / total * misfit
        slopes[2] = total_c / total * misfit - 2.0 * gap * (1.0 + mean) / total
        slopes[3] = 1.0 - gain * c
        slopes[4] = gap * c * error / (total * total)
        slopes[5] = gap * (variance / total - gain * total_c / total) - gain * (1.0 + mean)
        slopes[6] = 0.0
        slopes[7] = (error / total) ** 2
        slopes[8] = variance * (error_c - error * total_c / total) / total
        return
    for k in range(3):
        step = DIFFERENCE * (sqrt(variance) if k == 0 else variance if k == 1 else c)
        up = see_sample(kind, y, limit, c + step * (k == 2), a, b, mean + step * (k == 0), variance + step * (k == 1))
        down = see_sample(kind, y, limit, c - step * (k == 2), a, b, mean - step * (k == 0), variance - step * (k == 1))
        slopes[k] = (up[0] - down[0]) / (2.0 * step)
        slopes[3 + k] = (up[1] - down[1]) / (2.0 * step)
        slopes[6 + k] = (up[2] - down[2]) / (2.0 * step)


@kernel
def drift_value(record: Record, level: Floats, sd: float) -> float:
    """-2 log likelihood of a record, u integrated out; level (n,): the kinetic curve, g/L."""
    kind, day, igg, limit, a, b = record
    known, value = stationary(sd), 0.0
    for n in range(day.size):
        if n > 0:
            known = predicted(known, day[n] - day[n - 1], sd)
        term, mean, variance = see_sample(kind, igg[n], limit[n], level[n], a, b, known.mean, known.variance)
        known = updated(known, mean, variance)
        value += term
    return value


@kernel
def drift_value_and_slopes(record: Record, level: Floats, sd: float, by_level: Floats) -> float:
    """The same, with its derivative in each level (n,): the filter's steps gone through backwards."""
    kind, day, igg, limit, a, b = record
    slopes = np.empty((day.size, N_SLOPES))
    seen = np.empty((day.size, N_SEEN))
    known, value = stationary(sd), 0.0
    for n in range(day.size):
        if n > 0:
            known = predicted(known, day[n] - day[n - 1], sd)
        fill_step_slopes(kind, igg[n], limit[n], level[n], a, b, known.mean, known.variance, slopes[n])
        term, mean, variance = see_sample(kind, igg[n], limit[n], level[n], a, b, known.mean, known.variance)
        seen[n, 0], seen[n, 1] = mean - known.mean, variance - known.variance
        seen[n, 2], seen[n, 3], seen[n, 4] = known.variance, known.shared, variance
        known = updated(known, mean, variance)
        value += term
    after = Moments(0.0, 0.0, 0.0, 0.0, 0.0)
    for n in range(day.size - 1, -1, -1):
        by_level[n], ahead = update_adjoint(after, slopes[n], seen[n])
        if n > 0:
            after = prediction_adjoint(ahead, day[n] - day[n - 1])
    return value


@inner
def update_adjoint(after: Moments, s: Floats, seen: Floats) -> tuple[float, Moments]:
    """Derivative of the value in a level and in what was known before its sample, from that in what is known after.

    s (9,): slopes of the step; seen (5,): gains of mean and variance, variance and covariance before, variance after.
    """
    by_mean, by_slope, by_variance, by_shared, by_slope_variance = after
    gain = seen[3] / seen[2]
    to_mean = by_mean + gain * by_slope
    to_variance = by_variance + gain * by_shared + gain * gain * by_slope_variance
    by_gain = by_slope * seen[0] + by_shared * seen[4] + 2.0 * gain * by_slope_variance * seen[1]
    return s[2] + to_mean * s[5] + to_variance * s[8], Moments(
        s[0] + to_mean * s[3] + to_variance * s[6] - gain * by_slope,
        by_slope,
        s[1] + to_mean * s[4] + to_variance * s[7] - gain * gain * by_slope_variance - by_gain * gain / seen[2],
        by_gain / seen[2],
        by_slope_variance,
    )


@inner
def prediction_adjoint(ahead: Moments, days: float) -> Moments:
    """Derivative in what was known so many days before, from that in what is known now."""
    a, b, c, d = transition(days)
    by_mean, by_slope, p, q, v = ahead
    return Moments(
        a * by_mean + c * by_slope,
        b * by_mean + d * by_slope,
        a * a * p + a * c * q + c * c * v,
        2.0 * a * b * p + (a * d + b * c) * q + 2.0 * c * d * v,
        b * b * p + b * d * q + d * d * v,
    )


@kernel
def value_under(record: Record, level: Floats, sd: float) -> float:
    """-2 log likelihood of a record under one SD of the drift; with none every value stands by itself."""
    kind, day, igg, limit, a, b = record
    if sd > 0.0:
        return drift_value(record, level, sd)
    value = 0.0
    for n in range(day.size):
        value += minus_two_log(kind, igg[n], limit[n], level[n], a, b)[0]
    return value


@kernel
def record_value_and_slopes(record: Record, level: Floats, drift: DriftPrior, by_level: Floats) -> float:
    """-2 log likelihood of a record where the drift has this prior, filling its derivative in each level (n,)."""
    kind, day, igg, limit, a, b = record
    sds, log_weights = drift
    if sds.size == 1 and sds[0] == 0.0:
        value = 0.0
        for n in range(day.size):
            term, by_level[n] = minus_two_log(kind, igg[n], limit[n], level[n], a, b)
            value += term
        return value
    terms = np.empty(sds.size)
    each = np.empty((sds.size, day.size))
    for k in range(sds.size):
        if sds[k] > 0.0:
            terms[k] = drift_value_and_slopes(record, level, sds[k], each[k])
        else:
            terms[k] = 0.0
            for n in range(day.size):
                term, each[k, n] = minus_two_log(kind, igg[n], limit[n], level[n], a, b)
                terms[k] += term
        terms[k] = log_weights[k] - 0.5 * terms[k]
    top = terms.max()
    total = 0.0
    for k in range(sds.size):
        terms[k] = exp(terms[k] - top)
        total += terms[k]
    by_level[:] = 0.0
    for k in range(sds.size):
        for n in range(day.size):
            by_level[n] += terms[k] / total * each[k, n]
    return -2.0 * (top + log(total))


@kernel
def draw_paths(
    record: Record,
    levels: Floats,
    sds: Floats,
    times: Floats,
    sample_at: Integers,
    normals: Floats,
    states: Floats,
) -> None:
    """The drift of each draw at ascending `times` (t,), given the record: forward filtering, backward sampling.

    levels (draw, n): the kinetic curve at the samples; sds (draw,); sample_at (t,): which sample lies there, -1 for
    none; normals (draw, t, 2): standard normal numbers; states (draw, t, 2): filled in with u and its slope times
    DRIFT_DAYS.
    """
    kind, _, igg, limit, a, b = record
    kept = np.empty((times.size, 5))
    for j in range(levels.shape[0]):
        sd = sds[j]
        known = stationary(sd)
        for t in range(times.size):
            if t > 0:
                known = predicted(known, times[t] - times[t - 1], sd)
            n = sample_at[t]
            if n >= 0:
                _, mean, variance = see_sample(kind, igg[n], limit[n], levels[j, n], a, b, known.mean, known.variance)
                known = updated(known, mean, variance)
            for i in range(5):
                kept[t, i] = known[i]
        u = slope = 0.0
        for t in range(times.size - 1, -1, -1):
            known = Moments(kept[t, 0], kept[t, 1], kept[t, 2], kept[t, 3], kept[t, 4])
            if t < times.size - 1:
                known = smoothed(known, u, slope, times[t + 1] - times[t], sd)
            u, slope = drawn(known, normals[j, t, 0], normals[j, t, 1])
            states[j, t, 0], states[j, t, 1] = u, slope
