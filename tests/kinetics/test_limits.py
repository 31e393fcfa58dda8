"""Limits, steady states and the textbook identities of a linear system."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from awkward_patients import TREATMENT, disposition_rates
from scipy.integrate import quad
from treatments import Dose, Treatment, vector

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats

DAYS = np.linspace(0.5, 200.0, 40)
BOTH_DISPOSITIONS = pytest.mark.parametrize("exchange", [0.0, 0.55], ids=["one_compartment", "two_compartment"])
ONE_DOSE = Treatment(doses=(Dose(day=0.0, amount_g=28.0),))


def total(parameters: Floats, treatment: Treatment, days: Floats = DAYS) -> Floats:
    endogenous, infused = igg_curve(parameters, treatment.schedule(), days)
    return endogenous + infused


def convergence(changes: list[float], expected: Floats, found: list[Floats]) -> None:
    """The distance to the limit falls in proportion to the change, to 5 %."""
    distances = [float(np.max(np.abs(curve - expected))) for curve in found]
    for (large, far), (small, near) in pairwise(zip(changes, distances, strict=True)):
        assert near / far == pytest.approx(small / large, rel=0.05)


def test_no_exchange_is_one_compartment() -> None:
    exchanges = [1e-4, 1e-6, 1e-8]
    expected = total(vector(Q=0.0), TREATMENT)
    convergence(exchanges, expected, [total(vector(Q=q), TREATMENT) for q in exchanges])


def test_fast_exchange_is_one_larger_compartment() -> None:
    exchanges = [1e3, 1e4, 1e5]
    expected = total(vector(Q=0.0, V1=3.2 + 2.0), TREATMENT, DAYS)
    convergence([1.0 / q for q in exchanges], expected, [total(vector(Q=q), TREATMENT) for q in exchanges])


@BOTH_DISPOSITIONS
def test_fast_loss_is_step_loss(exchange: float) -> None:
    rates = [1e3, 1e4, 1e5]
    expected = total(vector(Q=exchange, k_loss=np.inf), TREATMENT)
    found = [total(vector(Q=exchange, k_loss=rate), TREATMENT) for rate in rates]
    convergence([1.0 / rate for rate in rates], expected, found)


@BOTH_DISPOSITIONS
def test_fast_absorption_is_an_intravenous_bolus_times_bioavailability(exchange: float) -> None:
    rates = [1e3, 1e4, 1e5]
    subcutaneous = Treatment(doses=(Dose(day=0.0, amount_g=28.0, subcutaneous=True),))
    intravenous = Treatment(doses=(Dose(day=0.0, amount_g=28.0 * 0.69),))
    expected = total(vector(Q=exchange), intravenous)
    found = [total(vector(Q=exchange, ka=rate), subcutaneous) for rate in rates]
    convergence([1.0 / rate for rate in rates], expected, found)


@BOTH_DISPOSITIONS
@pytest.mark.parametrize("subcutaneous", [False, True])
def test_a_short_infusion_is_a_bolus(exchange: float, subcutaneous: bool) -> None:
    durations = [1e-2, 1e-4, 1e-6]
    expected = total(vector(Q=exchange), Treatment(doses=(Dose(day=0.0, amount_g=28.0, subcutaneous=subcutaneous),)))
    found = [
        total(
            vector(Q=exchange),
            Treatment(doses=(Dose(day=0.0, amount_g=28.0, duration_day=length, subcutaneous=subcutaneous),)),
        )
        for length in durations
    ]
    convergence(durations, expected, found)


@BOTH_DISPOSITIONS
def test_a_long_infusion_tends_to_its_rate_over_clearance(exchange: float) -> None:
    parameters = vector(Q=exchange, C_base=0.0, C_init=0.0)
    drip = Treatment(doses=(Dose(day=0.0, amount_g=2.0 * 5000.0, duration_day=5000.0),))
    assert total(parameters, drip, np.array([4000.0]))[0] == pytest.approx(2.0 / 0.155, rel=1e-12)


@BOTH_DISPOSITIONS
def test_the_baseline_is_a_fixed_point(exchange: float) -> None:
    parameters = vector(Q=exchange, C_init=6.0)
    np.testing.assert_allclose(total(parameters, Treatment()), 6.0, rtol=1e-14)


@BOTH_DISPOSITIONS
def test_every_start_tends_to_the_baseline(exchange: float) -> None:
    assert total(vector(Q=exchange, C_init=1.0), Treatment(), np.array([5000.0]))[0] == pytest.approx(6.0, rel=1e-12)


@BOTH_DISPOSITIONS
def test_lasting_therapy_tends_to_the_share_that_needs_no_b_cells(exchange: float) -> None:
    therapy = Treatment(therapy=((0.0, np.inf),))
    last = total(vector(Q=exchange), therapy, np.array([5000.0]))[0]
    assert last == pytest.approx(6.0 * (1.0 - 0.55), rel=1e-12)


@BOTH_DISPOSITIONS
def test_changed_clearance_and_production_move_the_plateau_by_their_quotient(exchange: float) -> None:
    parameters = vector(Q=exchange, C_init=6.0, clearance_ratio=1.25, production_ratio=0.8)
    last = total(parameters, Treatment(modified=(0.0, np.inf)), np.array([5000.0]))[0]
    assert last == pytest.approx(6.0 * 0.8 / 1.25, rel=1e-12)


def test_step_loss_in_one_compartment_is_the_classical_decay_model() -> None:
    parameters = vector(Q=0.0, k_loss=np.inf, k_rec=0.0, C_init=6.0)
    plateau = 6.0 * (1.0 - 0.55)
    expected = plateau + (6.0 - plateau) * np.exp(-0.155 / 3.2 * DAYS)
    np.testing.assert_allclose(total(parameters, Treatment(therapy=((0.0, np.inf),))), expected, rtol=1e-13)


def test_half_remains_after_one_half_life() -> None:
    _, infused = igg_curve(vector(Q=0.0), ONE_DOSE.schedule(), np.array([1e-12, np.log(2) * 3.2 / 0.155]))
    assert infused[0] == pytest.approx(28.0 / 3.2, rel=1e-11)
    assert infused[1] == pytest.approx(0.5 * 28.0 / 3.2, rel=1e-13)


def test_half_remains_after_one_terminal_half_life() -> None:
    _, slow = disposition_rates(vector())
    late = 300.0
    _, infused = igg_curve(vector(), ONE_DOSE.schedule(), np.array([late, late + np.log(2) / slow]))
    assert infused[1] / infused[0] == pytest.approx(0.5, rel=1e-12)


@BOTH_DISPOSITIONS
@pytest.mark.parametrize(
    "dose, absorbed_g",
    [
        (Dose(day=0.0, amount_g=28.0), 28.0),
        (Dose(day=0.0, amount_g=28.0, duration_day=3.0), 28.0),
        (Dose(day=0.0, amount_g=28.0, subcutaneous=True), 28.0 * 0.69),
    ],
    ids=["bolus", "infusion", "subcutaneous"],
)
def test_area_under_one_dose_is_dose_over_clearance(exchange: float, dose: Dose, absorbed_g: float) -> None:
    parameters, schedule = vector(Q=exchange), Treatment(doses=(dose,)).schedule()

    def infused(day: float) -> float:
        return float(igg_curve(parameters, schedule, np.array([day]))[1][0])

    edges = [0.0, 3.0, 20.0, 100.0, 400.0, 2000.0]
    area = sum(quad(infused, a, b, epsabs=0.0, epsrel=1e-11)[0] for a, b in pairwise(edges))
    assert area == pytest.approx(absorbed_g / 0.155, rel=1e-10)


@BOTH_DISPOSITIONS
@pytest.mark.parametrize("subcutaneous", [False, True])
def test_plateau_average_of_a_long_regimen(exchange: float, subcutaneous: bool) -> None:
    """F*dose/(CL*tau), and the trough repeats from one interval to the next."""
    tau, n = 21.0, 150
    doses = tuple(Dose(day=tau * k, amount_g=28.0, subcutaneous=subcutaneous) for k in range(n))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    start = tau * (n - 1)
    edges = start + np.array([0.0, 0.2, 1.0, 4.0, 10.0, tau])
    days = np.concatenate([0.5 * (b - a) * nodes + 0.5 * (a + b) for a, b in pairwise(edges)])
    weight = np.concatenate([0.5 * (b - a) * weights for a, b in pairwise(edges)])
    parameters, schedule = vector(Q=exchange), Treatment(doses=doses).schedule()
    _, infused = igg_curve(parameters, schedule, days)
    absorbed_g = 28.0 * (0.69 if subcutaneous else 1.0)
    assert np.sum(weight * infused) / tau == pytest.approx(absorbed_g / (0.155 * tau), rel=1e-11)
    _, troughs = igg_curve(parameters, schedule, np.array([start - tau, start]))
    assert troughs[1] == pytest.approx(troughs[0], rel=1e-12)
