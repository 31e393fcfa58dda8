"""The optimum: the same from two optimisers, from every start, in any order; its standard errors; its tests."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from igkinetics.fit.minimise import (
    Optimum,
    best_of,
    by_lmfit,
    explore,
    failed_convergence_tests,
    first_guesses,
    inverse_curvature,
    minimise,
    polish,
)
from igkinetics.fit.problem import FitProblem
from made_records import drawn, planned, problem_of, record

N_PATIENTS = 30
DOSES = ((), ((28.0, 30.0), (56.0, 30.0), (84.0, 30.0)), ((47.0, 40.0),))


@cache
def simulated() -> tuple[FitProblem, ...]:
    """4, 8 and 14 samples; undosed, every four weeks, once; three of each ten with a censored value."""
    generator = np.random.default_rng(20)
    problems = []
    for place in range(N_PATIENTS):
        days = np.sort(generator.uniform(-5.0, 200.0, (4, 8, 14)[place % 3]))
        patient = drawn(planned(tuple(days), doses=DOSES[place % 3]), generator).patient
        if place % 10 < 3:
            limit = float(np.sort(patient.sample_igg)[1])
            below = patient.sample_igg <= limit
            patient = record(
                samples=list(zip(days, np.where(below, limit, patient.sample_igg), strict=True)),
                limits=list(-below.astype(int)),
                doses=DOSES[place % 3],
            )
        problems.append(problem_of(patient))
    return tuple(problems)


@cache
def fitted() -> tuple[Optimum, ...]:
    return tuple(minimise(problem, first_guesses(problem)) for problem in simulated())


def test_lmfit_and_the_compiled_optimiser_reach_the_same_optimum() -> None:
    for problem in simulated():
        guess = first_guesses(problem)[0]
        by_one = best_of(problem, [by_lmfit(problem, guess, inverse_curvature(problem, guess))])
        by_other = best_of(problem, [problem.minimum_from(guess)])
        assert by_one.failed_tests == by_other.failed_tests == ()
        np.testing.assert_array_less(np.abs(by_one.x - by_other.x) / problem.prior_sd, 1e-6)
        assert by_one.objective == pytest.approx(by_other.objective, abs=1e-9)


def test_all_starts_agree() -> None:
    """Without doses k_loss and CL/V1 can be exchanged, yet the prior leaves one optimum in these patients."""
    for problem, optimum in zip(simulated(), fitted(), strict=True):
        assert optimum.failed_tests == ()
        assert optimum.n_starts == 6
        assert optimum.n_agreeing == 6, problem.names
        for guess in first_guesses(problem):
            assert problem.minimum_from(guess)[1] == pytest.approx(optimum.objective, abs=1e-7)


def test_the_order_of_starts_does_not_matter() -> None:
    for problem, optimum in zip(simulated()[:12], fitted(), strict=False):
        turned = explore(problem, first_guesses(problem)[::-1])
        np.testing.assert_array_less(np.abs(turned.x - optimum.x) / problem.prior_sd, 1e-6)
        assert turned.objective == pytest.approx(optimum.objective, abs=1e-9)


def test_no_point_nearby_is_lower() -> None:
    generator = np.random.default_rng(4)
    for problem, optimum in zip(simulated(), fitted(), strict=True):
        root = np.linalg.cholesky(np.linalg.inv(0.5 * optimum.hessian))
        for size in (1e-3, 0.1, 1.0):
            around = optimum.x + size * generator.standard_normal((50, optimum.x.size)) @ root.T
            assert np.all(problem.values(around) >= optimum.objective - 1e-10)


def test_standard_errors_come_from_the_curvature_of_the_objective() -> None:
    """Against differences of the scalar objective, which know nothing of the analytic gradient."""
    for problem, optimum in zip(simulated(), fitted(), strict=True):
        error = np.sqrt(np.diag(np.linalg.inv(0.5 * optimum.hessian)))
        numerical = np.empty_like(optimum.hessian)
        for i, j in np.ndindex(numerical.shape):
            h = np.zeros((2, error.size))
            h[0, i] = 0.02 * error[i]
            h[1, j] = 0.02 * error[j]
            corners = problem.values(optimum.x + np.array([h[0] + h[1], h[0] - h[1], h[1] - h[0], -h[0] - h[1]]))
            numerical[i, j] = np.array([1, -1, -1, 1]) @ corners / (4 * h[0, i] * h[1, j])
        found = np.sqrt(np.diag(np.linalg.inv(0.5 * numerical)))
        np.testing.assert_allclose(error, found, rtol=2e-3)


def test_scipys_differences_find_no_slope_left() -> None:
    for problem, optimum in zip(simulated(), fitted(), strict=True):
        slope = approx_fprime(optimum.x, lambda x, problem=problem: problem.values(x[None, :])[0], 1e-6)
        scale = np.sqrt(np.diag(optimum.hessian))
        np.testing.assert_allclose(slope / scale, 0.0, atol=1e-4)


def test_modes_are_distinct_and_the_best_comes_first() -> None:
    for problem, optimum in zip(simulated(), fitted(), strict=True):
        np.testing.assert_array_equal(optimum.modes[0], optimum.x)
        values = [problem.value_and_gradient(x)[0] for x in optimum.modes]
        assert values == sorted(values)


def test_convergence_tests_are_named() -> None:
    round_bowl = np.diag([2.0, 4.0])
    assert failed_convergence_tests(1.0, np.zeros(2), round_bowl) == ()
    assert failed_convergence_tests(1.0, np.array([1e-3, 0.0]), round_bowl) == ()
    assert failed_convergence_tests(1.0, np.array([0.1, 0.0]), round_bowl) == ("gradient",)
    assert failed_convergence_tests(1.0, np.zeros(2), np.diag([2.0, -1e-3])) == ("curvature",)
    assert failed_convergence_tests(1.0, np.zeros(2), np.diag([2.0, 0.0])) == ("curvature",)
    assert failed_convergence_tests(np.inf, np.zeros(2), round_bowl) == ("finite",)
    assert failed_convergence_tests(1.0, np.array([np.nan, 0.0]), round_bowl) == ("finite",)
    assert failed_convergence_tests(1.0, np.zeros(2), np.full((2, 2), np.nan)) == ("finite",)


def test_polishing_never_climbs() -> None:
    for problem in simulated()[:10]:
        start = problem.mu + 0.5 * problem.prior_sd
        x, value = polish(problem, start)
        assert value <= problem.value_and_gradient(start)[0]
        assert value == problem.value_and_gradient(x)[0]


def test_without_doses_the_data_cannot_tell_loss_from_turnover() -> None:
    """One compartment, therapy for ever, all production lost: the level holds exp(-kt) and exp(-k_loss t) alike.

    This is why one of the starts exchanges them.
    """
    day = np.linspace(0.0, 120.0, 25)
    fast, slow = np.log(2) / 5.0, np.log(2) / 40.0
    level = 8.0 * (fast * np.exp(-slow * day) - slow * np.exp(-fast * day)) / (fast - slow)
    patient = record(samples=list(zip(day, level, strict=True)), therapy=[(0.0, np.inf)])
    problem = problem_of(patient, "gradual_loss", disposition="one_compartment", use_prior=False)
    place = {name: problem.names.index(name) for name in ("CL", "V1", "S", "k_loss", "C_base", "C_init")}

    def at(turnover: float, k_loss: float) -> np.ndarray:
        x = np.zeros(problem.mu.size)
        x[place["V1"]], x[place["CL"]] = np.log(5.0), np.log(5.0 * turnover)
        x[place["S"]], x[place["k_loss"]], x[place["C_base"]] = 20.0, np.log(k_loss), np.log(8.0)
        return x

    one, other = problem.values(np.array([at(fast, slow), at(slow, fast)]))
    assert one == pytest.approx(other, abs=1e-6)
    swapped = first_guesses(problem)[2]
    half_lives = [np.log(2) * 5.0 / 0.155, 8.0]
    turnover, loss = np.exp(swapped[place["CL"]] - swapped[place["V1"]]), np.exp(swapped[place["k_loss"]])
    assert [np.log(2) / loss, np.log(2) / turnover] == pytest.approx(half_lives, rel=1e-9)
