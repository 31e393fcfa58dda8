"""`card = "stack"` of a scenario: the cards that `evaluate` weighed, in the words of a file with several models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from igkinetics.cards.load import list_cards, load_card
from igkinetics.errors import InputError
from igkinetics.fit.options import STACK
from igkinetics.forecast.weights import weights_from
from igkinetics.scenarios.dates import path_in
from igkinetics.toml_input import Fault

KEY = ("population", "weights")
ENDOGENOUS = "endogenous_card"


def with_stack(raw: dict[str, Any], folder: Path | None) -> tuple[dict[str, Any], list[Fault]]:
    """The file's tables with the cards of a stack and their weights in its place, and what is wrong with it.

    `endogenous_card` supplies production to those cards whose own endogenous IgG is constant.
    """
    population = raw.get("population")
    if not isinstance(population, dict) or population.get("card") != STACK:
        return raw, []
    rest = {key: value for key, value in population.items() if key not in ("card", "weights", ENDOGENOUS)}
    endogenous = population.get(ENDOGENOUS)
    given = population.get("weights")
    if not isinstance(given, str):
        fault = Fault(KEY, "" if given is None else str(given), 'needed with card = "stack": a folder of `evaluate`')
        return {**raw, "population": {**rest, "card": list_cards()[0]}}, [fault]
    try:
        weights = weights_from(path_in(given, folder))
    except InputError as error:
        return {**raw, "population": {**rest, "card": list_cards()[0]}}, [Fault(KEY, given, error.problems[0].expected)]
    models = [{"card": card, "weight": weight, **produced(card, endogenous)} for card, weight in weights.items()]
    if len(models) == 1:
        models[0].pop("weight")
        return {**raw, "population": {**rest, **models[0]}}, []
    return {**raw, "population": {**rest, "models": models}}, []


def produced(card: str, endogenous: object) -> dict[str, Any]:
    """The second card of one whose endogenous IgG is constant; nothing for any other."""
    if endogenous is None or load_card(card).structure.endogenous not in ("constant", "steady_production"):
        return {}
    return {ENDOGENOUS: endogenous}
