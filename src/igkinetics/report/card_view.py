"""A model card as a reader sees it: where every number is from, and what is doubtful."""

from __future__ import annotations

from dataclasses import dataclass

from igkinetics import text
from igkinetics.cards.check import origin_text
from igkinetics.cards.consistency import every_parameter
from igkinetics.cards.describe import citation_text
from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.parts import Parameter
from igkinetics.cards.private import AUTHOR, private_cards
from igkinetics.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNumber:
    """One number of a card: its name, the value as published with unit, and where it is from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """standing: of a private card that nobody checked; missing: why the card could not be shown; else empty."""

    card_id: str
    sha256: str
    title: str = ""
    population: str = ""
    citations: tuple[str, ...] = ()
    numbers: tuple[CardNumber, ...] = ()
    doubts: tuple[str, ...] = ()
    standing: str = ""
    missing: str = ""


def card_view(card_id: str, sha256: str, source: str) -> CardView:
    """The card as used. source: id or path it was loaded from; a card changed since then is not shown."""
    try:
        card = load_card(source)
    except InputError as error:
        return CardView(card_id=card_id, sha256=sha256, missing=str(error))
    if card.sha256 != sha256:
        return CardView(card_id=card_id, sha256=sha256, missing="the card file has changed since the fit")
    return CardView(
        card_id=card_id,
        sha256=sha256,
        standing=private_cards({card_id: sha256}).get(card_id, ""),
        title=card.title,
        population=card.population,
        citations=tuple(citation_text(key, citation) for key, citation in card.citations.items() if key != AUTHOR),
        numbers=tuple(card_number(card, key, parameter) for key, parameter in every_parameter(card)),
        doubts=(*(f"Known defect: {defect}" for defect in card.known_defects), *card.doubts),
    )


def card_number(card: Card, key: str, parameter: Parameter) -> CardNumber:
    given_as = {"half_life": "half-life ", "logit": "logit "}.get(parameter.given_as, "")
    unit = "" if parameter.unit == "1" else f" {parameter.unit}"
    return CardNumber(
        name=key.removeprefix("parameters.").removeprefix("agent_classes."),
        value=f"{given_as}{text.number(parameter.value)}{unit}",
        origin=origin_text(card.provenance[parameter.provenance]),
    )
