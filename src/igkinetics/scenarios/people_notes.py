"""What is to be said of virtual patients: the limits of their cards, and the one of the calendar."""

from __future__ import annotations

from typing import Final

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cards.scaling import outside
from igkinetics.scenarios.agreement import quantity_of
from igkinetics.text import percent
from igkinetics.virtual.bodies import share_below
from igkinetics.virtual.population import Population

LEAST_TOLD: Final = 0.0005


def example_of(population: Population) -> tuple[float, float, bool, str]:
    """Someone of the mean weight and height, of the commoner sex."""
    if population.weight_kg is None:
        raise AssertionError("a population of a card without weights passed its checks")
    weight = population.weight_kg.mean
    height = population.height_cm.mean if population.height_cm is not None else np.nan
    male = (population.sex or {}).get("male", 0.0) > 0.5
    tall = f", {height:g} cm, {'male' if male else 'female'}" if population.height_cm and population.sex else ""
    return weight, height, male, f"a patient of the mean weight, {weight:g} kg{tall}"


def domain_of(cards: dict[str, Card], population: Population) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """Hard limits that all cards share, and what is to be said of patients outside a limit."""
    limits: dict[str, tuple[float, float]] = {}
    notes = []
    for card in cards.values():
        for limit in card.limits:
            spread = quantity_of(population, limit.covariate)
            if spread is None:
                continue
            if limit.hard is not None:
                known = limits.get(limit.covariate, limit.hard)
                limits[limit.covariate] = (max(known[0], limit.hard[0]), min(known[1], limit.hard[1]))
                low, high = share_below(spread, limit.hard)
                if low + 1.0 - high > LEAST_TOLD:
                    notes.append(f"{limit.covariate} is drawn within the hard limits of {card.id}, "
                                 f"{limit.hard[0]:g} to {limit.hard[1]:g}: {percent(low + 1.0 - high)} lay outside")
            if limit.soft is not None:
                low, high = share_below(spread, limit.soft)
                share = low + 1.0 - high if spread.sd else float(outside(spread.mean, limit.soft))
                if share > LEAST_TOLD:
                    notes.append(f"{percent(share)} of the patients lie outside the soft domain of {card.id}, "
                                 f"{limit.covariate} {limit.soft[0]:g} to {limit.soft[1]:g}: {limit.reason}")
    return limits, notes
