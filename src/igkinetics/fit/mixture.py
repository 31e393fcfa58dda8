"""Mixtures of multivariate t distributions, and the smoothing of importance weights, as kernels.

A fit weighs tens of small samples a patient; as calls of array functions three quarters of the time went into what
surrounds the formulae (tests/fit/test_importance.py holds them against ArviZ's and against known densities).
"""

from __future__ import annotations

from math import exp, inf, isfinite, lgamma, log, log1p, nan, pi, sqrt

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats

PROPOSAL_DF = 5.0
PART = 64
"""Draws whose distances are worked out side by side."""
REFINEMENTS = 4
"""Steps of expectation and maximisation when a mixture is fitted to weighted draws."""
LEAST_MASS = 0.03
"""Of a fitted component; a smaller one rests on too few draws."""


@inner
def fill_inverse(root: Floats, inverse: Floats) -> None:
    """Inverse (p, p) of a lower triangular matrix."""
    inverse[:] = 0.0
    for i in range(root.shape[0]):
        inverse[i, i] = 1.0 / root[i, i]
        for j in range(i):
            total = 0.0
            for m in range(j, i):
                total += root[i, m] * inverse[m, j]
            inverse[i, j] = -total * inverse[i, i]


@inner
def add_multiple(factor: float, row: Floats, total: Floats) -> None:
    for k in range(PART):
        total[k] += factor * row[k]


@inner
def add_square(row: Floats, total: Floats) -> None:
    for k in range(PART):
        total[k] += row[k] * row[k]


@kernel
def fill_t_density(x: Floats, centre: Floats, root: Floats, out: Floats) -> float:
    """Density (n,) of a multivariate t at x (n, p), without its constant factor, of which the log is returned; root (p,
    p): the Cholesky factor of its scale matrix."""
    n, p = x.shape
    inverse = np.empty((p, p))
    fill_inverse(root, inverse)
    constant = lgamma(0.5 * (PROPOSAL_DF + p)) - lgamma(0.5 * PROPOSAL_DF) - 0.5 * p * log(PROPOSAL_DF * pi)
    off, square, z = np.zeros((p, PART)), np.empty(PART), np.empty(PART)
    power = int(PROPOSAL_DF) + p
    for first in range(0, n, PART):
        size = min(PART, n - first)
        for k in range(size):
            for i in range(p):
                off[i, k] = x[first + k, i] - centre[i]
        square[:] = 0.0
        for i in range(p):
            z[:] = 0.0
            for j in range(i + 1):
                add_multiple(inverse[i, j], off[j], z)
            add_square(z, square)
        for k in range(size):
            nearness = 1.0 / (1.0 + square[k] / PROPOSAL_DF)
            density = sqrt(nearness) if power % 2 else 1.0
            for _ in range(power // 2):
                density *= nearness
            out[first + k] = density
    for i in range(p):
        constant += log(inverse[i, i])
    return constant


@kernel
def fill_mixture(x: Floats, centres: Floats, roots: Floats, log_shares: Floats, out: Floats) -> None:
    """Log density (n,) of a mixture at x (n, p): centres (k, p), roots (k, p, p), log shares (k,)."""
    n_components = log_shares.size
    each, factors = np.empty((n_components, x.shape[0])), np.empty(n_components)
    for k in range(n_components):
        factors[k] = log_shares[k] + fill_t_density(x, centres[k], roots[k], each[k])
    top = factors.max()
    for i in range(x.shape[0]):
        total = 0.0
        for k in range(n_components):
            total += exp(factors[k] - top) * each[k, i]
        out[i] = top + log(total)


@kernel
def place_draws(
    z: Floats, chi_squares: Floats, which: npt.NDArray[np.int64], centres: Floats, roots: Floats, x: Floats
) -> None:
    """Draws x (n, p) of components which (n,), from standard normal numbers z (n, p) and chi-squares (n,)."""
    p = z.shape[1]
    for k in range(z.shape[0]):
        longer = sqrt(PROPOSAL_DF / chi_squares[k])
        centre, root = centres[which[k]], roots[which[k]]
        for i in range(p):
            total = centre[i]
            for j in range(i + 1):
                total += root[i, j] * z[k, j] * longer
            x[k, i] = total


@kernel
def weighted_moments(x: Floats, weights: Floats, centre: Floats, spread: Floats) -> None:
    """Mean (p,) and second moment around it (p, p) of x (n, p) under weights (n,) that add up to 1."""
    n, p = x.shape
    centre[:] = 0.0
    spread[:] = 0.0
    for k in range(n):
        for i in range(p):
            centre[i] += weights[k] * x[k, i]
    for k in range(n):
        if weights[k] > 0.0:
            for i in range(p):
                off = weights[k] * (x[k, i] - centre[i])
                for j in range(i + 1):
                    spread[i, j] += off * (x[k, j] - centre[j])
    for i in range(p):
        for j in range(i):
            spread[j, i] = spread[i, j]


@kernel
def first_parts(x: Floats, weights: Floats, centre: Floats, whole: Floats, belongs: Floats) -> None:
    """Which component each draw starts in, into belongs (k, n): equal shares along the direction of most variance."""
    n, p = x.shape
    axis = np.linalg.eigh(whole)[1][:, p - 1]
    along = np.empty(n)
    for k in range(n):
        along[k] = 0.0
        for i in range(p):
            along[k] += (x[k, i] - centre[i]) * axis[i]
    belongs[:] = 0.0
    reached = 0.0
    for place in np.argsort(along, kind="mergesort"):
        reached += weights[place]
        belongs[min(int(reached * belongs.shape[0]), belongs.shape[0] - 1), place] = 1.0


@kernel
def fit_mixture(
    x: Floats, weights: Floats, n_components: int, centres: Floats, roots: Floats, log_shares: Floats
) -> int:
    """A mixture fitted to weighted draws; fills centres, roots and log shares, returns the number of components."""
    n, p = x.shape
    centre, whole = np.empty(p), np.empty((p, p))
    weighted_moments(x, weights, centre, whole)
    whole /= 1.0 - np.sum(weights * weights)
    ridge = 1e-9 * np.trace(whole) / p
    for i in range(p):
        whole[i, i] += ridge
    if n_components == 1:
        centres[0], roots[0], log_shares[0] = centre, np.linalg.cholesky(whole), 0.0
        return 1
    belongs = np.zeros((n_components, n))
    first_parts(x, weights, centre, whole, belongs)
    own, spread = np.empty(n), np.empty((p, p))
    kept = 0
    for step in range(REFINEMENTS + 1):
        kept = 0
        for k in range(n_components):
            mass = 0.0
            for i in range(n):
                own[i] = weights[i] * belongs[k, i]
                mass += own[i]
            if mass < LEAST_MASS:
                continue
            own /= mass
            weighted_moments(x, own, centres[kept], spread)
            lean = min(1.0, 2.0 * p * np.sum(own * own))
            for i in range(p):
                diagonal = 1e-3 * spread[i, i]
                for j in range(p):
                    spread[i, j] = (1.0 - lean) * spread[i, j] + lean * whole[i, j]
                spread[i, i] += diagonal
            roots[kept] = np.linalg.cholesky(spread)
            log_shares[kept] = log(mass)
            kept += 1
        n_components = kept
        if step < REFINEMENTS:
            assign(x, centres[:kept], roots[:kept], log_shares[:kept], belongs)
    total = log(np.sum(np.exp(log_shares[:kept])))
    for k in range(kept):
        log_shares[k] -= total
    return kept


@kernel
def assign(x: Floats, centres: Floats, roots: Floats, log_shares: Floats, belongs: Floats) -> None:
    """The share of each component in each draw, into belongs (k, n)."""
    n_components = log_shares.size
    factors = np.empty(n_components)
    for k in range(n_components):
        factors[k] = log_shares[k] + fill_t_density(x, centres[k], roots[k], belongs[k])
    factors = np.exp(factors - factors.max())
    for i in range(x.shape[0]):
        total = 0.0
        for k in range(n_components):
            belongs[k, i] *= factors[k]
            total += belongs[k, i]
        for k in range(n_components):
            belongs[k, i] /= total


@kernel
def weigh(values: Floats, logs: Floats, sizes: Floats, log_ratio: Floats) -> None:
    """Log importance ratios (n,) of -2 log densities (n,) to the mixture of all rounds: logs (rounds, n) of what each
    drew from, sizes (rounds,). Ratios that are not finite lie far below all others."""
    n = values.size
    shares = sizes / n
    least = inf
    for i in range(n):
        top = -inf
        for k in range(sizes.size):
            top = max(top, logs[k, i])
        total = 0.0
        for k in range(sizes.size):
            total += shares[k] * exp(logs[k, i] - top)
        log_ratio[i] = -0.5 * values[i] - (top + log(total))
        if isfinite(log_ratio[i]):
            least = min(least, log_ratio[i])
    for i in range(n):
        if not isfinite(log_ratio[i]):
            log_ratio[i] = least - 50.0


@kernel
def largest(weights: Floats, n_tail: int) -> npt.NDArray[np.int64]:
    """Places of the n_tail largest weights, ascending; of equal ones the last count as the larger."""
    n = weights.size
    edge = np.partition(weights, n - n_tail)[n - n_tail]
    above = 0
    for i in range(n):
        above += weights[i] > edge
    places = np.empty(n_tail, np.int64)
    equal = n_tail - above
    at = n_tail
    for i in range(n - 1, -1, -1):
        if weights[i] > edge:
            at -= 1
            places[at] = i
        elif weights[i] == edge and equal > 0:
            equal -= 1
            at -= 1
            places[at] = i
    return places[np.argsort(weights[places], kind="mergesort")]


@kernel
def smooth(weights: Floats) -> float:
    """Pareto-smooth weights (n,), the largest of them 1, in place; not normalised. Returns k, nan without a tail.

    Generalised Pareto by Zhang and Stephens, Technometrics 2009;51:316, with the prior on k of Vehtari et al.
    """
    n = weights.size
    n_tail = int(min(0.2 * n, 3.0 * sqrt(n)))
    quartile = int(n_tail / 4 + 0.5) - 1
    tail = largest(weights, n_tail + 1)
    cutoff, tail = weights[tail[0]], tail[1:]
    excess = weights[tail] - cutoff
    if not excess[quartile] > 0.0:  # such a tail has no shape
        return nan
    size = 30 + int(sqrt(n_tail))
    rates, logs = np.empty(size), np.empty(size)
    for k in range(size):
        rates[k] = (1.0 - sqrt(size / (k + 0.5))) / (3.0 * excess[quartile]) + 1.0 / excess[n_tail - 1]
        shape = 0.0
        for i in range(n_tail):
            shape += log1p(-rates[k] * excess[i])
        shape /= n_tail
        logs[k] = n_tail * (log(-rates[k] / shape) - shape - 1.0)
    share = np.exp(logs - logs.max())
    least = 10.0 * 2.220446049250313e-16 * share.sum()
    rate = total = 0.0
    for k in range(size):
        if share[k] >= least:
            rate += rates[k] * share[k]
            total += share[k]
    rate /= total
    shape = 0.0
    for i in range(n_tail):
        shape += log1p(-rate * excess[i])
    shape /= n_tail
    scale = -shape / rate
    shape = (n_tail * shape + 5.0) / (n_tail + 10.0)
    top = weights[tail[n_tail - 1]]
    for i in range(n_tail):
        quantile = cutoff + scale * np.expm1(-shape * log1p(-(i + 0.5) / n_tail)) / shape
        weights[tail[i]] = min(quantile, top)
    return shape
