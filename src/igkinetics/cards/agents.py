"""Which S belongs to a patient's therapies: one class of agent, or the wide S of the unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from igkinetics.cards.model import Card
from igkinetics.cards.parts import Fraction
from igkinetics.cards.private import PrivateCard

JOINED: Final = re.compile(r"\s*[;|]\s*|\s+\+\s+")
"""Merged therapy rows may name several agents in one text."""
US_SUFFIX: Final = re.compile(r"(mab|leucel)-[a-z]{4}$")
"""The meaningless four letters of US nonproprietary names, as in teclistamab-cqyv."""


def simplified(name: str) -> str:
    """Case, hyphens, underscores and repeated blanks do not distinguish agents."""
    return " ".join(re.sub(r"[-_\s]+", " ", US_SUFFIX.sub(r"\1", name.strip().casefold())).split())


def agent_class(card: Card, agent: str) -> str:
    """Key of the class whose patterns hold this name; empty when none does."""
    name = simplified(agent)
    for key, found in card.agent_classes.items():
        if any(fnmatchcase(name, simplified(pattern)) for pattern in found.agents):
            return key
    return ""


def production_share(card: Card, agents: Iterable[str]) -> tuple[Fraction, tuple[str, ...]]:
    """S for these therapies, and what has to be said about it.

    No agent named, an agent of no class, or agents of several classes: the wide S of `agent_unknown`.
    A private card without classes has one S for all. The card must have endogenous turnover.
    """
    if card.agent_unknown is None:
        raise AssertionError(f"card {card.id} has no turnover, so no S")
    if isinstance(card, PrivateCard) and not card.agent_classes:
        return card.agent_unknown, ()
    named = dict.fromkeys(name for text in agents for name in JOINED.split(text.strip()) if name)
    if not named:
        return card.agent_unknown, ("no agent named: the wide S of an unknown agent is used",)
    classes = {name: agent_class(card, name) for name in named}
    strangers = [name for name, key in classes.items() if not key]
    if strangers:
        note = f"agent {', '.join(strangers)} is outside the domain of {card.id}: the wide S is used"
        return card.agent_unknown, (note,)
    keys = list(dict.fromkeys(classes.values()))
    if len(keys) > 1:
        titles = ", ".join(card.agent_classes[key].title for key in keys)
        return card.agent_unknown, (f"agents of several classes ({titles}): the wide S is used",)
    chosen = card.agent_classes[keys[0]]
    if chosen.domain == "outside_soft":
        note = f"agent {', '.join(named)} ({chosen.title}) is outside the soft domain of {card.id}"
        return chosen.S, (note,)
    return chosen.S, ()
