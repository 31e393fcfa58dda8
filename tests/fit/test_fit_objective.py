"""-2 log posterior: its gradient, its Hessian, its prior, and the bijection between x and natural parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from igkinetics.errors import InputError
from igkinetics.fit.likelihood import RESIDUALS
from igkinetics.fit.objective import prior_term
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.profile import held
from igkinetics.fit.unexplained import jacobian
from igkinetics.kinetics.parameters import DISPOSITIONS, INDEX, PRODUCTIONS, Floats
from made_records import prior_of, problem_of, record, true_levels

SIXTH_ORDER = ((1, 45.0), (2, -9.0), (3, 1.0))
"""Central difference (Fornberg 1988): f' = sum w_k (f(kh) - f(-kh)) / 60h."""
DOSED = record(
    samples=[(-3.0, 6.1), (5.0, 5.5), (20.0, 4.0), (33.0, 9.0), (48.0, 3.1), (60.0, 2.0), (75.0, 30.0), (130.0, 4.4)],
    limits=[0, 0, 0, 0, 0, -1, 1, 0],
    doses=[(30.0, 30.0), (50.0, 12.0), (57.0, 12.0), (71.0, 40.0)],
    subcutaneous=[False, True, True, False],
)


def problem(disposition: str, production: str, residual: str) -> FitProblem:
    return problem_of(DOSED, production, disposition=disposition, residual=residual)


def sixth_order_gradient(problem: FitProblem, x: Floats, step: float) -> Floats:
    gradient = np.zeros(x.size)
    for i in range(x.size):
        shifts = np.zeros((6, x.size))
        shifts[:, i] = step * np.array([1, -1, 2, -2, 3, -3])
        up_down = problem.values(x + shifts)
        gradient[i] = sum(w * (up_down[2 * k - 2] - up_down[2 * k - 1]) for k, w in SIXTH_ORDER) / (60.0 * step)
    return gradient


@pytest.mark.parametrize("residual", RESIDUALS)
@pytest.mark.parametrize("production", PRODUCTIONS)
@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_gradient_of_every_structure_and_error(disposition: str, production: str, residual: str) -> None:
    asked = problem(disposition, production, residual)
    assert "ka" in asked.names
    generator = np.random.default_rng(7)
    for _ in range(5):
        x = asked.mu + 0.7 * asked.prior_sd * generator.standard_normal(asked.mu.size)
        value, gradient = asked.value_and_gradient(x)
        assert value == pytest.approx(asked.values(x[None, :])[0], rel=1e-12)
        wanted = sixth_order_gradient(asked, x, 4e-3)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-8, atol=1e-9 * np.abs(wanted).max())


@pytest.mark.parametrize("residual", RESIDUALS)
def test_hessian_is_symmetric_and_the_slope_of_the_gradient(residual: str) -> None:
    asked = problem("two_compartment", "loss_and_recovery", residual)
    x = asked.mu + 0.3 * asked.prior_sd
    hessian = asked.hessian(x)
    np.testing.assert_array_equal(hessian, hessian.T)
    for i in range(x.size):
        shift = np.zeros(x.size)
        column = np.zeros(x.size)
        for k, weight in SIXTH_ORDER:
            shift[i] = 2e-3 * k
            column += weight * (asked.value_and_gradient(x + shift)[1] - asked.value_and_gradient(x - shift)[1])
        np.testing.assert_allclose(hessian[i], column / (60.0 * 2e-3), atol=1e-6 * np.abs(hessian).max())


def test_the_prior_term_is_the_normal_density() -> None:
    generator = np.random.default_rng(3)
    x, mu, sd = generator.standard_normal(6), generator.standard_normal(6), generator.uniform(0.1, 2.0, 6)
    assert prior_term(x, mu, sd) == pytest.approx(-2 * norm.logpdf(x, mu, sd).sum(), rel=1e-13)
    sd[2] = np.inf
    keep = np.arange(6) != 2
    assert prior_term(x, mu, sd) == pytest.approx(-2 * norm.logpdf(x[keep], mu[keep], sd[keep]).sum(), rel=1e-13)


def test_the_posterior_is_likelihood_times_prior() -> None:
    with_prior = problem("two_compartment", "loss_and_recovery", "normal")
    without = with_prior.without_prior()
    xs = with_prior.mu + np.random.default_rng(5).standard_normal((20, with_prior.mu.size)) * with_prior.prior_sd
    prior = -2 * norm.logpdf(xs, with_prior.mu, with_prior.prior_sd).sum(axis=1)
    np.testing.assert_allclose(with_prior.values(xs), without.values(xs) + prior, rtol=1e-12)


def test_x_at_the_centre_is_the_cards_typical_patient() -> None:
    asked = problem("two_compartment", "loss_and_recovery", "normal")
    theta = asked.theta(asked.mu)
    wanted = {
        "CL": 0.155,
        "V1": 3.2,
        "Q": 0.55,
        "V2": 2.0,
        "ka": 0.4,
        "F": 0.69,
        "C_base": 6.0,
        "C_init": 6.0,
        "S": 1 / (1 + np.exp(-0.2)),
        "k_loss": np.log(2) / 8,
        "k_rec": np.log(2) / 90,
    }
    for name, value in wanted.items():
        assert theta[INDEX[name]] == pytest.approx(value, rel=1e-9), name


def test_a_bioavailability_that_a_card_leaves_open_is_a_share() -> None:
    prior = prior_of(DOSED)
    open_f = replace(prior, uncertainty=prior.uncertainty | {"F": 0.4})
    asked = build_problem(DOSED, open_f, "loss_and_recovery")
    place = asked.names.index("F")
    assert asked.theta(asked.mu)[INDEX["F"]] == pytest.approx(0.69, rel=1e-12)
    x = asked.mu + 0.3 * asked.prior_sd
    wanted = sixth_order_gradient(asked, x, 4e-3)
    np.testing.assert_allclose(asked.value_and_gradient(x)[1], wanted, rtol=1e-8, atol=1e-9 * np.abs(wanted).max())
    _, by_x = jacobian(asked, x)
    step = np.zeros(x.size)
    step[place] = 1e-4
    up, down = (true_levels(DOSED, asked.theta(moved)) for moved in (x + step, x - step))
    np.testing.assert_allclose(by_x[:, place], (up - down) / 2e-4, rtol=1e-6, atol=1e-9)
    assert held(asked, place, float(x[place])).theta(np.delete(x, place)) == pytest.approx(asked.theta(x), rel=1e-12)


def test_a_share_with_its_spread_on_the_log_scale_is_refused() -> None:
    prior = prior_of(DOSED)
    with pytest.raises(InputError, match="spread of S on the logit scale"):
        build_problem(DOSED, replace(prior, scale=prior.scale | {"S": "log"}), "loss_and_recovery")


def test_the_sensitivity_of_levels_is_the_derivative() -> None:
    asked = problem("two_compartment", "loss_and_recovery", "normal")
    x = asked.mu + 0.2
    level, by_x = jacobian(asked, x)
    np.testing.assert_allclose(level, true_levels(DOSED, asked.theta(x)), rtol=1e-12)
    for i in range(x.size):
        step = np.zeros(x.size)
        step[i] = 1e-4
        up, down = (true_levels(DOSED, asked.theta(moved)) for moved in (x + step, x - step))
        np.testing.assert_allclose(by_x[:, i], (up - down) / 2e-4, rtol=1e-6, atol=1e-7)


def test_the_initial_level_moves_with_the_baseline() -> None:
    asked = problem("two_compartment", "loss_and_recovery", "normal")
    x = asked.mu.copy()
    x[asked.names.index("C_base")] += 0.5
    x[asked.names.index("C_init")] += 0.2
    theta = asked.theta(x)
    assert theta[INDEX["C_init"]] / theta[INDEX["C_base"]] == pytest.approx(np.exp(0.2))
    assert theta[INDEX["C_base"]] == pytest.approx(6.0 * np.exp(0.5))


def test_samples_after_death_are_not_used() -> None:
    cut = record(
        samples=list(zip(DOSED.sample_day, DOSED.sample_igg, strict=True)), follow_up_end=48.0, end_reason="death"
    )
    assert problem_of(cut).day.tolist() == [-3.0, 5.0, 20.0, 33.0, 48.0]
