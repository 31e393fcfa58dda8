"""Each residual error is a probability density, each censored value its integral, each slope its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise, product

import mpmath
import pytest
from scipy.integrate import quad
from scipy.stats import t as student

from igkinetics.fit.likelihood import (
    FAR_TAIL,
    LOGNORMAL,
    NORMAL,
    RESIDUALS,
    STUDENT_T,
    log_normal_cdf,
    log_t4_cdf,
    minus_two_log,
)

CASES = [(c, a, b) for c, (a, b) in product((0.3, 4.0, 22.0), ((0.2, 0.09), (0.5, 0.0), (0.0, 0.15), (0.9, 0.3)))]
KINDS = list(RESIDUALS.values())


def density(kind: int, y: float, c: float, a: float, b: float) -> float:
    return math.exp(-0.5 * minus_two_log(kind, y, 0, c, a, b)[0])


def share(kind: int, low: float, high: float, c: float, a: float, b: float) -> float:
    """Integral of the density, in pieces around the prediction, over log y where y is positive."""
    spread = math.hypot(a, b * c)
    if kind == LOGNORMAL:
        log_sd = math.sqrt(math.log1p((spread / c) ** 2))
        marks = [math.log(c) + log_sd * k for k in (-40, -8, -3, 0, 3, 8, 40)]
        low, high = (math.log(low) if low > 0 else marks[0]), (math.log(high) if high < math.inf else marks[-1])
        edges = [low, *(mark for mark in marks if low < mark < high), high]
        pieces = [
            quad(lambda u: density(kind, math.exp(u), c, a, b) * math.exp(u), *ends, epsabs=0, epsrel=1e-11)[0]
            for ends in pairwise(edges)
        ]
        return math.fsum(pieces)
    marks = [c + spread * k for k in (-30, -8, -3, 0, 3, 8, 30)]
    edges = [low, *(mark for mark in marks if low < mark < high), high]
    if kind == NORMAL:
        edges = [max(edges[0], marks[0]), *edges[1:-1], min(edges[-1], marks[-1])]
    return math.fsum(quad(density_in_y(kind, c, a, b), *ends, epsabs=0, epsrel=1e-11)[0] for ends in pairwise(edges))


def density_in_y(kind: int, c: float, a: float, b: float) -> Callable[[float], float]:
    return lambda y: density(kind, y, c, a, b)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("c, a, b", CASES)
def test_the_density_integrates_to_one(kind: int, c: float, a: float, b: float) -> None:
    whole = share(kind, 0.0 if kind == LOGNORMAL else -math.inf, math.inf, c, a, b)
    assert whole == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("c, a, b", CASES)
@pytest.mark.parametrize("place", [-2.0, -0.4, 1.1])
def test_a_value_beyond_a_limit_counts_with_the_probability_of_lying_there(
    kind: int, c: float, a: float, b: float, place: float
) -> None:
    spread = math.hypot(a, b * c)
    limit = c * math.exp(place * 0.1) if kind == LOGNORMAL else c + place * spread
    below = math.exp(-0.5 * minus_two_log(kind, limit, -1, c, a, b)[0])
    above = math.exp(-0.5 * minus_two_log(kind, limit, 1, c, a, b)[0])
    lowest = 0.0 if kind == LOGNORMAL else -math.inf
    assert below == pytest.approx(share(kind, lowest, limit, c, a, b), rel=1e-9)
    assert above == pytest.approx(share(kind, limit, math.inf, c, a, b), rel=1e-9)
    assert below + above == pytest.approx(1.0, rel=1e-12)


def exact(kind: int, y: float, limit: int, c: mpmath.mpf, a: float, b: float) -> mpmath.mpf:
    """-2 log likelihood with 50 digits, written from the distributions' definitions."""
    a, b = mpmath.mpf(a), mpmath.mpf(b)
    spread = mpmath.sqrt(a**2 + (b * c) ** 2)
    if kind == LOGNORMAL:
        log_sd = mpmath.sqrt(mpmath.log(1 + (spread / c) ** 2))
        z, scale = mpmath.log(mpmath.mpf(y) / c) / log_sd, log_sd * mpmath.mpf(y)
    else:
        z, scale = (mpmath.mpf(y) - c) / spread, spread
    if kind == STUDENT_T:
        u = z / mpmath.sqrt(4 + z**2)
        if limit:
            v = -limit * u
            return -2 * mpmath.log(mpmath.mpf(1) / 2 + mpmath.mpf(3) / 4 * (v - v**3 / 3))
        return -2 * mpmath.log(mpmath.mpf(3) / 8 * (1 + z**2 / 4) ** mpmath.mpf(-2.5) / scale)
    if limit:
        return -2 * mpmath.log(mpmath.erfc(limit * z / mpmath.sqrt(2)) / 2)
    return -2 * mpmath.log(mpmath.npdf(z) / scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [0, -1, 1])
@pytest.mark.parametrize("c, a, b", CASES)
def test_value_and_slope_agree_with_fifty_digits(kind: int, limit: int, c: float, a: float, b: float) -> None:
    with mpmath.workdps(50):
        for y in (0.5 * c, 0.93 * c, c, 1.4 * c):
            value, slope = minus_two_log(kind, y, limit, c, a, b)
            wanted = exact(kind, y, limit, mpmath.mpf(c), a, b)
            wanted_slope = mpmath.diff(lambda x, y=y: exact(kind, y, limit, x, a, b), mpmath.mpf(c))
            assert value == pytest.approx(float(wanted), rel=1e-11, abs=1e-11)
            assert slope == pytest.approx(float(wanted_slope), rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("z", [-60.0, -25.0, FAR_TAIL - 1e-9, FAR_TAIL + 1e-9, -8.0, -1.0, 0.0, 2.0, 8.0, 40.0])
def test_normal_tails(z: float) -> None:
    with mpmath.workdps(60):
        probability = mpmath.erfc(-mpmath.mpf(z) / mpmath.sqrt(2)) / 2
        value, slope = log_normal_cdf(z)
        assert value == pytest.approx(float(mpmath.log(probability)), rel=1e-12, abs=2e-16)
        assert slope == pytest.approx(float(mpmath.npdf(mpmath.mpf(z)) / probability), rel=2e-10, abs=1e-300)


@pytest.mark.parametrize("z", [-1e8, -300.0, -60.0, -25.0, -8.0, -1.0, 0.0, 1.0, 8.0, 1e4])
def test_student_tails(z: float) -> None:
    value, slope = log_t4_cdf(z)
    assert value == pytest.approx(student.logcdf(z, 4), rel=1e-11, abs=4e-16)
    assert slope == pytest.approx(student.pdf(z, 4) / student.cdf(z, 4), rel=1e-10)


def test_a_value_far_below_its_limit_still_pulls_the_fit() -> None:
    """No plateau: with the prediction 60 SD above the limit the slope is still that of a parabola."""
    value, slope = minus_two_log(NORMAL, 1.0, -1, 13.0, 0.2, 0.0)
    assert value == pytest.approx(60.0**2, rel=0.01)
    assert slope == pytest.approx(2 * 60.0 / 0.2, rel=0.001)
