"""Correlations between patients' parameters with an LKJ prior, as independent unbounded numbers.

Omega = D C D with D the between-patient SDs. C = L L' is made of canonical partial correlations r = tanh(y), one per
pair; under LKJ(eta), density proportional to det(C)^(eta - 1), they are independent, and (r + 1)/2 ~ Beta(b, b) with
b = eta + (d - 1 - column)/2 for d correlated parameters and columns counted from 1. Lewandowski et al., J Multivar
Anal 2009;100:1989.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import betaln, polygamma

from igkinetics.kinetics.parameters import Floats

CORRELATION: Final = "correlation_"
"""Before the names of the two parameters: correlation_CL_V1."""
LOG_2: Final = float(np.log(2.0))
Pairs = tuple[tuple[int, int], ...]


def lkj_pairs(places: Sequence[int]) -> Pairs:
    """(row, column) of every partial correlation between these places of a matrix, row after row."""
    return tuple((row, column) for n, row in enumerate(places) for column in places[:n])


def lkj_shapes(n: int, eta: float) -> Floats:
    """b of each of the n (n - 1)/2 pairs, in the order of `lkj_pairs`."""
    return np.array([eta + (n - 2 - column) / 2.0 for row in range(n) for column in range(row)])


def lkj_sd(shapes: Floats) -> Floats:
    """SD of y: half the logit of a beta number."""
    return np.asarray(np.sqrt(polygamma(1, shapes) / 2.0))


def log_cosh(y: Floats) -> Floats:
    return np.asarray(np.logaddexp(y, -y) - LOG_2)


def log_lkj(y: Floats, shapes: Floats) -> tuple[float, Floats]:
    """Log density of y (m,) and its gradient."""
    constant = (2.0 * shapes - 1.0) * LOG_2 + betaln(shapes, shapes)
    return float(-np.sum(2.0 * shapes * log_cosh(y) + constant)), -2.0 * shapes * np.tanh(y)


def drawn_lkj(shapes: Floats, n: int, generator: np.random.Generator) -> Floats:
    """n draws of y (n, m) from the prior."""
    share = generator.beta(shapes, shapes, (n, shapes.size))
    return np.asarray(0.5 * (np.log(share) - np.log1p(-share)))


def correlation_root(y: Floats, pairs: Pairs, p: int) -> Floats:
    """L (p, p), lower triangular with rows of length 1, C = L L'; rows outside `pairs` are those of the identity."""
    each = laid_out(y, pairs, p)
    return np.asarray((np.tanh(each) + np.eye(p)) * what_is_left(each))


def gradient_in_pairs(by_root: Floats, y: Floats, pairs: Pairs, root: Floats) -> Floats:
    """Derivatives (m,) in y from those in L (p, p), of which the lower triangle counts."""
    each = laid_out(y, pairs, len(root))
    r = np.tanh(each)
    through = by_root * root
    later = through.sum(axis=1, keepdims=True) - np.cumsum(through, axis=1)  # over the columns to the right
    by_y = by_root * what_is_left(each) * (1.0 - r**2) - r * later
    return np.array([by_y[pair] for pair in pairs])


def what_is_left(each: Floats) -> Floats:
    """Square root of the product of 1 - r^2 over the columns to the left, of y laid out (p, p)."""
    log_left = -log_cosh(each)
    return np.asarray(np.exp(np.cumsum(log_left, axis=1) - log_left))


def laid_out(y: Floats, pairs: Pairs, p: int) -> Floats:
    """y in the lower triangle of a matrix (p, p), 0 elsewhere."""
    each = np.zeros((p, p))
    for pair, value in zip(pairs, y, strict=True):
        each[pair] = value
    return each
