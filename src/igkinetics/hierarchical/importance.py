"""Draws of the hierarchical model without chains: by importance sampling around its Laplace approximation.

What patients share, phi, is proposed by a t distribution; the density of each proposal is the product over patients of
their integrated likelihoods, from fixed points of every patient (`integrated.py`, docs/model.md 5.10). Points, and with
them proposals, are made several times over, so that the noise of any one set averages out and shows between batches.
Every draw of phi then takes one point of each patient by its weight. Pareto k of the weights says whether they can be
believed (Vehtari et al., JMLR 2024;25(72)).

The proposal and the places of points are learnt in a few rounds, each from the weighted draws of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import gammaincinv, logsumexp, ndtri
from scipy.stats import qmc

from igkinetics.fit.drift import DriftPrior
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.correlations import log_lkj
from igkinetics.hierarchical.integrated import (
    COMPONENTS,
    Maps,
    PatientPoints,
    Places,
    log_t_density,
    patient_points,
)
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.many_diagnostics import many_diagnostics
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.posterior import Trace
from igkinetics.hierarchical.reading import phi_of
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import numbered_stream

if TYPE_CHECKING:
    from igkinetics.hierarchical.settings import SampleSettings

MOST_PARETO_K: Final = 0.7
LEAST_SHARE: Final = 0.1
"""Effective draws, as a share of all, without which the weights are not believed."""
POPULATION_DF: Final = 7.0
ROUNDS: Final = (256, 256, 512, 512)
"""Points per patient in the rounds that learn."""
LEARNING: Final = 1000
"""Proposals of the population in each of them."""
MORE_ROUNDS: Final = 3
MORE_LEARNING: Final = 4000
"""Further rounds at most for a large cohort, and proposals in each."""
SETTLED_SHARE: Final = 0.2
"""Of these proposals, in effective draws, with which learning ends."""
PROPOSED: Final = 4
"""Proposals of the population per draw."""
DRAWS_OF_A_SET: Final = 500
"""Draws for which one set of points serves at most."""
POINTS: Final = (512, 1024)
"""Points per patient: the fewest that keep the noise of the log density below MOST_NOISE; where none do, the fewest,
spread evenly, and each set is weighted by itself."""
MOST_POINTS: Final = 4096
"""In a second try."""
MOST_NOISE: Final = 0.2
"""Variance of the log density from the points of all patients together. It grows with the patients, but what counts
within a set is how it differs between draws of the population, and these lie the nearer together the more patients
there are: the shift of a set, in posterior SDs, depends on the points alone."""


MOST_MAPS: Final = 100_000
"""Maps of patients (draws x patients) at a time."""
DIGITS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceDraws:
    """trace: draws of equal weight, in as many independent batches as chains were asked for; its statistic pareto_k.

    log_likelihood (chain * draw, n): log p(y_i | phi) of each. effective: draws that the weights are worth; points: of
    each patient, in each set. why_not: empty when they can be believed.
    """

    trace: Trace
    log_likelihood: Floats
    pareto_k: float
    effective: float
    points: int
    why_not: str


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


@dataclass(frozen=True, slots=True)
class Target:
    """The model in v, the part of u that is estimated (k,), which is near a standard normal. drift: of every course."""

    population: Population
    arrays: CohortArrays
    whitening: Whitening
    jobs: int
    drift: DriftPrior | None = None

    @property
    def k(self) -> int:
        return int(self.population.active.sum())

    def u(self, v: Floats) -> Floats:
        """v (..., k) with 0 for what is known."""
        u = np.zeros((*v.shape[:-1], self.population.active.size))
        u[..., self.population.active] = v
        return u

    def phi(self, v: Floats) -> Floats:
        return phi_of(self.u(v), self.whitening)

    def log_prior(self, phi: Floats) -> Floats:
        """Of each phi (d, k), up to a constant."""
        active = self.population.active_normal
        distance = (phi[:, active] - self.population.prior_mean[active]) / self.population.prior_sd[active]
        normal = -0.5 * np.sum(distance**2, axis=1)
        if not self.population.pairs:
            return np.asarray(normal)
        pairs = phi[:, self.population.n_normal :]
        return np.asarray(normal + [log_lkj(one, self.population.lkj)[0] for one in pairs])

    def points(self, components: Floats, places: Places, n: int, generator: np.random.Generator) -> PatientPoints:
        return patient_points(
            self.population, self.arrays, self.whitening, components, places, n, generator, self.jobs, self.drift
        )

    def log_weights(self, points: PatientPoints, v: Floats, log_density: Floats) -> tuple[Floats, Floats]:
        """Log of the model's density over that of the proposals v (d, k), and log p(y_i | phi) (d, n)."""
        phi = self.phi(v)
        of_patients = points.log_likelihood(phi)
        return of_patients.sum(axis=1) + self.log_prior(phi) - log_density, of_patients


class Sampler(NamedTuple):
    """What batches are drawn with. components: draws of phi where points are placed; alone: points are spread evenly
    and each set is weighted by itself, for a cohort so large that their noise would choose between sets."""

    target: Target
    proposal: Proposal
    components: Floats
    places: Places
    n_points: int
    alone: bool


def learnt_sampler(target: Target, generator: np.random.Generator) -> Sampler:
    """The proposals of population and patients, from a few thousand evaluations."""
    places = Places.at_modes(*target.population.offset.shape)
    proposal = Proposal(np.zeros(target.k), np.eye(target.k))
    components = target.phi(generator.standard_normal((COMPONENTS, target.k)))
    noise, n_points = np.inf, ROUNDS[-1]
    for n_points in ROUNDS:
        points = target.points(components, places, n_points, generator)
        v, log_density = proposal.draw(LEARNING, generator)
        log_weights, _ = smoothed_weights(target.log_weights(points, v, log_density)[0])
        proposal = proposal.fitted(v, log_weights)
        components = target.phi(v[resampled(log_weights, COMPONENTS, generator)])
        places = points.places(components)
        noise = float(np.median(np.sum(1.0 / points.effective(components), axis=1)))
    enough = [points for points in POINTS if noise * n_points / points <= MOST_NOISE]
    sampler = Sampler(target, proposal, components, places, enough[0] if enough else POINTS[0], alone=not enough)
    return sampler if enough else settled(sampler, generator)


def settled(sampler: Sampler, generator: np.random.Generator) -> Sampler:
    """The proposal of the population learnt further, for a cohort so large that points cost more than proposals: until
    enough of these have weight."""
    target = sampler.target
    for _ in range(MORE_ROUNDS):
        points = target.points(sampler.components, sampler.places, sampler.n_points, EvenGenerator(generator))
        v, log_density = sampler.proposal.draw(MORE_LEARNING, generator)
        log_weights, _ = smoothed_weights(target.log_weights(points, v, log_density)[0])
        components = target.phi(v[resampled(log_weights, COMPONENTS, generator)])
        sampler = sampler._replace(proposal=sampler.proposal.fitted(v, log_weights), components=components)
        if effective_draws(log_weights) >= SETTLED_SHARE * MORE_LEARNING:
            break
    return sampler


def relearnt(sampler: Sampler, batches: Sequence[Batch]) -> Sampler:
    """The proposals learnt once more, from the draws of batches that could not be believed, with twice the points."""
    v = np.concatenate([batch.v for batch in batches])
    proposal = sampler.proposal.fitted(v, np.full(len(v), -np.log(len(v))))
    components = sampler.target.phi(v[np.linspace(0, len(v) - 1, COMPONENTS).round().astype(int)])
    n_points = min(2 * sampler.n_points, MOST_POINTS)
    return sampler._replace(proposal=proposal, components=components, n_points=n_points)


class EvenGenerator(np.random.Generator):
    """Normal and chi-square numbers of the points of patients, spread evenly: a Sobol sequence, turned for each patient
    by a random digital shift, so that the errors of patients are independent. Sets of one component of the mixture,
    whose points lie COMPONENTS apart, are even by themselves."""

    def __init__(self, generator: np.random.Generator) -> None:
        super().__init__(generator.bit_generator)
        self._share: Floats = np.empty(0)

    def standard_normal(self, size: tuple[int, int, int]) -> Floats:  # type: ignore[override]
        """(patient, point, parameter)."""
        n, n_points, p = size
        even = (qmc.Sobol(p + 1, scramble=False).random(n_points) * 2.0**DIGITS).astype(np.uint32)
        even = even.reshape(COMPONENTS, -1, p + 1).swapaxes(0, 1).reshape(n_points, p + 1)
        shift = self.integers(0, 2**DIGITS, (n, 1, p + 1), dtype=np.uint32)
        share = ((even ^ shift) + 0.5) / 2.0**DIGITS
        self._share = np.asarray(share[:, :, p:], dtype=np.float64)
        return np.asarray(ndtri(share[:, :, :p]))

    def chisquare(self, df: float, size: object = None) -> Floats:  # type: ignore[override]
        """(patient, point, 1), of the same points as the normal numbers before."""
        return np.asarray(2.0 * gammaincinv(df / 2.0, self._share))


class Batch(NamedTuple):
    """v (d, k), z (d, n, p), log_likelihood (d, n) of d draws of equal weight.

    raw: log weights of the proposals, normalised. effective: draws that these are worth.
    """

    v: Floats
    z: Floats
    log_likelihood: Floats
    raw: Floats
    effective: float


def one_batch(sampler: Sampler, draws: int, generator: np.random.Generator) -> Batch:
    """Proposals weighted under several sets of points, resampled, with a point of each patient."""
    target = sampler.target
    sets, weights, proposals, of_patients, whose = [], [], [], [], []
    n_sets = -(-draws // DRAWS_OF_A_SET)
    for number in range(n_sets):
        source = EvenGenerator(generator) if sampler.alone else generator
        points = target.points(sampler.components, sampler.places, sampler.n_points, source)
        v, log_density = sampler.proposal.draw(-(-PROPOSED * draws // n_sets), generator)
        raw, log_likelihood = target.log_weights(points, v, log_density)
        sets.append(points)
        weights.append(raw - logsumexp(raw) if sampler.alone else raw)
        proposals.append(v)
        of_patients.append(log_likelihood)
        whose.append(np.full(len(v), number))
    raw = np.concatenate(weights)
    log_weights, _ = smoothed_weights(raw)
    kept = resampled(log_weights, draws, generator)
    v, owner = np.concatenate(proposals)[kept], np.concatenate(whose)[kept]
    phi = target.phi(v)
    uniform = generator.random((draws, target.arrays.n_patients))
    z = np.empty((*uniform.shape, target.population.offset.shape[1]))
    for number, points in enumerate(sets):
        mine = np.flatnonzero(owner == number)
        straight = points.drawn(phi[mine], uniform[mine])
        for some in in_blocks(mine.size, target.arrays.n_patients):
            own = mine[some]
            z[own] = Maps.at(phi[own], target.population, target.whitening).standard(straight[some])
    return Batch(v, z, np.concatenate(of_patients)[kept], raw - logsumexp(raw), effective_draws(log_weights))


def in_blocks(n_draws: int, n_patients: int) -> Iterator[slice]:
    """Draws at a time of which the maps of all patients do not fill the memory."""
    size = max(1, MOST_MAPS // n_patients)
    yield from (slice(first, first + size) for first in range(0, n_draws, size))


def draw_by_importance(
    population: Population,
    arrays: CohortArrays,
    whitening: Whitening,
    settings: SampleSettings,
    drift: DriftPrior | None = None,
) -> ImportanceDraws:
    """settings.chains batches of settings.draws draws. Interrupted by the user: the batches that are whole."""
    generator = numbered_stream(settings.seed, "importance")
    sampler = learnt_sampler(Target(population, arrays, whitening, settings.cores, drift), generator)
    batches, interrupted = whole_batches(sampler, settings, generator)
    found = judged(batches)
    if not interrupted and (found.why_not or found.least < settings.enough_share * found.n_draws):
        # chains would take ten times as long as a second try
        sampler = relearnt(sampler, batches)
        second, interrupted = whole_batches(sampler, settings, generator)
        if (again := judged(second)) > found:
            batches, found = second, again
    shape = (len(batches), settings.draws)
    trace = Trace(
        u=sampler.target.u(np.array([batch.v for batch in batches])),
        z=np.array([batch.z for batch in batches]),
        statistics={"pareto_k": np.full(shape, found.k), "effective": np.full(shape, found.effective)},
        interrupted=interrupted,
    )
    return ImportanceDraws(
        trace=trace,
        log_likelihood=np.concatenate([batch.log_likelihood for batch in batches]),
        pareto_k=found.k,
        effective=found.effective,
        points=sampler.n_points,
        why_not=found.why_not,
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


class Judged(NamedTuple):
    """Of two, the better is the larger one.

    least: the fewest effective draws of what patients share, in which the noise of each batch's points shows; k,
    effective: of the weights; why_not: what speaks against them.
    """

    believed: bool
    least: float
    k: float
    effective: float
    why_not: str
    n_draws: int


def judged(batches: Sequence[Batch]) -> Judged:
    """How far all batches together can be believed."""
    n_draws = sum(len(batch.v) for batch in batches)
    # of all batches together: k of a few hundred weights is hardly known
    _, k = smoothed_weights(np.concatenate([batch.raw for batch in batches]))
    effective = sum(min(batch.effective, float(len(batch.v))) for batch in batches)
    shared = many_diagnostics(np.array([batch.v for batch in batches]))
    least = float(np.nan_to_num(np.minimum(shared["ess_bulk"], shared["ess_tail"]), nan=n_draws).min(initial=n_draws))
    why_not = why_not_believed(k, effective, n_draws)
    return Judged(not why_not, least, k, effective, why_not, n_draws)


def why_not_believed(k: float, effective: float, n: int) -> str:
    """Empty, or what speaks against the weights."""
    if not k <= MOST_PARETO_K:
        return f"Pareto k {k:.2f} over the population's parameters"
    if effective < LEAST_SHARE * n:
        return f"{n} weighted draws are worth {effective:.0f}"
    return ""
