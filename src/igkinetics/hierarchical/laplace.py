"""Laplace approximation of the hierarchical model: where chains start and how their coordinates are whitened.

Alternates until nothing moves: (1) each patient's conditional mode at the present population, and the information H its
samples give there; (2) the mode of the population in the density with z = 0, which is the Laplace approximation of the
likelihood integrated over patients. All of it decides only how fast the sampler is, never what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import minimize

from igkinetics.fit.problem import FitProblem
from igkinetics.hierarchical.cohort_arrays import CohortArrays, placed
from igkinetics.hierarchical.correlations import log_lkj
from igkinetics.hierarchical.members import Member
from igkinetics.hierarchical.population import Parts, Population
from igkinetics.hierarchical.whitening import fill_log_density
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, PRODUCTION_RATIO, Floats

MOST_ROUNDS: Final = 6
SETTLED: Final = 0.02
"""Rounds end when no part of phi moves by more than this many prior SDs."""
RATIO_STEP: Final = 1e-4
"""Of central differences in the log of a ratio."""
STEP: Final = 1e-3
"""Of central differences in phi, in prior SDs."""
LEAST_PRECISION: Final = 0.3
"""The whitening takes no direction of phi to be wider than 1/sqrt(0.3) prior SDs."""
MOST_ITERATIONS: Final = 100

LogDensity = Callable[[Floats, Floats], tuple[float, Floats, Floats]]
"""(z, phi) -> log density, gradients in z and in phi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whitening:
    """phi = centre + root u with u near a standard normal (root: k x k; inactive parts stay at their prior mean).

    information (n, p, p): H of every patient; linear (n, 3, p): h and its slopes in the log ratios (`whitening.py`).
    """

    centre: Floats
    root: Floats
    information: Floats
    linear: Floats


def log_density_of(
    population: Population, arrays: CohortArrays, kind: int, information: Floats, linear: Floats
) -> LogDensity:
    """The whole model's log density in (z, phi), priors of phi included, without any sampler."""

    def log_density(z: Floats, phi: Floats) -> tuple[float, Floats, Floats]:
        parts = population.parts(phi)
        mu, root, error, log_ratio = parts
        by_z, by = np.empty_like(z), Parts(*map(np.empty_like, parts))
        value = fill_log_density(z, mu, root, error, log_ratio, kind, information, linear, *arrays,
                                 by_z, by.mu, by.root, by.error, by.log_ratio)  # fmt: skip
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


def whiten(members: Sequence[Member], population: Population, arrays: CohortArrays, kind: int) -> Whitening:
    """The Laplace approximation, started at the card's typical values and every patient's own fit."""
    phi = population.prior_mean.copy()
    points = [member.x for member in members]
    for _ in range(MOST_ROUNDS):
        points, information, linear = expand(members, population, phi, points)
        before = phi
        log_density = log_density_of(population, arrays, kind, information, linear)
        phi = population_mode(population, log_density, phi, error_slope(population, arrays, phi, information))
        moved = np.abs(phi - before)[population.active] / population.prior_sd[population.active]
        if moved.size == 0 or moved.max() < SETTLED:
            break
    log_density = log_density_of(population, arrays, kind, information, linear)
    return Whitening(
        centre=phi, root=population_root(population, log_density, phi), information=information, linear=linear
    )


def expand(
    members: Sequence[Member], population: Population, phi: Floats, points: Sequence[Floats]
) -> tuple[list[Floats], Floats, Floats]:
    """Each patient's conditional mode at phi, with H (n, p, p), h and its slopes (n, 3, p) of the samples there."""
    parts = population.parts(phi)
    mu, (a, b), log_ratio = parts.mu, parts.error, parts.log_ratio
    omega = parts.omega  # correlations matter little for where a patient's own samples point
    names = population.names
    n, p = mu.shape
    found, information, linear = [], np.zeros((n, p, p)), np.zeros((n, 3, p))
    for i, (member, point) in enumerate(zip(members, points, strict=True)):
        own = [names.index(name) for name in member.problem.names]
        fixed = member.problem.fixed.copy()
        fixed[[CLEARANCE_RATIO, PRODUCTION_RATIO]] = np.exp(log_ratio)
        problem = replace(
            member.problem, mu=mu[i, own], sd=omega[own], prior_sd=omega[own], a=float(a), b=float(b), fixed=fixed
        )
        x, _ = problem.minimum_from(point)
        bare = problem.without_prior()
        curvature = positive_part(0.5 * bare.hessian(x))
        slope = -0.5 * bare.value_and_gradient(x)[1]
        information[np.ix_([i], own, own)] = curvature
        slopes = [slope_in_ratio(bare, x, place) for place in (CLEARANCE_RATIO, PRODUCTION_RATIO)]
        pull = curvature @ x + slope - log_ratio[0] * slopes[0] - log_ratio[1] * slopes[1]
        linear[i] = [placed(member.problem, one, names) for one in (pull, *slopes)]
        found.append(x)
    return found, information, linear


def slope_in_ratio(bare: FitProblem, x: Floats, place: int) -> Floats:
    """Derivative (p,) in the log of a ratio of the gradient in x of the samples' log likelihood; central difference."""
    ends = []
    for step in (RATIO_STEP, -RATIO_STEP):
        fixed = bare.fixed.copy()
        fixed[place] *= np.exp(step)
        ends.append(-0.5 * replace(bare, fixed=fixed).value_and_gradient(x)[1])
    return np.asarray((ends[0] - ends[1]) / (2.0 * RATIO_STEP))


def positive_part(matrix: Floats) -> Floats:
    """The symmetric matrix with its negative eigenvalues set to 0."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


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
    place = population.n_coefficients + len(root)
    slope[place : place + 2] = learnt * np.array([1.0 - share_b, share_b])
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
    for row, place in enumerate(active):
        moved = np.zeros_like(phi)
        moved[place] = STEP * sd[place]
        up, down = (log_density(z, phi + sign * moved)[2][active] for sign in (1.0, -1.0))
        curvature[row] = -(up - down) * sd[active] / (2.0 * STEP)
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    covariance = (vectors / np.maximum(values, LEAST_PRECISION)) @ vectors.T
    root = np.zeros((phi.size, phi.size))
    root[np.ix_(active, active)] = sd[active][:, None] * np.linalg.cholesky(covariance)
    return root
