"""Residuals: by their definition, and their expected spread and autocorrelation against refitted simulations."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from igkinetics.fit.minimise import explore, first_guesses
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.residuals import residuals
from igkinetics.kinetics.curves import igg_curve
from made_records import drawn, planned, problem_of

DOSES = ((30.0, 30.0), (58.0, 30.0), (86.0, 30.0))


def level(problem: FitProblem, x: np.ndarray) -> np.ndarray:
    return np.add(*igg_curve(problem.theta(x), problem.schedule, problem.day))


@pytest.mark.parametrize("residual", ["normal", "lognormal"])
def test_pred_ipred_and_iwres_are_what_they_are_called(residual: str) -> None:
    problem = problem_of(drawn(planned(doses=DOSES), np.random.default_rng(1)).patient, residual=residual)
    x = problem.mu + 0.1
    found = residuals(problem, x)
    pred, ipred = level(problem, problem.mu), level(problem, x)
    np.testing.assert_allclose(found.pred, pred, rtol=1e-12)
    np.testing.assert_allclose(found.ipred, ipred, rtol=1e-12)
    if residual == "normal":
        expected = (problem.igg - ipred) / np.sqrt(problem.a**2 + (problem.b * ipred) ** 2)
    else:
        expected = np.log(problem.igg / ipred) / np.sqrt(np.log(1 + problem.b**2 + (problem.a / ipred) ** 2))
    np.testing.assert_allclose(found.iwres, expected, rtol=1e-12)


def test_values_beyond_a_limit_have_no_residual() -> None:
    plan = drawn(planned(doses=()), np.random.default_rng(2)).patient
    limit = plan.sample_limit.copy()
    limit[2] = -1
    problem = problem_of(dataclasses.replace(plan, sample_limit=limit))
    found = residuals(problem, problem.mu)
    assert np.flatnonzero(np.isnan(found.iwres)).tolist() == [2]
    assert np.isnan(found.expected_sd[2])
    assert np.flatnonzero(np.isnan(found.expected_product)).tolist() == [0, 2]


def test_expected_spread_and_autocorrelation_are_those_of_refitted_simulations() -> None:
    """Patients drawn from the prior, measured with its error, fitted again: mean of r^2 and of r r'."""
    generator = np.random.default_rng(3)
    squares, products, expected_squares, expected_products = [], [], [], []
    for _ in range(250):
        problem = problem_of(drawn(planned(doses=DOSES), generator).patient)
        optimum = explore(problem, first_guesses(problem))
        found = residuals(problem, optimum.x)
        squares.append(np.mean(found.iwres**2))
        products.append(np.mean(found.iwres[1:] * found.iwres[:-1]))
        expected_squares.append(np.mean(found.expected_sd**2))
        expected_products.append(np.mean(found.expected_product[1:]))
    for seen, expected in ((squares, expected_squares), (products, expected_products)):
        error = np.std(seen, ddof=1) / np.sqrt(len(seen))
        assert abs(np.mean(seen) - np.mean(expected)) < 4 * error + 0.02
    assert np.mean(expected_squares) < 0.95
    assert np.mean(expected_products) < -4 * np.std(products, ddof=1) / np.sqrt(len(products))
