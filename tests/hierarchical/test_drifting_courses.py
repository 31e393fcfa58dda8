"""Courses that drift in the model of all patients: against brute force, a closed form, and the model without drift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from small_cohorts import SETTINGS, small_cohort

from igkinetics.fit.structures import DRIFT_SDS, with_drift
from igkinetics.hierarchical.coordinates import no_coordinates
from igkinetics.hierarchical.drifting import DRIFT_PRIOR, drift_of, drifting, known_error, normal_log_density
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, sample_prepared
from igkinetics.hierarchical.integrated import Places, patient_points
from igkinetics.hierarchical.laplace import log_prior
from igkinetics.hierarchical.nodes import node_terms
from igkinetics.hierarchical.reading import phi_of

BY_WEIGHTS = replace(SETTINGS, sampler="laplace", draws=150, chains=2)


@pytest.fixture(scope="module")
def drifted(prepared: PreparedCohort) -> SampledCohort:
    return sample_prepared(drifting(prepared), BY_WEIGHTS, population=known_error(prepared.population("base")))


def test_the_likelihood_of_a_patient_is_that_of_draws_from_the_population(drifted: SampledCohort) -> None:
    """Brute force: parameters from the population, drift integrated out by the single fit's own objective."""
    generator = np.random.default_rng(1)
    (phi,) = phi_of(drifted.trace.u[-1, -1:], drifted.whitening)
    parts = drifted.population.parts(phi)
    assert drifted.log_likelihood is not None
    for i in (0, 1):
        problem = drifted.prepared.members[i].problem
        own = [drifted.population.names.index(name) for name in problem.names]
        x = parts.mu[i, own] + generator.standard_normal((15_000, len(own))) * parts.omega[own]
        likelihood = -0.5 * problem.without_prior().values(x)
        expected = logsumexp(likelihood) - np.log(len(x))
        noise = np.exp(0.5 * logsumexp(2.0 * likelihood) - logsumexp(likelihood))
        assert drifted.log_likelihood[-1, i] == pytest.approx(expected, abs=0.2 + 4.0 * noise)


def test_without_an_sd_it_is_the_model_without_drift(prepared: PreparedCohort, drifted: SampledCohort) -> None:
    still = tuple(replace(one, problem=with_drift(one.problem, (0.0, 0.4), (1.0, 1e-300))) for one in prepared.members)
    drift = drift_of(still)
    assert drift is not None
    n, p = drifted.population.offset.shape
    phi = phi_of(drifted.trace.u[0, :16], drifted.whitening)
    points = patient_points(drifted.population, prepared.arrays, drifted.whitening, phi, Places.at_modes(n, p), 32,
                            np.random.default_rng(2), 1)  # fmt: skip
    for i in (0, 1):
        plain = node_terms(points.x[i], points.grid, prepared.arrays, i)
        np.testing.assert_allclose(node_terms(points.x[i], points.grid, prepared.arrays, i, drift), plain, rtol=1e-9)


def test_the_proposal_of_the_population_has_its_closed_form() -> None:
    """Patients whose samples are y ~ N(x, R): p(y | phi) is N(y; mu, Omega + R)."""
    prepared = small_cohort(3, size=2)
    population = known_error(prepared.population("base"))
    n, p = population.offset.shape
    generator = np.random.default_rng(4)
    error = np.diag(generator.uniform(0.05, 0.3, p))
    y = population.offset + 0.3 * generator.standard_normal((n, p))
    blank = no_coordinates(n, p)
    blank.information[:] = np.linalg.inv(error)
    blank.linear[:, 0] = y @ np.linalg.inv(error)
    found, expected = [], []
    for _ in range(3):
        phi = population.prior_mean + population.prior_sd * generator.standard_normal(population.prior_mean.size)
        mu, root, _, _ = population.parts(phi)
        each = [multivariate_normal(one, root @ root.T + error).logpdf(own) for one, own in zip(mu, y, strict=True)]
        expected.append(sum(each) + log_prior(population, phi)[0])
        found.append(normal_log_density(population, blank, phi))
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-8)


def test_the_draws_can_be_believed_and_say_that_they_drift(drifted: SampledCohort) -> None:
    assert drifted.trace.statistics["pareto_k"].max() <= 0.7
    assert drifted.posterior.drifting
    assert drifted.sampler == "laplace"
    assert sum(DRIFT_PRIOR) == 1.0
    assert len(DRIFT_PRIOR) == len(DRIFT_SDS)
    for name, a_or_b in (("a", 0), ("b", 1)):
        assert name not in drifted.posterior.population
        assert np.ptp(drifted.posterior.error[..., a_or_b]) < 1e-12
