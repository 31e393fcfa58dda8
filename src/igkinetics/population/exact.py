"""The marginal likelihood itself, by adaptive quadrature or importance sampling (docs/model.md 10.3).

Points are laid around each patient's posterior mean with its covariance, both found by a first round of importance
sampling around the mode: around mode and curvature alone, nine nodes do not reach the tails of a share near 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import gammaln, ndtri
from scipy.stats import chi2, qmc

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import workers
from igkinetics.population.conditional import Level
from igkinetics.population.likelihood import Marginal
from igkinetics.population.points import Moments, fill_exact

NODES: Final = {1: 31, 2: 21, 3: 13, 4: 9}
"""Random effects -> Gauss-Hermite nodes for each of them; more effects: importance sampling."""
POINTS: Final = 4096
FIRST_POINTS: Final = 1024
FEWEST_EFFECTIVE: Final = 20.0
"""Effective points per random effect that moments may rest on."""
PROPOSAL_DF: Final = 6.0


@dataclass(frozen=True, slots=True)
class Rule:
    """points (k, q), log weights (k,) of an integral over them. independent: draws, whose scatter tells the error."""

    points: Floats
    log_weights: Floats
    words: str
    independent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """log likelihood of each patient (n,); error: of their sum; rule: in words."""

    log_likelihood: Floats
    error: float
    rule: str

    @property
    def total(self) -> float:
        return float(self.log_likelihood.sum())


def gauss_hermite(q: int, nodes: int) -> Rule:
    """A product rule. hermegauss integrates against exp(-z^2/2), which the integrand itself does not hold."""
    place, weight = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.stack(np.meshgrid(*[place] * q, indexing="ij"), axis=-1).reshape(-1, q)
    log_weight = np.stack(np.meshgrid(*[np.log(weight)] * q, indexing="ij"), axis=-1).reshape(-1, q).sum(axis=1)
    words = f"adaptive Gauss-Hermite quadrature, {nodes} nodes for each random effect"
    return Rule(np.ascontiguousarray(points), log_weight + 0.5 * np.sum(points**2, axis=1), words)


def importance(q: int, seed: int, n: int = POINTS) -> Rule:
    """Points of a q-dimensional t distribution, evenly spread (Sobol), with its density as weights."""
    uniform = qmc.Sobol(q + 1, seed=seed).random(n)
    uniform = np.clip(uniform, 1e-12, 1.0 - 1e-12)
    points = ndtri(uniform[:, :q]) * np.sqrt(PROPOSAL_DF / chi2.ppf(uniform[:, q], PROPOSAL_DF))[:, None]
    constant = gammaln((PROPOSAL_DF + q) / 2) - gammaln(PROPOSAL_DF / 2) - 0.5 * q * np.log(PROPOSAL_DF * np.pi)
    density = constant - 0.5 * (PROPOSAL_DF + q) * np.log1p(np.sum(points**2, axis=1) / PROPOSAL_DF)
    words = f"importance sampling, {n} points of a t distribution around each mode"
    return Rule(np.ascontiguousarray(points), -density - np.log(n), words, independent=True)


def rule_for(q: int, seed: int) -> Rule:
    return gauss_hermite(q, NODES[q]) if q in NODES else importance(q, seed)


def integrate(
    rule: Rule,
    population: Level,
    cohort: CohortArrays,
    found: Marginal,
    around: Floats,
    *,
    slopes: bool,
    jobs: int,
) -> Moments:
    """Put -log likelihood, integrated around found.eta, and its slopes in the place of `found`'s own.

    around (n, q, q): the covariance that scales the points.
    """
    n, q = found.eta.shape
    root = np.ascontiguousarray(np.linalg.cholesky(around))
    moments = Moments(np.empty((n, q)), np.empty((n, q, q)), np.empty(n))

    def work(part: slice) -> None:
        fill_exact(
            part.start, part.stop, rule.points, rule.log_weights, population, cohort, root, slopes, found, moments
        )

    with workers(jobs) as crew:
        crew.over(n, max(1, -(-n // (4 * jobs))), work)
    return moments


@dataclass(frozen=True, slots=True)
class Integration:
    """Points laid once, around each patient's posterior mean (n, q) with its covariance, for any population near."""

    rule: Rule
    mean: Floats
    covariance: Floats

    def fill(self, population: Level, cohort: CohortArrays, found: Marginal, *, slopes: bool, jobs: int) -> Moments:
        """As `integrate`, around the means; found.eta stays."""
        centred = found._replace(eta=self.mean)
        return integrate(self.rule, population, cohort, centred, self.covariance, slopes=slopes, jobs=jobs)


def lay_points(population: Level, cohort: CohortArrays, found: Marginal, *, seed: int, jobs: int) -> Integration:
    """The rule for so many random effects, around moments found by importance sampling. found: with slopes.

    A patient of whom too few points count keeps mode and curvature.
    """
    q = population.random.size
    own = found._replace(value=found.value.copy())
    around_mode: Floats = np.asarray(np.linalg.inv(found.curvature), dtype=float)
    first = importance(q, seed, FIRST_POINTS)
    moments = integrate(first, population, cohort, own, around_mode, slopes=False, jobs=jobs)
    enough = moments.spread**-2.0 > FEWEST_EFFECTIVE * q
    return Integration(
        rule_for(q, seed),
        np.where(enough[:, None], moments.mean, found.eta),
        np.where(enough[:, None, None], moments.covariance, around_mode),
    )


def exact_log_likelihood(population: Level, cohort: CohortArrays, found: Marginal, *, seed: int, jobs: int) -> Exact:
    """By quadrature up to four random effects, by importance sampling beyond. found: with slopes; it stays as it is."""
    q = population.random.size
    points = lay_points(population, cohort, found, seed=seed, jobs=jobs)
    own = found._replace(value=found.value.copy())
    spread = points.fill(population, cohort, own, slopes=False, jobs=jobs).spread
    value = -own.value.copy()
    if points.rule.independent:
        error = float(np.sqrt(np.sum(np.maximum(spread**2 - 1.0 / points.rule.log_weights.size, 0.0))))
    else:
        coarser = replace(points, rule=gauss_hermite(q, NODES[q] - 2))
        coarser.fill(population, cohort, own, slopes=False, jobs=jobs)
        error = float(abs(value.sum() + own.value.sum()))
    return Exact(log_likelihood=value, error=error, rule=points.rule.words)
