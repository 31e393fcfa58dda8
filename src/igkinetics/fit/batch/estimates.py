"""Estimates of one patient at its optimum, and their intervals from weighted points, as kernels."""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from igkinetics.fit.batch.layout import LOWER, N_OWN_DRIFT, POSTERIOR_SD, STDERR, UPPER, VALUE, Components, X
from igkinetics.fit.batch.numbers import interval
from igkinetics.fit.batch.points import Points
from igkinetics.fit.drift import Integers
from igkinetics.fit.objective import Target, fill_theta
from igkinetics.kinetics.compile import kernel, merged
from igkinetics.kinetics.disposition import RATE, count_modes, disposition_modes
from igkinetics.kinetics.parameters import C_BASE, C_INIT, CL, N_PARAMETERS, V1, V2, F, Floats, Q, S

NO_WEIGHT = 1e-9
"""Of a point that no interval would notice."""


@merged
def fill_estimates(x: Floats, target: Target, hessian: Floats, components: Components, out: Floats) -> None:
    """Value, standard error, x and posterior SD (on the scale of x) of each parameter estimated; the last is that of
    the normal approximations, for so few points say less of it."""
    p = x.size
    theta = np.empty(N_PARAMETERS)
    fill_theta(x, target.free, target.fixed, theta)
    covariance = np.linalg.inv(0.5 * hessian)
    at_base = -1
    for i in range(p):
        at_base = i if target.free[i] == C_BASE else at_base
    n, shares = own_shares(components)
    for i in range(p):
        mean = square = 0.0
        for k in range(n):
            own = 0.0
            for j in range(p):
                own += components.root[k, i, j] ** 2
            mean += shares[k] * components.x[k, i]
            square += shares[k] * (own + components.x[k, i] ** 2)
        out[i, POSTERIOR_SD] = sqrt(max(square - mean * mean, 0.0))
        place = target.free[i]
        value = theta[place]
        slope = value * (1.0 - value) if place in (S, F) else value
        variance = covariance[i, i]
        if place == C_INIT and at_base >= 0:
            variance += 2.0 * covariance[i, at_base] + covariance[at_base, at_base]
        out[i, VALUE], out[i, STDERR], out[i, X] = value, slope * sqrt(max(variance, 0.0)), x[i]


@merged
def own_shares(components: Components) -> tuple[int, Floats]:
    """The components of the fitted structure, which come first: how many, and their shares of its mass."""
    n = 0
    while n < components.n[0] and components.slot[n] < N_OWN_DRIFT:
        n += 1
    shares = np.exp(components.log_mass[:n] - components.log_mass[:n].max())
    return n, shares / shares.sum()


@kernel
def fill_half_life_values(theta: Floats, out: Floats) -> None:
    """Half-life and terminal half-life, days (2,)."""
    modes = np.empty((2, 5))
    disposition_modes(theta[CL], theta[V1], theta[Q], theta[V2], modes)
    out[0] = log(2.0) * (theta[V1] + (theta[V2] if theta[Q] > 0.0 else 0.0)) / theta[CL]
    out[1] = log(2.0) / modes[count_modes(theta[Q]) - 1, RATE]


@merged
def fill_intervals(
    points: Points, weights: Floats, free: Integers, tail: float, estimates: Floats, half_lives: Floats
) -> None:
    """Ends of intervals of parameters and half-lives, from the points of the fitted structure."""
    n = 0
    theta, own = np.empty((weights.size, N_PARAMETERS)), np.empty(weights.size)
    for k in range(weights.size):
        if points.slot[k] < N_OWN_DRIFT and weights[k] > NO_WEIGHT:
            theta[n], own[n] = points.theta[k], weights[k]
            n += 1
    own = own[:n] / own[:n].sum()
    values, lives = np.empty(n), np.empty((2, n))
    for k in range(n):
        fill_half_life_values(theta[k], lives[:, k])
    for i in range(free.size + 2):
        values[:] = theta[:n, free[i]] if i < free.size else lives[i - free.size]
        lower, _, upper = interval(values, own, np.argsort(values), tail)
        if i < free.size:
            estimates[i, LOWER], estimates[i, UPPER] = lower, upper
        else:
            half_lives[i - free.size, 1], half_lives[i - free.size, 2] = lower, upper
