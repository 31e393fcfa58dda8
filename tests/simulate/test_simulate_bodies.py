"""Weights, heights, sexes and covariates of simulated patients mean what they mean in a scenario."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose

from igkinetics.cards.load import load_card
from igkinetics.simulate.run import simulate_cohort

WEIGHT = "{ mean = 70, sd = 14 }"


def test_a_plain_number_stands_for_a_spread_of_none(design: Callable[..., str]) -> None:
    patients = simulate_cohort(design((WEIGHT, "70"))).patients
    assert (patients["weight_kg"] == 70.0).all()


def test_weights_are_drawn_within_the_hard_limits_of_the_card(design: Callable[..., str]) -> None:
    (limit,) = [one for one in load_card("adult_b_cell_depletion").limits if one.covariate == "weight_kg"]
    assert limit.hard is not None
    wide = simulate_cohort(design((WEIGHT, "{ mean = 70, sd = 60 }"), ("n = 6", "n = 120"))).patients["weight_kg"]
    assert wide.between(*limit.hard).all()
    assert wide.min() < 30.0


def test_doses_by_ideal_weight_take_height_and_sex(design: Callable[..., str]) -> None:
    people = f"weight_kg = {WEIGHT}\nheight_cm = {{ mean = 172, sd = 9 }}\nsex = {{ female = 0.5, male = 0.5 }}"
    found = simulate_cohort(
        design((f"weight_kg = {WEIGHT}", people), ("dose_g_per_kg = 0.4", "dose_g_per_kg = 0.4, weight = 'ideal'"))
    )
    patients = found.patients.set_index("patient_id")
    assert set(patients["sex"]) == {"female", "male"}
    for patient_id, amount in found.doses.groupby("patient_id")["amount_g"].first().items():
        row = patients.loc[patient_id]
        ideal = {"male": 50.0, "female": 45.5}[row["sex"]] + 2.3 * (row["height_cm"] / 2.54 - 60.0)  # Devine
        assert_allclose(amount, np.round(0.4 * ideal, 3))


@pytest.mark.parametrize("card", ["adult_b_cell_depletion", "valenzuela_2025"])
def test_the_disposition_is_that_of_the_card_unless_said(design: Callable[..., str], card: str) -> None:
    text = design(('card = "adult_b_cell_depletion"', f'card = "{card}"\nendogenous_card = "adult_b_cell_depletion"'))
    values = simulate_cohort(text).truth_parameters.set_index("parameter")["value"]
    one_compartment = load_card(card).structure.dispositions == ("one_compartment",)
    assert (values["Q"] == 0.0).all() == one_compartment
