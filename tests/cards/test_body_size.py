"""Weights against worked examples printed by others, and against the formulas written in other units."""

from __future__ import annotations

import numpy as np
import pytest

from igkinetics.cards.body_size import (
    Sex,
    adjusted_weight_kg,
    dosing_weight_kg,
    ideal_weight_kg,
    lean_body_mass_kg,
    sex_of,
    weight_defects,
)

LB_PER_KG = 1 / 0.45359237


@pytest.mark.parametrize(
    "weight, height, sex, expected",
    [
        (70.0, 170.0, "male", 54.68),  # reference data of the immunoglobulin models: lean mass 54.68 kg
        (80.0, 180.0, "male", 61.42),  # worked examples printed with published calculators
        (60.0, 160.0, "female", 42.5),
        (62.0, 165.0, "female", 45.369),
    ],
)
def test_lean_mass_of_printed_examples(weight: float, height: float, sex: Sex, expected: float) -> None:
    assert lean_body_mass_kg(weight, height, sex) == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("sex, at_five_feet", [("male", 50.0), ("female", 45.5)])
def test_ideal_weight_counts_inches(sex: Sex, at_five_feet: float) -> None:
    """Printed example: a man of 70 inches has 73 kg. Written here in pounds and feet."""
    for feet, inches in ((5, 0), (5, 4), (5, 10), (6, 3)):
        pounds = at_five_feet * LB_PER_KG + 2.3 * LB_PER_KG * (12 * feet + inches - 60)
        found = ideal_weight_kg((12 * feet + inches) * 2.54, sex)
        assert found * LB_PER_KG == pytest.approx(pounds, rel=1e-12)
    assert ideal_weight_kg(177.8, "male") == pytest.approx(73.0)


def test_adjusted_weight_lies_two_fifths_of_the_way() -> None:
    ideal = ideal_weight_kg(177.8, "male")
    assert adjusted_weight_kg(123.0, 177.8, "male") == pytest.approx(73.0 + 20.0)
    assert adjusted_weight_kg(ideal, 177.8, "male") == pytest.approx(ideal)
    share = (adjusted_weight_kg(110.0, 165.0, "female") - 110.0) / (ideal_weight_kg(165.0, "female") - 110.0)
    assert share == pytest.approx(0.6)


def test_a_basis_names_its_formula_and_arrays_broadcast() -> None:
    weight, height = np.array([60.0, 90.0, 140.0]), np.array([160.0, 175.0, 190.0])
    assert dosing_weight_kg("actual", weight, height, "male") is weight
    for basis, formula in (("lean", lean_body_mass_kg), ("adjusted", adjusted_weight_kg)):
        each = [formula(w, h, "female") for w, h in zip(weight, height, strict=True)]
        np.testing.assert_allclose(dosing_weight_kg(basis, weight, height, "female"), each)
    np.testing.assert_allclose(
        dosing_weight_kg("ideal", weight, height, "male"), [ideal_weight_kg(h, "male") for h in height]
    )


def test_leaving_the_domain_of_a_formula_is_said() -> None:
    assert weight_defects("actual", 12.0, 85.0, "female") == ()
    assert weight_defects("lean", 70.0, 170.0, "male") == ()
    assert "152.4 cm" in weight_defects("ideal", 20.0, 110.0, "male")[0]
    assert "above the actual" in weight_defects("adjusted", 50.0, 180.0, "male")[0]
    assert "more than the actual" in weight_defects("lean", 30.0, 175.0, "female")[0]


@pytest.mark.parametrize(
    "text, sex", [("F", "female"), (" Male ", "male"), ("woman", "female"), ("m", "male"), ("", None), ("x", None)]
)
def test_sexes_as_records_write_them(text: str, sex: Sex | None) -> None:
    assert sex_of(text) == sex
