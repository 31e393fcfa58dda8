"""Estimates, intervals and points of one patient from the normal approximations, as kernels."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np

from igkinetics.fit.batch.layout import (
    LOWER,
    MOST_SLOTS,
    N_OWN_DRIFT,
    POSTERIOR_SD,
    STDERR,
    UPPER,
    VALUE,
    Components,
    How,
    Priors,
    X,
)
from igkinetics.fit.batch.numbers import State, mixture_quantile, shuffle
from igkinetics.fit.batch.points import (
    Points,
)
from igkinetics.fit.drift import Integers
from igkinetics.fit.likelihood import NORMAL, STUDENT_T
from igkinetics.fit.objective import Target, fill_theta
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.disposition import RATE, count_modes, disposition_modes
from igkinetics.kinetics.parameters import C_BASE, C_INIT, CL, N_PARAMETERS, V1, V2, Floats, Q, S

NEGLIGIBLE = 0.002


@kernel
def fill_estimates(x: Floats, target: Target, components: Components, hessian: Floats, out: Floats) -> None:
    """Value, standard error, interval ends in units of x (tail in out[0, LOWER] on entry), posterior SD, x."""
    p = x.size
    theta = np.empty(N_PARAMETERS)
    fill_theta(x, target.free, target.fixed, theta)
    covariance = np.linalg.inv(0.5 * hessian)
    at_base = -1
    for i in range(p):
        at_base = i if target.free[i] == C_BASE else at_base
    tail = out[0, LOWER]
    n, shares = own_shares(components)
    means, sds = np.empty(n), np.empty(n)
    for i in range(p):
        place = target.free[i]
        follows = place == C_INIT and at_base >= 0
        value = theta[place]
        slope = value * (1.0 - value) if place in (S, 5) else value
        variance = covariance[i, i]
        if follows:
            variance += 2.0 * covariance[i, at_base] + covariance[at_base, at_base]
        out[i, VALUE], out[i, STDERR], out[i, X] = value, slope * sqrt(max(variance, 0.0)), x[i]
        mean = square = 0.0
        for k in range(n):
            own = 0.0
            for j in range(p):
                own += components.root[k, i, j] ** 2
            mean += shares[k] * components.x[k, i]
            square += shares[k] * (own + components.x[k, i] ** 2)
            means[k], sds[k] = components.x[k, i], sqrt(own)
            if follows:
                own = 0.0
                for j in range(p):
                    own += (components.root[k, i, j] + components.root[k, at_base, j]) ** 2
                means[k], sds[k] = means[k] + components.x[k, at_base], sqrt(own)
        out[i, POSTERIOR_SD] = sqrt(max(square - mean * mean, 0.0))
        lower, upper = (
            mixture_quantile(means, sds, shares, n, tail),
            mixture_quantile(means, sds, shares, n, 1.0 - tail),
        )
        out[i, LOWER] = 1.0 / (1.0 + exp(-lower)) if place in (S, 5) else exp(lower)
        out[i, UPPER] = 1.0 / (1.0 + exp(-upper)) if place in (S, 5) else exp(upper)


@kernel
def own_shares(components: Components) -> tuple[int, Floats]:
    """The components of the fitted structure, which come first: how many, and their shares of its mass."""
    n = 0
    while n < components.n[0] and components.slot[n] < N_OWN_DRIFT:
        n += 1
    top = components.log_mass[:n].max()
    shares = np.exp(components.log_mass[:n] - top)
    return n, shares / shares.sum()


@kernel
def log_half_life(theta: Floats, terminal: bool, modes: Floats) -> float:
    if terminal:
        disposition_modes(theta[CL], theta[V1], theta[Q], theta[V2], modes)
        return log(log(2.0) / modes[count_modes(theta[Q]) - 1, RATE])
    return log(log(2.0) * (theta[V1] + (theta[V2] if theta[Q] > 0.0 else 0.0)) / theta[CL])


@kernel
def fill_half_lives_of(x: Floats, target: Target, components: Components, tail: float, out: Floats) -> None:
    """Half-life and terminal half-life (2, 3): value and interval, by the delta method on logs in each component."""
    p = x.size
    theta, modes, moved, slopes = np.empty(N_PARAMETERS), np.empty((2, 5)), np.empty(p), np.empty(p)
    n, shares = own_shares(components)
    means, sds = np.empty(n), np.empty(n)
    for row in range(2):
        fill_theta(x, target.free, target.fixed, theta)
        out[row, 0] = exp(log_half_life(theta, row == 1, modes))
        for k in range(n):
            moved[:] = components.x[k, :p]
            fill_theta(moved, target.free, target.fixed, theta)
            means[k] = log_half_life(theta, row == 1, modes)
            for i in range(p):
                slopes[i] = 0.0
                if target.free[i] < 4:
                    moved[i] += 1e-4
                    fill_theta(moved, target.free, target.fixed, theta)
                    slopes[i] = (log_half_life(theta, row == 1, modes) - means[k]) / 1e-4
                    moved[i] = components.x[k, i]
            sds[k] = 0.0
            for j in range(p):
                along = 0.0
                for i in range(p):
                    along += slopes[i] * components.root[k, i, j]
                sds[k] += along * along
            sds[k] = sqrt(sds[k])
        out[row, 1] = exp(mixture_quantile(means, sds, shares, n, tail))
        out[row, 2] = exp(mixture_quantile(means, sds, shares, n, 1.0 - tail))


@kernel
def place_points(
    i: int, priors: Priors, how: How, components: Components, structure_of: Integers, state: State, points: Points
) -> None:
    """Evenly spread points of the mixture, in random order; structure_of (slots,): whose parameters each slot has."""
    m, n = how.n_points, components.n[0]
    shares = np.exp(components.log_mass[:n] - components.log_mass[:n].max())
    drop_negligible(shares, components)
    ends = np.cumsum(shares / shares.sum())
    order, places = np.empty(m, np.int64), np.empty(m, np.int64)
    shuffle(order, m, state)
    begin = 0
    for c in range(n):
        end = begin
        while end < m and ((end + 0.5) / m <= ends[c] or c == n - 1):
            end += 1
        count = end - begin
        if count == 0:
            continue
        slot = components.slot[c]
        s = structure_of[slot]
        p = priors.p[i, s]
        z, x = np.empty((count, p)), np.empty(p)
        for j in range(p):
            shuffle(places, count, state)
            for k in range(count):
                z[k, j] = how.even[count, places[k]]
        free, fixed = priors.free[i, s, :p].copy(), priors.fixed[i, s].copy()
        for k in range(count):
            for r in range(p):
                x[r] = components.x[c, r]
                for j in range(r + 1):
                    x[r] += components.root[c, r, j] * z[k, j]
            at = order[begin + k]
            fill_theta(x, free, fixed, points.theta[at])
            points.drift_sd[at] = how.drift_sds[slot] if slot < N_OWN_DRIFT and slot < how.drift_sds.size else 0.0
            points.kind[at] = STUDENT_T if slot == MOST_SLOTS - 1 else NORMAL
        begin = end


@kernel
def drop_negligible(shares: Floats, components: Components) -> None:
    """No points of structures of next to no weight; the fitted one counts whole, whatever its drift."""
    total = shares.sum()
    of_slot = np.zeros(MOST_SLOTS)
    for c in range(shares.size):
        slot = components.slot[c]
        of_slot[0 if slot < N_OWN_DRIFT else slot] += shares[c]
    for c in range(shares.size):
        slot = components.slot[c]
        if of_slot[0 if slot < N_OWN_DRIFT else slot] <= NEGLIGIBLE * total:
            shares[c] = 0.0
