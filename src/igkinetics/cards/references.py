"""Does every number of a card say where it comes from, and does every name it uses exist?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from igkinetics.cards.defects import did_you_mean
from igkinetics.cards.model import Card, Provenance
from igkinetics.cards.private import PrivateCard

Defect = tuple[str, str, str]
"""Key, found, expected."""


def reference_defects(card: Card) -> Iterator[Defect]:
    """Names of provenance and citations that do not exist, are never used, or say too little."""
    uses = list(provenance_uses(card))
    for key, name in uses:
        if name not in card.provenance:
            yield key, name, must_be_in("[provenance]", name, card.provenance)
    if isinstance(card, PrivateCard):
        return
    for name in unused(card.provenance, (name for _, name in uses)):
        yield f"provenance.{name}", name, "is used by no number; remove it or refer to it"
    for name, provenance in card.provenance.items():
        yield from provenance_defects(f"provenance.{name}", provenance, card)
    cited = [name for provenance in card.provenance.values() for name in provenance.citations]
    for name in unused(card.citations, cited):
        yield f"citations.{name}", name, "is used by no provenance; remove it or refer to it"
    for name, citation in card.citations.items():
        if not (citation.doi or citation.pmid or citation.url):
            yield f"citations.{name}", "", "needs doi, pmid or url"


def provenance_defects(key: str, provenance: Provenance, card: Card) -> Iterator[Defect]:
    """Each kind of provenance owes something."""
    for name in provenance.citations:
        if name not in card.citations:
            yield f"{key}.citations", name, must_be_in("[citations]", name, card.citations)
    if provenance.kind in ("primary", "review"):
        if not provenance.citations:
            yield f"{key}.citations", "", f"is required when kind is {provenance.kind}"
        if not provenance.place:
            yield f"{key}.place", "", f"is required when kind is {provenance.kind}"
    if provenance.kind == "derived" and not provenance.arithmetic:
        yield f"{key}.arithmetic", "", "is required when kind is derived"
    if provenance.kind == "assumption" and not provenance.reason:
        yield f"{key}.reason", "", "is required when kind is assumption"


def must_be_in(table: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"{did_you_mean(name, names)}must be a name in {table}: {', '.join(names)}"


def unused(declared: Iterable[str], used: Iterable[str]) -> list[str]:
    seen = set(used)
    return [name for name in declared if name not in seen]


def provenance_uses(card: Card) -> Iterator[tuple[str, str]]:
    """Key and name of every reference to the card's provenance table."""
    for path, part in parts_of(card, ""):
        name = getattr(part, "provenance", None)
        if isinstance(name, str):
            yield f"{path}.provenance", name


def parts_of(part: Any, path: str) -> Iterator[tuple[str, BaseModel]]:
    """Every table of a card with its key, depth first."""
    if isinstance(part, BaseModel):
        yield path, part
        for name in type(part).model_fields:
            yield from parts_of(getattr(part, name), f"{path}.{name}" if path else name)
    elif isinstance(part, dict):
        for name, inner in part.items():
            yield from parts_of(inner, f"{path}.{name}")
    elif isinstance(part, tuple):
        for index, inner in enumerate(part, start=1):
            yield from parts_of(inner, f"{path}[{index}]")
