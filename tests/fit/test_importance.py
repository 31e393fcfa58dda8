"""Draws of densities that are known in closed form: a banana, two modes, a funnel; and chains where weights fail."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose
from scipy.special import logsumexp

from igkinetics.fit.chains import run_chains
from igkinetics.fit.importance import Component, fitted_mixture, log_mixture, sample_in_rounds, smoothed
from igkinetics.fit.posterior import weighted_quantiles

LOG_2PI = np.log(2 * np.pi)
P = 4


def standard(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.sum(z**2, axis=1) + P * LOG_2PI)


def banana(x: np.ndarray) -> np.ndarray:
    """A standard normal bent along a parabola: its integral stays 1, its first axis standard normal."""
    z = x.copy()
    z[:, 1] -= 0.8 * (x[:, 0] ** 2 - 1.0)
    return standard(z)


def two_modes(x: np.ndarray) -> np.ndarray:
    """0.7 at -3, 0.3 at +3 along the first axis."""
    low, high = x.copy(), x.copy()
    low[:, 0] += 3.0
    high[:, 0] -= 3.0
    return np.asarray(-2 * logsumexp([np.log(0.7) - 0.5 * standard(low), np.log(0.3) - 0.5 * standard(high)], axis=0))


def scaled(x: np.ndarray) -> np.ndarray:
    """The banana times e^7: its marginal likelihood."""
    return banana(x) - 14.0


NARROW = Component(centre=np.zeros(P), root=0.7 * np.eye(P), log_share=np.log(0.9))
WIDE = Component(centre=np.zeros(P), root=4.0 * np.eye(P), log_share=np.log(0.1))


def test_a_mixture_integrates_to_one() -> None:
    generator = np.random.default_rng(1)
    x = generator.standard_normal((4000, P)) * np.array([1, 3, 1, 1])
    found = fitted_mixture(x, np.full(4000, 1 / 4000), 3)
    y = generator.standard_normal((100_000, P)) * 5
    ratio = np.exp(log_mixture(y, found) + 0.5 * np.sum(y**2, axis=1) / 25 + P * (0.5 * LOG_2PI + np.log(5)))
    assert_allclose(ratio.mean(), 1.0, atol=5 * ratio.std() / np.sqrt(ratio.size))


@pytest.mark.parametrize("target", [banana, two_modes])
def test_rounds_find_the_shape_and_the_integral(target: object) -> None:
    found = sample_in_rounds(target, [NARROW, WIDE], 3000, np.random.default_rng(2))  # type: ignore[arg-type]
    assert found.pareto_k < 0.7
    assert_allclose(found.log_marginal, 0.0, atol=5 * found.log_marginal_error)
    assert found.log_marginal_error < 0.1
    mean = found.weights @ found.x[:, 0]
    assert_allclose(mean, -1.2 if target is two_modes else 0.0, atol=0.25)


@pytest.mark.parametrize("target", [scaled, two_modes])
def test_chains_agree_with_the_truth_where_the_first_draws_were_too_narrow(target: object) -> None:
    start = sample_in_rounds(target, [NARROW, WIDE], 1000, np.random.default_rng(3), most_rounds=2)  # type: ignore[arg-type]
    found = run_chains(target, start, 8000, np.random.default_rng(4))  # type: ignore[arg-type]
    assert found.trusted, (found.r_hat, found.ess)
    even = np.full(len(found.x), 1 / len(found.x))
    low, middle, high = weighted_quantiles(found.x[:, 0], even, np.array([0.025, 0.5, 0.975]))
    truth = [-1.96, 0.0, 1.96] if target is scaled else [-4.80, -2.43, 4.38]
    assert_allclose([low, middle, high], truth, atol=0.25)
    assert_allclose(found.log_marginal, 7.0 if target is scaled else 0.0, atol=0.1)


@pytest.mark.parametrize("n", [60, 225, 226, 2000])
@pytest.mark.parametrize("heaviness", [0.1, 0.4, 1.5])
def test_weights_are_smoothed_as_arviz_smooths_them(n: int, heaviness: float) -> None:
    log_ratio = heaviness * np.random.default_rng(n).standard_t(4, n)
    log_weights, pareto_k = array_stats.psislw(-log_ratio)
    weights, own_k = smoothed(log_ratio)
    assert_allclose(weights, np.exp(log_weights), rtol=1e-10)
    assert_allclose(own_k, pareto_k, rtol=1e-10)


def test_weights_without_a_tail_are_left_as_they_are() -> None:
    weights, pareto_k = smoothed(np.zeros(100))
    assert_allclose(weights, 0.01)
    assert np.isnan(pareto_k)
