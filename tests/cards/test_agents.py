"""Names of therapies and the class of S they belong to."""

from __future__ import annotations

import pytest

from igkinetics.cards.agents import agent_class, production_share
from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card


@pytest.fixture(scope="module")
def default() -> Card:
    return load_card("adult_b_cell_depletion")


@pytest.mark.parametrize(
    "name, found",
    [
        ("blinatumomab", "cd19"),
        ("  BLINATUMOMAB ", "cd19"),
        ("Blincyto", "cd19"),
        ("CAR-T CD19", "cd19"),
        ("anti-CD19 CAR-T cells", "cd19"),
        ("CD19 CAR T", "cd19"),
        ("cd19_cart", "cd19"),
        ("Axi-Cel", "cd19"),
        ("brexucabtagene autoleucel", "cd19"),
        ("teclistamab", "bcma"),
        ("teclistamab-cqyv", "bcma"),
        ("BCMA CAR-T", "bcma"),
        ("ciltacabtagene  autoleucel", "bcma"),
        ("rituximab", "anti_cd20"),
        ("rituximab-abbs", "anti_cd20"),
        ("Ocrelizumab", "anti_cd20"),
        ("glofitamab", ""),
        ("tafasitamab", ""),
        ("belantamab mafodotin", ""),
        ("CAR-T", ""),
        ("steroids", ""),
        ("not blinatumomab", ""),
        ("blinatumomab later rituximab", ""),
    ],
)
def test_a_name_belongs_to_a_class(default: Card, name: str, found: str) -> None:
    assert agent_class(default, name) == found


def logit_and_notes(card: Card, *agents: str) -> tuple[float, float, tuple[str, ...]]:
    share, notes = production_share(card, agents)
    assert not isinstance(share.uncertainty, str)
    return share.value, share.uncertainty.sd, notes


def test_cycles_of_one_agent_are_one_class(default: Card) -> None:
    assert logit_and_notes(default, "blinatumomab", "Blinatumomab", "tisagenlecleucel") == (0.2, 0.85, ())


def test_a_row_without_agent_does_not_hide_the_others(default: Card) -> None:
    assert logit_and_notes(default, "", "teclistamab") == (2.2, 0.8, ())


def test_no_agent_gets_the_wide_share(default: Card) -> None:
    expected = (0.2, 1.4, ("no agent named: the wide S of an unknown agent is used",))
    assert logit_and_notes(default) == logit_and_notes(default, "", " ") == expected


def test_an_agent_outside_the_domain_is_named(default: Card) -> None:
    note = "agent Glofitamab is outside the domain of adult_b_cell_depletion: the wide S is used"
    assert logit_and_notes(default, "blinatumomab", "Glofitamab") == (0.2, 1.4, (note,))


def test_a_class_outside_the_soft_domain_keeps_its_share_and_is_named(default: Card) -> None:
    note = "agent rituximab (anti-CD20 antibody) is outside the soft domain of adult_b_cell_depletion"
    assert logit_and_notes(default, "rituximab") == (-1.7, 0.8, (note,))


@pytest.mark.parametrize("agents", [("blinatumomab", "rituximab"), ("blinatumomab + rituximab",)])
def test_agents_of_two_classes_get_the_wide_share(default: Card, agents: tuple[str, ...]) -> None:
    note = "agents of several classes (CD19-directed, anti-CD20 antibody): the wide S is used"
    assert logit_and_notes(default, *agents) == (0.2, 1.4, (note,))
