"""Laplace approximation of the hierarchical model: where chains start and how their coordinates are whitened.

Alternates until nothing moves: (1) each patient's conditional mode at the present population, and the information H its
samples give there; (2) the mode of the population in the density with z = 0, which is the Laplace approximation of the
likelihood integrated over patients. All of it decides only how fast the sampler is, never what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.coordinates import Coordinates, expand
from igkinetics.hierarchical.correlations import log_lkj
from igkinetics.hierarchical.members import Member
from igkinetics.hierarchical.population import Parts, Population
from igkinetics.hierarchical.whitening import fill_log_density
from igkinetics.kinetics.parameters import Floats

MOST_ROUNDS: Final = 6
SETTLED: Final = 0.02
"""Rounds end when no part of phi moves by more than this many prior SDs."""
STEP: Final = 1e-3
"""Of central differences in phi, in prior SDs."""
LEAST_PRECISION: Final = 0.3
"""The whitening takes no direction of phi to be wider than 1/sqrt(0.3) prior SDs."""
MOST_ITERATIONS: Final = 100

LogDensity = Callable[[Floats, Floats], tuple[float, Floats, Floats]]
"""(z, phi) -> log density, gradients in z and in phi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whitening:
    """phi = centre + root u with u near a standard normal (root: k x k; inactive parts stay at their prior mean)."""

    centre: Floats
    root: Floats
    coordinates: Coordinates


def log_density_of(population: Population, arrays: CohortArrays, coordinates: Coordinates) -> LogDensity:
    """The whole model's log density in (z, phi), priors of phi included, without any sampler."""

    def log_density(z: Floats, phi: Floats) -> tuple[float, Floats, Floats]:
        parts = population.parts(phi)
        by_z, by = np.empty_like(z), Parts(*map(np.empty_like, parts))
        value = fill_log_density(z, parts, coordinates, arrays, by_z, by)
        by_phi = population.gradient(phi, parts, by)
        prior, by_prior = log_prior(population, phi)
        return value + prior, by_z, np.where(population.active, by_phi + by_prior, 0.0)

    return log_density


def log_prior(population: Population, phi: Floats) -> tuple[float, Floats]:
    """Log density of the active parts of phi under their priors, and its gradient (k,)."""
    active = population.active_normal
    sd = np.where(active, population.prior_sd, 1.0)
    distance = np.where(active, (phi - population.prior_mean) / sd, 0.0)
    constant = np.log(sd[active]).sum() + 0.5 * active.sum() * np.log(2.0 * np.pi)
    correlations, by_correlations = log_lkj(phi[population.n_normal :], population.lkj)
    slope = -distance / sd
    slope[population.n_normal :] = by_correlations
    return float(-0.5 * distance @ distance - constant) + correlations, slope


def whiten(
    members: Sequence[Member], population: Population, arrays: CohortArrays, start: Whitening | None = None
) -> Whitening:
    """The Laplace approximation, from the card's typical values and every patient's own fit on.

    start: that of a model with the same parameters, from which it is nearer.
    """
    phi = np.where(population.active, population.prior_mean if start is None else start.centre, population.prior_mean)
    points = [member.x for member in members]
    if start is not None:
        points = modes_of(members, population, start)
    for _ in range(MOST_ROUNDS):
        points, coordinates = expand(members, population, phi, points)
        before = phi
        log_density = log_density_of(population, arrays, coordinates)
        phi = population_mode(
            population, log_density, phi, error_slope(population, arrays, phi, coordinates.information)
        )
        moved = np.abs(phi - before)[population.active] / population.prior_sd[population.active]
        if moved.size == 0 or moved.max() < SETTLED:
            break
    return Whitening(centre=phi, root=population_root(population, log_density, phi), coordinates=coordinates)


def modes_of(members: Sequence[Member], population: Population, whitening: Whitening) -> list[Floats]:
    """The conditional modes from which the coordinates of a whitening were made, each in its patient's parameters."""
    own = [[population.names.index(name) for name in member.problem.names] for member in members]
    return [whitening.coordinates.ridge[i, 0, places] for i, places in enumerate(own)]


def error_slope(population: Population, arrays: CohortArrays, phi: Floats, information: Floats) -> Floats:
    """What the Laplace approximation gains in phi (k,) because H falls with the residual error.

    d(-log|H + Lambda|/2) / d(log b) = trace((H + Lambda)^-1 H), the number of parameters that the samples speak to,
    times the share of b in the variance; likewise a. Without it residual error is estimated too small, as by maximum
    likelihood next to restricted maximum likelihood.
    """
    _, root, (a, b), _ = population.parts(phi)
    solved = np.linalg.solve(information + np.linalg.inv(root @ root.T), information)
    learnt = float(np.trace(solved, axis1=1, axis2=2).sum())
    share_b = float(np.mean((b * arrays.igg) ** 2 / (a**2 + (b * arrays.igg) ** 2)))
    slope = np.zeros_like(phi)
    index = population.n_coefficients + len(root)
    slope[index : index + 2] = learnt * np.array([1.0 - share_b, share_b])
    return slope


def population_mode(population: Population, log_density: LogDensity, start: Floats, slope: Floats) -> Floats:
    """phi at the maximum of the density with z = 0 and slope'phi added, from `start`; inactive parts stay."""
    active, sd = population.active, population.prior_sd
    z = np.zeros_like(population.offset)

    def objective(scaled: Floats) -> tuple[float, Floats]:
        phi = start.copy()
        phi[active] += scaled * sd[active]
        value, _, by_phi = log_density(z, phi)
        if not np.isfinite(value):
            return 1e10, np.zeros_like(scaled)
        return float(-value - slope @ phi), -(by_phi + slope)[active] * sd[active]

    best = minimize(
        objective, np.zeros(int(active.sum())), jac=True, method="L-BFGS-B", options={"maxiter": MOST_ITERATIONS}
    )
    phi = start.copy()
    phi[active] += best.x * sd[active]
    return phi


def population_root(population: Population, log_density: LogDensity, phi: Floats) -> Floats:
    """Root (k, k) of phi's approximate posterior covariance; 0 in what is known."""
    active, sd = np.flatnonzero(population.active), population.prior_sd
    z = np.zeros_like(population.offset)
    curvature = np.zeros((active.size, active.size))
    for row, index in enumerate(active):
        moved = np.zeros_like(phi)
        moved[index] = STEP * sd[index]
        up, down = (log_density(z, phi + sign * moved)[2][active] for sign in (1.0, -1.0))
        curvature[row] = -(up - down) * sd[active] / (2.0 * STEP)
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    covariance = (vectors / np.maximum(values, LEAST_PRECISION)) @ vectors.T
    root = np.zeros((phi.size, phi.size))
    root[np.ix_(active, active)] = sd[active][:, None] * np.linalg.cholesky(covariance)
    return root
