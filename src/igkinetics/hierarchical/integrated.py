"""The likelihood of each patient integrated over that patient's own parameters, per draw of the population.

p(y_i | phi) is what leaving a patient out asks for: the likelihood given the patient's own parameters fails for every
patient, since these are fitted to the very values left out. Importance sampling from the Laplace approximation of
`whitening.py` with t tails; the same numbers for every draw, so that draws differ by phi alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import gammaln

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.coordinates import Coordinates
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.likelihood import CurveRoom, fill_patient_terms, longest, new_room
from igkinetics.hierarchical.population import Parts, Population
from igkinetics.hierarchical.small_matrices import dot, log_diagonal, times
from igkinetics.hierarchical.whitening import (
    DRAWN,
    LOG_2PI,
    LOWER,
    OFF,
    PRECISION,
    MapRoom,
    X,
    centre_patient,
    fill_precision,
    new_map_room,
    place_patient,
)
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import workers
from igkinetics.random_streams import numbered_stream

POINTS: Final = 200
"""Importance points per patient and draw of the population."""
PROPOSAL_DF: Final = 6.0


@inner
def fill_integrands(
    points: Floats,
    i: int,
    parts: Parts,
    coordinates: Coordinates,
    cohort: CohortArrays,
    room: MapRoom,
    curve_room: CurveRoom,
    terms: Floats,
    filled: Floats,
) -> None:
    """Log of patient i's likelihood times |Lambda^1/2| exp(-(x - mu)' Lambda (x - mu)/2) at each of points (k, p).

    Per unit of the point's own volume, up to the constants of the population. terms: room for a term per sample.
    """
    mu, x, off, drawn = parts.mu[i], room.vectors[X], room.vectors[OFF], room.vectors[DRAWN]
    n_samples = cohort.sample_bounds[i + 1] - cohort.sample_bounds[i]
    centre_patient(mu, parts.log_ratio, coordinates.information[i], coordinates.linear[i], room)
    volume = log_diagonal(room.matrices[LOWER])
    for k in range(points.shape[0]):
        place_patient(points[k], coordinates.ridge[i], coordinates.bend[i], room)
        for m in range(x.size):
            off[m] = x[m] - mu[m]
        times(room.matrices[PRECISION], off, drawn)
        filled[k] = -0.5 * dot(off, drawn) - volume
        fill_patient_terms(x, parts.error, parts.log_ratio, cohort, i, curve_room, terms)
        for m in range(n_samples):
            filled[k] += terms[m]


@inner
def pick(weights: Floats, uniform: float) -> int:
    """The place of one of log weights (k,), drawn in proportion to exp(weight) by a uniform number."""
    highest, total = -np.inf, 0.0
    for k in range(weights.size):
        highest = max(highest, weights[k])
    for k in range(weights.size):
        total += np.exp(weights[k] - highest)
    left, chosen = uniform * total, 0
    while chosen < weights.size - 1:
        left -= np.exp(weights[chosen] - highest)
        if left < 0.0:
            break
        chosen += 1
    return chosen


@kernel
def fill_conditional(
    points: Floats,
    log_proposal: Floats,
    uniform: Floats,
    parts: Parts,
    coordinates: Coordinates,
    cohort: CohortArrays,
    filled: Floats,
    z: Floats,
    spread: Floats,
) -> None:
    """Of every patient log p(y_i | phi) into filled (n,), one draw given phi into z (n, p), and 1 / (effective points).

    points (n, k, p): of each patient, with their log density (n, k); uniform (n,): which point is drawn. -inf where no
    point has a likelihood.
    """
    n, p = parts.mu.shape
    room, curve_room = new_map_room(p), new_room(cohort)
    terms, weights = np.empty(longest(cohort.sample_bounds)), np.empty(points.shape[1])
    fill_precision(parts.root, room.matrices)
    constant = -log_diagonal(parts.root) - 0.5 * p * LOG_2PI
    for i in range(n):
        fill_integrands(points[i], i, parts, coordinates, cohort, room, curve_room, terms, weights)
        highest = -np.inf
        for k in range(weights.size):
            weights[k] = weights[k] - log_proposal[i, k] if np.isfinite(weights[k]) else -np.inf
            highest = max(highest, weights[k])
        filled[i], spread[i] = highest, 1.0
        if np.isfinite(highest):
            total, squares = 0.0, 0.0
            for k in range(weights.size):
                share = np.exp(weights[k] - highest)
                total += share
                squares += share * share
            filled[i] = constant + highest + np.log(total / weights.size)
            spread[i] = squares / (total * total)
        z[i] = points[i, pick(weights, uniform[i])]


def proposal(p: int, seed: int, n: int = POINTS) -> tuple[Floats, Floats]:
    """n points of a p-dimensional t (antithetic pairs) and their log density."""
    generator = numbered_stream(seed, "integrated")
    half = generator.standard_normal((n // 2, p))
    half *= np.sqrt(PROPOSAL_DF / generator.chisquare(PROPOSAL_DF, n // 2))[:, None]
    points = np.concatenate([half, -half])
    return points, log_t_density(points, PROPOSAL_DF)


def log_t_density(points: Floats, df: float) -> Floats:
    """Of the standard t distribution with df degrees of freedom at points (..., p)."""
    p = points.shape[-1]
    constant = gammaln((df + p) / 2) - gammaln(df / 2) - 0.5 * p * np.log(df * np.pi)
    return np.asarray(constant - 0.5 * (df + p) * np.log1p(np.sum(points**2, axis=-1) / df))


def integrated_log_likelihood(
    phi: Floats, population: Population, arrays: CohortArrays, whitening: Whitening, *, seed: int, jobs: int
) -> Floats:
    """log p(y_i | phi) for draws phi (d, k): (d, n)."""
    n, p = population.offset.shape
    points, log_density = proposal(p, seed)
    of_all = np.tile(points, (n, 1, 1)), np.tile(log_density, (n, 1)), np.zeros(n)
    filled = np.empty((phi.shape[0], n))

    def work(part: slice) -> None:
        z, spread = np.empty((n, p)), np.empty(n)
        for draw in range(part.start, part.stop):
            parts = population.parts(phi[draw])
            fill_conditional(*of_all, parts, whitening.coordinates, arrays, filled[draw], z, spread)

    with workers(jobs) as crew:
        crew.over(phi.shape[0], max(1, -(-phi.shape[0] // jobs)), work)
    return filled
