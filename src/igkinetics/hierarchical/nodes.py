"""The likelihood of a patient's points at the nodes over which it is interpolated in what patients share."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import logsumexp

from igkinetics.fit.drift import DriftPrior, Record
from igkinetics.fit.likelihood import LOG_2PI, NORMAL, minus_two_log
from igkinetics.hierarchical.cohort_arrays import CohortArrays, Integers
from igkinetics.hierarchical.drifting import drift_terms
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.reading import fill_thetas
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats

DEGREES: Final = (6, 4, 4, 4, 4)
"""Of the interpolation in log a, log b and the three log ratios, those that are estimated."""
WIDE: Final = 5.0
"""Half the range of the interpolation, in posterior SDs by the Laplace approximation; beyond, the value at its end."""
NOWHERE: Final = -1e6
"""Log likelihood of a point at which the model is not finite."""
MOST_FACTORS: Final = 8


class Grid(NamedTuple):
    """Nodes of the interpolation in what patients share: centre and half-width (5,), degrees (5,)."""

    centre: Floats
    half: Floats
    degrees: tuple[int, ...]

    @staticmethod
    def of(population: Population, whitening: Whitening) -> Grid:
        places = slice(population.n_coefficients + len(population.names), population.n_normal)
        sd = np.sqrt(np.sum(whitening.root[places] ** 2, axis=1))
        active = population.active[places]
        degrees = tuple(degree if used else 0 for degree, used in zip(DEGREES, active, strict=True))
        return Grid(whitening.centre[places], np.where(active, WIDE * sd, 1.0), degrees)

    def nodes(self, index: int) -> Floats:
        """Chebyshev nodes of one of the five."""
        return np.asarray(self.centre[index] + self.half[index] * chebyshev.chebpts1(self.degrees[index] + 1))

    def row(self, shared: Floats) -> Floats:
        """Products of Chebyshev polynomials (d, f) at each of shared (d, 5)."""
        product = np.ones((shared.shape[0], 1))
        for index, degree in enumerate(self.degrees):
            if degree:
                at = np.clip((shared[:, index] - self.centre[index]) / self.half[index], -1.0, 1.0)
                values = chebyshev.chebvander(at, degree)
                product = (product[:, :, None] * values[:, None, :]).reshape(shared.shape[0], -1)
        return product

    def coefficients(self, values: Floats) -> Floats:
        """Of `row` (f, k), from values at the nodes (k, nodes of the first, ..., of the fifth)."""
        for index, degree in enumerate(self.degrees):
            inverse = np.linalg.inv(chebyshev.chebvander(chebyshev.chebpts1(degree + 1), degree))
            values = np.moveaxis(np.tensordot(inverse, values, axes=(1, index + 1)), 0, index + 1)
        return values.reshape(values.shape[0], -1).T


@kernel
def fill_node_terms(
    levels: Floats, igg: Floats, limit: Integers, kind: int, a: Floats, b: Floats, filled: Floats
) -> None:
    """Log likelihood of levels (k, m) of one patient's samples under each residual error; into filled (k, a, b).

    A sum of logs is the log of a product, which costs a tenth: so measured values with normal error are not asked one
    by one.
    """
    for k in range(levels.shape[0]):
        for first in range(a.size):
            for second in range(b.size):
                total, product, factors = 0.0, 1.0, 0
                for m in range(igg.size):
                    if kind == NORMAL and limit[m] == 0:
                        level = levels[k, m]
                        variance = a[first] * a[first] + b[second] * b[second] * level * level
                        total += (igg[m] - level) * (igg[m] - level) / variance + LOG_2PI
                        product *= variance
                        factors += 1
                        if factors == MOST_FACTORS:  # of a product that neither overflows nor vanishes
                            total += np.log(product)
                            product, factors = 1.0, 0
                    else:
                        total += minus_two_log(kind, igg[m], limit[m], levels[k, m], a[first], b[second])[0]
                filled[k, first, second] = -0.5 * (total + np.log(product))


def node_terms(x: Floats, grid: Grid, arrays: CohortArrays, i: int, drift: DriftPrior | None = None) -> Floats:
    """Log likelihood of patient i's samples at points x (k, p) and all nodes of the grid (k, a, b, ratios)."""
    k = x.shape[0]
    samples = slice(arrays.sample_bounds[i], arrays.sample_bounds[i + 1])
    schedule = arrays.segments[arrays.segment_bounds[i] : arrays.segment_bounds[i + 1]]
    used, fixed = np.tile(arrays.used[i], (k, 1)), np.tile(arrays.fixed[i], (k, 1))
    a, b = (np.exp(grid.nodes(index)) for index in (0, 1))
    ratios = [grid.nodes(index) for index in (2, 3, 4)]
    terms = np.empty((k, a.size, b.size, *(one.size for one in ratios)))
    theta, filled = np.empty((k, N_PARAMETERS)), np.empty((k, a.size, b.size))
    igg, limit = arrays.igg[samples].copy(), arrays.limit[samples].copy()
    for at in np.ndindex(*terms.shape[3:5]):
        log_ratio = np.array([ratios[0][at[0]], ratios[1][at[1]], 0.0])
        fill_thetas(x, log_ratio, arrays.places, used, fixed, theta)
        endogenous, infused = igg_curve(theta, schedule, arrays.day[samples])
        for place, recovery in enumerate(np.exp(ratios[2])):  # infused IgG is proportional to what was given
            levels = endogenous + recovery * infused
            if drift is None:
                fill_node_terms(levels, igg, limit, arrays.kind, a, b, filled)
            else:
                day, limits = arrays.day[samples].copy(), limit.astype(np.int8)
                for first, second in np.ndindex(a.size, b.size):
                    record = Record(arrays.kind, day, igg, limits, float(a[first]), float(b[second]))
                    filled[:, first, second] = logsumexp(drift_terms(levels, record, drift), axis=1)
            terms[:, :, :, at[0], at[1], place] = filled
    sound = np.isfinite(terms).all(axis=(1, 2, 3, 4, 5))
    terms[~sound] = NOWHERE
    return terms
