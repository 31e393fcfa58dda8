"""Draws: against an analytic posterior, against quadrature, against a long Metropolis run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from igkinetics.fit.minimise import Optimum, first_guesses, minimise
from igkinetics.fit.patient import fit_patient
from igkinetics.fit.posterior import Draws, draw_around, laplace_components, weighted_quantiles
from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.extremes import lowest_of_many
from igkinetics.kinetics.parameters import INDEX, Floats, parameter_vector
from igkinetics.kinetics.schedule import build_schedule
from made_records import SETTINGS, drawn, planned, prior_of, problem_of

LEVELS = np.array([0.025, 0.25, 0.5, 0.75, 0.975])


def one_parameter_problem(name: str, *, mu: float, sd: float, igg: Floats, day: Floats, a: float) -> FitProblem:
    """Everything fixed but one parameter; therapy from day 0 for ever."""
    values = {"CL": 0.155, "V1": 3.2, "Q": 0.55, "V2": 2.0, "C_base": 6.0, "C_init": 1.0, "S": 0.5, "k_loss": 0.1}
    return FitProblem(
        model="two_compartment/gradual_loss",
        names=(name,),
        free=np.array([INDEX[name]]),
        fixed=parameter_vector(values, "two_compartment", "gradual_loss"),
        mu=np.array([mu]),
        sd=np.array([sd]),
        prior_sd=np.array([sd]),
        schedule=build_schedule(start_day=0.0, therapy_start=[0.0], therapy_stop=[np.inf]),
        day=day,
        igg=igg,
        limit=np.zeros(day.size, dtype=np.int8),
        kind=0,
        a=a,
        b=0.0,
    )


def draw_posterior(problem: FitProblem, optimum: Optimum, n: int, generator: np.random.Generator) -> Draws:
    return draw_around(problem, laplace_components(problem, optimum), n, generator)


def draws_of(problem: FitProblem, n: int, seed: int = 1) -> Draws:
    optimum = minimise(problem, [problem.mu])
    assert optimum.failed_tests == ()
    return draw_posterior(problem, optimum, n, np.random.default_rng(seed))


def test_a_linear_problem_has_the_textbook_normal_posterior() -> None:
    """On day 0 the level is C_base itself; over 1 % the logarithm is straight."""
    a, sd, observed = 0.05, 0.004, np.full(12, 6.02)
    mu = np.log(6.0)
    problem = one_parameter_problem("C_base", mu=mu, sd=sd, igg=observed, day=np.zeros(12), a=a)
    precision = 1 / sd**2 + 12 * 36.0 / a**2
    centre = mu + (12 * 6.0 * 0.02 / a**2) / precision
    wanted = centre + norm.ppf(LEVELS) / np.sqrt(precision)
    draws = draws_of(problem, 40_000)
    found = weighted_quantiles(draws.x[:, 0], draws.weights, LEVELS)
    np.testing.assert_allclose(found, wanted, atol=0.03 / np.sqrt(precision))
    assert draws.sd()[0] == pytest.approx(1 / np.sqrt(precision), rel=0.02)
    assert draws.pareto_k < 0.5
    marginal = norm.logpdf(observed.mean(), 6.0, np.sqrt(a**2 / 12 + (6.0 * sd) ** 2))
    marginal += norm.logpdf(observed, observed.mean(), a).sum() - norm.logpdf(0.0, 0.0, a / np.sqrt(12))
    assert draws.log_marginal == pytest.approx(marginal, abs=2e-3)


@pytest.mark.parametrize("name, mu, sd", [("S", 0.2, 1.0), ("S", 2.2, 0.95), ("k_loss", np.log(0.087), 0.57)])
def test_a_skewed_posterior_against_quadrature(name: str, mu: float, sd: float) -> None:
    day = np.array([10.0, 30.0])
    problem = one_parameter_problem(name, mu=mu, sd=sd, igg=np.array([5.6, 3.4]), day=day, a=0.5)
    grid = np.linspace(mu - 8 * sd, mu + 8 * sd, 40_001)
    log_density = -0.5 * problem.values(grid[:, None])
    mass = np.exp(log_density - log_density.max())
    wanted = np.interp(LEVELS, np.cumsum(mass) / mass.sum(), grid)
    draws = draws_of(problem, 40_000)
    found = weighted_quantiles(draws.x[:, 0], draws.weights, LEVELS)
    np.testing.assert_allclose(found, wanted, atol=0.03 * draws.sd()[0])
    integral = log_density.max() + np.log(mass.sum() * (grid[1] - grid[0]))
    assert draws.log_marginal == pytest.approx(integral, abs=0.1)  # Laplace's method is not exact here


def metropolis(problem: FitProblem, optimum: Optimum, n_chains: int, n_steps: int) -> Floats:
    """Random-walk Metropolis, many chains abreast from over-dispersed starts: (kept * chains, p)."""
    generator = np.random.default_rng(99)
    p = optimum.x.size
    root = np.linalg.cholesky(np.linalg.inv(0.5 * optimum.hessian))
    x = optimum.x + generator.standard_normal((n_chains, p)) @ root.T
    value = problem.values(x)
    kept = []
    for step in range(n_steps):
        proposed = x + 2.0 / np.sqrt(p) * generator.standard_normal((n_chains, p)) @ root.T
        new = problem.values(proposed)
        accepted = -2.0 * np.log(generator.uniform(size=n_chains)) > new - value
        x = np.where(accepted[:, None], proposed, x)
        value = np.where(accepted, new, value)
        if step >= n_steps // 4 and step % 10 == 0:
            kept.append(x)
    return np.concatenate(kept)


@pytest.mark.parametrize("doses", [(), ((30.0, 30.0), (58.0, 30.0), (86.0, 30.0))], ids=["undosed", "dosed"])
def test_importance_draws_agree_with_metropolis(doses: tuple[tuple[float, float], ...]) -> None:
    days = (-2.0, 12.0, 29.0, 45.0, 57.0, 80.0, 110.0, 150.0)
    patient = drawn(planned(days, doses=doses), np.random.default_rng(8)).patient
    problem = problem_of(patient)
    optimum = minimise(problem, first_guesses(problem))
    chains = metropolis(problem, optimum, 200, 2000)
    draws = draw_posterior(problem, optimum, 100_000, np.random.default_rng(1))

    def quantities(thetas: Floats) -> Floats:
        minima, _ = lowest_of_many(thetas, problem.schedule, 0.0, 150.0)
        levels = np.log(np.column_stack([thetas[:, INDEX["CL"]], thetas[:, INDEX["C_base"]], minima[:, [0, 2]]]))
        s = thetas[:, INDEX["S"]]
        return np.column_stack([levels, np.log(s / (1 - s))])

    slow, fast = quantities(problem.thetas(chains)), quantities(draws.theta)
    for j, what in enumerate(("CL", "C_base", "nadir", "endogenous nadir", "S")):
        wanted = np.quantile(slow[:, j], LEVELS)
        found = weighted_quantiles(fast[:, j], draws.weights, LEVELS)
        np.testing.assert_allclose(found, wanted, atol=0.15 * slow[:, j].std(), err_msg=what)
    assert draws.pareto_k < 0.7


def test_weights_and_shapes() -> None:
    problem = problem_of(drawn(planned(), np.random.default_rng(2)).patient)
    draws = draw_posterior(problem, minimise(problem, first_guesses(problem)), 1500, np.random.default_rng(1))
    assert draws.x.shape == (1500, 7)
    assert draws.weights.sum() == pytest.approx(1.0, rel=1e-12)
    assert draws.weights.min() >= 0
    np.testing.assert_array_equal(draws.theta, problem.thetas(draws.x))
    assert draws.mean(np.ones(1500)) == pytest.approx(1.0, rel=1e-12)
    assert draws.resampled(400).shape == (400, 13)
    level = draws.theta[:, INDEX["C_base"]]
    assert draws.resampled(1000)[:, INDEX["C_base"]].mean() == pytest.approx(draws.mean(level), rel=0.01)


def test_weighted_quantiles_of_equal_weights_are_plain_quantiles() -> None:
    values = np.random.default_rng(1).standard_normal(501)
    found = weighted_quantiles(values, np.full(501, 1 / 501), LEVELS)
    np.testing.assert_allclose(found, np.quantile(values, LEVELS, method="hazen"), rtol=1e-12)
    never = np.where(values > np.quantile(values, 0.6), np.inf, values)
    low, high = weighted_quantiles(never, np.full(501, 1 / 501), np.array([0.1, 0.9]))
    assert np.isfinite(low)
    assert high == np.inf
    assert weighted_quantiles(np.array([1.0, 2.0, 3.0]), np.array([0.98, 0.01, 0.01]), np.array([0.5]))[0] < 1.03


def test_the_seed_fixes_the_draws_and_nothing_else_does() -> None:
    patients = [drawn(planned(patient_id=name), np.random.default_rng(k)).patient for k, name in enumerate("ABC")]
    forth = [fit_patient(one, prior_of, SETTINGS).fitted()[2] for one in patients]
    back = [fit_patient(one, prior_of, SETTINGS).fitted()[2] for one in patients[::-1]][::-1]
    for one, same in zip(forth, back, strict=True):
        assert one.x.tobytes() == same.x.tobytes()
        assert one.weights.tobytes() == same.weights.tobytes()
    other = fit_patient(patients[0], prior_of, replace(SETTINGS, seed=2)).fitted()[2]
    assert other.x.tobytes() != forth[0].x.tobytes()
    renamed = fit_patient(replace(patients[0], patient_id="Z"), prior_of, SETTINGS).fitted()[2]
    assert renamed.x.tobytes() != forth[0].x.tobytes()


def test_worthless_measurements_leave_the_prior() -> None:
    """Two hopelessly imprecise samples: each parameter keeps the card's mean and spread."""
    problem = replace(problem_of(drawn(planned((10.0, 20.0)), np.random.default_rng(1)).patient), a=1e4)
    draws = draw_posterior(problem, minimise(problem, first_guesses(problem)), 20_000, np.random.default_rng(3))
    np.testing.assert_allclose(draws.sd(), problem.prior_sd, rtol=0.03)
    np.testing.assert_allclose((draws.weights @ draws.x - problem.mu) / problem.prior_sd, 0.0, atol=0.03)
