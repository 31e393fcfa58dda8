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


@kernel
def fill_integrated(
    points: Floats, log_proposal: Floats, parts: Parts, coordinates: Coordinates, cohort: CohortArrays, filled: Floats
) -> None:
    """log p(y_i | phi) of every patient into filled (n,). points (k, p) with their log density (k,)."""
    n, p = parts.mu.shape
    room, curve_room = new_map_room(p), new_room(cohort)
    terms, weights = np.empty(longest(cohort.sample_bounds)), np.empty(points.shape[0])
    fill_precision(parts.root, room.matrices)
    constant = -log_diagonal(parts.root) - 0.5 * p * LOG_2PI
    for i in range(n):
        fill_integrands(points, i, parts, coordinates, cohort, room, curve_room, terms, weights)
        weights -= log_proposal
        highest = weights.max()
        filled[i] = constant + highest + np.log(np.exp(weights - highest).mean())


def proposal(p: int, seed: int, n: int = POINTS) -> tuple[Floats, Floats]:
    """n points of a p-dimensional t (antithetic pairs) and their log density."""
    generator = numbered_stream(seed, "integrated")
    half = generator.standard_normal((n // 2, p))
    half *= np.sqrt(PROPOSAL_DF / generator.chisquare(PROPOSAL_DF, n // 2))[:, None]
    points = np.concatenate([half, -half])
    constant = gammaln((PROPOSAL_DF + p) / 2) - gammaln(PROPOSAL_DF / 2) - 0.5 * p * np.log(PROPOSAL_DF * np.pi)
    return points, constant - 0.5 * (PROPOSAL_DF + p) * np.log1p(np.sum(points**2, axis=1) / PROPOSAL_DF)


def integrated_log_likelihood(
    phi: Floats, population: Population, arrays: CohortArrays, whitening: Whitening, *, seed: int, jobs: int
) -> Floats:
    """log p(y_i | phi) for draws phi (d, k): (d, n)."""
    points, log_density = proposal(len(population.names), seed)
    filled = np.empty((phi.shape[0], arrays.n_patients))

    def work(part: slice) -> None:
        for draw in range(part.start, part.stop):
            parts = population.parts(phi[draw])
            fill_integrated(points, log_density, parts, whitening.coordinates, arrays, filled[draw])

    with workers(jobs) as crew:
        crew.over(phi.shape[0], max(1, -(-phi.shape[0] // jobs)), work)
    return filled
