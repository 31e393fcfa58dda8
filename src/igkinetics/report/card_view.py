"""A model card as a reader sees it: where every number is from, and what is doubtful."""

from __future__ import annotations

from dataclasses import dataclass

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.parts import Parameter
from igkinetics.errors import InputError
from igkinetics.report import text


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNumber:
    """One number of a card: its name, the value as published with unit, kind of provenance, and its ground."""

    name: str
    value: str
    kind: str
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """missing: why the card could not be shown, else empty."""

    card_id: str
    sha256: str
    title: str = ""
    population: str = ""
    citations: tuple[str, ...] = ()
    numbers: tuple[CardNumber, ...] = ()
    doubts: tuple[str, ...] = ()
    missing: str = ""


def card_view(card_id: str, sha256: str, source: str) -> CardView:
    """The card as used. source: id or path it was loaded from; a card changed since then is not shown."""
    try:
        card = load_card(source)
    except InputError as error:
        return CardView(card_id=card_id, sha256=sha256, missing=str(error))
    if card.sha256 != sha256:
        return CardView(card_id=card_id, sha256=sha256, missing="The card file has changed since the fit.")
    return CardView(
        card_id=card_id,
        sha256=sha256,
        title=card.title,
        population=card.population,
        citations=tuple(citation_texts(card)),
        numbers=tuple(card_numbers(card)),
        doubts=card.doubts,
    )


def citation_texts(card: Card) -> list[str]:
    """One line per source, with its DOI, PubMed number or address."""
    lines = []
    for citation in card.citations.values():
        places = (
            f"doi:{citation.doi}" if citation.doi else "",
            f"PMID {citation.pmid}" if citation.pmid else "",
            citation.url if not (citation.doi or citation.pmid) else "",
        )
        found = ", ".join(place for place in places if place)
        lines.append(f"{citation.authors}. {citation.where} ({citation.year}). {found}")
    return lines


def card_numbers(card: Card) -> list[CardNumber]:
    """Typical values of the parameters and of S for each class of agents."""
    named = list(card.parameters.given().items())
    named += [(f"S, {agents.title}", agents.S) for agents in card.agent_classes.values()]
    named += [("S, agent unknown", card.agent_unknown)] if card.agent_unknown is not None else []
    return [card_number(card, name, parameter) for name, parameter in named]


def card_number(card: Card, name: str, parameter: Parameter) -> CardNumber:
    provenance = card.provenance[parameter.provenance]
    sources = "; ".join(citation_name(card, key) for key in provenance.citations)
    parts = (sources, provenance.place, provenance.arithmetic, provenance.reason)
    given_as = {"half_life": "half-life ", "logit": "logit "}.get(parameter.given_as, "")
    return CardNumber(
        name=name,
        value=f"{given_as}{text.number(parameter.value)} {parameter.unit}".removesuffix(" 1"),
        kind=provenance.kind,
        ground=". ".join(part.rstrip(". ") for part in parts if part),
    )


def citation_name(card: Card, key: str) -> str:
    """First author and year."""
    citation = card.citations[key]
    return f"{citation.authors.split(',')[0]} {citation.year}"
