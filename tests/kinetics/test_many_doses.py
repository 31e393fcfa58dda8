"""Five hundred doses against the direct sum of the one-dose solution, written out from the literature form."""

from __future__ import annotations

import numpy as np
import pytest
from awkward_patients import disposition_rates
from treatments import Dose, Treatment, vector

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import KA, V1, V2, F, Floats, Q

N_DOSES = 500
DAYS = np.linspace(1.0, 4000.0, 97)


def mode_weights(parameters: Floats) -> tuple[tuple[float, float], ...]:
    """(rate, weight) of C1*V1 per gram into the centre: A exp(-alpha t) + B exp(-beta t) of the textbooks."""
    if parameters[Q] == 0.0:
        return ((0.155 / 3.2, 1.0),)
    fast, slow = disposition_rates(parameters)
    k21 = parameters[Q] / parameters[V2]
    return (fast, (fast - k21) / (fast - slow)), (slow, (k21 - slow) / (fast - slow))


def one_dose(parameters: Floats, dose: Dose, days: Floats) -> Floats:
    """g/L at `days` after one bolus or infusion into the centre, or one bolus under the skin."""
    since = np.maximum(days - dose.day, 0.0)
    level = np.zeros(days.size)
    for rate, weight in mode_weights(parameters):
        if dose.subcutaneous:
            ka = parameters[KA]
            part = parameters[F] * dose.amount_g * ka / (ka - rate) * (np.exp(-rate * since) - np.exp(-ka * since))
        elif dose.duration_day == 0.0:
            part = dose.amount_g * np.exp(-rate * since)
        else:
            during = np.minimum(since, dose.duration_day)
            part = dose.amount_g / dose.duration_day * -np.expm1(-rate * during) / rate
            part *= np.exp(-rate * (since - during))
        level += np.where(days > dose.day, weight * part / parameters[V1], 0.0)
    return level


@pytest.mark.parametrize("exchange", [0.0, 0.55], ids=["one_compartment", "two_compartment"])
@pytest.mark.parametrize("route", ["bolus", "infusion", "subcutaneous", "mixed"])
def test_five_hundred_doses_are_five_hundred_single_doses(exchange: float, route: str) -> None:
    generator = np.random.default_rng(500)
    parameters = vector(Q=exchange)
    kinds = ["bolus", "infusion", "subcutaneous"] if route == "mixed" else [route]
    doses = tuple(
        Dose(
            day=float(day),
            amount_g=float(generator.uniform(5.0, 60.0)),
            duration_day=float(generator.uniform(0.01, 20.0)) if kind == "infusion" else 0.0,
            subcutaneous=kind == "subcutaneous",
        )
        for day, kind in zip(generator.uniform(0.0, 3900.0, N_DOSES), generator.choice(kinds, N_DOSES), strict=True)
    )
    _, infused = igg_curve(parameters, Treatment(doses=doses).schedule(), DAYS)
    expected = sum(one_dose(parameters, dose, DAYS) for dose in doses)
    np.testing.assert_allclose(infused, expected, rtol=1e-10)


def test_repeated_doses_sum_to_a_geometric_series() -> None:
    n, tau = 500, 21.0
    left = np.exp(-0.155 / 3.2 * tau)
    doses = tuple(Dose(day=tau * k, amount_g=30.0) for k in range(n))
    _, infused = igg_curve(vector(Q=0.0), Treatment(doses=doses).schedule(), np.array([n * tau]))
    assert infused[0] == pytest.approx(30.0 / 3.2 * left * (1 - left**n) / (1 - left), rel=1e-12)
