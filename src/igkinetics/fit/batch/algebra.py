"""Small matrices of the batch search, worked on in place, as kernels that make no array."""

from __future__ import annotations

from math import sqrt

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.parameters import Floats


@inner
def cholesky(table: Floats, n: int) -> bool:
    """Lower factor of the symmetric table (n, n) in place, its lower triangle read; False where it is not positive
    definite."""
    for j in range(n):
        total = table[j, j]
        for k in range(j):
            total -= table[j, k] * table[j, k]
        if not total > 0.0:
            return False
        root = sqrt(total)
        table[j, j] = root
        for i in range(j + 1, n):
            total = table[i, j]
            for k in range(j):
                total -= table[i, k] * table[j, k]
            table[i, j] = total / root
    return True


@inner
def solve(factor: Floats, right: Floats, x: Floats) -> None:
    """x (p,) with factor factor' x = right."""
    p = right.size
    for i in range(p):
        total = right[i]
        for j in range(i):
            total -= factor[i, j] * x[j]
        x[i] = total / factor[i, i]
    for i in range(p - 1, -1, -1):
        total = x[i]
        for j in range(i + 1, p):
            total -= factor[j, i] * x[j]
        x[i] = total / factor[i, i]


@inner
def half_dot(one: Floats, other: Floats) -> float:
    total = 0.0
    for i in range(one.size):
        total += one[i] * other[i]
    return 0.5 * total


@inner
def learn(step: Floats, change: Floats, product: Floats, metric: Floats) -> None:
    """Let the metric (p, p) give what a step changed of the gradient (BFGS: Nocedal and Wright, eq. 6.19); product
    (p,): room."""
    p = step.size
    along = size = 0.0
    for i in range(p):
        product[i] = 0.0
        for j in range(p):
            product[i] += metric[i, j] * step[j]
        along += step[i] * change[i]
        size += step[i] * product[i]
    if along > 1e-8 * size:
        for i in range(p):
            for j in range(p):
                metric[i, j] += change[i] * change[j] / along - product[i] * product[j] / size
