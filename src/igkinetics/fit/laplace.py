"""Intervals for registries: few points made from Laplace approximations, each weighed by the posterior.

Every structure, and every SD of the drift under the fitted one, is a normal distribution around each of its optima, of
the mass that Laplace's method gives it (docs/model.md 3.6). Points of that mixture, somewhat wider, take the place of
draws; in each direction they lie as evenly as so many points can. Their weights are those of importance sampling, in
one round; where too few points have weight, the structure is drawn from as without this.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from scipy.special import ndtri

from igkinetics.fit.importance import Component, log_sum, smoothed
from igkinetics.fit.posterior import Draws, draw_around
from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.parameters import Floats

METHOD: Final = "weighted points"
MOST_POINTS: Final = 400
"""Of one patient: evenly spread points say little more where there are more."""
WIDER: Final = 1.15
EVENLY: Final = 0.1
LEAST_EFFECTIVE: Final = 20.0
"""As in fit/batch/weighing.py (held together by tests/fit/test_batch.py)."""
DRAWS: Final = 2000
"""Where points of so little weight are left that draws take their place."""


def points_around(problem: FitProblem, components: list[Component], n: int, generator: np.random.Generator) -> Draws:
    """n weighted points of one structure, whatever the drift; draws where too few of them have weight."""
    x = points(components, n, generator)
    terms = problem.terms(x)
    values = problem.averaged(terms)
    weights, log_marginal = weighed(x, components, values)
    if not 1.0 / np.sum(weights**2) >= min(LEAST_EFFECTIVE, 0.25 * n):
        return draw_around(problem, components, DRAWS, generator)
    return Draws(
        x=x,
        theta=problem.thetas(x),
        weights=weights,
        pareto_k=float("nan"),
        log_marginal=log_marginal,
        method=METHOD,
        drift_shares=problem.shares(terms),
        best=x[[np.nanargmin(values)]],
    )


def shares_of(components: Sequence[Component]) -> Floats:
    """Of the points, for each component."""
    logs = np.array([component.log_share for component in components])
    return np.asarray((np.exp(logs - log_sum(logs)) + EVENLY / logs.size) / (1.0 + EVENLY))


def points(components: Sequence[Component], n: int, generator: np.random.Generator) -> Floats:
    """n points x (n, p) of a mixture of normal distributions WIDER times as wide as these."""
    places = np.minimum(
        np.searchsorted(np.cumsum(shares_of(components)), (np.arange(n) + 0.5) / n), len(components) - 1
    )
    x = np.empty((n, components[0].centre.size))
    for k, component in enumerate(components):
        own = np.flatnonzero(places == k)
        if own.size:
            z = np.column_stack([generator.permutation(even_normal(own.size)) for _ in range(component.centre.size)])
            x[own] = component.centre + WIDER * z.reshape(own.size, -1) @ component.root.T
    return x


def weighed(x: Floats, components: Sequence[Component], values: Floats) -> tuple[Floats, float]:
    """Pareto-smoothed weights (n,) of points x (n, p) of these components, where -2 log density is this (n,); and the
    log of its integral."""
    ratio = log_ratios(x, components, values)
    return smoothed(ratio)[0], log_mean(ratio)


def log_integral(problem: FitProblem, components: Sequence[Component], n: int, generator: np.random.Generator) -> float:
    """Log of the integral of a problem's density by n points of these components."""
    x = points(components, n, generator)
    return log_mean(log_ratios(x, components, problem.values(x)))


def log_ratios(x: Floats, components: Sequence[Component], values: Floats) -> Floats:
    """Log density over that of the points x (n, p) of these components, where -2 log density is this (n,)."""
    shares = shares_of(components)
    logs = np.array([normal_density(x, each) + np.log(share) for each, share in zip(components, shares, strict=True)])
    ratio = -0.5 * values - log_sum(logs)
    return np.where(np.isfinite(ratio), ratio, np.nanmax(ratio) - 50.0)


def log_mean(ratio: Floats) -> float:
    return float(ratio.max() + np.log(np.mean(np.exp(ratio - ratio.max()))))


def normal_density(x: Floats, component: Component) -> Floats:
    """Log density (n,) at x (n, p) of a component's normal distribution, WIDER times as wide."""
    root = WIDER * component.root
    z = np.linalg.inv(root) @ (x - component.centre).T  # a triangular solver wakes all threads of BLAS for it
    return np.asarray(-0.5 * np.sum(z**2, axis=0) - np.log(np.diag(root)).sum() - 0.5 * z.shape[0] * np.log(2 * np.pi))


@cache
def even_normal(n: int) -> Floats:
    """n numbers as evenly spread under the standard normal distribution as can be, with its variance."""
    found = ndtri((np.arange(n) + 0.5) / max(n, 1))
    found = found / np.sqrt(np.mean(found**2)) if n > 1 else found
    found.setflags(write=False)
    return np.asarray(found)
