"""Linear algebra of matrices of a handful of rows, in place: for these, calls of a library cost more than the sums."""

from __future__ import annotations

import numpy as np

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.parameters import Floats


@inner
def factorise(matrix: Floats, lower: Floats) -> None:
    """Cholesky factor (p, p), lower; nan where the matrix is not positive definite. May overwrite the matrix."""
    p = matrix.shape[0]
    for j in range(p):
        rest = matrix[j, j]
        for k in range(j):
            rest -= lower[j, k] * lower[j, k]
            lower[k, j] = 0.0
        lower[j, j] = np.sqrt(rest) if rest > 0.0 else np.nan
        per_root = 1.0 / lower[j, j]
        for i in range(j + 1, p):
            value = matrix[i, j]
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = value * per_root


@inner
def invert(lower: Floats, inverse: Floats) -> None:
    """Inverse of a lower triangular matrix (p, p)."""
    p = lower.shape[0]
    for i in range(p):
        per_diagonal = 1.0 / lower[i, i]
        for j in range(i):
            value = 0.0
            for k in range(j, i):
                value += lower[i, k] * inverse[k, j]
            inverse[i, j] = -value * per_diagonal
            inverse[j, i] = 0.0
        inverse[i, i] = per_diagonal


@inner
def times(matrix: Floats, vector: Floats, out: Floats) -> None:
    """out = matrix vector; (p, q), (q,), (p,)."""
    for i in range(matrix.shape[0]):
        value = 0.0
        for k in range(matrix.shape[1]):
            value += matrix[i, k] * vector[k]
        out[i] = value


@inner
def lower_times(lower: Floats, vector: Floats, out: Floats) -> None:
    """out = lower vector for a lower triangular matrix (p, p)."""
    for i in range(vector.size):
        value = 0.0
        for k in range(i + 1):
            value += lower[i, k] * vector[k]
        out[i] = value


@inner
def upper_times(lower: Floats, vector: Floats, out: Floats) -> None:
    """out = lower' vector for a lower triangular matrix (p, p)."""
    for i in range(vector.size):
        value = 0.0
        for k in range(i, vector.size):
            value += lower[k, i] * vector[k]
        out[i] = value


@inner
def dot(a: Floats, b: Floats) -> float:
    """Inner product of two vectors."""
    value = 0.0
    for k in range(a.size):
        value += a[k] * b[k]
    return value


@inner
def log_diagonal(matrix: Floats) -> float:
    """Sum of the logs of the diagonal."""
    total = 0.0
    for k in range(matrix.shape[0]):
        total += np.log(matrix[k, k])
    return total


@inner
def squared(inverse: Floats, product: Floats) -> None:
    """product = inverse' inverse, (p, p), for a lower triangular matrix: (root root')^-1 when inverse = root^-1."""
    p = inverse.shape[0]
    for i in range(p):
        for j in range(i + 1):
            value = 0.0
            for k in range(i, p):
                value += inverse[k, i] * inverse[k, j]
            product[i, j] = product[j, i] = value
