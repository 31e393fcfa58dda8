"""The likelihood of each patient integrated over that patient's own parameters, for many draws of the population.

Points x_k of a patient stay where they are while the population phi changes (docs/model.md 5.10):

    p(y_i | phi) is about 1/K sum_k p(y_i | x_k, error, ratios) Normal(x_k; mu_i, Omega) / q(x_k)

The likelihood of a point depends on phi through residual error and log ratios alone; its log is a smooth function of
these and is interpolated (Chebyshev). The log of the normal density is a quadratic form in x_k. So every term is the
product of a row that phi makes and a column that the point makes, and all phi meet all points in one product of
matrices: no curve is computed again. The density q of the points is a mixture of the Laplace approximations at several
phi, with t tails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, logsumexp

from igkinetics.fit.drift import DriftPrior
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.nodes import Grid, node_terms
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.whitening import MOST_BEND
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import workers
from igkinetics.random_streams import numbered_stream

POINTS: Final = 1024
"""Points per patient for the draws of chains."""
COMPONENTS: Final = 16
"""Draws of the population whose Laplace approximations make the density of the points."""
PROPOSAL_DF: Final = 6.0
PRIOR_DRAWS: Final = 30
BLOCK: Final = 256
"""Draws of the population at a time."""

Singles = npt.NDArray[np.float32]


class Places(NamedTuple):
    """Where points of patients lie: mean (n, p) and lower root (n, p, p) of each patient's z given the population."""

    mean: Floats
    root: Floats

    @staticmethod
    def at_modes(n: int, p: int) -> Places:
        """As the Laplace approximation has it: standard normal."""
        return Places(np.zeros((n, p)), np.tile(np.eye(p), (n, 1, 1)))


class Maps(NamedTuple):
    """Of each draw of the population and patient: centre m (d, n, p) and root R (d, n, p, p) of `whitening.py`."""

    centre: Floats
    root: Floats

    @staticmethod
    def at(phi: Floats, population: Population, whitening: Whitening) -> Maps:
        """At each phi (d, k)."""
        information, linear = whitening.coordinates.information, whitening.coordinates.linear
        rows = rows_of(phi, population)
        precision = information + rows.precision[:, None]
        pull = linear[:, 0] + np.einsum("dr,nrp->dnp", rows.shared[:, 2:], linear[:, 1:])
        pull = pull + np.einsum("dnp,dpq->dnq", rows.mu, rows.precision)
        centre = np.asarray(np.linalg.solve(precision, pull[..., None])[..., 0], dtype=float)
        return Maps(centre, np.asarray(np.linalg.cholesky(precision), dtype=float))

    def standard(self, straight: Floats) -> Floats:
        """z (d, n, p) of patients at `straight` (d, n, p), which is x before the bend."""
        return np.asarray(np.einsum("dnp,dnpq->dnq", straight - self.centre, self.root))


class Rows(NamedTuple):
    """What each draw of the population says: mu (d, n, p), precision (d, p, p) with its log determinant (d,), and the
    log error and log ratios (d, 5)."""

    mu: Floats
    precision: Floats
    log_determinant: Floats
    shared: Floats


def rows_of(phi: Floats, population: Population) -> Rows:
    """Of phi (d, k); `Population.parts` for many."""
    q, (n, p) = population.n_coefficients, population.offset.shape
    mu = population.offset + (phi[:, :q] @ population.design.T).reshape(-1, n, p)
    if population.pairs:
        inverse = np.linalg.inv(np.array([population.parts(one).root for one in phi]).reshape(-1, p, p))
        precision = np.swapaxes(inverse, 1, 2) @ inverse
        log_determinant = 2.0 * np.log(np.diagonal(inverse, axis1=1, axis2=2)).sum(axis=1)
    else:
        precision = np.exp(-2.0 * phi[:, q : q + p])[:, :, None] * np.eye(p)
        log_determinant = -2.0 * phi[:, q : q + p].sum(axis=1)
    return Rows(mu, precision, log_determinant, phi[:, q + p : population.n_normal])


@dataclass(frozen=True, slots=True, eq=False)
class PatientPoints:
    """Fixed points of every patient. x, straight (n, k, p): with and before the bend; log_density (n, k).

    columns (n, f, k): what each point makes of the rows of `Rows`; reference (n, p): from which x is counted there.
    """

    population: Population
    whitening: Whitening
    grid: Grid
    x: Floats
    straight: Floats
    log_density: Floats
    columns: Singles
    reference: Floats
    jobs: int

    @property
    def n_points(self) -> int:
        return int(self.x.shape[1])

    def log_likelihood(self, phi: Floats) -> Floats:
        """log p(y_i | phi) (d, n) for phi (d, k)."""
        filled = np.empty((phi.shape[0], self.x.shape[0]))

        def summed(terms: Singles, constant: Floats, places: slice, i: int) -> None:
            highest = terms.max(axis=1)
            np.exp(terms - highest[:, None], out=terms)
            filled[places, i] = constant + highest + np.log(terms.mean(axis=1))

        self._each(phi, summed)
        return filled

    def drawn(self, phi: Floats, uniform: Floats) -> Floats:
        """One point of each patient given phi (d, k), as x before the bend (d, n, p); uniform (d, n)."""
        straight = np.empty((*uniform.shape, self.x.shape[2]))

        def picked(terms: Singles, _: Floats, places: slice, i: int) -> None:
            below = np.cumsum(np.exp(terms - terms.max(axis=1)[:, None]), axis=1, dtype=float)
            chosen = np.sum(below < uniform[places, i, None] * below[:, -1:], axis=1)
            straight[places, i] = self.straight[i, np.minimum(chosen, self.n_points - 1)]

        self._each(phi, picked)
        return straight

    def effective(self, phi: Floats) -> Floats:
        """What the points of each patient are worth given each phi (d, n)."""
        filled = np.empty((phi.shape[0], self.x.shape[0]))

        def counted(terms: Singles, _: Floats, places: slice, i: int) -> None:
            weights = np.exp(terms - terms.max(axis=1)[:, None])
            filled[places, i] = weights.sum(axis=1) ** 2 / np.sum(weights**2, axis=1)

        self._each(phi, counted)
        return filled

    def places(self, phi: Floats) -> Places:
        """Moments of z given the population, held towards a standard normal as if by PRIOR_DRAWS more."""
        n, _, p = self.x.shape
        found = Places(np.empty((n, p)), np.empty((n, p, p)))
        maps = Maps.at(phi, self.population, self.whitening)

        def moments(terms: Singles, _: Floats, places: slice, i: int) -> None:
            weights = np.exp(terms - terms.max(axis=1)[:, None], dtype=float)
            weights /= weights.sum(axis=1)[:, None] * phi.shape[0]
            off = self.straight[i] - maps.centre[places, i, None]
            z = (off @ maps.root[places, i]).reshape(-1, p)
            effective = 1.0 / np.sum(weights.sum(axis=0) ** 2)
            share, flat = effective / (effective + PRIOR_DRAWS), weights.reshape(-1)
            found.mean[i] = share * (flat @ z)
            z -= found.mean[i]
            found.root[i] = np.linalg.cholesky(share * (flat[:, None] * z).T @ z + (1.0 - share) * np.eye(p))

        self._each(phi, moments, block=phi.shape[0])
        return found

    def _each(self, phi: Floats, work: Callable[[Singles, Floats, slice, int], None], block: int = BLOCK) -> None:
        """work(log terms (d, k), log constants (d,), which phi, patient) for all patients and blocks of phi."""
        n, _, p = self.x.shape
        rows, cols = index_of(self.population, p)
        parts = [slice(first, min(first + block, phi.shape[0])) for first in range(0, phi.shape[0], block)]
        made = [rows_of(phi[part], self.population) for part in parts]
        factor = np.where(rows == cols, -0.5, -1.0)
        common = [
            np.concatenate(
                [self.grid.row(one.shared), factor * one.precision[:, rows, cols], np.ones((len(one.mu), 1))], axis=1
            )
            for one in made
        ]

        def patients(some: slice) -> None:
            for i in range(some.start, some.stop):
                for part, one, shared in zip(parts, made, common, strict=True):
                    off = one.mu[:, i] - self.reference[i]
                    pull = np.einsum("dp,dpq->dq", off, one.precision)
                    row = np.concatenate([shared, pull], axis=1).astype(np.float32)
                    constant = 0.5 * (one.log_determinant - p * np.log(2.0 * np.pi) - np.einsum("dp,dp->d", pull, off))
                    work(row @ self.columns[i], constant, part, i)

        with workers(self.jobs) as crew:
            crew.over(n, max(1, -(-n // (4 * self.jobs))), patients)


def index_of(population: Population, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries of the precision that are not 0, of the upper triangle."""
    return np.triu_indices(p) if population.pairs else (np.arange(p), np.arange(p))


def patient_points(
    population: Population,
    arrays: CohortArrays,
    whitening: Whitening,
    components: Floats,
    places: Places,
    n_points: int,
    generator: np.random.Generator,
    jobs: int,
    drift: DriftPrior | None = None,
) -> PatientPoints:
    """n_points of each patient from the mixture of the Laplace approximations at components (m, k).

    places: how far patients are from normal given the population. drift: of every course, None without one.
    """
    n, p = population.offset.shape
    m = components.shape[0]
    maps = Maps.at(components, population, whitening)
    grid = Grid.of(population, whitening)
    half = generator.standard_normal((n, n_points // 2, p))
    half *= np.sqrt(PROPOSAL_DF / generator.chisquare(PROPOSAL_DF, (n, n_points // 2, 1)))
    of = np.tile(np.arange(n_points // 2) % m, 2)
    rows, cols = index_of(population, p)
    reference = population.parts(whitening.centre).mu
    straight, x = np.empty((n, n_points, p)), np.empty((n, n_points, p))
    log_density = np.empty((n, n_points))
    columns = np.empty((n, int(np.prod(np.add(grid.degrees, 1))) + rows.size + 1 + p, n_points), dtype=np.float32)

    def one_patient(i: int) -> None:
        raw = np.concatenate([half[i], -half[i]])
        z = places.mean[i] + raw @ places.root[i].T
        centre, root = maps.centre[:, i], maps.root[:, i]
        straight[i] = centre[of] + np.linalg.solve(np.swapaxes(root, 1, 2)[of], z[..., None])[..., 0]
        back = np.linalg.inv(places.root[i]).T
        standard = ((straight[i] - centre[:, None]) @ root - places.mean[i]) @ back
        volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1) - np.log(np.diag(places.root[i])).sum()
        log_density[i] = logsumexp(log_t_density(standard, PROPOSAL_DF) + volume[:, None], axis=0) - np.log(m)
        x[i] = bent(straight[i], whitening, i)
        off = (x[i] - reference[i]).T
        terms = node_terms(x[i], grid, arrays, i, drift)
        columns[i] = np.concatenate([grid.coefficients(terms), off[rows] * off[cols], -log_density[i][None], off])

    def patients(some: slice) -> None:
        for i in range(some.start, some.stop):
            one_patient(i)

    with workers(jobs) as crew:
        crew.over(n, max(1, -(-n // (4 * jobs))), patients)
    return PatientPoints(population, whitening, grid, x, straight, log_density, columns, reference, jobs)


def bent(straight: Floats, whitening: Whitening, i: int) -> Floats:
    """x (k, p) of patient i from points before the bend."""
    (origin, direction), bend = whitening.coordinates.ridge[i], whitening.coordinates.bend[i]
    off = straight - origin
    parabola = 0.5 * np.sum((off @ bend) * off, axis=1)
    return np.asarray(straight + direction * (parabola / np.sqrt(1.0 + (parabola / MOST_BEND) ** 2))[:, None])


def log_t_density(points: Floats, df: float) -> Floats:
    """Of the standard t distribution with df degrees of freedom at points (..., p)."""
    p = points.shape[-1]
    constant = gammaln((df + p) / 2) - gammaln(df / 2) - 0.5 * p * np.log(df * np.pi)
    return np.asarray(constant - 0.5 * (df + p) * np.log1p(np.sum(points**2, axis=-1) / df))


def integrated_log_likelihood(
    phi: Floats, population: Population, arrays: CohortArrays, whitening: Whitening, *, seed: int, jobs: int
) -> Floats:
    """log p(y_i | phi) for draws phi (d, k) of the posterior: (d, n)."""
    generator = numbered_stream(seed, "integrated")
    components = phi[np.linspace(0, phi.shape[0] - 1, min(COMPONENTS, phi.shape[0])).round().astype(int)]
    places = Places.at_modes(*population.offset.shape)
    for n_points in (POINTS // 4, POINTS):
        points = patient_points(population, arrays, whitening, components, places, n_points, generator, jobs)
        places = points.places(components)
    return points.log_likelihood(phi)
