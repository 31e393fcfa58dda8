"""New patients for the plan of a cohort: moments of the prior, and correlations that are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from small_cohorts import small_cohort

from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort
from igkinetics.hierarchical.predict import from_posterior, from_prior, new_patients
from igkinetics.kinetics.parameters import INDEX

CL, V1 = INDEX["CL"], INDEX["V1"]


def test_the_prior_has_the_cards_typical_value_and_both_spreads(prepared: PreparedCohort) -> None:
    drawn = from_prior(prepared, 4000, 1)
    population = prepared.population("base")
    place = population.names.index("CL")
    log_cl = np.log(drawn.theta[0, :, :, CL]) - population.offset[:, place]
    shift_sd = population.prior_sd[population.labels.index("CL")]
    at = population.labels.index("omega_CL")
    omega = np.exp(population.prior_mean[at])
    # omega is log-normal: its mean square is exp(2 SD^2) times that of its median
    expected = shift_sd**2 + omega**2 * np.exp(2.0 * population.prior_sd[at] ** 2)
    assert log_cl.mean() == pytest.approx(0.0, abs=0.01)
    assert log_cl.var() == pytest.approx(expected, rel=0.06)
    # patients of one draw share the shift and nothing else
    shared = np.cov(log_cl.T)[~np.eye(log_cl.shape[1], dtype=bool)].mean()
    assert shared == pytest.approx(shift_sd**2, rel=0.12)
    assert set(drawn.population) == {
        label for label, active in zip(population.labels, population.active, strict=True) if active
    }
    assert np.median(drawn.error[0, :, 0]) == pytest.approx(prepared.members[0].prior.additive_g_per_l, rel=0.04)


def test_asked_for_correlations_reach_the_patients() -> None:
    one = small_cohort(7, lkj=2.0)
    population = one.population("base")
    rows = [population.names.index(name) for name in ("V1", "CL")]
    phi = population.prior_mean.copy()
    pair = population.pairs.index((max(rows), min(rows)))
    phi[population.n_normal + pair] = np.arctanh(0.8)
    drawn = new_patients(one, population, np.tile(phi, (4000, 1)), np.random.default_rng(2))
    logs = np.log(drawn.theta[0, :, 0][:, [CL, V1]])
    assert np.corrcoef(logs.T)[0, 1] == pytest.approx(0.8, abs=0.02)
    np.testing.assert_allclose(drawn.population["correlation_CL_V1"], 0.8, rtol=1e-12)


def test_new_patients_of_a_posterior_are_more_scattered_than_those_fitted(sampled: SampledCohort) -> None:
    new = from_posterior(sampled, 300, 1)
    assert new.patient_ids == sampled.posterior.patient_ids
    assert new.theta.shape[:2] == (1, 300)
    fitted = np.log(sampled.posterior.theta[..., INDEX["C_base"]])
    anew = np.log(new.theta[..., INDEX["C_base"]])
    assert anew[0].std(axis=0).min() > 1.5 * fitted.reshape(-1, fitted.shape[-1]).std(axis=0).min()
    np.testing.assert_array_equal(from_posterior(sampled, 300, 1).theta, new.theta)
    assert set(np.round(new.population["CL"][0], 12)) <= set(
        np.round(sampled.posterior.population["CL"].reshape(-1), 12)
    )
