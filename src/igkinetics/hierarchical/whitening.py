"""Patients' parameters as an affine map of nearly standard normal numbers, and the log density in these numbers.

Given the population, x_i ~ Normal(mu_i, Omega) and a likelihood that is nearly exp(h'x - x'Hx/2), a patient's
parameters are nearly Normal(m, P^-1) with P = H + Lambda, m = P^-1 (h + Lambda mu), Lambda = Omega^-1. With R R' = P,

    x = m + R'^-1 z,    log density of z = log likelihood(x) + log Normal(x; mu, Omega) - sum log R_kk

is exact for any H and h; they only decide how near z is to a standard normal. H and h come from each patient's own
Laplace approximation (`laplace.py`); h moves with the log ratios under immunoglobulin, which pull at every patient
infused: h = linear[0] + linear[1] log ratio of clearance + linear[2] that of production. The sampler then meets
neither the funnels of a centred nor the strong correlations of a non-centred parametrisation. Derivatives of the
factorisation: Murray, arXiv:1602.07527.
"""

from __future__ import annotations

from math import log, pi

import numpy as np

from igkinetics.hierarchical.likelihood import (
    Integers,
    chain_to_scale,
    patient_log_likelihood,
    patient_theta,
)
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, N_PARAMETERS, PRODUCTION_RATIO, Floats

LOG_2PI = log(2.0 * pi)


@kernel
def factorise(matrix: Floats, lower: Floats) -> None:
    """Cholesky factor (p, p), lower; nan where the matrix is not positive definite."""
    p = matrix.shape[0]
    lower[:] = 0.0
    for j in range(p):
        rest = matrix[j, j]
        for k in range(j):
            rest -= lower[j, k] * lower[j, k]
        lower[j, j] = np.sqrt(rest) if rest > 0.0 else np.nan
        for i in range(j + 1, p):
            value = matrix[i, j]
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = value / lower[j, j]


@kernel
def forward(lower: Floats, b: Floats, out: Floats) -> None:
    """out = lower^-1 b, (p,); may overwrite b."""
    for i in range(b.size):
        value = b[i]
        for k in range(i):
            value -= lower[i, k] * out[k]
        out[i] = value / lower[i, i]


@kernel
def backward(lower: Floats, b: Floats, out: Floats) -> None:
    """out = lower'^-1 b, (p,); may overwrite b."""
    for i in range(b.size - 1, -1, -1):
        value = b[i]
        for k in range(i + 1, b.size):
            value -= lower[k, i] * out[k]
        out[i] = value / lower[i, i]


@kernel
def precision_of(root: Floats) -> Floats:
    """(root root')^-1 for a lower triangular root (p, p)."""
    p = root.shape[0]
    inverse = np.zeros((p, p))
    column = np.empty(p)
    for j in range(p):
        column[:] = 0.0
        column[j] = 1.0
        forward(root, column, column)
        inverse[:, j] = column
    return inverse.T @ inverse


@kernel
def place_patient(
    z: Floats, mu: Floats, precision: Floats, log_ratio: Floats, information: Floats, linear: Floats,
    lower: Floats, centre: Floats, shift: Floats,
) -> None:  # fmt: skip
    """Fill R (p, p), m and R'^-1 z (p,) each; information (p, p) and linear (3, p) of this patient."""
    factorise(information + precision, lower)
    centre[:] = linear[0] + log_ratio[0] * linear[1] + log_ratio[1] * linear[2] + precision @ mu
    forward(lower, centre, centre)
    backward(lower, centre, centre)
    backward(lower, z, shift)


@kernel
def add_by_precision(
    lower: Floats, pulled: Floats, shift: Floats, solved: Floats, away: Floats, by_precision: Floats
) -> None:
    """Add to by_precision (p, p), symmetric, what z's density owes to Lambda through m, R'^-1 z and log|R|.

    pulled = R^-1 g, solved = P^-1 g for the gradient g in x; away = mu - m. Reverse mode of P = R R' (see the head).
    """
    p = pulled.size
    by_root = np.zeros((p, p))
    for i in range(p):
        for j in range(i + 1):
            by_root[i, j] = -shift[i] * pulled[j]
        by_root[i, i] -= 1.0 / lower[i, i]
    middle = lower.T @ by_root
    for i in range(p):
        middle[i, i] *= 0.5
        for j in range(i + 1, p):
            middle[i, j] = 0.0
    row = np.empty(p)
    for i in range(p):  # middle R^-1, row by row, then R'^-1 (middle R^-1), column by column
        backward(lower, middle[i], row)
        middle[i] = row
    for j in range(p):
        backward(lower, middle[:, j], row)
        middle[:, j] = row
    for i in range(p):
        for j in range(p):
            by_precision[i, j] += 0.5 * (middle[i, j] + middle[j, i] + solved[i] * away[j] + solved[j] * away[i])


@kernel
def chain_to_root(by_precision: Floats, precision: Floats, root: Floats, by_root: Floats) -> None:
    """Derivative in Lambda = (root root')^-1 turned into that in the lower triangle of root."""
    by_root[:] = -2.0 * (precision @ by_precision @ precision) @ root
    for i in range(root.shape[0]):
        for j in range(i + 1, root.shape[0]):
            by_root[i, j] = 0.0


@kernel
def fill_log_density(
    z: Floats, mu: Floats, root: Floats, error: Floats, log_ratio: Floats, kind: int, information: Floats,
    linear: Floats, places: Integers, used: Integers, fixed: Floats, segments: Floats, segment_bounds: Integers,
    day: Floats, igg: Floats, limit: Integers, sample_bounds: Integers,
    by_z: Floats, by_mu: Floats, by_root: Floats, by_error: Floats, by_ratio: Floats,
) -> float:  # fmt: skip
    """Log density of z (n, p) and the samples, given mu (n, p), root (p, p) lower with Omega = root root', error and
    log ratios; fills the gradients. information (n, p, p) is H, linear (n, 3, p) makes h (see the head)."""
    n, p = z.shape
    theta, by_theta = np.empty(N_PARAMETERS), np.empty(N_PARAMETERS)
    lower, by_precision = np.empty((p, p)), np.zeros((p, p))
    centre, shift, pulled, solved = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    by_error[:] = 0.0
    by_ratio[:] = 0.0
    precision = precision_of(root)
    total = -n * (np.log(np.diag(root)).sum() + 0.5 * p * LOG_2PI)
    for i in range(n):
        of, own = slice(sample_bounds[i], sample_bounds[i + 1]), slice(segment_bounds[i], segment_bounds[i + 1])
        place_patient(z[i], mu[i], precision, log_ratio, information[i], linear[i], lower, centre, shift)
        x = centre + shift
        patient_theta(x, log_ratio, used[i], places, fixed[i], theta)
        total += patient_log_likelihood(
            theta, error, kind, segments[own], day[of], igg[of], limit[of], by_theta, by_error
        )
        chain_to_scale(by_theta, theta, used[i], places, solved)
        by_ratio[0] += by_theta[CLEARANCE_RATIO] * theta[CLEARANCE_RATIO]
        by_ratio[1] += by_theta[PRODUCTION_RATIO] * theta[PRODUCTION_RATIO]
        off = x - mu[i]
        drawn_back = precision @ off
        total -= 0.5 * off @ drawn_back + np.log(np.diag(lower)).sum()
        solved -= drawn_back
        forward(lower, solved, pulled)
        backward(lower, pulled, solved)
        by_z[i] = pulled
        by_mu[i] = precision @ solved + drawn_back
        by_ratio[0] += linear[i, 1] @ solved
        by_ratio[1] += linear[i, 2] @ solved
        add_by_precision(lower, pulled, shift, solved, mu[i] - centre, by_precision)
        by_precision -= 0.5 * np.outer(off, off)
    by_precision += 0.5 * n * (root @ root.T)
    chain_to_root(by_precision, precision, root, by_root)
    return total


@kernel
def fill_points(
    z: Floats, mu: Floats, root: Floats, log_ratio: Floats, information: Floats, linear: Floats, x: Floats
) -> None:
    """Patients' parameters x (n, p) on estimation scales from z (n, p)."""
    p = z.shape[1]
    lower, centre, shift = np.empty((p, p)), np.empty(p), np.empty(p)
    precision = precision_of(root)
    for i in range(z.shape[0]):
        place_patient(z[i], mu[i], precision, log_ratio, information[i], linear[i], lower, centre, shift)
        x[i] = centre + shift
