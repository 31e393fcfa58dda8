"""Random patients, doses, therapy cycles and windows of changed clearance and production, against an ODE solver."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from matrix_exponential import exact_levels
from numerical_ode import ode_levels
from treatments import Treatment, days_of, random_parameters, random_treatments

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats


@given(random_parameters(), random_treatments())
@settings(max_examples=60)
def test_curve_agrees_with_the_ode_solver(parameters: Floats, treatment: Treatment) -> None:
    days = days_of(treatment, n=12)
    endogenous, infused = igg_curve(parameters, treatment.schedule(), days)
    ode_endogenous, ode_infused = ode_levels(parameters, treatment, days)
    np.testing.assert_allclose(endogenous + infused, ode_endogenous + ode_infused, rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(endogenous, ode_endogenous, rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(infused, ode_infused, rtol=1e-8, atol=1e-11)


@given(random_parameters(), random_treatments())
@settings(max_examples=40)
def test_curve_agrees_with_matrix_exponentials_in_many_digits(parameters: Floats, treatment: Treatment) -> None:
    days = days_of(treatment, n=6)
    endogenous, infused = igg_curve(parameters, treatment.schedule(), days)
    exact_endogenous, exact_infused = exact_levels(parameters, treatment, days)
    np.testing.assert_allclose(endogenous, exact_endogenous, rtol=1e-12, atol=1e-25)
    np.testing.assert_allclose(infused, exact_infused, rtol=1e-12, atol=1e-25)
