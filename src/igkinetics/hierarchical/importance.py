"""Draws of the hierarchical model without chains: by importance sampling around its Laplace approximation.

In three steps (docs/model.md 5.10). (1) The population: what patients share, phi, is proposed by a t distribution
fitted to the Laplace approximation of p(phi | y), and resampled to it; one curve per patient and proposal. (2) The
patients: for each phi, points around every patient's conditional mode give p(y_i | phi) without bias, and one draw of
that patient. (3) What is left, the ratio of the exact density to the approximation, is the weight of the whole draw,
which makes it exact however good the approximation is. Pareto k of the weights of both steps says whether they can be
believed (Vehtari et al., JMLR 2024;25(72)). Random weights: Fearnhead et al., J R Stat Soc B 2008;70:203.

The noise of (2) grows with the number of patients. So many points are taken that it costs few draws; where that would
be too many, the sum over patients is smoothed as a quadratic function of phi, and the draws are exact up to its misfit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.correlations import log_lkj
from igkinetics.hierarchical.integrated import PROPOSAL_DF, fill_conditional, log_t_density
from igkinetics.hierarchical.laplace import Whitening, error_slope
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.posterior import Trace
from igkinetics.hierarchical.reading import phi_of
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import workers
from igkinetics.random_streams import numbered_stream

if TYPE_CHECKING:
    from igkinetics.hierarchical.settings import SampleSettings

MOST_PARETO_K: Final = 0.7
LEAST_SHARE: Final = 0.1
"""Effective draws, as a share of all, without which the weights are not believed."""
POPULATION_DF: Final = 7.0
LEARNING: Final = 1000
"""Proposals of each round that fits the t distribution of the population."""
PILOTS: Final = 400
"""Draws at which the difference of the exact density and the approximation is learnt."""
PROPOSED: Final = 4
"""Proposals of the population per draw."""
POINTS: Final = (16, 32, 64, 128)
"""Importance points per patient and draw: the fewest that keep the noise below MOST_NOISE."""
MOST_NOISE: Final = 0.5
"""Variance of a draw's log weight that comes from the points alone; it costs up to four in ten of the draws."""
MOST_CURVES: Final = 60_000
"""Of a draw; a cohort that would need more has its weights smoothed."""
LEAST_NOISE: Final = 0.01
PRIOR_DRAWS: Final = 30
BLOCK: Final = 4_000_000
"""Numbers drawn at a time."""
SLOPE_SD, SQUARE_SD, PRODUCT_SD = 1.0, 0.2, 0.05
"""Prior of the quadratic function that corrects the approximation, per SD of the population's posterior."""


class Points(NamedTuple):
    """z (n, k, p) of each patient, with their log density (n, k)."""

    z: Floats
    log_density: Floats


class Conditionals(NamedTuple):
    """log_likelihood, log p(y_i | phi) (d, n); z (d, n, p) of one draw of each patient; noise (d,): variance of the sum
    of log_likelihood."""

    log_likelihood: Floats
    z: Floats
    noise: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceDraws:
    """trace: draws of equal weight, in as many independent batches as chains were asked for; its statistic pareto_k.

    log_likelihood (chain * draw, n): log p(y_i | phi) of each. effective: draws that the weights are worth. why_not:
    empty when they can be believed.
    """

    trace: Trace
    log_likelihood: Floats
    pareto_k: float
    effective: float
    points: int
    why_not: str


class Target:
    """The model in v, the part of u that is estimated (k,), which is near a standard normal."""

    def __init__(self, population: Population, arrays: CohortArrays, whitening: Whitening, jobs: int) -> None:
        self.population, self.arrays, self.whitening, self.jobs = population, arrays, whitening, jobs
        self.places = np.flatnonzero(population.active)
        self.slope = error_slope(population, arrays, whitening.centre, whitening.coordinates.information)

    def phi(self, v: Floats) -> Floats:
        return phi_of(self.u(v), self.whitening)

    def u(self, v: Floats) -> Floats:
        u = np.zeros((*v.shape[:-1], self.population.active.size))
        u[..., self.places] = v
        return u

    def log_prior(self, phi: Floats) -> Floats:
        """Of each phi (d, k), up to a constant."""
        active = self.population.active_normal
        distance = (phi[:, active] - self.population.prior_mean[active]) / self.population.prior_sd[active]
        normal = -0.5 * np.sum(distance**2, axis=1)
        if not self.population.pairs:
            return np.asarray(normal)
        pairs = phi[:, self.population.n_normal :]
        return np.asarray(normal + [log_lkj(one, self.population.lkj)[0] for one in pairs])

    def laplace(self, v: Floats) -> Floats:
        """The approximation (d,): the density at z = 0, and what it gains as the information falls with the error."""
        phi = self.phi(v)
        n, p = self.population.offset.shape
        modes = Points(np.zeros((n, 1, p)), np.zeros((n, 1)))
        at_modes = self.conditionals(phi, ((modes, np.zeros(n)) for _ in phi)).log_likelihood
        return np.asarray(at_modes.sum(axis=1) + self.log_prior(phi) + (phi - self.whitening.centre) @ self.slope)

    def exact(
        self, v: Floats, places: Places, n_points: int, generator: np.random.Generator
    ) -> tuple[Floats, Conditionals]:
        """The density (d,), without bias, and the patients behind it."""
        phi = self.phi(v)
        found = self.conditionals(phi, places.points(len(phi), n_points, generator))
        return found.log_likelihood.sum(axis=1) + self.log_prior(phi), found

    def conditionals(self, phi: Floats, points: Iterator[tuple[Points, Floats]]) -> Conditionals:
        """At each phi (d, k), from one set of points and its uniform numbers each."""
        n, p = self.population.offset.shape
        filled, spread, z = np.empty((len(phi), n)), np.empty((len(phi), n)), np.empty((len(phi), n, p))
        n_points = 1
        block = max(self.jobs, BLOCK // (n * (p + 1) * 64))
        with workers(self.jobs) as crew:
            for first in range(0, len(phi), block):
                given = [next(points) for _ in range(min(block, len(phi) - first))]
                n_points = given[0][0].z.shape[1]

                def work(part: slice, given: list[tuple[Points, Floats]] = given, first: int = first) -> None:
                    for k in range(part.start, part.stop):
                        (at, log_density), uniform = given[k]
                        parts, d = self.population.parts(phi[first + k]), first + k
                        fill_conditional(at, log_density, uniform, parts, self.whitening.coordinates, self.arrays,
                                         filled[d], z[d], spread[d])  # fmt: skip

                crew.over(len(given), max(1, -(-len(given) // (4 * self.jobs))), work)
        return Conditionals(filled, z, np.sum(spread - 1.0 / n_points, axis=1))


class Places(NamedTuple):
    """Where points of patients lie: mean (n, p) and lower root (n, p, p) of each patient's z."""

    mean: Floats
    root: Floats

    @staticmethod
    def at_modes(n: int, p: int) -> Places:
        """As the Laplace approximation has it: standard normal."""
        return Places(np.zeros((n, p)), np.tile(np.eye(p), (n, 1, 1)))

    @staticmethod
    def of_draws(z: Floats) -> Places:
        """Moments of draws z (d, n, p), held towards a standard normal as if by PRIOR_DRAWS more."""
        d, _, p = z.shape
        mean = z.sum(axis=0) / (d + PRIOR_DRAWS)
        off = z - mean
        covariance = (np.einsum("dnp,dnq->npq", off, off) + PRIOR_DRAWS * np.eye(p)) / (d + PRIOR_DRAWS)
        return Places(mean, np.linalg.cholesky(covariance))

    def points(self, d: int, k: int, generator: np.random.Generator) -> Iterator[tuple[Points, Floats]]:
        """d times k points of a t for each patient, in antithetic pairs, with a uniform number each."""
        n, p = self.mean.shape
        volume = np.log(np.diagonal(self.root, axis1=1, axis2=2)).sum(axis=1)[:, None]
        turned = np.ascontiguousarray(np.swapaxes(self.root, 1, 2))
        for _ in range(d):
            half = generator.standard_normal((n, k // 2, p))
            half *= np.sqrt(PROPOSAL_DF / generator.chisquare(PROPOSAL_DF, (n, k // 2, 1)))
            density = log_t_density(half, PROPOSAL_DF) - volume
            moved, mean = half @ turned, self.mean[:, None, :]
            z = np.concatenate([mean + moved, mean - moved], axis=1)
            yield Points(z, np.concatenate([density, density], axis=1)), generator.random((n,))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A t distribution of v: mean (k,), root (k, k) lower."""

    mean: Floats
    root: Floats

    def draw(self, n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        """n draws (n, k) and their log density (n,)."""
        points = generator.standard_normal((n, self.mean.size))
        points *= np.sqrt(POPULATION_DF / generator.chisquare(POPULATION_DF, (n, 1)))
        density = log_t_density(points, POPULATION_DF) - np.log(np.diag(self.root)).sum()
        return self.mean + points @ self.root.T, density

    def fitted(self, v: Floats, log_weights: Floats) -> Proposal:
        """Moments of weighted draws; the fewer these are worth, the more of the present covariance is kept."""
        weights = np.exp(log_weights)
        effective, k = 1.0 / np.sum(weights**2), self.mean.size
        mean = weights @ v
        off = v - mean
        kept = 2.0 * k / (effective + 2.0 * k)
        covariance = (1.0 - kept) * (weights[:, None] * off).T @ off + kept * self.root @ self.root.T
        return Proposal(mean, np.linalg.cholesky(covariance))


def smoothed_weights(raw: Floats) -> tuple[Floats, float]:
    """Normalised, Pareto-smoothed log weights (n,) and Pareto k; where the target is nowhere finite k is infinite."""
    finite = np.isfinite(raw)
    if finite.sum() < 2 or np.ptp(raw[finite]) < 1e-9:
        return np.full(raw.size, -np.log(raw.size)), 0.0 if finite.all() else np.inf
    log_weights, shape = array_stats.psislw(-np.where(finite, raw, raw[finite].min() - 50.0))
    return np.asarray(log_weights) - logsumexp(np.asarray(log_weights)), float(shape)


def effective_draws(log_weights: Floats) -> float:
    """What normalised log weights are worth."""
    return float(np.exp(-logsumexp(2.0 * log_weights)))


def resampled(log_weights: Floats, n: int, generator: np.random.Generator) -> np.ndarray:
    """n places, each as often as its weight says (systematic resampling). Copies stay neighbours, so that the usual
    estimate of effective draws sees them."""
    steps = (np.arange(n) + generator.random()) / n
    return np.minimum(np.searchsorted(np.cumsum(np.exp(log_weights)), steps), log_weights.size - 1)


class Learnt:
    """The approximation, with what was learnt of its distance from the exact log density as a quadratic function of v.

    Every exact evaluation teaches; between them the function stays within what was seen.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        k = target.places.size
        rows, columns = np.triu_indices(k)
        sd = np.concatenate([[1e3], np.full(k, SLOPE_SD), np.where(rows == columns, SQUARE_SD, PRODUCT_SD)])
        self.precision, self.pull = np.diag(sd**-2), np.zeros(sd.size)
        self.lowest, self.highest = np.inf, -np.inf
        self.coefficients = np.zeros(sd.size)

    def __call__(self, v: Floats) -> Floats:
        """The learnt log density (d,)."""
        return np.asarray(self.target.laplace(v) + self.within(quadratics(v) @ self.coefficients))

    def within(self, values: Floats) -> Floats:
        """No higher and no lower than at the points that taught; before any did, 0."""
        return np.clip(values, self.lowest, self.highest) if self.lowest < np.inf else values

    def exact(
        self, v: Floats, approximate: Floats, places: Places, n_points: int, generator: np.random.Generator
    ) -> tuple[Floats, Conditionals]:
        """The exact log density (d,), where the approximation is as given, and the patients behind it; learnt from."""
        exact, found = self.target.exact(v, places, n_points, generator)
        features = quadratics(v)
        bare = approximate - self.within(features @ self.coefficients)
        kept = np.isfinite(exact)
        if kept.any():
            weighted = features[kept] / np.maximum(found.noise[kept], LEAST_NOISE)[:, None]
            self.precision = self.precision + weighted.T @ features[kept]
            self.pull = self.pull + weighted.T @ (exact - bare)[kept]
            self.coefficients = np.linalg.solve(self.precision, self.pull)
            fitted = features[kept] @ self.coefficients
            self.lowest = min(self.lowest, float(fitted.min()))
            self.highest = max(self.highest, float(fitted.max()))
        return exact, found


def quadratics(v: Floats) -> Floats:
    """1, v and all products of two (n, f)."""
    rows, columns = np.triu_indices(v.shape[1])
    return np.concatenate([np.ones((len(v), 1)), v, v[:, rows] * v[:, columns]], axis=1)


def draw_by_importance(
    population: Population, arrays: CohortArrays, whitening: Whitening, settings: SampleSettings
) -> ImportanceDraws:
    """settings.chains batches of settings.draws draws. Interrupted by the user: the batches that are whole."""
    generator = numbered_stream(settings.seed, "importance")
    sampler = learnt_sampler(Target(population, arrays, whitening, settings.cores), generator)
    batches, interrupted = whole_batches(sampler, settings, generator)
    # of all batches together: k of a few hundred weights is hardly known
    k = max(smoothed_weights(np.concatenate(raw))[1] for raw in zip(*(batch.raw for batch in batches), strict=True))
    effective = sum(batch.effective for batch in batches)
    shape = (len(batches), settings.draws)
    trace = Trace(
        u=sampler.learnt.target.u(np.array([batch.v for batch in batches])),
        z=np.array([batch.z for batch in batches]),
        statistics={"pareto_k": np.full(shape, k), "effective": np.full(shape, effective)},
        interrupted=interrupted,
    )
    return ImportanceDraws(
        trace=trace,
        log_likelihood=np.concatenate([batch.log_likelihood for batch in batches]),
        pareto_k=k,
        effective=effective,
        points=sampler.n_points,
        why_not=why_not_believed(k, effective, len(batches) * settings.draws),
    )


def whole_batches(
    sampler: Sampler, settings: SampleSettings, generator: np.random.Generator
) -> tuple[list[Batch], bool]:
    """All batches, or those that were whole when the user ended it, and whether that was so."""
    batches: list[Batch] = []
    while len(batches) < settings.chains:
        try:
            batches.append(one_batch(sampler, settings.draws, generator))
        except KeyboardInterrupt:
            if not batches:
                raise
            return batches, True
    return batches, False


def why_not_believed(k: float, effective: float, n: int) -> str:
    """Empty, or what speaks against the weights."""
    if not k <= MOST_PARETO_K:
        return f"Pareto k {k:.2f} over the population's parameters"
    if effective < LEAST_SHARE * n:
        return f"{n} weighted draws are worth {effective:.0f}"
    return ""


@dataclass(frozen=True, slots=True)
class Sampler:
    """What batches are drawn with. smooth: the noise of too few points is taken out of the weights."""

    learnt: Learnt
    proposal: Proposal
    places: Places
    n_points: int
    smooth: bool


def learnt_sampler(target: Target, generator: np.random.Generator) -> Sampler:
    """The proposals of population and patients, from a few thousand cheap and a few hundred exact evaluations."""
    learnt, k = Learnt(target), target.places.size
    n, p = target.population.offset.shape
    proposal, places = Proposal(np.zeros(k), np.eye(k)), Places.at_modes(n, p)
    n_points, noise = POINTS[0], 0.0
    for pilots in (0, PILOTS, PILOTS):
        v, log_density = proposal.draw(LEARNING, generator)
        approximate = learnt(v)
        log_weights, _ = smoothed_weights(approximate - log_density)
        proposal = proposal.fitted(v, log_weights)
        if pilots:
            chosen = resampled(log_weights, pilots, generator)
            _, found = learnt.exact(v[chosen], approximate[chosen], places, n_points, generator)
            places, noise = Places.of_draws(found.z), float(np.median(found.noise))
    v, log_density = proposal.draw(2 * LEARNING, generator)
    proposal = proposal.fitted(v, smoothed_weights(learnt(v) - log_density)[0])
    enough = [points for points in POINTS if noise * n_points / points <= MOST_NOISE and points * n <= MOST_CURVES]
    return Sampler(learnt, proposal, places, enough[0] if enough else n_points, smooth=not enough)


class Batch(NamedTuple):
    """v (d, k), z (d, n, p), log_likelihood (d, n) of d draws of equal weight.

    raw: normalised log weights of both steps. effective: draws that these are worth.
    """

    v: Floats
    z: Floats
    log_likelihood: Floats
    raw: tuple[Floats, Floats]
    effective: float


def one_batch(sampler: Sampler, draws: int, generator: np.random.Generator) -> Batch:
    """Proposed, resampled to the approximation, and weighted to the exact density."""
    learnt = sampler.learnt
    proposed, log_density = sampler.proposal.draw(PROPOSED * draws, generator)
    approximate = learnt(proposed)
    first = approximate - log_density
    log_weights, _ = smoothed_weights(first)
    chosen = resampled(log_weights, draws, generator)
    v = proposed[chosen]
    exact, found = learnt.exact(v, approximate[chosen], sampler.places, sampler.n_points, generator)
    second = (learnt(v) if sampler.smooth else exact) - approximate[chosen]
    final, _ = smoothed_weights(second)
    kept = resampled(final, draws, generator)
    share = min(1.0, effective_draws(log_weights) / draws)
    return Batch(
        v=v[kept], z=found.z[kept], log_likelihood=found.log_likelihood[kept],
        raw=(first - logsumexp(first), second - logsumexp(second)), effective=share * effective_draws(final),
    )  # fmt: skip
