"""Shipped cards reproduce what they must, and checks notice a card that does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from igkinetics.cards.check import check_card, quadrature
from igkinetics.cards.describe import cards_table, describe_card, describe_checks
from igkinetics.cards.expected import CheckInputs
from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.model import Card
from igkinetics.cards.prior_predictive import predicted_cohort


@pytest.mark.parametrize("card_id", list_cards())
def test_shipped_cards_reproduce_their_figures(card_id: str) -> None:
    results = check_card(load_card(card_id))
    assert [result for result in results if not result.ok] == []
    assert len(results) >= 2
    assert all(result.origin for result in results)


def with_parameter(card: Card, name: str, **changes: object) -> Card:
    parameter = getattr(card.parameters, name).model_copy(update=changes)
    return card.model_copy(update={"parameters": card.parameters.model_copy(update={name: parameter})})


def failed(card: Card) -> set[str]:
    return {result.quantity for result in check_card(card) if not result.ok}


def test_a_wrong_clearance_is_noticed() -> None:
    card = with_parameter(load_card("tortorici_2019"), "CL", value=0.1525)
    assert failed(card) >= {"infused_auc_at_steady_state", "terminal_half_life", "trough_gain_at_steady_state"}
    assert "auc_after_first_dose" in failed(with_parameter(load_card("cheng_2026"), "C_base", value=4.0))


def test_a_wrong_default_prior_is_noticed() -> None:
    card = load_card("adult_b_cell_depletion")
    assert "pre_therapy_mean" in failed(with_parameter(card, "C_base", value=6.8))
    milder = card.agent_classes["cd19"].S.model_copy(update={"value": -0.5})
    classes = {**card.agent_classes, "cd19": card.agent_classes["cd19"].model_copy(update={"S": milder})}
    assert failed(card.model_copy(update={"agent_classes": classes})) >= {
        "later_mean",
        "later_share_at_most",
        "nadir_mean",
    }


def test_the_virtual_cohort_is_the_same_each_time_and_follows_its_design() -> None:
    card = load_card("adult_b_cell_depletion")
    assert card.prior_predictive is not None
    design = card.prior_predictive.model_copy(update={"n_patients": 300})
    cohort, again = predicted_cohort(card, design), predicted_cohort(card, design)
    np.testing.assert_array_equal(cohort.later, again.later)
    assert cohort.later.shape == (300, 12)  # days 42, 56, ..., 196
    assert np.all(cohort.nadir > 0)
    fewer = predicted_cohort(card, design.model_copy(update={"cycles": 2}))
    assert fewer.later.mean() > cohort.later.mean() + 0.3


def test_the_auc_of_a_first_dose_agrees_with_an_ode_solver() -> None:
    weight = 18.6
    cl, q = 0.308 * (weight / 70) ** 0.75, 1.08 * (weight / 70) ** 0.75
    v1, v2 = 3.59 * weight / 70, 7.37 * weight / 70

    def rates(day: float, state: np.ndarray) -> list[float]:
        one, two, _ = state
        return [-(cl + q) / v1 * one + q / v2 * two, q / v1 * one - q / v2 * two, one / v1]

    solution = solve_ivp(rates, (0, 28), [0.5 * weight, 0, 0], rtol=1e-10, atol=1e-12)
    expected = solution.y[2, -1] + 5.67 * 28
    found = [result.found for result in check_card(load_card("cheng_2026")) if "dose_g_per_kg 0.5" in result.inputs]
    assert found[0] == pytest.approx(expected, rel=1e-8)


def test_quadrature_is_exact_for_exponentials() -> None:
    day, weight = quadrature(0.0, 28.0)
    for rate in (0.001, 0.05, 2.0, 30.0):
        assert weight @ np.exp(-rate * day) == pytest.approx(-np.expm1(-rate * 28) / rate, rel=1e-10)


def test_the_table_of_cards_names_each_with_its_doi() -> None:
    table = cards_table().set_index("id")
    assert list(table.index) == list(list_cards())
    assert table.loc["cheng_2026", "doi"] == "10.1002/bcp.70420"
    assert table.loc["cheng_2026", "n_patients"] == "64"
    assert table.loc["adult_b_cell_depletion", "n_patients"] == ""
    assert table.loc["dumas_2019", ["use", "routes"]].tolist() == ["typical_only", "iv and sc"]


@pytest.mark.parametrize("card_id", list_cards())
def test_the_description_holds_every_number_doubt_and_citation(card_id: str) -> None:
    card = load_card(card_id)
    text = " ".join(describe_card(card).split())
    for name, parameter in card.parameters.given().items():
        assert f"{name} = " in text
        assert f"{parameter.value:g}" in text
    for doubt in card.doubts:
        assert doubt in text
    for citation in card.citations.values():
        assert citation.authors in text
        assert citation.doi in text
    for provenance in card.provenance.values():
        said = provenance.place or provenance.arithmetic or provenance.reason
        assert " ".join(said.split()) in text or said in described_checks(card)


def described_checks(card: Card) -> str:
    return " ".join(result.origin for result in check_card(card))


def test_a_failed_check_says_so() -> None:
    card = with_parameter(load_card("tortorici_2019"), "CL", value=0.2)
    lines = describe_checks(check_card(card)).splitlines()
    assert lines[0] == (
        "FAILED tortorici_2019 infused_auc_at_steady_state (weight_kg 70, dose_g_per_kg 0.4, interval_day 28, "
        "deficiency primary): found 143.17, expected 188.39 +- 0.188 g*day/L"
    )


def test_inputs_of_a_check_are_a_closed_list() -> None:
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        CheckInputs.model_validate({"weight": 70.0})
