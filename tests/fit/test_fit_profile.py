"""Profile-likelihood intervals: the rise at their ends, against Laplace, open where the data say nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

from igkinetics.fit.minimise import Optimum, explore, first_guesses
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.profile import CURVE_POINTS, held, profile_curve, profile_interval
from igkinetics.kinetics.parameters import INDEX
from made_records import drawn, measured, planned, problem_of, record, true_levels

LEVEL = 0.95
RISE = float(chi2.ppf(LEVEL, 1))
DOSES = ((30.0, 30.0), (58.0, 30.0), (86.0, 30.0))


def fitted(problem: FitProblem) -> Optimum:
    optimum = explore(problem, first_guesses(problem))
    assert optimum.failed_tests == ()
    return optimum


def lowest_with(problem: FitProblem, optimum: Optimum, index: int, value: float) -> float:
    """-2 log posterior minimised over all others, by scipy."""
    others = np.delete(np.arange(optimum.x.size), index)

    def objective(reduced: np.ndarray) -> tuple[float, np.ndarray]:
        x = np.empty(optimum.x.size)
        x[index], x[others] = value, reduced
        found, gradient = problem.value_and_gradient(x)
        return found, gradient[others]

    return float(minimize(objective, optimum.x[others], jac=True, method="BFGS", options={"gtol": 1e-7}).fun)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_objective_has_risen_by_chi_square_at_both_ends(seed: int) -> None:
    problem = problem_of(drawn(planned(doses=DOSES), np.random.default_rng(seed)).patient)
    optimum = fitted(problem)
    for index, name in enumerate(problem.names):
        low, high = profile_interval(problem, optimum, index, LEVEL)
        assert low < optimum.x[index] < high, name
        for end in (low, high):
            rise = lowest_with(problem, optimum, index, end) - optimum.objective
            assert rise == pytest.approx(RISE, abs=5e-3), name


def test_a_drawn_profile_is_the_objective_minimised_over_all_others() -> None:
    problem = problem_of(drawn(planned(doses=DOSES), np.random.default_rng(4)).patient)
    optimum = fitted(problem)
    for index, name in enumerate(problem.names):
        interval = profile_interval(problem, optimum, index, LEVEL)
        values, rises = profile_curve(problem, optimum, index, interval)
        assert np.all(np.diff(values) > 0)
        assert values.size == CURVE_POINTS + 1
        assert values[0] < interval[0] < interval[1] < values[-1]
        assert rises[CURVE_POINTS // 2] == 0.0
        for place in (0, 3, 9, CURVE_POINTS):
            rise = lowest_with(problem, optimum, index, values[place]) - optimum.objective
            assert rises[place] == pytest.approx(rise, abs=5e-3), name
        inside = (values > interval[0]) & (values < interval[1])
        assert np.all((rises < RISE) == inside), name


def test_for_a_well_measured_level_it_is_the_normal_interval() -> None:
    plan = record(samples=[(day, 1.0) for day in np.linspace(0.0, 200.0, 80)], therapy=())
    problem = problem_of(drawn(plan, np.random.default_rng(5)).patient, "constant")
    for name in ("C_init", "V1"):
        place = problem.names.index(name)
        problem = held(problem, place, float(problem.mu[place]))
    optimum = explore(problem, [problem.mu])
    index = problem.names.index("C_base")
    error = np.sqrt(np.linalg.inv(0.5 * optimum.hessian)[index, index])
    low, high = profile_interval(problem, optimum, index, LEVEL)
    assert high - optimum.x[index] == pytest.approx(1.959964 * error, rel=0.02)
    assert optimum.x[index] - low == pytest.approx(1.959964 * error, rel=0.02)


def test_a_higher_level_is_wider() -> None:
    problem = problem_of(drawn(planned(doses=DOSES), np.random.default_rng(1)).patient)
    optimum = fitted(problem)
    index = problem.names.index("CL")
    (low, high), (lower, higher) = (profile_interval(problem, optimum, index, level) for level in (0.8, 0.99))
    assert lower < low < high < higher


def test_without_a_prior_an_unlimited_parameter_is_open() -> None:
    """Nearly all production is lost, perhaps all of it: S has a lower end only."""
    plan = record(samples=[(day, 1.0) for day in np.linspace(0.0, 100.0, 40)], therapy=[(0.0, np.inf)])
    problem = problem_of(plan, "gradual_loss", use_prior=False)
    x = problem.mu.copy()
    x[problem.names.index("S")] = 4.0
    levels = true_levels(plan, problem.theta(x))
    problem = problem_of(
        replace(plan, sample_igg=measured(levels, np.random.default_rng(3))), "gradual_loss", use_prior=False
    )
    for name in ("k_loss", "CL", "C_init", "V1"):
        place = problem.names.index(name)
        problem = held(problem, place, float(problem.mu[place]))
    low, high = profile_interval(problem, explore(problem, [problem.mu]), problem.names.index("S"), LEVEL)
    assert np.isfinite(low)
    assert high == np.inf


def test_holding_a_parameter_changes_nothing_but_its_prior_term() -> None:
    problem = problem_of(drawn(planned(doses=DOSES), np.random.default_rng(1)).patient)
    x = problem.mu + 0.4 * problem.prior_sd
    for index, name in enumerate(problem.names):
        reduced = held(problem, index, float(x[index]))
        rest = np.delete(x, index)
        own = ((x - problem.mu) / problem.sd)[index] ** 2 + np.log(2 * np.pi * problem.sd[index] ** 2)
        assert reduced.value_and_gradient(rest)[0] + own == pytest.approx(problem.value_and_gradient(x)[0], rel=1e-12)
        assert reduced.theta(rest)[INDEX[name]] == pytest.approx(problem.theta(x)[INDEX[name]], rel=1e-12)
        assert name not in reduced.names


def test_one_free_parameter_has_a_profile_too() -> None:
    problem = problem_of(drawn(planned(doses=DOSES), np.random.default_rng(1)).patient)
    for name in set(problem.names) - {"C_base"}:
        place = problem.names.index(name)
        problem = held(problem, place, float(problem.mu[place]))
    optimum = explore(problem, [problem.mu])
    low, high = profile_interval(problem, optimum, 0, LEVEL)
    for end in (low, high):
        assert problem.values(np.array([[end]]))[0] - optimum.objective == pytest.approx(RISE, abs=5e-3)
