"""Importance sampling around the Laplace approximation: the same posterior as chains, or chains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp

from conftest import SETTINGS
from igkinetics.fit.likelihood import LOGNORMAL, NORMAL, STUDENT_T, minus_two_log
from igkinetics.hierarchical import importance
from igkinetics.hierarchical.diagnostics import Run, chain_diagnostics, verdict_of
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, sample_prepared
from igkinetics.hierarchical.importance import Proposal, Target, effective_draws, resampled, smoothed_weights
from igkinetics.hierarchical.integrated import Maps, Places, integrated_log_likelihood, log_t_density
from igkinetics.hierarchical.laplace import whiten
from igkinetics.hierarchical.leave_one_out import leave_patients_out
from igkinetics.hierarchical.likelihood import terms_of
from igkinetics.hierarchical.nodes import fill_node_terms
from igkinetics.hierarchical.posterior import Extension
from igkinetics.hierarchical.reading import phi_of
from igkinetics.hierarchical.sampling import CompiledModel
from igkinetics.hierarchical.whitening import fill_points
from igkinetics.kinetics.parameters import INDEX

BY_WEIGHTS = replace(SETTINGS, sampler="laplace", draws=250, chains=4)


@pytest.fixture(scope="module")
def weighted(prepared: PreparedCohort) -> SampledCohort:
    return sample_prepared(prepared, BY_WEIGHTS)


@pytest.fixture(scope="module")
def large(prepared: PreparedCohort) -> SampledCohort:
    """As a cohort so large that no number of points would do: even points, each set weighted by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "MOST_NOISE", 0.0)
        return sample_prepared(prepared, BY_WEIGHTS)


@pytest.mark.parametrize("how", ["weighted", "large"])
def test_the_posterior_is_that_of_the_chains(how: str, sampled: SampledCohort, request: pytest.FixtureRequest) -> None:
    weighted: SampledCohort = request.getfixturevalue(how)
    assert (weighted.sampler, sampled.sampler) == ("laplace", "nuts")
    assert weighted.trace.statistics["pareto_k"].max() <= 0.7
    for name, draws in weighted.posterior.population.items():
        other = np.log(sampled.posterior.population[name])
        ours = np.log(draws)
        error = np.hypot(chain_diagnostics(ours)["mcse"], chain_diagnostics(other)["mcse"])
        assert abs(ours.mean() - other.mean()) < 4.0 * error, name
        assert 0.75 < ours.std() / other.std() < 1.33, name


def test_the_patients_are_those_of_the_chains(weighted: SampledCohort, sampled: SampledCohort) -> None:
    own = [INDEX[name] for name in ("CL", "V1", "C_base")]
    ours, other = (np.log(one.posterior.theta[..., own]) for one in (weighted, sampled))
    for index in np.ndindex(ours.shape[2:]):
        a, b = ours[..., *index], other[..., *index]
        error = np.hypot(chain_diagnostics(a)["mcse"], chain_diagnostics(b)["mcse"])
        assert abs(a.mean() - b.mean()) < 4.5 * error, index


def test_each_patient_is_left_out_with_the_likelihood_sampling_has(weighted: SampledCohort) -> None:
    phi = phi_of(weighted.trace.u, weighted.whitening).reshape(-1, weighted.trace.u.shape[-1])[:40]
    again = integrated_log_likelihood(
        phi, weighted.population, weighted.prepared.arrays, weighted.whitening, seed=5, jobs=1
    )
    assert weighted.log_likelihood is not None
    assert weighted.log_likelihood[:40].mean() == pytest.approx(again.mean(), abs=0.1)
    without = replace(weighted, log_likelihood=None)
    ours, other = (leave_patients_out(one, seed=5, jobs=1).elpd.sum() for one in (weighted, without))
    assert ours == pytest.approx(other, abs=1.0)


def test_weights_that_cannot_be_believed_hand_over_to_chains(
    prepared: PreparedCohort, compiled: CompiledModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importance, "MOST_PARETO_K", -1.0)
    settings = replace(BY_WEIGHTS, draws=100, tune=100, chains=1, chain_draws=150)
    drawn = sample_prepared(prepared, settings, compiled=compiled)
    assert drawn.sampler.startswith("nuts (laplace: Pareto k ")
    assert drawn.trace.statistics["diverging"].shape == (1, 150)
    assert drawn.log_likelihood is None


def test_a_second_try_comes_before_chains(prepared: PreparedCohort, monkeypatch: pytest.MonkeyPatch) -> None:
    judge, points = importance.why_not_believed, []

    def first_is_not_believed(*arguments: float) -> str:
        points.append(arguments)
        return "Pareto k 0.81" if len(points) == 1 else judge(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(importance, "why_not_believed", first_is_not_believed)
    drawn = sample_prepared(prepared, replace(BY_WEIGHTS, draws=100, chains=2))
    assert (drawn.sampler, len(points)) == ("laplace", 2)
    assert drawn.trace.statistics["pareto_k"].max() <= 0.7


@pytest.mark.parametrize("kind", [NORMAL, LOGNORMAL, STUDENT_T])
def test_terms_of_points_are_the_likelihoods_of_their_samples(kind: int) -> None:
    """Measured and censored values under each residual error; a level of no number gives none."""
    generator = np.random.default_rng(4)
    levels, igg = generator.uniform(1.0, 9.0, (3, 20)), generator.uniform(1.0, 9.0, 20)
    levels[2, 3] = np.nan
    limit = np.where(np.arange(20) % 5, 0, -1).astype(np.int64)
    a, b = np.array([0.01, 0.3]), np.array([0.05, 0.1, 0.2])
    filled = np.empty((3, a.size, b.size))
    fill_node_terms(levels, igg, limit, kind, a, b, filled)
    for k, first, second in np.ndindex(filled.shape):
        each = [minus_two_log(kind, igg[m], int(limit[m]), levels[k, m], a[first], b[second])[0] for m in range(20)]
        np.testing.assert_allclose(filled[k, first, second], -0.5 * sum(each), rtol=1e-12)


def test_the_same_draws_whatever_the_number_of_threads(prepared: PreparedCohort) -> None:
    few = replace(BY_WEIGHTS, draws=100, chains=1)
    one, two = (sample_prepared(prepared, replace(few, cores=cores)) for cores in (1, 2))
    np.testing.assert_array_equal(one.posterior.theta, two.posterior.theta)


def test_an_interrupt_keeps_the_batches_that_are_whole(
    prepared: PreparedCohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, batch_of = [], importance.one_batch

    def second_is_stopped(*arguments: object) -> importance.Batch:
        if drawn:
            raise KeyboardInterrupt
        drawn.append(batch_of(*arguments))  # type: ignore[arg-type]
        return drawn[0]

    monkeypatch.setattr(importance, "one_batch", second_is_stopped)
    stopped = sample_prepared(prepared, replace(BY_WEIGHTS, draws=100))
    assert stopped.posterior.interrupted
    assert stopped.posterior.error.shape[:2] == (1, 100)


def test_what_says_how_it_went(weighted: SampledCohort) -> None:
    value = weighted.diagnostics.set_index("parameter")["value"]
    assert list(value.index[-5:]) == ["divergences", "e_bfmi", "max_tree_depth", "pareto_k", "verdict"]
    assert value[["divergences", "e_bfmi", "max_tree_depth"]].isna().all()
    assert value["pareto_k"] <= 0.7
    apart = weighted.diagnostics[:-1].assign(r_hat=1.03, ess_bulk=900.0, ess_tail=900.0)
    assert verdict_of(apart, Run(1000, False, {})) == "good"  # batches are independent: R-hat only tells their noise


def test_weights_recover_a_normal() -> None:
    """Draws of a wide t, weighted to a normal with another mean: moments, and k well below 0.7."""
    generator = np.random.default_rng(3)
    proposal = Proposal(np.zeros(4), np.eye(4))
    v, log_density = proposal.draw(8000, generator)
    log_weights, k = smoothed_weights(-0.5 * np.sum((v - 0.5) ** 2, axis=1) - log_density)
    assert k < 0.5
    kept = v[resampled(log_weights, 4000, generator)]
    np.testing.assert_allclose(kept.mean(axis=0), 0.5, atol=0.08)
    np.testing.assert_allclose(kept.std(axis=0), 1.0, atol=0.06)
    assert 1500 < effective_draws(log_weights) < 8000
    fitted = proposal.fitted(v, log_weights)
    np.testing.assert_allclose(fitted.mean, 0.5, atol=0.08)


def test_a_target_that_is_nowhere_finite_is_not_believed() -> None:
    _, k = smoothed_weights(np.full(10, -np.inf))
    assert k == np.inf


@pytest.mark.parametrize("extension", ["base", "clearance_ratio", "dose_recovery"])
def test_points_integrate_each_patient_out(prepared: PreparedCohort, extension: Extension) -> None:
    """Fixed points and interpolation against points around each mode of one phi, whose curves are all computed."""
    population = prepared.population(extension)
    arrays = prepared.arrays
    whitening = whiten(prepared.members, population, arrays)
    generator = np.random.default_rng(5)
    u = np.where(population.active, generator.standard_normal((12, population.active.size)), 0.0)
    phi = phi_of(u, whitening)
    found = integrated_log_likelihood(phi, population, arrays, whitening, seed=1, jobs=1)
    n, p = population.offset.shape
    z = generator.standard_normal((2000, n, p)) * np.sqrt(6.0 / generator.chisquare(6.0, (2000, n, 1)))
    for one, of_points in zip(phi[:2], found[:2], strict=True):
        parts = population.parts(one)
        inverse = np.linalg.inv(parts.root)
        precision = whitening.coordinates.information + inverse.T @ inverse
        volume = 0.5 * np.linalg.slogdet(precision)[1]
        logs = np.empty((z.shape[0], n))
        x = np.empty((n, p))
        for k in range(z.shape[0]):
            fill_points(z[k], parts, whitening.coordinates, x)
            terms = np.add.reduceat(terms_of(x, parts.error, arrays, parts.log_ratio), arrays.sample_bounds[:-1])
            off = (x - parts.mu) @ inverse.T
            normal = -0.5 * np.sum(off**2, axis=1) + np.linalg.slogdet(inverse)[1] - 0.5 * p * np.log(2.0 * np.pi)
            logs[k] = terms + normal - volume - log_t_density(z[k], 6.0)
        brute = logsumexp(logs, axis=0) - np.log(z.shape[0])
        np.testing.assert_allclose(of_points, brute, atol=0.25)
        assert of_points.sum() == pytest.approx(brute.sum(), abs=0.4)


def test_even_points_leave_less_noise(prepared: PreparedCohort) -> None:
    """They are standard normal and chi-square; a difference of the log density scatters by far less than with random
    ones."""
    generator = np.random.default_rng(7)
    even = importance.EvenGenerator(generator)
    normal, chi = even.standard_normal((40, 256, 7)), even.chisquare(6.0)
    np.testing.assert_allclose(normal.mean(axis=(0, 1)), 0.0, atol=0.01)
    np.testing.assert_allclose(normal.std(axis=(0, 1)), 1.0, atol=0.01)
    np.testing.assert_allclose([chi.mean(), chi.var()], [6.0, 12.0], rtol=0.02)
    assert abs(np.corrcoef(normal[..., 0].ravel(), chi.ravel())[0, 1]) < 0.03
    population, arrays = prepared.population("base"), prepared.arrays
    target = Target(population, arrays, whiten(prepared.members, population, arrays), 1)
    phi = target.phi(0.5 * generator.standard_normal((importance.COMPONENTS, target.k)))
    places = Places.at_modes(*population.offset.shape)
    scatter = []
    for source in (generator, importance.EvenGenerator(generator)):
        logs = [target.points(phi, places, 256, source).log_likelihood(phi).sum(axis=1) for _ in range(10)]
        scatter.append(np.var(np.array(logs) - np.mean(logs, axis=1)[:, None], axis=0).mean())
    assert scatter[1] < 0.6 * scatter[0]


def test_points_drawn_lie_where_they_are_read(prepared: PreparedCohort) -> None:
    """z of a point under one phi, read by the map of the sampler, is the point again."""
    population, arrays = prepared.population("base"), prepared.arrays
    target = Target(population, arrays, whiten(prepared.members, population, arrays), 1)
    generator = np.random.default_rng(6)
    phi = target.phi(generator.standard_normal((4, target.k)))
    points = target.points(phi, Places.at_modes(*population.offset.shape), 64, generator)
    straight = points.drawn(phi, generator.random((4, arrays.n_patients)))
    z = Maps.at(phi, population, target.whitening).standard(straight)
    x = np.empty(straight.shape[1:])
    for place in range(4):
        fill_points(z[place], population.parts(phi[place]), target.whitening.coordinates, x)
        for i in range(arrays.n_patients):
            assert np.abs(points.x[i] - x[i]).sum(axis=1).min() < 1e-8
