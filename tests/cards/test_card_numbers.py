"""Units, kinds of variability and the numbers of the shipped cards."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import BaseModel

from igkinetics.cards.covariates import Limit
from igkinetics.cards.expected import CheckInputs, PriorPredictive, Tolerance
from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.model import Card, Citation
from igkinetics.cards.parts import BetweenPatients
from igkinetics.cards.references import parts_of
from igkinetics.provenance import sha256_of_file
from igkinetics.resources import resource_folder

SAY_WHY_THEMSELVES = (Citation, CheckInputs, PriorPredictive, Tolerance, Limit)
"""Tables whose numbers are not values of the model: bibliography, designs and limits (each with a reason)."""


@pytest.fixture(scope="module")
def tiny() -> Card:
    return load_card(Path(__file__).with_name("tiny.toml"))


def test_units_are_converted_to_those_used_inside(tiny: Card) -> None:
    given = {name: parameter.natural for name, parameter in tiny.parameters.given().items()}
    expected = {"CL": 0.2, "V": 4.0, "C_base": 10.0, "k_loss": math.log(2) / 7, "k_rec": 0.024}
    assert given == pytest.approx(expected, rel=1e-12)
    assert tiny.agent_classes["engager"].S.natural == pytest.approx(0.6)
    assert tiny.agent_unknown is not None
    assert tiny.agent_unknown.natural == 0.5


@pytest.mark.parametrize(
    "kind, value, omega",
    [
        ("log_sd", 0.3, 0.3),
        ("cv_percent", 30.0, 0.2935604),
        ("cv_percent", 138.6, 1.0353379),
        ("variance", 0.09, 0.3),
        ("sd_logit", 0.5, 0.5),
    ],
)
def test_variability_becomes_an_sd_on_the_scale(kind: str, value: float, omega: float) -> None:
    between = BetweenPatients.model_validate(
        {"kind": kind, "value": value, "provenance": "x", "uncertainty": "not_reported"}
    )
    assert between.omega == pytest.approx(omega, abs=1e-6)
    if kind == "cv_percent":
        assert between.omega**2 == pytest.approx(math.log(1 + (value / 100) ** 2))


def test_residual_error_as_variance_and_percent(tiny: Card) -> None:
    assert tiny.residual_error is not None
    assert tiny.residual_error.additive_g_per_l == pytest.approx(0.2)  # sqrt(400) mg/dL
    assert tiny.residual_error.proportional_sd == pytest.approx(0.08)


def test_a_card_is_frozen_and_knows_its_bytes() -> None:
    card = load_card("cheng_2026")
    assert card.sha256 == sha256_of_file(resource_folder("models") / "cheng_2026.toml")
    with pytest.raises(ValueError, match="frozen"):
        card.title = "another"  # type: ignore[misc]


@pytest.mark.parametrize("card_id", list_cards())
def test_every_number_has_provenance_and_none_is_remembered(card_id: str) -> None:
    card = load_card(card_id)
    numbers = 0
    for path, part in parts_of(card, ""):
        if isinstance(part, SAY_WHY_THEMSELVES) or part is card:
            continue
        if has_number(part):
            numbers += 1
            name = getattr(part, "provenance", None)
            assert isinstance(name, str), f"{path} holds a number without provenance"
            assert card.provenance[name].kind in ("primary", "review", "derived", "assumption")
    assert numbers >= 5
    assert "memory" not in (resource_folder("models") / card.file).read_text(encoding="utf-8").casefold()


def has_number(part: BaseModel) -> bool:
    values = [value for name in type(part).model_fields for value in [getattr(part, name)]]
    values += [inner for value in values if isinstance(value, dict) for inner in value.values()]
    return any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


@pytest.mark.parametrize("card_id", ["cheng_2026", "tortorici_2019"])
def test_published_cards_hold_the_published_figures(card_id: str) -> None:
    published = {
        "cheng_2026": {"CL": 0.308, "V1": 3.59, "Q": 1.08, "V2": 7.37, "C_base": 5.67},
        "tortorici_2019": {"CL": 0.152, "V1": 3.08, "Q": 0.825, "V2": 1.80, "C_base": 4.0},
    }
    given = load_card(card_id).parameters.given()
    assert {name: parameter.natural for name, parameter in given.items()} == published[card_id]
