"""Two cases with published answers: MAP with a censored value (M3), and a bi-exponential by least squares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from igkinetics.fit.likelihood import NORMAL
from igkinetics.fit.minimise import best_of, by_lmfit, explore, inverse_curvature, minimise
from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.disposition import disposition_modes
from igkinetics.kinetics.parameters import INDEX, parameter_vector
from igkinetics.kinetics.schedule import build_schedule

INDOMETH_1 = (
    (0.25, 1.5),
    (0.5, 0.94),
    (0.75, 0.78),
    (1.0, 0.48),
    (1.25, 0.37),
    (2.0, 0.19),
    (3.0, 0.12),
    (4.0, 0.11),
    (5.0, 0.08),
    (6.0, 0.07),
    (8.0, 0.05),
)
"""Indomethacin, subject 1 of R's `Indometh` (Kwan et al. 1976): hours, ug/mL after an intravenous bolus."""


def m3_problem(last_is_below: bool) -> FitProblem:
    """Two compartments, 100 at rate 1200, DV 75, 25, 7 at t = 1, 6, 24 and below 1 at 48.

    "0.1 proportional, 0.5 additive" are variances of the residual, 0.05 and 0.02 variances of the etas.
    """
    values = {"CL": 0.2, "V1": 2.0, "Q": 0.1, "V2": 0.5, "C_base": 0.0, "C_init": 0.0}
    sd = np.sqrt([0.05, 0.02])
    return FitProblem(
        model="two_compartment/constant",
        names=("CL", "V1"),
        free=np.array([INDEX["CL"], INDEX["V1"]]),
        fixed=parameter_vector(values, "two_compartment", "constant"),
        mu=np.log([0.2, 2.0]),
        sd=sd,
        prior_sd=sd,
        schedule=build_schedule(
            start_day=0.0, dose_day=[0.0], dose_g=[100.0], dose_duration_day=[100.0 / 1200.0], dose_is_sc=[False]
        ),
        day=np.array([1.0, 6.0, 24.0, 48.0]),
        igg=np.array([75.0, 25.0, 7.0, 1.0]),
        limit=np.array([0, 0, 0, -1 if last_is_below else 0], dtype=np.int8),
        kind=NORMAL,
        a=np.sqrt(0.5),
        b=np.sqrt(0.1),
    )


@pytest.mark.parametrize(
    "last_is_below, eta_cl, eta_v1", [(True, -0.0427451, -0.122636), (False, -0.0706898, -0.113914)]
)
def test_published_map_with_and_without_m3(last_is_below: bool, eta_cl: float, eta_v1: float) -> None:
    problem = m3_problem(last_is_below)
    for optimum in (
        minimise(problem, [problem.mu]),
        best_of(problem, [by_lmfit(problem, problem.mu, inverse_curvature(problem, problem.mu))]),
    ):
        assert optimum.failed_tests == ()
        for eta, published in zip(optimum.x - problem.mu, (eta_cl, eta_v1), strict=True):
            assert f"{eta:.6g}" == f"{published:.6g}"


def indometh_problem() -> FitProblem:
    """The same as A1 exp(-l1 t) + A2 exp(-l2 t) with a unit dose; hours and ug/mL in place of days and g/L."""
    values = {"CL": 0.5, "V1": 0.5, "Q": 0.2, "V2": 0.5, "C_base": 0.0, "C_init": 0.0}
    hour, level = np.array(INDOMETH_1).T
    return FitProblem(
        model="two_compartment/constant",
        names=("CL", "V1", "Q", "V2"),
        free=np.arange(4),
        fixed=parameter_vector(values, "two_compartment", "constant"),
        mu=np.log([0.5, 0.5, 0.2, 0.5]),
        sd=np.full(4, np.inf),
        prior_sd=np.ones(4),
        schedule=build_schedule(
            start_day=0.0, dose_day=[0.0], dose_g=[1.0], dose_duration_day=[0.0], dose_is_sc=[False]
        ),
        day=hour.copy(),
        igg=level.copy(),
        limit=np.zeros(hour.size, dtype=np.int8),
        kind=NORMAL,
        a=0.05,
        b=0.0,
    )


def test_indomethacin_by_least_squares() -> None:
    problem = indometh_problem()
    optimum = explore(problem, [problem.mu, problem.mu + 0.5, problem.mu - [0.5, -0.5, 0.5, 0.0]])
    assert optimum.failed_tests == ()
    theta = problem.theta(optimum.x)
    modes = np.empty((2, 5))
    disposition_modes(*theta[:4], modes)
    amplitudes, rates = modes[:, 1] / theta[INDEX["V1"]], modes[:, 0]
    assert amplitudes == pytest.approx([2.029277, 0.191547], rel=1e-5)  # where R's nls stops
    assert np.log(rates) == pytest.approx([0.579389, -1.787785], rel=1e-5)
    residual_sum = problem.a**2 * (optimum.objective - 11 * np.log(2 * np.pi * problem.a**2))
    assert np.sqrt(residual_sum / 7) == pytest.approx(0.041026, rel=2e-5)


def test_the_error_level_does_not_move_a_least_squares_fit() -> None:
    problem = indometh_problem()
    small = explore(replace(problem, a=0.01), [problem.mu])
    assert small.x == pytest.approx(explore(problem, [problem.mu]).x, abs=1e-7)
