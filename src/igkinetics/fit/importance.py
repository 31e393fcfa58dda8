"""Importance sampling in rounds: a mixture of t distributions that learns the shape of a posterior.

The first round draws around every optimum found (Laplace approximations) and from the prior, which reaches wherever the
posterior does. Each further round draws from t distributions fitted to the weighted draws so far. All draws of all
rounds are kept, each weighted by the mixture of everything that was drawn from (Cornuet et al., Scand J Stat
2012;39:798), so none is wasted. Weights are Pareto-smoothed (Vehtari et al., JMLR 2024;25(72)); the shape k says how
far to trust them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import gammaln

from igkinetics.kinetics.parameters import Floats

PROPOSAL_DF: Final = 5.0
PRIOR_SHARE: Final = 0.1
"""Share of the first round drawn from the prior."""
GOOD_PARETO_K: Final = 0.7
AIM: Final = 0.6
"""Rounds go on until k is below: estimates of k scatter, and none above GOOD_PARETO_K is to be reported."""
MOST_ROUNDS: Final = 8
MOST_COMPONENTS: Final = 3
REFINEMENTS: Final = 4
"""Steps of expectation and maximisation when a mixture is fitted to weighted draws."""
LEAST_MASS: Final = 0.03
"""Of a fitted component; a smaller one rests on too few draws."""

Target = Callable[[Floats], Floats]
"""-2 log density (n,) of draws (n, p), up to no constant: its integral is the marginal likelihood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A multivariate t of the proposal: its centre (p,), Cholesky factor (p, p) of its scale, and its log share."""

    centre: Floats
    root: Floats
    log_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """Draws x (n, p) with normalised, smoothed weights (n,)."""

    x: Floats
    values: Floats
    """-2 log density (n,) of each draw."""
    weights: Floats
    pareto_k: float
    log_marginal: float
    log_marginal_error: float
    """Standard error of the log of the marginal likelihood."""
    rounds: int
    proposal: tuple[tuple[Component, ...], ...]
    """What each round drew from."""


def log_t_density(x: Floats, centre: Floats, inverse_root: Floats) -> Floats:
    """Log density (n,) of a multivariate t at x (n, p), by the inverse of the Cholesky factor of its scale matrix."""
    p = centre.size
    z = (x - centre) @ inverse_root.T
    constant = (
        gammaln((PROPOSAL_DF + p) / 2)
        - gammaln(PROPOSAL_DF / 2)
        - 0.5 * p * np.log(PROPOSAL_DF * np.pi)
        + np.log(np.diag(inverse_root)).sum()
    )
    return constant - 0.5 * (PROPOSAL_DF + p) * np.log1p(np.einsum("ij,ij->i", z, z) / PROPOSAL_DF)


def inverse(root: Floats) -> Floats:
    return np.asarray(np.linalg.inv(root), dtype=float)


def cholesky(covariance: Floats) -> Floats:
    return np.asarray(np.linalg.cholesky(covariance), dtype=float)


def log_sum(terms: Floats) -> Floats:
    """Log of the sum of exponentials over the first axis."""
    top = terms.max(axis=0)
    return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)))


def log_mixture(x: Floats, components: Sequence[Component]) -> Floats:
    """Log density (n,) of a mixture whose shares add up to 1."""
    terms = [
        component.log_share + log_t_density(x, component.centre, inverse(component.root)) for component in components
    ]
    return log_sum(np.array(terms))


def normalised(components: Sequence[Component]) -> tuple[Component, ...]:
    """The same with shares that add up to 1."""
    total = float(log_sum(np.array([component.log_share for component in components])))
    return tuple(Component(centre=c.centre, root=c.root, log_share=c.log_share - total) for c in components)


def draw_from(components: Sequence[Component], n: int, generator: np.random.Generator) -> Floats:
    """x (n, p): from each component its share of the draws."""
    shares = np.exp([component.log_share for component in components])
    which = np.minimum(np.searchsorted(np.cumsum(shares), (np.arange(n) + 0.5) / n), len(components) - 1)
    x = generator.standard_normal((n, components[0].centre.size))
    x *= np.sqrt(PROPOSAL_DF / generator.chisquare(PROPOSAL_DF, n))[:, None]
    for k, component in enumerate(components):
        own = which == k
        x[own] = component.centre + x[own] @ component.root.T
    return x


def fitted_mixture(x: Floats, weights: Floats, n_components: int) -> tuple[Component, ...]:
    """Normal distributions fitted to weighted draws, as t components; one alone has their mean and covariance.

    Several start at draws spread along the direction of most variance and are refined; each covariance leans on that of
    all draws, the more the fewer draws it rests on.
    """
    centre = weights @ x
    whole = ((x - centre).T * weights) @ (x - centre) / (1.0 - np.sum(weights**2))
    whole += 1e-9 * np.trace(whole) / centre.size * np.eye(centre.size)
    if n_components == 1:
        return (Component(centre=centre, root=cholesky(whole), log_share=0.0),)
    along = (x - centre) @ np.linalg.eigh(whole)[1][:, -1]
    order = np.argsort(along, kind="stable")
    part = np.minimum((np.cumsum(weights[order]) * n_components).astype(int), n_components - 1)
    belongs = np.zeros((x.shape[0], n_components))
    belongs[order, part] = 1.0
    found: list[Component] = []
    for step in range(REFINEMENTS + 1):
        found = []
        for k in range(n_components):
            own = weights * belongs[:, k]
            mass = own.sum()
            if mass < LEAST_MASS:
                continue
            own = own / mass
            middle = own @ x
            spread = ((x - middle).T * own) @ (x - middle)
            lean = min(1.0, 2.0 * centre.size * np.sum(own**2))
            spread = (1.0 - lean) * spread + lean * whole + 1e-3 * np.diag(np.diag(whole))
            found.append(Component(centre=middle, root=cholesky(spread), log_share=float(np.log(mass))))
        if step < REFINEMENTS:
            logs = np.array([c.log_share + log_t_density(x, c.centre, inverse(c.root)) for c in found])
            belongs = np.exp(logs - log_sum(logs)).T
            n_components = len(found)
    return normalised(found)


def smoothed(log_ratio: Floats) -> tuple[Floats, float]:
    """Normalised Pareto-smoothed weights (n,), and k.

    As ArviZ's psislw, of which a fit with its many small samples would spend most time on what surrounds the formulae
    (tests/fit/test_importance.py holds one against the other). Generalised Pareto by Zhang and Stephens, Technometrics
    2009;51:316, with the prior on k of Vehtari et al.
    """
    weights = np.exp(log_ratio - log_ratio.max())
    n_tail = int(min(0.2 * weights.size, 3.0 * np.sqrt(weights.size)))
    quartile = int(n_tail / 4 + 0.5) - 1
    order = np.argsort(weights, kind="stable")
    tail, cutoff = order[-n_tail:], weights[order[-n_tail - 1]]
    excess = weights[tail] - cutoff
    if not excess[quartile] > 0.0:  # such a tail has no shape
        return weights / weights.sum(), float("nan")
    size = 30 + int(np.sqrt(n_tail))
    rates = (1.0 - np.sqrt(size / (np.arange(1, size + 1) - 0.5))) / (3.0 * excess[quartile])
    rates += 1.0 / excess[-1]
    shapes = np.log1p(-rates[:, None] * excess).mean(axis=1)
    logs = n_tail * (np.log(-rates / shapes) - shapes - 1.0)
    share = np.exp(logs - logs.max())
    share = np.where(share >= 10.0 * np.finfo(float).eps * share.sum(), share, 0.0)
    rate = float(rates @ share / share.sum())
    shape = float(np.log1p(-rate * excess).mean())
    scale = -shape / rate
    shape = (n_tail * shape + 5.0) / (n_tail + 10.0)
    levels = np.arange(0.5, n_tail) / n_tail
    quantiles = cutoff + scale * np.expm1(-shape * np.log1p(-levels)) / shape
    weights[tail] = np.minimum(quantiles, weights[tail[-1]])
    return weights / weights.sum(), shape


def cut(log_ratio: Floats) -> Floats:
    """Normalised weights (n,), none above sqrt(n) times their mean (Ionides, J Comput Graph Stat 2008;17:295)."""
    ratio = np.exp(log_ratio - log_ratio.max())
    weights = np.minimum(ratio, np.sqrt(ratio.size) * ratio.mean())
    return np.asarray(weights / weights.sum())


def sample_in_rounds(
    target: Target, first: Sequence[Component], n: int, generator: np.random.Generator, most_rounds: int = MOST_ROUNDS
) -> Weighted:
    """Weighted draws of a density. first: what the first round draws from; n: draws of the first two rounds together,
    which every further round, while k is too high, adds half as many to."""
    proposals = [normalised(first)]
    sizes: list[int] = []
    x, value = np.empty((0, first[0].centre.size)), np.empty(0)
    logs = np.empty((0, 0))
    for round_ in range(1, most_rounds + 1):
        new = draw_from(proposals[-1], n // 2, generator)
        sizes.append(new.shape[0])
        old_at_new = [log_mixture(new, proposal) for proposal in proposals[:-1]]
        x, value = np.concatenate([x, new]), np.concatenate([value, target(new)])
        here = log_mixture(x, proposals[-1])
        logs = np.vstack([np.hstack([logs, old_at_new]) if old_at_new else logs.reshape(0, x.shape[0]), here])
        log_ratio = -0.5 * value - log_sum(logs + np.log(np.array(sizes) / x.shape[0])[:, None])
        finite = np.isfinite(log_ratio)
        log_ratio = np.where(finite, log_ratio, log_ratio[finite].min() - 50.0)
        if round_ == 1:
            weights, pareto_k = cut(log_ratio), np.inf
        else:
            weights, pareto_k = smoothed(log_ratio)
        if pareto_k < AIM:
            break
        if round_ < most_rounds:
            proposals.append(fitted_mixture(x, weights, min(round_, MOST_COMPONENTS)))
    top = log_ratio.max()
    ratio = np.exp(log_ratio - top)
    return Weighted(
        x=x,
        values=value,
        weights=weights,
        pareto_k=pareto_k,
        log_marginal=float(top + np.log(ratio.mean())),
        log_marginal_error=float(ratio.std() / ratio.mean() / np.sqrt(ratio.size)),
        rounds=round_,
        proposal=tuple(proposals),
    )
