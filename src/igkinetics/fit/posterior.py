"""Draws from one patient's posterior: Laplace approximation as proposal, importance weights as correction.

Proposal: multivariate t around each distinct optimum, mixed by Laplace mass. Weights are Pareto-smoothed
(Vehtari et al., JMLR 2024;25(72), by arviz-stats); the shape k says how far to trust them (above 0.7: not).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import gammaln, logsumexp

from igkinetics.fit.minimise import Optimum
from igkinetics.fit.problem import FitProblem
from igkinetics.frozen import ByValue
from igkinetics.kinetics.parameters import Floats

PROPOSAL_DF: Final = 5.0
MASS_KEPT: Final = 1e-3
"""Optima with less Laplace mass than this share are left out of the proposal."""
ADAPTED_SHARE: Final = 0.7
"""Share of the second round drawn from the adapted component."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws(ByValue):
    """x (n, p) on estimation scales with normalised weights (n,); natural parameters theta (n, 13)."""

    x: Floats
    theta: Floats
    weights: Floats
    pareto_k: float
    log_marginal: float
    """Laplace approximation of the log marginal likelihood (nan without a prior)."""
    lowest: Floats
    """x (p,) of the draw with the lowest -2 log posterior ..."""
    lowest_objective: float
    """... and its value there: one below the optimum's shows that the optimum is not the lowest."""

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
    order = np.argsort(values, kind="stable")
    mass = weights[order]
    if not np.all(np.isfinite(values)):
        places = np.searchsorted(np.cumsum(mass), levels)
        return values[order][np.minimum(places, values.size - 1)]
    return np.interp(levels, np.cumsum(mass) - 0.5 * mass, values[order])


def log_t_density(x: Floats, centre: Floats, root: Floats, df: float) -> Floats:
    """Log density (n,) of a multivariate t at x (n, p); root is the Cholesky factor of its scale matrix."""
    p = centre.size
    z = np.linalg.solve(root, (x - centre).T)
    constant = gammaln((df + p) / 2) - gammaln(df / 2) - 0.5 * p * np.log(df * np.pi) - np.log(np.diag(root)).sum()
    return constant - 0.5 * (df + p) * np.log1p(np.sum(z * z, axis=0) / df)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A multivariate t of the proposal: its centre (p,), Cholesky factor (p, p) of its scale, and its log mass."""

    centre: Floats
    root: Floats
    log_mass: float


def laplace_components(problem: FitProblem, optimum: Optimum) -> list[Component]:
    """The Laplace approximation around each optimum with a positive definite Hessian; log mass = log integral."""
    components = []
    for x in optimum.modes:
        hessian = 0.5 * problem.hessian(x)
        if np.linalg.eigvalsh(hessian)[0] > 0:
            root = np.linalg.cholesky(np.linalg.inv(hessian))
            peak = -0.5 * problem.value_and_gradient(x)[0] + 0.5 * x.size * np.log(2 * np.pi)
            components.append(Component(centre=x, root=root, log_mass=float(peak + np.log(np.diag(root)).sum())))
    best = max(component.log_mass for component in components)
    return [component for component in components if component.log_mass > best + np.log(MASS_KEPT)]


def laplace_log_marginal(problem: FitProblem, optimum: Optimum) -> float:
    """Log marginal likelihood by Laplace's method at the best optimum; nan without a prior."""
    if not problem.has_prior:
        return float("nan")
    hessian = 0.5 * optimum.hessian
    sign, log_determinant = np.linalg.slogdet(hessian)
    if sign <= 0 or not np.isfinite(log_determinant):
        return float("nan")
    return float(-0.5 * optimum.objective + 0.5 * optimum.x.size * np.log(2 * np.pi) - 0.5 * log_determinant)


def draw_from(components: list[Component], n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """x (n, p) from the mixture, each component in proportion to its mass, and their log density (n,)."""
    log_shares = np.array([component.log_mass for component in components])
    log_shares = log_shares - logsumexp(log_shares)
    which = np.searchsorted(np.cumsum(np.exp(log_shares)), (np.arange(n) + 0.5) / n)
    which = np.minimum(which, len(components) - 1)
    z = generator.standard_normal((n, components[0].centre.size))
    z *= np.sqrt(PROPOSAL_DF / generator.chisquare(PROPOSAL_DF, n))[:, None]
    x = np.empty_like(z)
    for k, component in enumerate(components):
        x[which == k] = component.centre + z[which == k] @ component.root.T
    densities = [share + log_t_density(x, component.centre, component.root, PROPOSAL_DF)
                 for share, component in zip(log_shares, components, strict=True)]  # fmt: skip
    return x, logsumexp(densities, axis=0)


def log_ratios(values: Floats, log_density: Floats) -> Floats:
    """Log of posterior over proposal (n,), given -2 log posterior and the log density of the proposal (n,) each.

    A draw where the model is not finite gets next to no weight.
    """
    ratio = -0.5 * values - log_density
    finite = np.isfinite(ratio)
    return np.where(finite, ratio, ratio[finite].min() - 50.0)


def adapted(x: Floats, log_ratio: Floats) -> Component:
    """A component with the mean and covariance of weighted draws."""
    weights = np.exp(log_ratio - logsumexp(log_ratio))
    centre = weights @ x
    centred = x - centre
    covariance = (centred.T * weights) @ centred / (1.0 - np.sum(weights**2))
    return Component(centre=centre, root=np.linalg.cholesky(covariance), log_mass=0.0)


def draw_posterior(problem: FitProblem, optimum: Optimum, n: int, generator: np.random.Generator) -> Draws:
    """n weighted draws. The optimum's Hessian must be positive definite (a converged fit).

    Two rounds: the first, from the Laplace approximation, finds the posterior's own mean and covariance; the
    second draws from both.
    """
    laplace = laplace_components(problem, optimum)
    first, density = draw_from(laplace, max(n // 2, 50 * optimum.x.size), generator)
    wider = adapted(first, log_ratios(problem.values(first), density))
    laplace_mass = float(logsumexp([component.log_mass for component in laplace]))
    proposal = [*laplace, replace(wider, log_mass=laplace_mass + np.log(ADAPTED_SHARE / (1 - ADAPTED_SHARE)))]
    x, density = draw_from(proposal, n, generator)
    values = problem.values(x)
    log_ratio = log_ratios(values, density)
    log_weights, pareto_k = array_stats.psislw(-log_ratio)  # it takes log likelihoods: the negative of log ratios
    weights = np.exp(log_weights)
    best = int(np.nanargmin(values))
    return Draws(
        x=x,
        theta=problem.thetas(x),
        weights=weights / weights.sum(),
        pareto_k=float(pareto_k),
        log_marginal=laplace_log_marginal(problem, optimum),
        lowest=x[best],
        lowest_objective=float(values[best]),
    )


def laplace_only(problem: FitProblem, optimum: Optimum, n: int, generator: np.random.Generator) -> Draws:
    """n draws of equal weight from the normal approximation: without a prior the posterior may be improper."""
    root = np.linalg.cholesky(np.linalg.inv(0.5 * optimum.hessian))
    x = optimum.x + generator.standard_normal((n, optimum.x.size)) @ root.T
    return Draws(x=x, theta=problem.thetas(x), weights=np.full(n, 1.0 / n), pareto_k=float("nan"),
                 log_marginal=float("nan"), lowest=optimum.x, lowest_objective=optimum.objective)  # fmt: skip
