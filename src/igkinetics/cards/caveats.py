"""What has to be said wherever a card is used: its limits as a model, known defects, doubts, domain."""

from __future__ import annotations

from typing import Final

from igkinetics.cards.covariates import Limit
from igkinetics.cards.model import Card
from igkinetics.cards.private import STANDING, PrivateCard

ENDOGENOUS: Final[dict[str, str]] = {
    "constant": "Endogenous IgG is a constant under the infused IgG: it ignores therapy.",
    "steady_production": "Endogenous IgG is produced at a steady rate: therapy has no effect on it.",
    "none": "The card holds no endogenous IgG: its levels are those of the infused IgG alone.",
}
TYPICAL_ONLY: Final = "Typical values only: it says nothing of how patients differ, and makes no virtual patients."


def card_caveats(card: Card) -> tuple[str, ...]:
    """Sentences for a report, the weightiest first."""
    said = [f"{STANDING[0].upper()}{STANDING[1:]}."] if isinstance(card, PrivateCard) else []
    said += [ENDOGENOUS[card.structure.endogenous]] if card.structure.endogenous in ENDOGENOUS else []
    said += [TYPICAL_ONLY] if card.use == "typical_only" else []
    said += [f"Known defect: {defect}" for defect in card.known_defects]
    return (*said, *card.doubts, *map(limit_text, card.limits))


def limit_text(limit: Limit) -> str:
    """`Domain: weight_kg 40 to 135 (refused outside 40 to 200): reason`"""
    (low, high), refused = limit.soft or limit.hard or (0.0, 0.0), ""
    if limit.soft and limit.hard:
        refused = f" (refused outside {limit.hard[0]:g} to {limit.hard[1]:g})"
    elif limit.hard:
        refused = " (refused outside)"
    return f"Domain: {limit.covariate} {low:g} to {high:g}{refused}: {limit.reason}."
