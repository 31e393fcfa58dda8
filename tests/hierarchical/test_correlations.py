"""Partial correlations: the LKJ density, its marginals, the matrix they make and every gradient."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats
from small_cohorts import SETTINGS, small_cohort

from igkinetics.hierarchical.coordinates import no_coordinates
from igkinetics.hierarchical.correlations import (
    correlation_root,
    drawn_lkj,
    gradient_in_pairs,
    lkj_pairs,
    lkj_sd,
    lkj_shapes,
    log_lkj,
)
from igkinetics.hierarchical.fit import sample_prepared
from igkinetics.hierarchical.laplace import log_density_of, whiten
from igkinetics.hierarchical.model import build_model
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.prior_sensitivity import rescaled

PLACES = [0, 1, 3, 4]  # of 5: number 2 varies with nobody
PAIRS = lkj_pairs(PLACES)
ETA = 2.0


def correlations(y: np.ndarray) -> np.ndarray:
    root = correlation_root(y, PAIRS, 5)
    return root @ root.T


def test_any_numbers_give_a_correlation_matrix_and_zero_the_identity() -> None:
    generator = np.random.default_rng(1)
    for scale in (0.3, 1.0, 4.0):
        matrix = correlations(scale * generator.standard_normal(len(PAIRS)))
        np.testing.assert_allclose(np.diag(matrix), 1.0, rtol=1e-12)
        assert np.linalg.eigvalsh(matrix).min() > 0
        np.testing.assert_array_equal(matrix[2], np.eye(5)[2])
    np.testing.assert_array_equal(correlations(np.zeros(len(PAIRS))), np.eye(5))


def test_density_is_det_to_the_eta_minus_one_times_the_jacobian() -> None:
    """Against the definition of LKJ, up to its constant: the ratio must be the same everywhere."""
    generator = np.random.default_rng(2)
    shapes = lkj_shapes(len(PLACES), ETA)
    found = []
    for _ in range(5):
        y = 0.7 * generator.standard_normal(len(PAIRS))
        jacobian = np.empty((len(PAIRS), len(PAIRS)))
        for k in range(len(PAIRS)):
            moved = np.zeros(len(PAIRS))
            moved[k] = 1e-5
            change = (correlations(y + moved) - correlations(y - moved)) / 2e-5
            jacobian[:, k] = [change[pair] for pair in PAIRS]
        expected = (ETA - 1.0) * np.linalg.slogdet(correlations(y))[1] + np.linalg.slogdet(jacobian)[1]
        found.append(log_lkj(y, shapes)[0] - expected)
    np.testing.assert_allclose(found, found[0], atol=1e-7)


def test_each_number_has_density_one_and_the_stated_sd() -> None:
    shapes = lkj_shapes(len(PLACES), ETA)
    for b in shapes:
        one = np.array([b])
        total = integrate.quad(lambda y, b=one: np.exp(log_lkj(np.array([y]), b)[0]), -20, 20)[0]
        second = integrate.quad(lambda y, b=one: y * y * np.exp(log_lkj(np.array([y]), b)[0]), -20, 20)[0]
        assert total == pytest.approx(1.0, rel=1e-8)
        assert np.sqrt(second) == pytest.approx(lkj_sd(one)[0], rel=1e-7)


def test_every_correlation_of_the_prior_has_the_same_known_marginal() -> None:
    """(r + 1)/2 ~ Beta(eta - 1 + d/2, same) whatever the pair (Lewandowski et al.)."""
    draws = drawn_lkj(lkj_shapes(len(PLACES), ETA), 4000, np.random.default_rng(3))
    matrices = np.array([correlations(y) for y in draws])
    shape = ETA - 1.0 + len(PLACES) / 2.0
    for row, column in PAIRS:
        p = stats.kstest((matrices[:, row, column] + 1.0) / 2.0, stats.beta(shape, shape).cdf).pvalue
        assert p > 1e-3, (row, column)


def test_gradients_are_central_differences() -> None:
    generator = np.random.default_rng(4)
    y, weight = 0.6 * generator.standard_normal(len(PAIRS)), np.tril(generator.standard_normal((5, 5)))
    shapes = lkj_shapes(len(PLACES), ETA)
    by_y = gradient_in_pairs(weight, y, PAIRS, correlation_root(y, PAIRS, 5))
    for k in range(y.size):
        moved = np.zeros(y.size)
        moved[k] = 1e-5
        up, down = y + moved, y - moved
        slope = np.sum(weight * (correlation_root(up, PAIRS, 5) - correlation_root(down, PAIRS, 5))) / 2e-5
        assert by_y[k] == pytest.approx(slope, rel=1e-7, abs=1e-9)
        prior = (log_lkj(up, shapes)[0] - log_lkj(down, shapes)[0]) / 2e-5
        assert log_lkj(y, shapes)[1][k] == pytest.approx(prior, rel=1e-7)


def somewhere(population: Population, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return population.prior_mean + 0.4 * population.prior_sd * generator.standard_normal(population.prior_mean.size)


def test_gradient_of_the_whole_model_in_what_patients_share() -> None:
    prepared = small_cohort(7, lkj=ETA)
    population = prepared.population("base")
    n, p = population.offset.shape
    assert len(population.pairs) == p * (p - 1) // 2
    coordinates = no_coordinates(n, p)._replace(information=np.tile(np.eye(p), (n, 1, 1)))
    density = log_density_of(population, prepared.arrays, coordinates)
    z, phi = np.random.default_rng(5).standard_normal((n, p)), somewhere(population, 6)
    by_phi = density(z, phi)[2]
    for place in np.flatnonzero(population.active):
        moved = np.zeros(phi.size)
        moved[place] = 1e-5
        slope = (density(z, phi + moved)[0] - density(z, phi - moved)[0]) / 2e-5
        assert by_phi[place] == pytest.approx(slope, rel=2e-5, abs=1e-4), population.labels[place]


def test_without_correlations_it_is_the_diagonal_model() -> None:
    with_pairs, without = (small_cohort(7, lkj=lkj).population("base") for lkj in (ETA, None))
    phi = somewhere(without, 8)
    padded = np.concatenate([phi, np.zeros(len(with_pairs.pairs))])
    for one, other in zip(with_pairs.parts(padded), without.parts(phi), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)
    doubled = rescaled(with_pairs, 2.0).prior_sd
    np.testing.assert_array_equal(doubled[with_pairs.n_normal :], with_pairs.prior_sd[with_pairs.n_normal :])


def test_the_graph_is_the_same_density() -> None:
    prepared = small_cohort(7, lkj=ETA)
    population = prepared.population("base")
    whitening = whiten(prepared.members, population, prepared.arrays)
    model = build_model(population, prepared.arrays, whitening)
    density = log_density_of(population, prepared.arrays, whitening.coordinates)
    logp, dlogp = model.compile_logp(mode="FAST_COMPILE"), model.compile_dlogp(mode="FAST_COMPILE")
    generator = np.random.default_rng(9)
    inactive = ~population.active
    offsets = []
    for _ in range(3):
        u, z = generator.standard_normal(population.prior_mean.size), generator.standard_normal(population.offset.shape)
        value, by_z, by_phi = density(z, whitening.centre + whitening.root @ u)
        offsets.append(float(logp({"u": u, "z": z})) - value + 0.5 * np.sum(u[inactive] ** 2))
        by_u = whitening.root.T @ by_phi - np.where(inactive, u, 0.0)
        expected = np.concatenate([by_u, by_z.reshape(-1)])
        np.testing.assert_allclose(dlogp({"u": u, "z": z}), expected, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(offsets, offsets[0], rtol=1e-9)


@pytest.mark.slow
def test_correlations_are_sampled() -> None:
    """Slow, for a model with correlations is compiled apart; its graph is the same density (above)."""
    found = sample_prepared(small_cohort(7, lkj=ETA), SETTINGS)
    draws = found.posterior.population["correlation_CL_V1"]
    assert draws.shape == (SETTINGS.chains, SETTINGS.draws)
    assert 0.05 < draws.std() < 0.6
    assert np.abs(draws).max() < 1.0
