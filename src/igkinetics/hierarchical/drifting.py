"""The model of all patients where every course may drift off its curve: illness, steroids, another laboratory.

The drift is that of the single fit (`fit/drift.py`, docs/model.md 3.7), its SD each patient's own with the weights
given here, and is integrated out of the likelihood. Residual error is then the card's, as in the single fit: what it
could else be made to explain is the drift's. Draws are by importance sampling alone; the proposal of the population
comes from patients whose likelihoods are normal, as each one's Laplace approximation has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import minimize

from igkinetics.fit.drift import DriftPrior, Record, value_under
from igkinetics.fit.structures import with_drift
from igkinetics.fit.weights import DRIFT_SDS
from igkinetics.hierarchical.coordinates import Coordinates, expand
from igkinetics.hierarchical.laplace import LEAST_PRECISION, MOST_ROUNDS, SETTLED, STEP, Whitening, log_prior
from igkinetics.hierarchical.members import Member
from igkinetics.hierarchical.population import Population
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import Floats

if TYPE_CHECKING:
    from igkinetics.hierarchical.fit import PreparedCohort

DRIFT_PRIOR: Final = (0.5, 0.25, 0.25)
"""Prior weight of each SD of the drift in a patient: half of them follow the curve (assumption)."""


def drifting(prepared: PreparedCohort) -> PreparedCohort:
    """The same patients and samples, every course free to drift."""
    members = tuple(replace(one, problem=with_drift(one.problem, DRIFT_SDS, DRIFT_PRIOR)) for one in prepared.members)
    return replace(prepared, members=members)


def known_error(population: Population) -> Population:
    """The same with the card's residual error."""
    places = [population.labels.index(name) for name in "ab"]
    return population.held({population.labels[place]: float(population.prior_mean[place]) for place in places})


def drift_of(members: Sequence[Member]) -> DriftPrior | None:
    """The drift of every course; None where there is none."""
    problem = members[0].problem
    if problem.drift_sds.size == 1 and problem.drift_sds[0] == 0.0:
        return None
    return DriftPrior(problem.drift_sds, problem.drift_log_weights)


@kernel
def fill_drift_terms(levels: Floats, record: Record, sds: Floats, filled: Floats) -> None:
    """Log likelihood of levels (k, m) of one patient's samples under each SD of the drift; into filled (k, sds)."""
    for k in range(levels.shape[0]):
        for s in range(sds.size):
            filled[k, s] = -0.5 * value_under(record, levels[k], sds[s])


def drift_terms(levels: Floats, record: Record, drift: DriftPrior) -> Floats:
    """Log of prior weight times likelihood (k, sds) of levels (k, m) of one patient's samples."""
    filled = np.empty((levels.shape[0], drift.sds.size))
    fill_drift_terms(levels, record, drift.sds, filled)
    return filled + drift.log_weights


def normal_log_density(population: Population, coordinates: Coordinates, phi: Floats) -> float:
    """Log density of phi (k,) were every patient's likelihood exp(h'x - x'Hx/2), up to a constant."""
    mu, root, _, log_ratio = population.parts(phi)
    inverse = np.linalg.inv(root)
    precision = inverse.T @ inverse
    pull = coordinates.linear[:, 0] + np.einsum("r,nrp->np", log_ratio, coordinates.linear[:, 1:]) + mu @ precision
    whole = coordinates.information + precision
    _, size = np.linalg.slogdet(whole)
    centre = np.linalg.solve(whole, pull[..., None])[..., 0]
    of_patients = 0.5 * (np.sum(pull * centre, axis=1) - np.einsum("np,pq,nq->n", mu, precision, mu) - size)
    return float(of_patients.sum() + len(mu) * np.log(np.diag(inverse)).sum() + log_prior(population, phi)[0])


def whiten_drifting(members: Sequence[Member], population: Population) -> Whitening:
    """As `laplace.whiten`, for courses that drift."""
    active, sd = np.flatnonzero(population.active), population.prior_sd
    phi = population.prior_mean.copy()
    points = [member.x for member in members]
    for _ in range(MOST_ROUNDS):
        points, coordinates = expand(members, population, phi, points)
        before = phi

        def minus(scaled: Floats, start: Floats = before, coordinates: Coordinates = coordinates) -> float:
            moved = start.copy()
            moved[active] += scaled * sd[active]
            return -normal_log_density(population, coordinates, moved)

        phi = before.copy()
        phi[active] += minimize(minus, np.zeros(active.size), method="L-BFGS-B").x * sd[active]
        if np.max(np.abs(phi - before)[active] / sd[active], initial=0.0) < SETTLED:
            break
    return Whitening(centre=phi, root=normal_root(population, coordinates, phi), coordinates=coordinates)


def normal_root(population: Population, coordinates: Coordinates, phi: Floats) -> Floats:
    """Root (k, k) of the covariance of phi at the mode of `normal_log_density`; 0 in what is known."""
    active, sd = np.flatnonzero(population.active), population.prior_sd
    steps = np.zeros((active.size, phi.size))
    steps[np.arange(active.size), active] = 10.0 * STEP * sd[active]

    def density(move: Floats) -> float:
        return normal_log_density(population, coordinates, phi + move)

    curvature = np.empty((active.size, active.size))
    for row, one in enumerate(steps):
        for column, other in enumerate(steps[: row + 1]):
            mixed = density(one + other) - density(one - other) - density(other - one) + density(-one - other)
            curvature[row, column] = curvature[column, row] = -mixed / (4.0 * (10.0 * STEP) ** 2)
    values, vectors = np.linalg.eigh(curvature)
    covariance = (vectors / np.maximum(values, LEAST_PRECISION)) @ vectors.T
    root = np.zeros((phi.size, phi.size))
    root[np.ix_(active, active)] = sd[active][:, None] * np.linalg.cholesky(covariance)
    return root
