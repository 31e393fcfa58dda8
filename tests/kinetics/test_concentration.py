"""igk.concentration: what it returns, and every fault of a call at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numerical_ode import ode_levels
from treatments import ADULT, Dose, Treatment, vector

from igkinetics.errors import InputError
from igkinetics.kinetics.concentration import concentration
from igkinetics.kinetics.curves import igg_curve

STRUCTURE = {"disposition": "two_compartment", "production": "loss_and_recovery"}
ONE = {"CL": 0.155, "V1": 3.2, "C_base": 6.0}


def test_columns_and_their_sum() -> None:
    doses = pd.DataFrame({"day": [0.0, 28.0], "amount_g": [28.0, 28.0]})
    table = concentration([1.0, 30.0], ONE, doses)
    assert list(table.columns) == ["day", "total", "endogenous", "infused"]
    np.testing.assert_array_equal(table["total"], table["endogenous"] + table["infused"])
    np.testing.assert_allclose(table["endogenous"], 6.0, rtol=1e-14)
    left = np.exp(-0.155 / 3.2 * np.array([1.0, 30.0, 2.0]))
    np.testing.assert_allclose(table["infused"], 28.0 / 3.2 * np.array([left[0], left[1] + left[2]]), rtol=1e-13)


def test_the_default_structure_against_the_ode_solver() -> None:
    """Hours, routes, an empty duration, ongoing therapy, overlapping rows in any order, a negative start."""
    doses = pd.DataFrame(
        {
            "day": [20.0, -2.0, 33.0],
            "amount_g": [10.0, 28.0, 35.0],
            "duration_h": [np.nan, 4.0, 0.0],
            "route": ["sc", "iv", "iv"],
        }
    )
    therapy = pd.DataFrame({"start": [60.0, 10.0, 0.0, 28.0], "stop": [None, 28.0, 14.0, 30.0]})
    days = np.array([-4.0, -1.9, 5.0, 25.0, 33.0, 50.0, 70.0, 200.0])
    table = concentration(days, ADULT, doses, therapy, start_day=-5.0, **STRUCTURE)
    treatment = Treatment(
        start_day=-5.0,
        doses=(
            Dose(day=-2.0, amount_g=28.0, duration_day=4 / 24),
            Dose(day=20.0, amount_g=10.0, subcutaneous=True),
            Dose(day=33.0, amount_g=35.0),
        ),
        therapy=((0.0, 30.0), (60.0, np.inf)),
    )
    endogenous, infused = ode_levels(vector(), treatment, days)
    np.testing.assert_allclose(table["endogenous"], endogenous, rtol=1e-9)
    np.testing.assert_allclose(table["infused"], infused, rtol=1e-9, atol=1e-11)


def test_a_sample_at_the_moment_of_a_dose_sees_the_level_before_it() -> None:
    doses = pd.DataFrame({"day": [0.0, 28.0], "amount_g": [28.0, 28.0]})
    table = concentration([0.0, 28.0], ONE, doses)
    assert list(table["infused"]) == [0.0, pytest.approx(28.0 / 3.2 * np.exp(-0.155 / 3.2 * 28.0), rel=1e-13)]


def test_days_come_back_in_the_order_given() -> None:
    doses = pd.DataFrame({"day": [3.0], "amount_g": [28.0]})
    days = [40.0, 1.0, 7.0, 7.0, 2.0]
    table = concentration(days, ONE, doses)
    ordered = concentration(sorted(days), ONE, doses).set_index("day")["total"].groupby(level=0).first()
    assert list(table["day"]) == days
    assert list(table["total"]) == [ordered[day] for day in days]


def test_overlapping_and_touching_therapy_rows_are_one_therapy() -> None:
    rows = pd.DataFrame({"start": [20.0, 0.0, 10.0], "stop": [30.0, 12.0, 20.0]})
    joined = pd.DataFrame({"start": [0.0], "stop": [30.0]})
    days = np.linspace(0.0, 90.0, 31)
    pd.testing.assert_frame_equal(
        concentration(days, ADULT, therapy=rows, **STRUCTURE), concentration(days, ADULT, therapy=joined, **STRUCTURE)
    )


def test_without_therapy_production_is_constant() -> None:
    table = concentration([10.0, 100.0], {**ADULT, "C_init": 6.0}, **STRUCTURE)
    np.testing.assert_allclose(table["total"], 6.0, rtol=1e-14)


def test_the_initial_level_is_the_baseline_unless_given() -> None:
    assert concentration(0.0, ONE)["total"].item() == 6.0
    assert concentration(0.0, {**ONE, "C_init": 4.5})["total"].item() == 4.5


def test_no_endogenous_igg() -> None:
    doses = pd.DataFrame({"day": [0.0], "amount_g": [28.0]})
    table = concentration([5.0], {**ONE, "C_base": 0.0}, doses)
    assert table["endogenous"].item() == 0.0
    assert table["total"].item() == table["infused"].item() > 0.0


def message_of(*arguments: object, **keywords: object) -> str:
    with pytest.raises(InputError) as caught:
        concentration(*arguments, **keywords)  # type: ignore[arg-type]
    return str(caught.value)


def test_all_faults_at_once() -> None:
    doses = pd.DataFrame(
        {"day": [-1.0, 3.0], "amount_g": [28.0, -2.0], "duration_h": [0.0, -4.0], "route": ["iv", "sc"]}
    )
    therapy = pd.DataFrame({"start": [0.0, -7.0, 10.0], "stop": [20.0, 5.0, 5.0]})
    parameters = {"CL": -0.1, "V1": 0.0, "C_base": 6.0, "S": 1.5, "clearance": 3.0}
    expected = """\
parameters: 9 problems
  Q: found 'missing'; two_compartment/gradual_loss needs it
  V2: found 'missing'; two_compartment/gradual_loss needs it
  k_loss: found 'missing'; two_compartment/gradual_loss needs it
  ka: found 'missing'; two_compartment/gradual_loss needs it
  F: found 'missing'; two_compartment/gradual_loss needs it
  CL: found '-0.1'; must be 0 or more
  V1: found '0.0'; must be above 0
  S: found '1.5'; must be within [0, 1]
  clearance: found '3.0'; no such parameter; known are CL, V1, Q, V2, ka, F, C_base, C_init, S, k_loss, k_rec, \
clearance_ratio, production_ratio
call: 2 problems
  day: found '-2'; must be finite, and start_day (0) or later
  day: found 'nan'; must be finite, and start_day (0) or later
doses: 3 problems
  day: found '-1'; must be finite, and start_day (0) or later
  amount_g: found '-2'; must be 0 or more and finite
  duration_h: found '-4'; must be 0 or more and finite
therapy: 2 problems
  start: found '-7'; must be finite, and start_day (0) or later
  stop: found '5'; must be after its start, 10"""
    found = message_of([1.0, -2.0, np.nan], parameters, doses, therapy, "two_compartment", "gradual_loss")
    assert found == expected


def test_unreadable_tables_are_named_with_the_rest() -> None:
    doses = pd.DataFrame({"day": [1.0, 2.0], "amount": [28.0, 28.0], "route": ["oral", "iv"]})
    therapy = pd.DataFrame({"begin": [0.0], "stop": ["never"]})
    expected = """\
parameters: 1 problem
  V1: found 'missing'; one_compartment/constant needs it
doses: 2 problems
  amount_g: found 'no such column'; needs amount_g
  route: found 'oral'; must be iv or sc
therapy: 2 problems
  start: found 'no such column'; needs start
  stop: found 'never'; must be a number
call: 1 problem
  day: found '-1'; must be finite, and start_day (0) or later"""
    assert message_of([-1.0], {"CL": 0.1, "C_base": 6.0}, doses, therapy) == expected


def test_unknown_structures_name_the_known_ones() -> None:
    expected = """\
call: 2 problems
  disposition: found 'three'; one of one_compartment, two_compartment
  production: found 'none'; one of constant, step_loss, gradual_loss, loss_and_recovery"""
    assert message_of([1.0], ONE, None, None, "three", "none") == expected


@pytest.mark.parametrize(
    "doses",
    [pd.DataFrame({"day": [np.inf], "amount_g": [28.0]}), pd.DataFrame({"day": [1.0], "amount_g": [np.inf]})],
    ids=["day", "amount"],
)
def test_what_is_infinite_is_refused(doses: pd.DataFrame) -> None:
    assert "found 'inf'" in message_of([1.0], ONE, doses)


def test_an_infinite_parameter_is_refused() -> None:
    expected = "parameters: 1 problem\n  CL: found 'inf'; must be finite"
    assert message_of([1.0], {**ONE, "CL": np.inf}) == expected


@pytest.mark.parametrize("q", [0.0, 0.55], ids=["one_compartment", "two_compartment"])
def test_days_of_a_grid_have_the_levels_of_days_asked_for_one_by_one(q: float) -> None:
    """Equal steps share their exponentials: on and off therapy, under infusion, with a depot, after a bolus."""
    doses = (Dose(day=3.0, amount_g=30.0), Dose(day=40.0, amount_g=20.0, duration_day=25.0))
    under_skin = (Dose(day=70.0, amount_g=10.0, subcutaneous=True), Dose(day=71.5, amount_g=9.0, subcutaneous=True))
    schedule = Treatment(doses=doses + under_skin, therapy=((10.0, 30.0), (55.0, 80.0))).schedule()
    parameters = vector(Q=q)
    days = np.concatenate([np.arange(0.0, 100.0, 0.7), 100.0 + np.linspace(0.0, 60.0, 121)])
    alone = np.array([igg_curve(parameters, schedule, days[[n]]) for n in range(days.size)])[:, :, 0].T
    for found, expected in zip(igg_curve(parameters, schedule, days), alone, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
