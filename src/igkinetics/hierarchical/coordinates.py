"""What decides the coordinates of patients (`whitening.py`): each patient's samples near the conditional mode.

Decides only how fast the sampler is, never what it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from igkinetics.fit.problem import FitProblem
from igkinetics.hierarchical.cohort_arrays import placed
from igkinetics.hierarchical.members import Member
from igkinetics.hierarchical.population import Population
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, PRODUCTION_RATIO, Floats

RATIO_STEP: Final = 1e-4
"""Of central differences in the log of a ratio."""
BEND_STEP: Final = 1e-3
"""Of central differences of the Hessian, in conditional SDs along d."""


class Coordinates(NamedTuple):
    """In the terms of `whitening.py`, for n patients with p parameters.

    information (n, p, p): H. linear (n, 3, p): h and its slopes in the log ratios. ridge (n, 2, p): the origin o and
    the direction d of the bend. bend (n, p, p): B.
    """

    information: Floats
    linear: Floats
    ridge: Floats
    bend: Floats


def no_coordinates(n: int, p: int) -> Coordinates:
    """Those of patients without samples: x = mu + root z."""
    return Coordinates(np.zeros((n, p, p)), np.zeros((n, 3, p)), np.zeros((n, 2, p)), np.zeros((n, p, p)))


def expand(
    members: Sequence[Member], population: Population, phi: Floats, points: Sequence[Floats]
) -> tuple[list[Floats], Coordinates]:
    """Each patient's conditional mode at phi, found from `points`, and the coordinates made there."""
    parts = population.parts(phi)
    omega = parts.omega  # correlations matter little for where a patient's own samples point
    names = population.names
    coordinates = no_coordinates(*parts.mu.shape)
    found = []
    for i, (member, point) in enumerate(zip(members, points, strict=True)):
        own = [names.index(name) for name in member.problem.names]
        fixed = member.problem.fixed.copy()
        fixed[[CLEARANCE_RATIO, PRODUCTION_RATIO]] = np.exp(parts.log_ratio)
        problem = replace(
            member.problem,
            mu=parts.mu[i, own],
            sd=omega[own],
            prior_sd=omega[own],
            a=float(parts.error[0]),
            b=float(parts.error[1]),
            fixed=fixed,
        )
        x, _ = problem.minimum_from(point)
        curvature, pulls = normal_of(problem.without_prior(), x, parts.log_ratio)
        direction, bend = bend_of(problem, x, omega[own])
        coordinates.information[np.ix_([i], own, own)] = curvature
        coordinates.linear[i] = [placed(member.problem, one, names) for one in pulls]
        coordinates.ridge[i] = [placed(member.problem, one, names) for one in (x, direction)]
        coordinates.bend[np.ix_([i], own, own)] = bend
        found.append(x)
    return found, coordinates


def normal_of(bare: FitProblem, x: Floats, log_ratio: Floats) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """H (p, p) at x of samples without a prior, and h with its slopes in the two log ratios."""
    curvature = positive_part(0.5 * bare.hessian(x))
    slope = -0.5 * bare.value_and_gradient(x)[1]
    by_clearance, by_production = (slope_in_ratio(bare, x, place) for place in (CLEARANCE_RATIO, PRODUCTION_RATIO))
    pull = curvature @ x + slope - log_ratio[0] * by_clearance - log_ratio[1] * by_production
    return curvature, (pull, by_clearance, by_production)


def bend_of(problem: FitProblem, x: Floats, omega: Floats) -> tuple[Floats, Floats]:
    """The direction d (p,) known best in between-patient SDs, one conditional SD long, and B (p, p): how d bends.

    Where the density has no slope along d, c(y) solves d'grad f(x + y + c d) = 0. For y in the directions P-orthogonal
    to d its gradient is 0 and its Hessian is B = -T, with P the Hessian of f, d'P d = 1, and T its derivative along d.
    """
    hessian = 0.5 * problem.hessian(x)
    direction = omega * np.linalg.eigh(omega[:, None] * hessian * omega)[1][:, -1]
    direction /= np.sqrt(direction @ hessian @ direction)
    up, down = (0.5 * problem.hessian(x + step * direction) for step in (BEND_STEP, -BEND_STEP))
    third = (up - down) / (2.0 * BEND_STEP)
    apart = np.eye(x.size) - np.outer(direction, direction @ hessian)
    return direction, -apart.T @ third @ apart


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
