"""Patients' parameters as an affine map of nearly standard normal numbers, and the log density in these numbers.

Given the population, x_i ~ Normal(mu_i, Omega) and a likelihood that is nearly exp(h'x - x'Hx/2), a patient's
parameters are nearly Normal(m, P^-1) with P = H + Lambda, m = P^-1 (h + Lambda mu), Lambda = Omega^-1. With R R' = P,

    x = m + R'^-1 z,    log density of z = log likelihood(x) + log Normal(x; mu, Omega) - sum log R_kk

is exact for any H and h; they only decide how near z is to a standard normal. H and h come from each patient's own
Laplace approximation (`coordinates.py`); h moves with the log ratios under immunoglobulin, which pull at every patient
infused: h = linear[0] + linear[1:]' log ratios (clearance, production, dose recovery). The sampler then meets
neither the funnels of a centred nor the strong correlations of a non-centred parametrisation. Derivatives of the
factorisation: Murray, arXiv:1602.07527.

Along its ridge a patient's likelihood is curved: the one direction d that the samples know best depends on the others
nearly as a parabola. So x is bent once more: with y = m + R'^-1 z and q = (y - o)'B(y - o)/2, x = y + d g(q), where
B d = 0, so that volumes stay (the determinant is 1 + g'(q) d'B(y - o) = 1) and the density above holds as it is.
g(q) = q / sqrt(1 + (q/MOST_BEND)^2): far out the ridge is no parabola, and a sampler on one would diverge.
"""

from __future__ import annotations

from math import log, pi
from typing import NamedTuple

import numpy as np

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.coordinates import Coordinates
from igkinetics.hierarchical.likelihood import SlopeRoom, new_slope_room, patient_log_likelihood
from igkinetics.hierarchical.population import Parts
from igkinetics.hierarchical.small_matrices import (
    dot,
    factorise,
    invert,
    log_diagonal,
    lower_times,
    squared,
    times,
    upper_times,
)
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats

LOG_2PI = log(2.0 * pi)
LOWER, INVERSE, PRECISION, BY_PRECISION, WORK = range(5)
"""Matrices of the work space: R, R^-1, Lambda, the derivative in Lambda."""
CENTRE, STRAIGHT, X, TURNED, OFF, DRAWN, SCORE, PULLED, SOLVED = range(9)
"""Its vectors: m; x before and after the bend; g'(q) B(y - o); x - mu; Lambda (x - mu); gradients in x, z and m."""
N_MATRICES, N_VECTORS = 5, 9
MOST_BEND = 10.0
"""Conditional SDs along d."""


class MapRoom(NamedTuple):
    """Room for one patient's map at a time: matrices (5, p, p) and vectors (9, p), in the places named above."""

    matrices: Floats
    vectors: Floats


@kernel
def new_map_room(p: int) -> MapRoom:
    """Room for the map of patients with p parameters."""
    return MapRoom(np.zeros((N_MATRICES, p, p)), np.empty((N_VECTORS, p)))


@inner
def fill_precision(root: Floats, matrices: Floats) -> None:
    """Lambda = (root root')^-1 into its place."""
    invert(root, matrices[INVERSE])
    squared(matrices[INVERSE], matrices[PRECISION])


@inner
def centre_patient(mu: Floats, log_ratio: Floats, information: Floats, linear: Floats, room: MapRoom) -> None:
    """R, R^-1 and m of a patient with information (p, p) and linear (4, p), given Lambda."""
    matrices, vectors = room
    lower, centre, pulled = matrices[LOWER], vectors[CENTRE], vectors[PULLED]
    for i in range(mu.size):
        for j in range(i + 1):
            lower[i, j] = information[i, j] + matrices[PRECISION, i, j]
    factorise(lower, lower)
    invert(lower, matrices[INVERSE])
    times(matrices[PRECISION], mu, centre)
    for i in range(mu.size):
        centre[i] += linear[0, i]
        for k in range(log_ratio.size):
            centre[i] += log_ratio[k] * linear[k + 1, i]
    lower_times(matrices[INVERSE], centre, pulled)
    upper_times(matrices[INVERSE], pulled, centre)


@inner
def place_patient(z: Floats, ridge: Floats, bend: Floats, room: MapRoom) -> None:
    """x of a centred patient. ridge (2, p): origin o and direction d; bend (p, p): B."""
    matrices, vectors = room
    straight, turned, off, x = vectors[STRAIGHT], vectors[TURNED], vectors[OFF], vectors[X]
    upper_times(matrices[INVERSE], z, straight)
    for i in range(z.size):
        straight[i] += vectors[CENTRE, i]
        off[i] = straight[i] - ridge[0, i]
    times(bend, off, turned)
    parabola = 0.5 * dot(off, turned)
    shrunk = 1.0 / np.sqrt(1.0 + (parabola / MOST_BEND) ** 2)
    for i in range(z.size):
        x[i] = straight[i] + ridge[1, i] * parabola * shrunk
        turned[i] *= shrunk * shrunk * shrunk


@inner
def add_by_precision(z: Floats, mu: Floats, room: MapRoom) -> None:
    """Add what z's density owes to Lambda through m, R'^-1 z and log|R|, and through the normal density itself.

    With g = R^-1 times the gradient in y, the reverse mode of P = R R' is R'^-1 N R^-1 for the symmetric
    N_ij = -z_i g_j / 2 (i > j), N_ii = -(1 + z_i g_i) / 2; m adds P^-1 (gradient in y) times mu - m.
    """
    matrices, vectors = room
    p = z.size
    inverse, work, by_precision = matrices[INVERSE], matrices[WORK], matrices[BY_PRECISION]
    pulled, solved, off = vectors[PULLED], vectors[SOLVED], vectors[OFF]
    for i in range(p):
        for j in range(p):
            value = -0.5 * inverse[i, j] if j <= i else 0.0
            for k in range(j, p):
                value -= 0.5 * z[max(i, k)] * pulled[min(i, k)] * inverse[k, j]
            work[i, j] = value
    for i in range(p):
        for j in range(i + 1):
            value = 0.0
            for k in range(i, p):
                value += inverse[k, i] * work[k, j]
            value += 0.5 * (solved[i] * (mu[j] - vectors[CENTRE, j]) + solved[j] * (mu[i] - vectors[CENTRE, i]))
            by_precision[i, j] += value - 0.5 * off[i] * off[j]


@inner
def add_patient(
    z: Floats,
    mu: Floats,
    linear: Floats,
    ridge: Floats,
    room: MapRoom,
    by_z: Floats,
    by_mu: Floats,
    by_ratio: Floats,
) -> float:
    """The normal density of a placed patient, and the gradients from the score of the log likelihood in x."""
    matrices, vectors = room
    score, off, drawn, pulled, solved = (vectors[SCORE], vectors[OFF], vectors[DRAWN], vectors[PULLED], vectors[SOLVED])
    for i in range(z.size):
        off[i] = vectors[X, i] - mu[i]
    times(matrices[PRECISION], off, drawn)
    for i in range(z.size):
        score[i] -= drawn[i]
    along = dot(ridge[1], score)
    for i in range(z.size):
        score[i] += along * vectors[TURNED, i]
    lower_times(matrices[INVERSE], score, pulled)
    upper_times(matrices[INVERSE], pulled, solved)
    times(matrices[PRECISION], solved, by_mu)
    for i in range(z.size):
        by_z[i] = pulled[i]
        by_mu[i] += drawn[i]
    for k in range(by_ratio.size):
        by_ratio[k] += dot(linear[k + 1], solved)
    add_by_precision(z, mu, room)
    return -0.5 * dot(off, drawn) - log_diagonal(matrices[LOWER])


@inner
def sum_patients(
    z: Floats,
    parts: Parts,
    coordinates: Coordinates,
    cohort: CohortArrays,
    by_z: Floats,
    by: Parts,
    room: MapRoom,
    slope_room: SlopeRoom,
) -> float:
    """The loop of fill_log_density, in which nothing is allocated."""
    x, score = room.vectors[X], room.vectors[SCORE]
    total = 0.0
    for i in range(z.shape[0]):
        mu, linear, ridge = parts.mu[i], coordinates.linear[i], coordinates.ridge[i]
        centre_patient(mu, parts.log_ratio, coordinates.information[i], linear, room)
        place_patient(z[i], ridge, coordinates.bend[i], room)
        total += patient_log_likelihood(
            x, parts.error, parts.log_ratio, cohort, i, slope_room, score, by.error, by.log_ratio
        )
        total += add_patient(z[i], mu, linear, ridge, room, by_z[i], by.mu[i], by.log_ratio)
    return total


@kernel
def fill_log_density(
    z: Floats, parts: Parts, coordinates: Coordinates, cohort: CohortArrays, by_z: Floats, by: Parts
) -> float:
    """Log density of z (n, p) and the samples, given what the population says; fills the gradients in z and in that."""
    n, p = z.shape
    room = new_map_room(p)
    matrices, root = room.matrices, parts.root
    by.error[:] = 0.0
    by.log_ratio[:] = 0.0
    fill_precision(root, matrices)
    total = sum_patients(z, parts, coordinates, cohort, by_z, by, room, new_slope_room(cohort))
    by_precision, precision = matrices[BY_PRECISION], matrices[PRECISION]
    by_precision += np.tril(by_precision, -1).T + 0.5 * n * (root @ root.T)
    by.root[:] = np.tril(-2.0 * (precision @ by_precision @ precision) @ root)
    return total - n * (log_diagonal(root) + 0.5 * p * LOG_2PI)


@kernel
def fill_points(z: Floats, parts: Parts, coordinates: Coordinates, x: Floats) -> None:
    """Patients' parameters x (n, p) on estimation scales from z (n, p)."""
    n, p = z.shape
    room = new_map_room(p)
    fill_precision(parts.root, room.matrices)
    for i in range(n):
        centre_patient(parts.mu[i], parts.log_ratio, coordinates.information[i], coordinates.linear[i], room)
        place_patient(z[i], coordinates.ridge[i], coordinates.bend[i], room)
        x[i] = room.vectors[X]
