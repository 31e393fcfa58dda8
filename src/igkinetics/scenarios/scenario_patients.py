"""From the [population] of a scenario to patients: virtual patients of cards, or patients of a posterior."""

from __future__ import annotations

from dataclasses import replace

from igkinetics.dosing.cases import About, Patients
from igkinetics.errors import InputError
from igkinetics.scenarios.agreement import card_pairs, domain_of, example_of
from igkinetics.scenarios.new_patients import new_patients_of
from igkinetics.scenarios.posterior_patients import fitted_patient, fitted_patients, own_patients
from igkinetics.scenarios.read_scenario import ScenarioFile
from igkinetics.virtual.patients import Model, VirtualPatients, model_of


def scenario_patients(file: ScenarioFile) -> Patients:
    """InputError for what the cards or folders cannot give."""
    population = file.scenario.population
    if population.fit is not None:
        return fitted_patient(file) if population.patient is not None else fitted_patients(file)
    if population.effect is not None:
        return new_patients_of(file) if population.new is not None else own_patients(file)
    return virtual_patients(file)


def virtual_patients(file: ScenarioFile) -> VirtualPatients:
    """The virtual patients of the file's card or cards."""
    scenario, population = file.scenario, file.scenario.population
    therapy = scenario.therapy if scenario.has_therapy else None
    agents = (therapy.agent,) if therapy is not None else ()
    weights = [one.weight for one in population.models] if population.models else [1.0]
    try:
        models = tuple(
            model_of(file.cards[main], file.cards[other] if other else None, weight, agents, population)
            for weight, (_, main, other) in zip(weights, card_pairs(population), strict=True)
        )
    except InputError as error:  # what a card asks of a person that this population does not have
        raise InputError(
            replace(problem, file=file.name, column=f"population.{problem.column}") for problem in error.problems
        ) from None
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
    return VirtualPatients(
        models=models, population=population, therapy=therapy, seed=scenario.seed, limits=limits, about=about
    )


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
