"""The likelihood of each patient integrated over that patient's own parameters, per draw of the population.

p(y_i | phi) is what leaving a patient out asks for: the likelihood given the patient's own parameters fails for every
patient, since these are fitted to the very values left out. Importance sampling from the Laplace approximation of
`whitening.py` with t tails; the same numbers for every draw, so that draws differ by phi alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from scipy.special import gammaln

from igkinetics.fit.likelihood import minus_two_log
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.coordinates import Coordinates
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.likelihood import CURVE_SCRATCH, patient_theta
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.small_matrices import log_diagonal
from igkinetics.hierarchical.whitening import (
    LOG_2PI,
    LOWER,
    N_MATRICES,
    N_VECTORS,
    PRECISION,
    X,
    centre_patient,
    fill_precision,
    place_patient,
)
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.curves import fill_curve
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats

POINTS: Final = 200
"""Importance points per patient and draw of the population."""
PROPOSAL_DF: Final = 6.0
STREAM: Final = 7


@kernel
def fill_integrated(
    points: Floats, log_proposal: Floats, mu: Floats, root: Floats, error: Floats, log_ratio: Floats, kind: int,
    coordinates: Coordinates, cohort: CohortArrays, filled: Floats,
) -> None:  # fmt: skip
    """log p(y_i | phi) of every patient into filled (n,). points (k, p) with their log density (k,)."""
    n, p = mu.shape
    theta, scratch = np.empty(N_PARAMETERS), np.empty(CURVE_SCRATCH)
    matrices, vectors = np.empty((N_MATRICES, p, p)), np.empty((N_VECTORS, p))
    weights = np.empty(points.shape[0])
    fill_precision(root, matrices)
    constant = -log_diagonal(root) - 0.5 * p * LOG_2PI
    for i in range(n):
        of = slice(cohort.sample_bounds[i], cohort.sample_bounds[i + 1])
        schedule = cohort.segments[cohort.segment_bounds[i] : cohort.segment_bounds[i + 1]]
        days, values, limits = cohort.day[of], cohort.igg[of], cohort.limit[of]
        endogenous, infused = np.empty(days.size), np.empty(days.size)
        centre_patient(mu[i], log_ratio, coordinates.information[i], coordinates.linear[i], matrices, vectors)
        per_point = constant - log_diagonal(matrices[LOWER])
        for k in range(points.shape[0]):
            place_patient(points[k], coordinates.ridge[i], coordinates.bend[i], matrices, vectors)
            x = vectors[X]
            patient_theta(x, log_ratio, cohort.used[i], cohort.places, cohort.fixed[i], theta)
            fill_curve(theta, schedule, days, endogenous, infused, scratch)
            off = x - mu[i]
            total = per_point - 0.5 * off @ (matrices[PRECISION] @ off) - log_proposal[k]
            for m in range(days.size):
                term, _ = minus_two_log(kind, values[m], limits[m], endogenous[m] + infused[m], error[0], error[1])
                total -= 0.5 * term
            weights[k] = total
        highest = weights.max()
        filled[i] = highest + np.log(np.exp(weights - highest).mean())


def proposal(p: int, seed: int, n: int = POINTS) -> tuple[Floats, Floats]:
    """n points of a p-dimensional t (antithetic pairs) and their log density."""
    generator = np.random.default_rng([seed, STREAM])
    half = generator.standard_normal((n // 2, p))
    half *= np.sqrt(PROPOSAL_DF / generator.chisquare(PROPOSAL_DF, n // 2))[:, None]
    points = np.concatenate([half, -half])
    constant = gammaln((PROPOSAL_DF + p) / 2) - gammaln(PROPOSAL_DF / 2) - 0.5 * p * np.log(PROPOSAL_DF * np.pi)
    return points, constant - 0.5 * (PROPOSAL_DF + p) * np.log1p(np.sum(points**2, axis=1) / PROPOSAL_DF)


def integrated_log_likelihood(
    phi: Floats, population: Population, arrays: CohortArrays, kind: int, whitening: Whitening, *, seed: int, jobs: int
) -> Floats:
    """log p(y_i | phi) for draws phi (d, k): (d, n)."""
    points, log_density = proposal(len(population.names), seed)
    found = np.empty((phi.shape[0], arrays.n_patients))

    def work(chunk: np.ndarray) -> None:
        for place in chunk:
            mu, root, error, log_ratio = population.parts(phi[place])
            fill_integrated(points, log_density, mu, root, error, log_ratio, kind, whitening.coordinates,
                            arrays, found[place])  # fmt: skip

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        list(pool.map(work, np.array_split(np.arange(phi.shape[0]), jobs)))
    return found
