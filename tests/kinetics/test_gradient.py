"""The gradient in every parameter against central differences in many digits."""

from __future__ import annotations

import numpy as np
import pytest
from awkward_patients import DAYS, PATIENTS, TREATMENT
from hypothesis import given, settings
from matrix_exponential import exact_derivative
from treatments import Treatment, days_of, random_parameters, random_treatments, vector

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.gradient import add_weighted_gradient, fill_curve_with_gradient, new_course, walk
from igkinetics.kinetics.parameters import INDEX, K_LOSS, PARAMETERS, Floats, Q, S


def value_and_gradient(parameters: Floats, treatment: Treatment, days: Floats) -> tuple[Floats, Floats, Floats]:
    endogenous, infused = np.empty(days.size), np.empty(days.size)
    gradient = np.empty((days.size, len(PARAMETERS)))
    fill_curve_with_gradient(parameters, treatment.schedule(), days, endogenous, infused, gradient)
    return endogenous, infused, gradient


def absent_parameters(parameters: Floats) -> set[str]:
    """What a structure does not have: its derivative is 0 by definition."""
    absent = set()
    if parameters[Q] == 0.0:
        absent |= {"Q", "V2"}
    if np.isinf(parameters[K_LOSS]):
        absent |= {"k_loss"}
    if parameters[S] == 0.0:
        absent |= {"S", "k_loss", "k_rec"}
    return absent


def assert_gradient_is_true(parameters: Floats, treatment: Treatment, days: Floats, tolerance: float) -> None:
    endogenous, infused, gradient = value_and_gradient(parameters, treatment, days)
    negligible = 1e-13 * np.max(endogenous + infused)  # g/L per unit of the parameter
    absent = absent_parameters(parameters)
    for name in PARAMETERS:
        found = gradient[:, INDEX[name]]
        if name in absent:
            np.testing.assert_array_equal(found, 0.0, err_msg=name)
            continue
        exact = exact_derivative(parameters, treatment, days, name)
        rounding = tolerance * np.max(np.abs(exact))  # of terms that cancel, where the derivative passes 0
        np.testing.assert_allclose(found, exact, rtol=tolerance, atol=rounding + negligible, err_msg=name)


@pytest.mark.parametrize("patient", PATIENTS)
def test_gradient_at_awkward_rates(patient: str) -> None:
    assert_gradient_is_true(PATIENTS[patient], TREATMENT, DAYS[[0, 2, 3, 5, 6, 8, 9]], tolerance=1e-10)


@given(random_parameters(), random_treatments(max_doses=3))
@settings(max_examples=12)
def test_gradient_of_random_patients(parameters: Floats, treatment: Treatment) -> None:
    assert_gradient_is_true(parameters, treatment, days_of(treatment, n=4), tolerance=1e-10)


@given(random_parameters(), random_treatments())
@settings(max_examples=100)
def test_value_beside_the_gradient_is_the_curve(parameters: Floats, treatment: Treatment) -> None:
    days = days_of(treatment)
    endogenous, infused, _ = value_and_gradient(parameters, treatment, days)
    expected_endogenous, expected_infused = igg_curve(parameters, treatment.schedule(), days)
    np.testing.assert_allclose(endogenous, expected_endogenous, rtol=1e-11, atol=1e-25)
    np.testing.assert_allclose(infused, expected_infused, rtol=1e-11, atol=1e-25)


@given(random_parameters(), random_treatments())
@settings(max_examples=100)
def test_gradient_of_a_weighted_sum_is_the_weighted_sum_of_gradients(parameters: Floats, treatment: Treatment) -> None:
    days, schedule = days_of(treatment), treatment.schedule()
    course = new_course(schedule, days.size + 2)  # more room than needed, as in a cohort, and used before
    found = np.zeros(len(PARAMETERS))
    for scale in (7.0, 1.0):
        course.weights[: days.size] = scale * np.cos(np.arange(days.size))
        found[:] = 0.0
        walk(scale * parameters, schedule, days, course)
        add_weighted_gradient(scale * parameters, course, days.size, found)
    endogenous, infused, gradient = value_and_gradient(parameters, treatment, days)
    terms = np.cos(np.arange(days.size))[:, None] * gradient
    size = np.maximum(np.abs(terms).max(axis=0), np.max(endogenous + infused))  # where terms cancel, rounding is left
    np.testing.assert_allclose(found / size, terms.sum(axis=0) / size, rtol=1e-9, atol=1e-12)


def test_constant_production_has_no_gradient_in_loss_and_recovery() -> None:
    _, _, gradient = value_and_gradient(vector(S=0.0), TREATMENT, DAYS)
    np.testing.assert_array_equal(gradient[:, [INDEX["S"], INDEX["k_loss"], INDEX["k_rec"]]], 0.0)
