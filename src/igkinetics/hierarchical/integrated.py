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
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.likelihood import CURVE_SCRATCH, Integers, patient_theta
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.whitening import LOG_2PI, place_patient, precision_of
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
    information: Floats, linear: Floats, places: Integers, used: Integers, fixed: Floats, segments: Floats,
    segment_bounds: Integers, day: Floats, igg: Floats, limit: Integers, sample_bounds: Integers, filled: Floats,
) -> None:  # fmt: skip
    """log p(y_i | phi) of every patient into filled (n,). points (k, p) with their log density (k,)."""
    n, p = mu.shape
    theta, lower = np.empty(N_PARAMETERS), np.empty((p, p))
    centre, shift, scratch = np.empty(p), np.empty(p), np.empty(CURVE_SCRATCH)
    weights = np.empty(points.shape[0])
    precision = precision_of(root)
    constant = -np.log(np.diag(root)).sum() - 0.5 * p * LOG_2PI
    for i in range(n):
        of, own = slice(sample_bounds[i], sample_bounds[i + 1]), slice(segment_bounds[i], segment_bounds[i + 1])
        days, values, limits = day[of], igg[of], limit[of]
        endogenous, infused = np.empty(days.size), np.empty(days.size)
        for k in range(points.shape[0]):
            place_patient(points[k], mu[i], precision, log_ratio, information[i], linear[i], lower, centre, shift)
            x = centre + shift
            patient_theta(x, log_ratio, used[i], places, fixed[i], theta)
            fill_curve(theta, segments[own], days, endogenous, infused, scratch)
            off = x - mu[i]
            total = constant - 0.5 * off @ (precision @ off) - np.log(np.diag(lower)).sum() - log_proposal[k]
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
            fill_integrated(points, log_density, mu, root, error, log_ratio, kind, whitening.information,
                            whitening.linear, *arrays, found[place])  # fmt: skip

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        list(pool.map(work, np.array_split(np.arange(phi.shape[0]), jobs)))
    return found
