"""Importance sampling around the Laplace approximation: the same posterior as chains, or chains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import SETTINGS
from igkinetics.hierarchical import importance
from igkinetics.hierarchical.diagnostics import Run, chain_diagnostics, verdict_of
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, sample_prepared
from igkinetics.hierarchical.importance import Places, Proposal, effective_draws, resampled, smoothed_weights
from igkinetics.hierarchical.integrated import integrated_log_likelihood
from igkinetics.hierarchical.leave_one_out import leave_patients_out
from igkinetics.hierarchical.reading import phi_of
from igkinetics.hierarchical.sampling import CompiledModel
from igkinetics.kinetics.parameters import INDEX

BY_WEIGHTS = replace(SETTINGS, sampler="laplace", draws=250, chains=4)


@pytest.fixture(scope="module")
def weighted(prepared: PreparedCohort) -> SampledCohort:
    return sample_prepared(prepared, BY_WEIGHTS)


def test_the_posterior_is_that_of_the_chains(weighted: SampledCohort, sampled: SampledCohort) -> None:
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
    drawn = sample_prepared(prepared, replace(BY_WEIGHTS, draws=100, tune=100, chains=1), compiled=compiled)
    assert drawn.sampler.startswith("nuts (laplace: Pareto k ")
    assert drawn.trace.statistics["diverging"].shape == (1, 100)
    assert drawn.log_likelihood is None


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


def test_points_follow_the_draws_they_were_told_of() -> None:
    generator = np.random.default_rng(4)
    z = generator.standard_normal((2000, 1, 2)) * np.array([0.5, 2.0]) + np.array([1.0, 0.0])
    places = Places.of_draws(z)
    np.testing.assert_allclose(places.mean[0], [1.0, 0.0], atol=0.15)
    (points, _) = next(places.points(1, 4000, generator))
    spread = points.z[0].std(axis=0) / np.sqrt(6.0 / 4.0)  # of a t with 6 degrees of freedom
    np.testing.assert_allclose(spread, [0.51, 1.99], rtol=0.1)
