"""Areas under the curve: against quadrature of the curve between events, mass balance, and AUC = dose/CL."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from awkward_patients import PATIENTS, TREATMENT
from hypothesis import given, settings
from treatments import Dose, Treatment, random_parameters, random_treatments, vector

from igkinetics.kinetics.areas import areas_of_many
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import CL, Floats

NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)


def quadrature(parameters: Floats, treatment: Treatment, start: float, end: float, longest: float) -> Floats:
    """Gauss-Legendre in panels between events, each at most `longest` days; (2,) endogenous and infused."""
    edges = [start, *(day for day in treatment.event_days() if start < day < end), end]
    total = np.zeros(2)
    for low, high in pairwise(edges):
        cuts = np.linspace(low, high, int(np.ceil((high - low) / longest)) + 1)
        for a, b in pairwise(cuts):
            days = 0.5 * (a + b) + 0.5 * (b - a) * NODES
            levels = igg_curve(parameters, treatment.schedule(), days)
            total += 0.5 * (b - a) * np.array([part @ WEIGHTS for part in levels])
    return total


@given(random_parameters(), random_treatments())
@settings(max_examples=60)
def test_areas_agree_with_quadrature_of_the_curve(parameters: Floats, treatment: Treatment) -> None:
    start, end = treatment.start_day + 7.3, 171.0
    found = areas_of_many(parameters[None, :], treatment.schedule(), start, end)[0]
    np.testing.assert_allclose(found, quadrature(parameters, treatment, start, end, 0.5), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in PATIENTS if "huge" not in name])
def test_areas_of_awkward_rates(name: str) -> None:
    found = areas_of_many(PATIENTS[name][None, :], TREATMENT.schedule(), -3.0, 90.0)[0]
    np.testing.assert_allclose(found, quadrature(PATIENTS[name], TREATMENT, -3.0, 90.0, 0.25), rtol=1e-8)


@pytest.mark.parametrize("name", ["huge rates", "huge exchange", "huge periphery"])
def test_areas_obey_mass_balance_where_quadrature_would_need_too_many_points(name: str) -> None:
    """Infused: CL times the area is what was given less what is still there, years later next to nothing."""
    theta = PATIENTS[name]
    given_g = sum(dose.amount_g * (theta[5] if dose.subcutaneous else 1.0) for dose in TREATMENT.doses)
    treatment = Treatment(start_day=-3.0, doses=TREATMENT.doses, therapy=TREATMENT.therapy)
    end = 5e6
    area = areas_of_many(theta[None, :], treatment.schedule(), -3.0, end)[0, 1]
    np.testing.assert_allclose(theta[CL] * area, given_g, rtol=1e-9)


@pytest.mark.parametrize("Q", [0.0, 0.55])
def test_the_whole_area_of_a_dose_is_dose_over_clearance(Q: float) -> None:
    theta = vector(Q=Q, C_base=0.0, C_init=0.0)
    treatment = Treatment(doses=(Dose(day=3.0, amount_g=28.0, duration_day=0.2),))
    area = areas_of_many(theta[None, :], treatment.schedule(), 0.0, 4000.0)[0]
    np.testing.assert_allclose(area, [0.0, 28.0 / theta[CL]], rtol=1e-12)


def test_at_steady_state_the_mean_is_the_baseline() -> None:
    theta = vector(S=0.0, C_init=6.0)
    area = areas_of_many(theta[None, :], Treatment().schedule(), 10.0, 190.0)[0]
    np.testing.assert_allclose(area / 180.0, [6.0, 0.0], rtol=1e-13)


def test_areas_add_up_over_parts_of_the_window() -> None:
    schedule, theta = TREATMENT.schedule(), vector(clearance_ratio=1.3, production_ratio=0.8)
    whole = areas_of_many(theta[None, :], schedule, -1.0, 130.0)
    parts = sum(areas_of_many(theta[None, :], schedule, a, b) for a, b in ((-1.0, 20.0), (20.0, 41.0), (41.0, 130.0)))
    np.testing.assert_allclose(parts, whole, rtol=1e-13)
