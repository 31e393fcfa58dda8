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

from igkinetics.fit.mixture import PROPOSAL_DF, fill_mixture, fit_mixture, place_draws, smooth, weigh
from igkinetics.kinetics.parameters import Floats

METHOD: Final = "importance sampling"
PRIOR_SHARE: Final = 0.1
"""Share of the first round drawn from the prior."""
GOOD_PARETO_K: Final = 0.7
AIM: Final = 0.6
"""Rounds go on until k is below: estimates of k scatter, and none above GOOD_PARETO_K is to be reported."""
MOST_ROUNDS: Final = 8
MOST_COMPONENTS: Final = 3

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


def cholesky(covariance: Floats) -> Floats:
    return np.asarray(np.linalg.cholesky(covariance), dtype=float)


def log_sum(terms: Floats) -> Floats:
    """Log of the sum of exponentials over the first axis."""
    top = terms.max(axis=0)
    return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)))


Arrays = tuple[Floats, Floats, Floats]
"""Centres (k, p), roots (k, p, p) and log shares (k,) of a mixture, as the kernels take them."""


def stacked(components: Sequence[Component]) -> Arrays:
    return (
        np.array([component.centre for component in components]),
        np.array([component.root for component in components]),
        np.array([component.log_share for component in components]),
    )


def log_mixture(x: Floats, components: Sequence[Component]) -> Floats:
    """Log density (n,) of a mixture whose shares add up to 1."""
    return log_density(x, stacked(components))


def log_density(x: Floats, mixture: Arrays) -> Floats:
    density = np.empty(x.shape[0])
    fill_mixture(np.ascontiguousarray(x), *mixture, density)
    return density


def normalised(components: Sequence[Component]) -> tuple[Component, ...]:
    """The same with shares that add up to 1."""
    total = float(log_sum(np.array([component.log_share for component in components])))
    return tuple(Component(centre=c.centre, root=c.root, log_share=c.log_share - total) for c in components)


def draw_from(components: Sequence[Component], n: int, generator: np.random.Generator) -> Floats:
    """x (n, p): from each component its share of the draws."""
    return drawn(stacked(components), n, generator)


def drawn(mixture: Arrays, n: int, generator: np.random.Generator) -> Floats:
    centres, roots, log_shares = mixture
    which = np.searchsorted(np.cumsum(np.exp(log_shares)), (np.arange(n) + 0.5) / n)
    which = np.minimum(which, log_shares.size - 1)
    z = generator.standard_normal((n, centres.shape[1]))
    x = np.empty_like(z)
    place_draws(z, generator.chisquare(PROPOSAL_DF, n), which, centres, roots, x)
    return x


def fitted_mixture(x: Floats, weights: Floats, n_components: int) -> tuple[Component, ...]:
    """Normal distributions fitted to weighted draws, as t components; one alone has their mean and covariance.

    Several start at draws spread along the direction of most variance and are refined; each covariance leans on that of
    all draws, the more the fewer draws it rests on.
    """
    p = x.shape[1]
    centres, roots, log_shares = np.empty((n_components, p)), np.empty((n_components, p, p)), np.empty(n_components)
    kept = fit_mixture(np.ascontiguousarray(x), weights, n_components, centres, roots, log_shares)
    return tuple(Component(centre=centres[k], root=roots[k], log_share=float(log_shares[k])) for k in range(kept))


def smoothed(log_ratio: Floats) -> tuple[Floats, float]:
    """Normalised Pareto-smoothed weights (n,), and k: as ArviZ's psislw."""
    weights = np.exp(log_ratio - log_ratio.max())
    pareto_k = smooth(weights)
    return weights / weights.sum(), float(pareto_k)


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
    mixtures: list[Arrays] = []
    sizes: list[int] = []
    x, value = np.empty((0, first[0].centre.size)), np.empty(0)
    logs = np.empty((0, 0))
    for round_ in range(1, most_rounds + 1):
        mixtures.append(stacked(proposals[-1]))
        new = drawn(mixtures[-1], n // 2, generator)
        sizes.append(new.shape[0])
        old_at_new = [log_density(new, mixture) for mixture in mixtures[:-1]]
        x, value = np.concatenate([x, new]), np.concatenate([value, target(new)])
        here = log_density(x, mixtures[-1])
        logs = np.vstack([np.hstack([logs, old_at_new]) if old_at_new else logs.reshape(0, x.shape[0]), here])
        log_ratio = np.empty(x.shape[0])
        weigh(value, logs, np.array(sizes, dtype=float), log_ratio)
        if not np.isfinite(log_ratio[0]):  # each is finite where one is
            raise ArithmeticError("no draw has a finite density")
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
