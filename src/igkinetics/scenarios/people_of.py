"""From the [population] of a scenario to people: virtual patients of cards, or patients of a posterior."""

from __future__ import annotations

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cards.scaling import outside
from igkinetics.scenarios.agreement import card_pairs, quantity_of
from igkinetics.scenarios.cases import About, People
from igkinetics.scenarios.posterior_people import effect_people, fitted_people
from igkinetics.scenarios.read_scenario import ScenarioFile
from igkinetics.scenarios.sections import Population
from igkinetics.scenarios.virtual import Model, VirtualPeople, model_of, share_below
from igkinetics.text import percent

LEAST_TOLD = 0.0005


def people_of(file: ScenarioFile) -> People:
    """InputError for what the cards or folders cannot give."""
    population = file.scenario.population
    if population.fit is not None:
        return fitted_people(file)
    if population.effect is not None:
        return effect_people(file)
    return virtual_people(file)


def virtual_people(file: ScenarioFile) -> VirtualPeople:
    """The virtual patients of the file's card or cards."""
    scenario, population = file.scenario, file.scenario.population
    therapy = scenario.therapy if scenario.has_therapy else None
    agents = (therapy.agent,) if therapy is not None else ()
    weights = [one.weight for one in population.models] if population.models else [1.0]
    models = tuple(
        model_of(file.cards[main], file.cards[other] if other else None, weight, agents, population)
        for weight, (_, main, other) in zip(weights, card_pairs(population), strict=True)
    )
    cards = {card.id: (card.sha256, name) for name, card in file.cards.items()}
    limits, notes = domain_of(file.cards, population)
    names = " and ".join(model.name for model in models)
    about = About(
        kind="card" if len(models) == 1 else "models",
        says=f"{population.n} virtual patients of {names}",
        uncertainty=uncertainty_words(models),
        n_patients=population.n,
        n_draws=1,
        model_names=tuple(model.name for model in models),
        model_weights=tuple(model.weight for model in models),
        cards=cards,
        notes=(*notes, *card_notes(models), *therapy_notes(models, therapy is not None)),
        example=example_of(population),
    )
    return VirtualPeople(models=models, population=population, therapy=therapy, seed=scenario.seed, limits=limits,
                         about=about)  # fmt: skip


def example_of(population: Population) -> tuple[float, float, bool, str]:
    """Someone of the mean weight and height, of the commoner sex."""
    if population.weight_kg is None:
        raise AssertionError("a population of a card without weights passed its checks")
    weight = population.weight_kg.mean
    height = population.height_cm.mean if population.height_cm is not None else np.nan
    male = (population.sex or {}).get("male", 0.0) > 0.5
    tall = f", {height:g} cm, {'male' if male else 'female'}" if population.height_cm and population.sex else ""
    return weight, height, male, f"a patient of the mean weight, {weight:g} kg{tall}"


def uncertainty_words(models: tuple[Model, ...]) -> str:
    """What the interval of a mean holds."""
    without = [model.name for model in models if not any(model.prior.uncertainty.values())]
    sampling = "the sampling error of a finite number of virtual patients"
    if len(without) == len(models):
        return f"{sampling} alone: {' and '.join(without)} reports no uncertainty of its typical values"
    missing = f" ({' and '.join(without)} reports none)" if without else ""
    return f"the uncertainty of the cards' typical values{missing} and {sampling}"


def card_notes(models: tuple[Model, ...]) -> list[str]:
    """What the cards say of any patient, once."""
    notes = [note for model in models for note in model.prior.notes if "outside the soft domain" not in note]
    return list(dict.fromkeys(notes))


def therapy_notes(models: tuple[Model, ...], given: bool) -> list[str]:
    if given:
        return []
    return [f"{model.name}: endogenous IgG is a constant" for model in models if model.prior.production == "constant"]


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
