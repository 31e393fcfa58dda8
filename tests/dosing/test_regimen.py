"""Calendar doses and vials, against the arithmetic done by hand."""

from __future__ import annotations

import pytest
from numpy.testing import assert_array_equal

from igkinetics.dosing.doses import Body, amounts_g, calendar_doses
from igkinetics.dosing.regimen import Regimen


def test_a_calendar_doses_from_the_start_until_before_the_stop() -> None:
    regimen = Regimen(dose_g_per_kg=0.4, interval_day=21.0, start_day=-7.0, stop_day=56.0)
    doses = calendar_doses(regimen, weight_kg=72.5, horizon_day=365.0)
    assert_array_equal(doses.day, [-7, 14, 35])
    assert_array_equal(doses.amount_g, [29.0] * 3)
    assert_array_equal(doses.is_sc, [False] * 3)


def test_the_horizon_is_not_dosed() -> None:
    regimen = Regimen(dose_g=30.0, interval_day=28.0)
    assert_array_equal(calendar_doses(regimen, 60.0, 84.0).day, [0, 28, 56])
    assert_array_equal(calendar_doses(regimen, 60.0, 84.5).day, [0, 28, 56, 84])


def test_a_loading_dose_takes_the_place_of_the_first() -> None:
    regimen = Regimen(dose_g=20.0, interval_day=7.0, loading_g_per_kg=0.8, route="sc", duration_h=6.0)
    doses = calendar_doses(regimen, 50.0, 21.0)
    assert_array_equal(doses.amount_g, [40, 20, 20])
    assert_array_equal(doses.duration_day, [0.25] * 3)
    assert_array_equal(doses.is_sc, [True] * 3)


@pytest.mark.parametrize(
    "amount_g, vial_g, rounded_g",
    [(28.9, 2.5, 30.0), (28.7, 2.5, 27.5), (28.75, 2.5, 30.0), (0.6, 2.5, 2.5), (31.0, 10.0, 30.0), (28.9, None, 28.9)],
)
def test_amounts_are_whole_vials(amount_g: float, vial_g: float | None, rounded_g: float) -> None:
    regimen = Regimen(dose_g=amount_g, interval_day=28.0, vial_g=vial_g)
    assert amounts_g(None, amount_g, regimen, Body.of(70.0)) == rounded_g


def test_a_dose_by_another_weight_takes_height_and_sex() -> None:
    regimen = Regimen(dose_g_per_kg=0.4, interval_day=28.0, weight="ideal")
    amount = calendar_doses(regimen, 120.0, 28.0, height_cm=175.26, is_male=True).amount_g
    assert_array_equal(amount, [28.28])  # Devine: 50 kg + 2.3 kg for each of 9 inches above 5 feet
