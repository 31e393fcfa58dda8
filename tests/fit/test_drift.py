"""The drift's likelihood and paths against dense Gaussian algebra that knows no filter."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from scipy.stats import t as student

from igkinetics.fit.drift import (
    DriftPrior,
    Record,
    draw_paths,
    drift_value,
    drift_value_and_slopes,
    record_value_and_slopes,
    value_under,
)
from igkinetics.fit.drift_process import DRIFT_DAYS, drift_from
from igkinetics.fit.likelihood import LOGNORMAL, NORMAL, STUDENT_T, minus_two_log

A, B = 0.2, 0.09
DAY = np.array([-3.0, 4.0, 4.0, 19.0, 47.0, 80.0, 81.5, 140.0])
LEVEL = np.array([6.1, 5.8, 5.8, 4.9, 3.7, 3.3, 3.4, 3.9])
IGG = np.array([6.0, 6.4, 5.2, 4.1, 3.0, 2.9, 2.6, 4.4])
NONE = np.zeros(DAY.size, dtype=np.int8)
KINDS = {"normal": NORMAL, "lognormal": LOGNORMAL, "student_t": STUDENT_T}


def record(kind: int, limit: np.ndarray) -> Record:
    return Record(kind, DAY, IGG, limit, A, B)


def correlation_of(days: np.ndarray) -> np.ndarray:
    """Of a level fed by a rate with the correlation exp(-d/T), and washed out with the same T (Matern, 3/2)."""
    away = np.abs(days[:, None] - days) / DRIFT_DAYS
    return (1.0 + away) * np.exp(-away)


def dense(sd: float, kind: int = NORMAL) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of all values (of their logs under log-normal error)."""
    correlation = correlation_of(DAY)
    if kind == LOGNORMAL:
        return np.log(LEVEL), sd**2 * correlation + np.diag(np.log1p(B**2 + (A / LEVEL) ** 2))
    return LEVEL, sd**2 * np.outer(LEVEL, LEVEL) * correlation + np.diag(A**2 + (B * LEVEL) ** 2)


def exact(sd: float, limit: np.ndarray) -> float:
    """-2 log likelihood: the density of what was measured, times the probability of the rest given it."""
    mean, covariance = dense(sd)
    seen, hidden = limit == 0, limit != 0
    value = -2 * multivariate_normal(mean[seen], covariance[np.ix_(seen, seen)]).logpdf(IGG[seen])
    if hidden.any():
        gain = covariance[np.ix_(hidden, seen)] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
        centre = mean[hidden] + gain @ (IGG[seen] - mean[seen])
        spread = covariance[np.ix_(hidden, hidden)] - gain @ covariance[np.ix_(seen, hidden)]
        side = -limit[hidden].astype(float)
        corner = side * (IGG[hidden] - centre)
        value -= 2 * np.log(multivariate_normal(np.zeros(side.size), spread * np.outer(side, side)).cdf(corner))
    return float(value)


@pytest.mark.parametrize("sd", [0.05, 0.12, 0.25])
@pytest.mark.parametrize("kind", [NORMAL, LOGNORMAL])
def test_measured_values_have_the_density_of_the_dense_covariance(sd: float, kind: int) -> None:
    mean, covariance = dense(sd, kind)
    values, jacobian = (np.log(IGG), 2 * np.log(IGG).sum()) if kind == LOGNORMAL else (IGG, 0.0)
    truth = -2 * multivariate_normal(mean, covariance).logpdf(values) + jacobian
    assert_allclose(drift_value(record(kind, NONE), LEVEL, sd), truth, rtol=1e-11)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_without_spread_it_is_the_ordinary_likelihood(kind: int) -> None:
    limit = np.array([0, 0, 0, -1, 0, 0, 1, 0], dtype=np.int8)
    ordinary = sum(minus_two_log(kind, y, s, c, A, B)[0] for y, s, c in zip(IGG, limit, LEVEL, strict=True))
    assert_allclose(drift_value(record(kind, limit), LEVEL, 1e-7), ordinary, rtol=1e-9)
    assert_allclose(value_under(record(kind, limit), LEVEL, 0.0), ordinary, rtol=1e-14)


@pytest.mark.parametrize("place", range(DAY.size))
@pytest.mark.parametrize("side", [-1, 1])
def test_one_value_beyond_its_limit(place: int, side: int) -> None:
    """Exact where nothing follows; elsewhere what follows sees a normal distribution in place of a cut one."""
    limit = NONE.copy()
    limit[place] = side
    found, truth = drift_value(record(NORMAL, limit), LEVEL, 0.12), exact(0.12, limit)
    assert_allclose(found, truth, atol=1e-9 if place == DAY.size - 1 else 0.1)


def test_several_values_beyond_their_limits() -> None:
    limit = np.array([0, 0, 0, -1, -1, -1, 0, 0], dtype=np.int8)
    assert_allclose(drift_value(record(NORMAL, limit), LEVEL, 0.12), exact(0.12, limit), atol=0.1)


def test_student_error_against_brute_force() -> None:
    """Two samples: the integral over both values of u on a fine grid."""
    sd, two = 0.2, slice(3, 5)
    u = np.linspace(-6 * sd, 6 * sd, 1201)
    kept = correlation_of(DAY[two])[0, 1]
    scale = np.sqrt(A**2 + (B * LEVEL[two]) ** 2)
    first = student.pdf((IGG[3] - LEVEL[3] * (1 + u)) / scale[0], 4) / scale[0] * norm.pdf(u, 0, sd)
    second = student.pdf((IGG[4] - LEVEL[4] * (1 + u)) / scale[1], 4) / scale[1]
    step = norm.pdf(u[None, :], kept * u[:, None], sd * np.sqrt(1 - kept**2))
    truth = -2 * np.log(first @ step @ second * (u[1] - u[0]) ** 2)
    found = drift_value(Record(STUDENT_T, DAY[two], IGG[two], NONE[two], A, B), LEVEL[two], sd)
    assert_allclose(found, truth, atol=0.03)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_slopes_are_those_of_differences(kind: int) -> None:
    limit = np.array([0, 0, 0, -1, 0, 0, 1, 0], dtype=np.int8)
    slopes = np.empty(DAY.size)
    assert drift_value_and_slopes(record(kind, limit), LEVEL, 0.12, slopes) == pytest.approx(
        drift_value(record(kind, limit), LEVEL, 0.12), rel=1e-13
    )
    sds, log_weights, mixed = np.array([0.0, 0.12, 0.25]), np.log([0.4, 0.2, 0.1]), np.empty(DAY.size)
    record_value_and_slopes(record(kind, limit), LEVEL, DriftPrior(sds, log_weights), mixed)
    for n in range(DAY.size):
        up, down = LEVEL.copy(), LEVEL.copy()
        up[n], down[n] = LEVEL[n] + 1e-5, LEVEL[n] - 1e-5
        single = [drift_value(record(kind, limit), c, 0.12) for c in (up, down)]
        several = [
            -2 * logsumexp(log_weights - 0.5 * np.array([value_under(record(kind, limit), c, sd) for sd in sds]))
            for c in (up, down)
        ]
        assert_allclose(slopes[n], (single[0] - single[1]) / 2e-5, rtol=1e-5, atol=1e-6)
        assert_allclose(mixed[n], (several[0] - several[1]) / 2e-5, rtol=1e-5, atol=1e-6)


def test_paths_have_the_moments_of_dense_gaussian_algebra() -> None:
    """u at the samples and between them, given the record: mean and covariance of the conditional normal."""
    sd, n_draw = 0.2, 40_000
    between = np.array([0.0, 30.0, 110.0, 200.0])
    times = np.concatenate([DAY, between])
    order = np.argsort(times, kind="stable")
    sample_at = np.where(order < DAY.size, order, -1)
    normals = np.random.default_rng(1).standard_normal((n_draw, times.size, 2))
    states = np.empty_like(normals)
    levels = np.tile(LEVEL, (n_draw, 1))
    draw_paths(record(NORMAL, NONE), levels, np.full(n_draw, sd), times[order], sample_at, normals, states)
    paths = states[:, :, 0]
    prior = sd**2 * correlation_of(times[order])
    design = np.zeros((DAY.size, times.size))
    design[sample_at[sample_at >= 0], np.flatnonzero(sample_at >= 0)] = LEVEL[sample_at[sample_at >= 0]]
    gain = prior @ design.T @ np.linalg.inv(design @ prior @ design.T + np.diag(A**2 + (B * LEVEL) ** 2))
    covariance = prior - gain @ design @ prior
    assert_allclose(paths.mean(axis=0), gain @ (IGG - LEVEL), atol=5 * sd / np.sqrt(n_draw))
    assert_allclose(np.cov(paths.T), covariance, atol=0.03 * sd**2)


def test_the_drift_goes_on_as_its_equations_simulated_in_small_steps() -> None:
    """Euler's scheme for du = (w - u/T) dt, dw = -w/T dt + noise, from a known u and slope: moments of u."""
    sd, n_draw, step, last = 0.25, 20_000, 0.25, 90.0
    generator = np.random.default_rng(3)
    start_u, start_slope = -0.3, 0.2  # slope times T
    u = np.full(n_draw, start_u)
    w = np.full(n_draw, (start_slope + start_u) / DRIFT_DAYS)
    noise = np.sqrt(4.0 * sd**2 / DRIFT_DAYS**3 * step)
    days, simulated = np.array([10.0, 10.0, 25.0, 60.0, last]), {0.0: u}
    for k in range(round(last / step)):
        u = u + step * (w - u / DRIFT_DAYS)
        w = w * (1.0 - step / DRIFT_DAYS) + noise * generator.standard_normal(n_draw)
        simulated[(k + 1) * step] = u
    truth = np.array([simulated[day] for day in days])
    states = np.tile([start_u, start_slope], (n_draw, 1))
    found = drift_from(states, np.full(n_draw, sd), 100.0, 100.0 + days, generator).T
    assert_allclose(found.mean(axis=1), truth.mean(axis=1), atol=0.01)
    assert_allclose(np.cov(found), np.cov(truth), atol=0.04 * sd**2)
    assert not drift_from(states, np.zeros(n_draw), 100.0, 100.0 + days, generator).any()
