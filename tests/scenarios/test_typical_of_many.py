"""Typical values of many patients at once are those of cards.prior for each of them, under every card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.prior import PatientPrior, patient_prior, patient_typical
from igkinetics.virtual.typical import typical_of_many

PEOPLE = {
    "weight_kg": np.array([62.0, 71.0, 98.0]),
    "height_cm": np.array([158.0, 175.0, 186.0]),
    "sex": np.array(["female", "male", "male"]),
    "deficiency": np.array(["primary", "secondary", "primary"]),
    "igm_g_per_l": np.array([0.1, 0.4, 0.21]),
    "disease": np.array(["healthy", "myasthenia_gravis", "healthy"]),
    "subcutaneous_form": np.array(["conventional", "facilitated", "conventional"]),
}


def prior_of_anyone(card_id: str, disposition: str, person: dict[str, float | str]) -> PatientPrior:
    """Also of a limited card: only its disposition and what no covariate acts on are read."""
    card = load_card(card_id)
    values = patient_typical(card, float(person["weight_kg"]), ("blinatumomab",), disposition, person)[1]
    default = patient_prior(load_card("adult_b_cell_depletion"), weight_kg=70.0, agents=(), disposition=disposition)
    return replace(default, card_id=card_id, typical=values)


@pytest.mark.parametrize("card_id", [name for name in list_cards() if name != "tegenge_2020"])
def test_many_are_as_each(card_id: str) -> None:
    card = load_card(card_id)
    patients = [{name: column[place].item() for name, column in PEOPLE.items()} for place in range(3)]
    for disposition in card.structure.dispositions:
        prior = prior_of_anyone(card_id, disposition, patients[0])
        found = typical_of_many(card, prior, PEOPLE, 3)
        for place, person in enumerate(patients):
            agents = ("blinatumomab",)
            each = patient_typical(card, float(person["weight_kg"]), agents, disposition, person)[1]
            for name, value in each.items():
                np.testing.assert_allclose(found[name][place], value, rtol=1e-12, err_msg=f"{name} of {person}")
