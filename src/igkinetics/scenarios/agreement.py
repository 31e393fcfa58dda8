"""What population, therapy and regimens must agree on with the cards behind them, and what is to be told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.cards.body_size import NEEDS_HEIGHT_AND_SEX
from igkinetics.cards.model import Card
from igkinetics.cards.scaling import outside
from igkinetics.dosing.plausible import KEEP, rule_for_weight
from igkinetics.dosing.regimen import Dosing
from igkinetics.limits import HIGHEST_DOSE_G_PER_KG, LOWEST_DOSE_G_PER_KG
from igkinetics.scenarios.scenario import Scenario, Search
from igkinetics.scenarios.workload import beyond_bounds
from igkinetics.text import percent
from igkinetics.toml_input import Fault, Key, suggestion
from igkinetics.virtual.bodies import share_below
from igkinetics.virtual.population import Population
from igkinetics.virtual.tables import Covariate, Spread, Therapy

LEAST_TOLD: Final = 0.0005
"""Share of patients outside a limit that is worth telling."""
MOST_OUTSIDE: Final = 0.01
"""Share of patients that may lie outside a card's hard limits; the spread is then cut there, which a note says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Parts of a file that are sound in themselves; None and absent places: those at fault."""

    horizon_day: float | None
    population: Population | None
    therapy: Therapy | None
    regimens: Mapping[int, Dosing]
    search: Search | None


def parts_of(scenario: Scenario) -> Parts:
    return Parts(
        horizon_day=scenario.horizon_day,
        population=scenario.population,
        therapy=scenario.therapy,
        regimens=dict(enumerate(scenario.regimen)),
        search=scenario.search,
    )


def disagreements(parts: Parts, cards: Mapping[str, Card]) -> Iterator[Fault]:
    """Every rule that does not hold between sound parts."""
    population, therapy, regimens = parts.population, parts.therapy, parts.regimens
    yield from beyond_bounds(parts.horizon_day, population, therapy, dict(regimens), parts.search)
    yield from _names(regimens)
    yield from _starts(parts)
    yield from _search_days(parts)
    if population is None:
        return
    if therapy is not None and (population.fit is not None or (population.effect is not None and not population.new)):
        yield Fault(("therapy",), "given", "the patients of this population bring their own therapy; leave it out")
    for key, main, endogenous in card_pairs(population):
        if main in cards:
            yield from _therapy(key, cards[main], cards.get(endogenous or ""), endogenous, therapy)
            yield from _domain(key, cards[main], population)
            if endogenous is not None and endogenous in cards:
                yield from _domain(key, cards[endogenous], population)
            yield from _routes(cards[main], parts)
            if population.disposition and population.disposition not in cards[main].structure.dispositions:
                allowed = " or ".join(cards[main].structure.dispositions)
                yield Fault(("population", "disposition"), population.disposition, f"must be {allowed} for {main}")
    yield from _covariates(population, cards)
    yield from _weights(population, parts)
    if population.weight_kg is not None:
        yield from _grams(population.weight_kg.mean, parts)


def _names(regimens: Mapping[int, Dosing]) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, regimen in regimens.items():
        if regimen.name in seen:
            yield Fault(("regimen", place, "name"), regimen.name, "regimens need different names")
        seen.add(regimen.name)


def _starts(parts: Parts) -> Iterator[Fault]:
    """Regimens start from day 0 on and before the horizon."""
    for place, regimen in parts.regimens.items():
        day = regimen.first_day
        key = ("regimen", place, "rule", "start_day") if regimen.rule is not None else ("regimen", place, "start_day")
        if regimen.gives_nothing:
            continue
        if parts.horizon_day is not None and day >= parts.horizon_day:
            yield Fault(key, f"{day:g}", f"must be before horizon_day, {parts.horizon_day:g}")
        if day < 0:
            yield Fault(key, f"{day:g}", "must be 0 or more: days count from from_day, of virtual patients from day 0")


def _search_days(parts: Parts) -> Iterator[Fault]:
    """A search starts, and its target covers days, within the horizon; its first dose comes before these days end."""
    search, horizon = parts.search, parts.horizon_day
    if search is None or horizon is None:
        return
    start = search.start_day or 0.0
    if start < 0 or start >= horizon:
        yield Fault(("search", "start_day"), f"{start:g}", f"must be from 0 on and before horizon_day, {horizon:g}")
    days = search.target.days
    if days is not None and (days[0] < 0 or days[1] > horizon or days[1] <= start):
        rule = f"must lie between 0 and horizon_day, {horizon:g}, and end after the first dose, day {start:g}"
        yield Fault(("search", "target", "days"), str(days), rule)


def card_pairs(population: Population) -> Iterator[tuple[tuple[str | int, ...], str, str | None]]:
    """Where a card is named, the card, and the one that stands in for its endogenous IgG."""
    if population.card is not None:
        yield ("population",), population.card, population.endogenous_card
    for index, model in enumerate(population.models or ()):
        yield ("population", "models", index), model.card, model.endogenous_card


def _therapy(
    key: tuple[str | int, ...], card: Card, other: Card | None, other_name: str | None, therapy: Therapy | None
) -> Iterator[Fault]:
    if card.use != "full":
        yield Fault((*key, "card"), card.id, "has typical values only (use = typical_only): no virtual patients")
    if other is not None and other.structure.endogenous != "turnover":
        yield Fault((*key, "endogenous_card"), other.id, "keeps endogenous IgG constant; name a card with turnover")
    given = therapy is not None and therapy.cycles > 0
    if given and other_name is None and card.structure.endogenous == "constant":
        rule = f"needed with [therapy]: {card.id} keeps endogenous IgG constant, so therapy could not act"
        yield Fault((*key, "endogenous_card"), "", rule)


def _domain(key: tuple[str | int, ...], card: Card, population: Population) -> Iterator[Fault]:
    """Hard limits of the card, by the mean and by the share that would lie outside."""
    for limit in card.limits:
        spread = quantity_of(population, limit.covariate)
        if spread is None or limit.hard is None:
            continue
        low, high = share_below(spread, limit.hard)
        outside = low + 1.0 - high
        if limit.hard[0] <= spread.mean <= limit.hard[1] and outside <= MOST_OUTSIDE:
            continue
        found = f"{spread.mean:g}" if spread.sd == 0 else f"mean {spread.mean:g}, sd {spread.sd:g}"
        text = f"must lie between {limit.hard[0]:g} and {limit.hard[1]:g} for {card.id}: {limit.reason}"
        own = limit.covariate in Population.model_fields
        place = ("population", limit.covariate) if own else ("population", "covariates", limit.covariate)
        yield Fault(place, found, text)


def quantity_of(population: Population, name: str) -> Spread | None:
    """The spread of a quantity of the population; None where it has none of this name, or categories."""
    own = getattr(population, name, None) if name in Population.model_fields else population.covariates.get(name)
    if isinstance(own, Covariate):
        return None if own.mean is None or own.sd is None else Spread(mean=own.mean, sd=own.sd)
    return own if isinstance(own, Spread) else None


def _routes(card: Card, parts: Parts) -> Iterator[Fault]:
    if "sc" in card.structure.routes:
        return
    rule = f"{card.id} has no absorption (ka, F); only 'iv'"
    for place, regimen in parts.regimens.items():
        if regimen.route == "sc":
            yield Fault(("regimen", place, "route"), "sc", rule)
    if parts.search is not None and "sc" in parts.search.route:
        yield Fault(("search", "route"), "sc", rule)


def _covariates(population: Population, cards: Mapping[str, Card]) -> Iterator[Fault]:
    """Covariates that a card knows, with the levels it knows."""
    named = [cards[name] for _, main, other in card_pairs(population) for name in (main, other or "") if name in cards]
    for name, value in population.covariates.items():
        users = [card for card in named if name in card.covariates]
        key = ("population", "covariates", name)
        if named and not users:
            known = [covariate for card in named for covariate in card.covariates]
            yield Fault(key, name, f"no card of this file has such a covariate; {suggestion(name, known)}")
        for card in users:
            levels = card.covariates[name].levels
            wrong = [level for level in value.shares or () if levels and level not in levels]
            if levels and value.shares is None:
                yield Fault(key, "a number", f"must be one of {', '.join(levels)} for {card.id}")
            if not levels and value.shares is not None:
                yield Fault(key, ", ".join(value.shares), f"must be a number for {card.id}")
            for level in wrong:
                yield Fault(key, level, f"must be one of {', '.join(levels)} for {card.id}")


def _weights(population: Population, parts: Parts) -> Iterator[Fault]:
    """A dose by ideal, adjusted or lean weight needs height and sex."""
    if population.effect is not None or population.fit is not None:
        return
    asked = [(regimen.weight, f"of {regimen.name!r}") for regimen in parts.regimens.values()]
    asked += [(parts.search.weight, "of the search")] if parts.search is not None else []
    for weight, whose in asked:
        if weight in NEEDS_HEIGHT_AND_SEX:
            for name in ("height_cm", "sex"):
                if getattr(population, name) is None:
                    yield Fault(("population", name), "", f"needed for weight = '{weight}' {whose}")


def _grams(mean_kg: float, parts: Parts) -> Iterator[Fault]:
    """Doses in g that for a patient of the mean weight are probably in g/kg."""
    doses: list[tuple[Key, float | None]] = []
    for place, regimen in parts.regimens.items():
        if regimen.unusual_doses is None:
            of_rule = regimen.rule.dose_g if regimen.rule is not None else None
            doses += [(("regimen", place, "dose_g"), regimen.dose_g), (("regimen", place, "rule", "dose_g"), of_rule)]
    if parts.search is not None and parts.search.unusual_doses is None:
        doses += [(("search", "dose_g"), dose) for dose in parts.search.dose_g or ()]
    for key, dose in doses:
        if dose is not None and not LOWEST_DOSE_G_PER_KG <= dose / mean_kg <= HIGHEST_DOSE_G_PER_KG:
            yield Fault(key, f"{dose:g}", f"{rule_for_weight(dose, mean_kg, 'the mean weight, ')} {KEEP}")


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
                    notes.append(
                        f"{limit.covariate} is drawn within the hard limits of {card.id}, "
                        f"{limit.hard[0]:g} to {limit.hard[1]:g}: {percent(low + 1.0 - high)} lay outside"
                    )
            if limit.soft is not None:
                low, high = share_below(spread, limit.soft)
                share = low + 1.0 - high if spread.sd else float(outside(spread.mean, limit.soft))
                if share > LEAST_TOLD:
                    notes.append(
                        f"{percent(share)} of the patients lie outside the soft domain of {card.id}, "
                        f"{limit.covariate} {limit.soft[0]:g} to {limit.soft[1]:g}: {limit.reason}"
                    )
    return limits, notes
