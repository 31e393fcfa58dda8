"""The process behind a drift: extra gain and loss of IgG that waxes, wanes and washes out (docs/model.md 3.7).

u, the drift of the level as a share of it, is fed by a rate of extra gain or loss, an Ornstein-Uhlenbeck process of
correlation time DRIFT_DAYS; what it has done to the level washes out with the same time, about that of IgG itself:

    du/dt = w - u / T,   dw/dt = -w / T + noise

So u is smooth, as a level must be that only production and loss can move: stationary, of correlation
(1 + d/T) exp(-d/T) over d days (Matern, 3/2). In units of rate x T the states u and w - u / T are uncorrelated and have
the same SD. Both are carried exactly from day to day.
Source: Särkkä and Solin, Applied Stochastic Differential Equations, 2019, ch. 6 and 12.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import NamedTuple

import numpy as np

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats

DRIFT_DAYS = 30.0


class Moments(NamedTuple):
    """What is known of the drift at one moment: mean and variance of u and of its slope times DRIFT_DAYS."""

    mean: float
    slope: float
    variance: float
    shared: float
    slope_variance: float


@inner
def stationary(sd: float) -> Moments:
    """Before anything is measured: the stationary process."""
    return Moments(0.0, 0.0, sd * sd, 0.0, sd * sd)


@inner
def transition(days: float) -> tuple[float, float, float, float]:
    """After so many days, without noise: u from u, u from slope, slope from u, slope from slope."""
    x = days / DRIFT_DAYS
    left = exp(-x)
    return left * (1.0 + x), left * x, -left * x, left * (1.0 - x)


@inner
def predicted(known: Moments, days: float, sd: float) -> Moments:
    """The same so many days later. The stationary variance is what every other one goes to."""
    return predicted_by(transition(days), known, sd)


@inner
def predicted_by(moves: tuple[float, float, float, float], known: Moments, sd: float) -> Moments:
    """The same after this transition."""
    a, b, c, d = moves
    mean, slope, variance, shared, slope_variance = known
    p, q, v = variance - sd * sd, shared, slope_variance - sd * sd
    return Moments(
        a * mean + b * slope,
        c * mean + d * slope,
        sd * sd + a * a * p + 2.0 * a * b * q + b * b * v,
        a * c * p + (a * d + b * c) * q + b * d * v,
        sd * sd + c * c * p + 2.0 * c * d * q + d * d * v,
    )


@inner
def updated(known: Moments, mean: float, variance: float) -> Moments:
    """After something was learnt of u alone, which now has this mean and variance: the slope follows by regression."""
    gain = known.shared / known.variance
    return Moments(
        mean,
        known.slope + gain * (mean - known.mean),
        variance,
        gain * variance,
        known.slope_variance + gain * gain * (variance - known.variance),
    )


@inner
def drawn(known: Moments, first: float, second: float) -> tuple[float, float]:
    """u and slope, by two standard normal numbers."""
    spread = sqrt(max(known.variance, 0.0))
    along = known.shared / spread if spread > 0.0 else 0.0
    rest = sqrt(max(known.slope_variance - along * along, 0.0))
    return known.mean + spread * first, known.slope + along * first + rest * second


@inner
def smoothed(known: Moments, u: float, slope: float, days: float, sd: float) -> Moments:
    """What is known at a moment, given in addition the state so many days later."""
    return smoothed_by(transition(days), known, u, slope, sd)


@inner
def smoothed_by(moves: tuple[float, float, float, float], known: Moments, u: float, slope: float, sd: float) -> Moments:
    """The same given the state after this transition."""
    a, b, c, d = moves
    mean, rate, p, q, v = known
    ahead = predicted_by(moves, known, sd)
    to_u, to_slope = p * a + q * b, p * c + q * d
    of_u, of_slope = q * a + v * b, q * c + v * d
    size = ahead.variance * ahead.slope_variance - ahead.shared * ahead.shared
    g11 = (to_u * ahead.slope_variance - to_slope * ahead.shared) / size
    g12 = (to_slope * ahead.variance - to_u * ahead.shared) / size
    g21 = (of_u * ahead.slope_variance - of_slope * ahead.shared) / size
    g22 = (of_slope * ahead.variance - of_u * ahead.shared) / size
    off_u, off_slope = u - ahead.mean, slope - ahead.slope
    return Moments(
        mean + g11 * off_u + g12 * off_slope,
        rate + g21 * off_u + g22 * off_slope,
        p - g11 * to_u - g12 * to_slope,
        q - g11 * of_u - g12 * of_slope,
        v - g21 * of_u - g22 * of_slope,
    )


@kernel
def fill_onward(states: Floats, sds: Floats, steps: Floats, normals: Floats, paths: Floats) -> None:
    """u of each draw after each of these steps (t, days, none negative), from states (draw, 2: u and slope).

    sds (draw,): 0 for a draw without drift, where u = 0. normals (draw, 2 t); paths (draw, t): filled in.
    """
    for i in range(states.shape[0]):
        u, slope = (states[i, 0], states[i, 1]) if sds[i] > 0.0 else (0.0, 0.0)
        for t in range(steps.size):
            if sds[i] > 0.0:
                known = predicted(Moments(u, slope, 0.0, 0.0, 0.0), steps[t], sds[i])
                u, slope = drawn(known, normals[i, 2 * t], normals[i, 2 * t + 1])
            paths[i, t] = u


def drift_from(states: Floats, sds: Floats, at_day: float, days: Floats, generator: np.random.Generator) -> Floats:
    """u (draw, t) at ascending days, none before `at_day`, given its states (draw, 2) there."""
    steps = np.diff(days, prepend=at_day)
    if np.any(steps < 0):
        raise AssertionError(f"days must ascend and not lie before the known state, day {at_day}")
    paths = np.empty((sds.size, days.size))
    fill_onward(states, sds, steps, generator.standard_normal((sds.size, 2 * days.size)), paths)
    return paths
