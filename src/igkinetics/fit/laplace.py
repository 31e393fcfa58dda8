"""Intervals for registries: the posterior as a mixture of its Laplace approximations, without weights or rounds.

Every structure, and every SD of the drift under the fitted one, is a normal distribution around each of its optima, of
the mass that Laplace's method gives it (docs/model.md 3.6). Points of that mixture take the place of draws; in each
direction they lie as evenly as so many points can, so that few say what many draws would. Nothing corrects them where
the posterior is no normal distribution: what that costs is in docs/guide/size.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
from scipy.special import ndtri

from igkinetics.fit.importance import Component, log_sum
from igkinetics.fit.minimise import Optimum, explore
from igkinetics.fit.posterior import Draws, laplace_components
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.result import Averaged
from igkinetics.fit.structures import (
    DRIFT_PRIOR,
    DRIFT_SDS,
    NEGLIGIBLE,
    Candidate,
    Own,
    Posterior,
    posterior_rows,
    with_drift,
)
from igkinetics.kinetics.parameters import Floats

METHOD: Final = "Laplace approximation"
MOST_POINTS: Final = 400
"""Of one patient: evenly spread points say no more where there are more."""


def laplace_own(problem: FitProblem, optimum: Optimum, n: int, generator: np.random.Generator, *, drift: bool) -> Own:
    """The fitted structure, with drift where asked for: points of equal weight, n or MOST_POINTS at most."""
    sds, prior = (DRIFT_SDS, DRIFT_PRIOR) if drift else (DRIFT_SDS[:1], DRIFT_PRIOR[:1])
    drifting = with_drift(problem, sds, prior)
    components: list[Component] = []
    levels: list[int] = []
    optima: list[Optimum] = []
    for level, (sd, log_weight) in enumerate(zip(sds, drifting.drift_log_weights, strict=True)):
        single = replace(problem, drift_sds=np.array([sd]), drift_log_weights=np.zeros(1))
        best = optimum if sd == 0.0 else explore(single, [optimum.x])
        optima.append(best)
        if not best.failed_tests:
            components += [
                replace(component, log_share=component.log_share + log_weight)
                for component in laplace_components(single, best)
            ]
        levels += [level] * (len(components) - len(levels))
    x, places = points(components, min(n, MOST_POINTS), generator)
    shares = np.zeros((len(x), len(sds)))
    shares[np.arange(len(x)), np.array(levels)[places]] = 1.0
    log_marginal = float(log_sum(np.array([component.log_share for component in components])))
    draws = Draws(
        x=x,
        theta=drifting.thetas(x),
        weights=np.full(len(x), 1.0 / len(x)),
        pareto_k=float("nan"),
        log_marginal=log_marginal,
        method=METHOD,
        drift_shares=shares,
        best=x[:1],
    )
    return Own(problem=drifting, draws=draws, optima=tuple(optima), prior=prior)


def laplace_posterior(own: Own, others: list[Candidate], generator: np.random.Generator) -> Posterior:
    """The same over all structures, each by prior weight times the mass of its Laplace approximation."""
    n = len(own.draws.x)
    known = [None if c.optimum.failed_tests or not c.prior_weight else laplace_mass(c) for c in others]
    scores = [float(np.log(sum(own.prior)) + own.draws.log_marginal)]
    scores += [
        -np.inf if mass is None else float(np.log(c.prior_weight) + mass) for mass, c in zip(known, others, strict=True)
    ]
    logs = np.array(scores)
    shares = np.exp(logs - log_sum(logs))
    kept = np.where(shares > NEGLIGIBLE, shares, 0.0)
    counts = np.diff(np.round(np.cumsum(np.append(0.0, kept / kept.sum())) * n)).astype(int)
    theta, sd = [spread_out(own.draws.theta, counts[0])], [own_drift(own, counts[0])]
    kinds = [np.full(counts[0], own.problem.kind, dtype=np.int8)]
    for candidate, count in zip(others, counts[1:], strict=True):
        if count:
            x, _ = points(laplace_components(candidate.problem, candidate.optimum), count, generator)
            theta.append(candidate.problem.thetas(x))
            sd.append(np.zeros(count))
            kinds.append(np.full(count, candidate.problem.kind, dtype=np.int8))
    order = generator.permutation(n)
    averaged = Averaged(
        theta=np.concatenate(theta)[order],
        drift_sd=np.concatenate(sd)[order],
        source=order,
        kind=np.concatenate(kinds)[order],
        method=METHOD,
        pareto_k=float("nan"),
        r_hat=float("nan"),
        trusted=True,
    )
    return Posterior(draws=own.draws, averaged=averaged, alternatives=posterior_rows(own, others, shares, scores))


def laplace_mass(candidate: Candidate) -> float:
    """Log of the integral of a structure's posterior over all its optima."""
    components = laplace_components(candidate.problem, candidate.optimum)
    return float(log_sum(np.array([component.log_share for component in components])))


def spread_out(rows: Floats, count: int) -> Floats:
    """So many of these rows, evenly over their order."""
    return rows[(np.arange(count) * len(rows)) // max(count, 1)]


def own_drift(own: Own, count: int) -> Floats:
    """The SD of the drift of each of the points that spread_out keeps."""
    return spread_out(own.problem.drift_sds[own.draws.drift_shares.argmax(axis=1)], count)


def points(
    components: Sequence[Component], n: int, generator: np.random.Generator
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """n points x (n, p) of a mixture of normal distributions, and the component of each (n,)."""
    logs = np.array([component.log_share for component in components])
    shares = np.exp(logs - log_sum(logs))
    places = np.minimum(np.searchsorted(np.cumsum(shares), (np.arange(n) + 0.5) / n), len(components) - 1)
    x = np.empty((n, components[0].centre.size))
    for k, component in enumerate(components):
        own = np.flatnonzero(places == k)
        if not own.size:
            continue
        z = np.column_stack([generator.permutation(even_normal(own.size)) for _ in range(component.centre.size)])
        x[own] = component.centre + z.reshape(own.size, -1) @ component.root.T
    return x, places.astype(np.int64)


@cache
def even_normal(n: int) -> Floats:
    """n numbers as evenly spread under the standard normal distribution as can be, with its variance."""
    found = ndtri((np.arange(n) + 0.5) / max(n, 1))
    found = found / np.sqrt(np.mean(found**2)) if n > 1 else found
    found.setflags(write=False)
    return np.asarray(found)
