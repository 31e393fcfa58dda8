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
from igkinetics.hierarchical.likelihood import BY_RECOVERY, NO_RATIO, RECOVERY
from igkinetics.hierarchical.members import Member
from igkinetics.hierarchical.population import Population
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, PRODUCTION_RATIO, Floats

RATIO_STEP: Final = 1e-4
"""Of central differences in the log of a ratio."""
BEND_STEP: Final = 1e-3
"""Of central differences of the Hessian, in conditional SDs along d."""


class Coordinates(NamedTuple):
    """In the terms of `whitening.py`, for n patients with p parameters.

    information (n, p, p): H. linear (n, 4, p): h and its slopes in the log ratios. ridge (n, 2, p): the origin o and
    the direction d of the bend. bend (n, p, p): B.
    """

    information: Floats
    linear: Floats
    ridge: Floats
    bend: Floats


def no_coordinates(n: int, p: int) -> Coordinates:
    """Those of patients without samples: x = mu + root z."""
    return Coordinates(
        np.zeros((n, p, p)), np.zeros((n, 1 + NO_RATIO.size, p)), np.zeros((n, 2, p)), np.zeros((n, p, p))
    )


def expand(
    members: Sequence[Member], population: Population, phi: Floats, points: Sequence[Floats]
) -> tuple[list[Floats], Coordinates]:
    """Each patient's conditional mode at phi, found from `points`, and the coordinates made there."""
    parts = population.parts(phi)
    omega = parts.omega  # correlations matter little for where a patient's own samples point
    names = population.names
    free = population.free_ratios
    coordinates = no_coordinates(*parts.mu.shape)
    normals = []
    for i, (member, point) in enumerate(zip(members, points, strict=True)):
        own = [names.index(name) for name in member.problem.names]
        bare, apparent = at_ratios(member.problem, parts.log_ratio)
        problem = replace(
            bare,
            mu=parts.mu[i, own] - apparent,
            sd=omega[own],
            prior_sd=omega[own],
            a=float(parts.error[0]),
            b=float(parts.error[1]),
        )
        x = problem.minimum_from(point - apparent)[0] + apparent
        curvature, pulls = normal_of(replace(member.problem, a=problem.a, b=problem.b), x, parts.log_ratio, free)
        direction, bend = bend_of(problem, x - apparent, omega[own])
        coordinates.information[np.ix_([i], own, own)] = curvature
        coordinates.linear[i] = [placed(member.problem, one, names) for one in pulls]
        coordinates.ridge[i] = [placed(member.problem, one, names) for one in (x, direction)]
        coordinates.bend[np.ix_([i], own, own)] = bend
        normals.append(x)
    return normals, coordinates


def at_ratios(problem: FitProblem, log_ratio: Floats) -> tuple[FitProblem, Floats]:
    """The problem at these log ratios (3,), and what to take from x (p,) there: CL, V1, Q and V2 per recorded gram."""
    fixed = problem.fixed.copy()
    fixed[[CLEARANCE_RATIO, PRODUCTION_RATIO]] = np.exp(log_ratio[:RECOVERY])
    if log_ratio[RECOVERY] == 0.0:
        return replace(problem, fixed=fixed), np.zeros(problem.free.size)
    known = np.setdiff1d(BY_RECOVERY, problem.free)
    fixed[known] *= np.exp(-log_ratio[RECOVERY])
    return replace(problem, fixed=fixed), np.where(np.isin(problem.free, BY_RECOVERY), log_ratio[RECOVERY], 0.0)


def normal_of(problem: FitProblem, x: Floats, log_ratio: Floats, free: Sequence[bool]) -> tuple[Floats, list[Floats]]:
    """H (p, p) at x of samples without a prior, and h with its slopes in the log ratios.

    A ratio that is known (not free) needs no slope: h is that at its value.
    """
    bare, apparent = at_ratios(problem.without_prior(), log_ratio)
    curvature = positive_part(0.5 * bare.hessian(x - apparent))
    slope = -0.5 * bare.value_and_gradient(x - apparent)[1]
    slopes = [
        slope_in_ratio(problem.without_prior(), x, log_ratio, index) if free[index] else np.zeros(x.size)
        for index in range(log_ratio.size)
    ]
    pull = curvature @ x + slope - sum(by * each for by, each in zip(log_ratio, slopes, strict=True))
    return curvature, [pull, *slopes]


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


def slope_in_ratio(problem: FitProblem, x: Floats, log_ratio: Floats, index: int) -> Floats:
    """Derivative (p,) in the log of a ratio of the gradient in x of the samples' log likelihood; central difference."""
    ends = []
    for step in (RATIO_STEP, -RATIO_STEP):
        moved = log_ratio.copy()
        moved[index] += step
        bare, apparent = at_ratios(problem, moved)
        ends.append(-0.5 * bare.value_and_gradient(x - apparent)[1])
    return np.asarray((ends[0] - ends[1]) / (2.0 * RATIO_STEP))


def positive_part(matrix: Floats) -> Floats:
    """The symmetric matrix with its negative eigenvalues set to 0."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
