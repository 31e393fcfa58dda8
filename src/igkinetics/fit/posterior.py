"""Draws from one patient's posterior under one structure: importance sampling in rounds, chains where weights fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.fit.chains import run_chains
from igkinetics.fit.importance import GOOD_PARETO_K, METHOD, PRIOR_SHARE, Component, log_sum, sample_in_rounds
from igkinetics.fit.minimise import Optimum
from igkinetics.fit.problem import FitProblem
from igkinetics.frozen import ByValue
from igkinetics.kinetics.parameters import Floats

MASS_KEPT: Final = 1e-3
"""Optima with less Laplace mass than this share are left out of the proposal."""
LOOKED_AT: Final = 100
"""Best draws at which the kinetic curve alone is tried, for an optimum below the one found."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws(ByValue):
    """x (n, p) on estimation scales with normalised weights (n,); natural parameters theta (n, 13)."""

    x: Floats
    theta: Floats
    weights: Floats
    pareto_k: float
    """Shape of the importance weights; nan for chains."""
    log_marginal: float
    """Log marginal likelihood (nan without a prior)."""
    method: str
    drift_shares: Floats
    """Of each SD of the drift, given each draw (n, k)."""
    best: Floats
    """x (m, p) of the draws with the lowest -2 log posterior."""
    r_hat: float = float("nan")
    """Worst of any parameter; nan unless drawn by chains."""
    trusted: bool = True

    def interval(self, values: Floats, level: float) -> tuple[float, float]:
        """Equal-tailed interval of a quantity per draw (n,)."""
        tail = (1.0 - level) / 2.0
        low, high = weighted_quantiles(values, self.weights, np.array([tail, 1.0 - tail]))
        return float(low), float(high)

    def mean(self, values: Floats) -> float:
        return float(np.sum(self.weights * values))

    def sd(self) -> Floats:
        """Posterior SD of each x (p,)."""
        centre = self.weights @ self.x
        return np.sqrt(self.weights @ (self.x - centre) ** 2)

    def resampled(self, n: int) -> Floats:
        """n natural parameter vectors of equal weight (systematic resampling, no randomness)."""
        places = np.searchsorted(np.cumsum(self.weights), (np.arange(n) + 0.5) / n)
        return self.theta[np.minimum(places, self.weights.size - 1)]


def weighted_quantiles(values: Floats, weights: Floats, levels: Floats) -> Floats:
    """Quantiles of weighted values, linear between the mid-points of the weights.

    Infinite values (a day that never comes) are allowed; then the quantile is the value at that share of weight.
    """
    order = np.argsort(values)
    mass = weights[order]
    if not np.all(np.isfinite(values)):
        places = np.searchsorted(np.cumsum(mass), levels)
        return values[order][np.minimum(places, values.size - 1)]
    return np.interp(levels, np.cumsum(mass) - 0.5 * mass, values[order])


def even_quantiles(values: Floats, levels: Floats) -> Floats:
    """The same of values that weigh the same."""
    ordered = np.sort(values)
    n = values.size
    if not np.isfinite(ordered[-1]) or not np.isfinite(ordered[0]):
        return weighted_quantiles(values, np.full(n, 1.0 / n), levels)
    return np.interp(levels, (np.arange(n) + 0.5) / n, ordered)


def laplace_components(problem: FitProblem, optimum: Optimum) -> list[Component]:
    """The Laplace approximation around each optimum with a positive definite Hessian; log share = log integral."""
    components = []
    for x in optimum.modes:
        hessian = 0.5 * (optimum.hessian if x is optimum.x else problem.hessian(x))
        if np.linalg.eigvalsh(hessian)[0] > 0:
            root = np.linalg.cholesky(np.linalg.inv(hessian))
            value = optimum.objective if x is optimum.x else problem.value_and_gradient(x)[0]
            peak = -0.5 * value + 0.5 * x.size * np.log(2 * np.pi)
            components.append(Component(centre=x, root=root, log_share=float(peak + np.log(np.diag(root)).sum())))
    best = max(component.log_share for component in components)
    return [component for component in components if component.log_share > best + np.log(MASS_KEPT)]


def laplace_log_marginal(problem: FitProblem, optimum: Optimum) -> float:
    """Log marginal likelihood by Laplace's method at the best optimum; nan without a prior."""
    if not problem.has_prior:
        return float("nan")
    hessian = 0.5 * optimum.hessian
    sign, log_determinant = np.linalg.slogdet(hessian)
    if sign <= 0 or not np.isfinite(log_determinant):
        return float("nan")
    return float(-0.5 * optimum.objective + 0.5 * optimum.x.size * np.log(2 * np.pi) - 0.5 * log_determinant)


def draw_around(problem: FitProblem, components: list[Component], n: int, generator: np.random.Generator) -> Draws:
    """Weighted draws, n or more, from these components and the prior; where weights fail, n from chains."""
    mass = float(log_sum(np.array([component.log_share for component in components])))
    prior = Component(
        centre=problem.mu,
        root=np.diag(problem.prior_sd),
        log_share=mass + float(np.log(PRIOR_SHARE / (1.0 - PRIOR_SHARE))),
    )
    terms: list[Floats] = []

    def target(x: Floats) -> Floats:
        terms.append(problem.terms(x))
        return problem.averaged(terms[-1])

    found = sample_in_rounds(target, [*components, prior], n, generator)
    best = found.x[np.argsort(np.where(np.isnan(found.values), np.inf, found.values))[:LOOKED_AT]]
    if found.pareto_k <= GOOD_PARETO_K:
        return Draws(
            x=found.x,
            theta=problem.thetas(found.x),
            weights=found.weights,
            pareto_k=found.pareto_k,
            log_marginal=found.log_marginal,
            method=METHOD,
            drift_shares=problem.shares(np.concatenate(terms)),
            best=best,
        )
    chained = run_chains(problem.values, found, n, generator)
    return Draws(
        x=chained.x,
        theta=problem.thetas(chained.x),
        weights=np.full(n, 1.0 / n),
        pareto_k=float("nan"),
        log_marginal=chained.log_marginal,
        method="Markov chains",
        drift_shares=problem.shares(problem.terms(chained.x)),
        r_hat=chained.r_hat,
        trusted=chained.trusted,
        best=best,
    )


def lowest_drawn(problem: FitProblem, draws: Draws) -> tuple[Floats, float]:
    """The best draw's x (p,) and -2 log posterior, without drift: one below the optimum's shows that the optimum is not
    the lowest."""
    steady = problem.without_drift().values(draws.best)
    lowest = int(np.nanargmin(steady))
    return draws.best[lowest], float(steady[lowest])
