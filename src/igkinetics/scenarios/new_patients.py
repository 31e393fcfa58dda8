"""New patients of a cohort posterior: the card's structure, with the population level as the cohort has taught it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Final

import numpy as np

from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.model import Card
from igkinetics.cards.prior import PRIOR_PARAMETERS, PatientPrior, patient_prior
from igkinetics.dosing.cases import About, Cases, Uncertain
from igkinetics.errors import counted
from igkinetics.fit.problem import PRIOR_NAME
from igkinetics.fit.records import Left, left_by
from igkinetics.hierarchical.correlations import CORRELATION
from igkinetics.kinetics.parameters import Floats
from igkinetics.scales import to_scale
from igkinetics.scenarios.agreement import domain_of, example_of
from igkinetics.scenarios.posterior_patients import POSTERIOR_FILE, error_draws
from igkinetics.scenarios.read_scenario import ScenarioFile
from igkinetics.virtual.patients import VirtualPatients, model_of
from igkinetics.virtual.uncertainty import levels_of

SHARE_PREFIX: Final = "S_"
PRIOR_NAME_OF: Final = {prior: own for own, prior in PRIOR_NAME.items()}
"""Name in a prior -> in a fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationDraws:
    """Draws of the population level: shift (n, parameter of PRIOR_PARAMETERS) of the card's typical values on their
    scale; root (n, parameter, parameter) with Omega = root root'; error (n, 3): of a measurement, see Cases."""

    shift: Floats
    root: Floats
    error: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPatients:
    """New patients, each under one draw of the population level; a few under many for the uncertainty of means."""

    virtual: VirtualPatients
    draws: PopulationDraws
    about: About

    @property
    def n_batches(self) -> int:
        return self.virtual.n_batches

    def batch(self, place: int) -> Cases:
        n = self.virtual.size(place)
        which = (self.virtual.first(place) + np.arange(n)) % len(self.draws.shift)
        cases = self.virtual.moved(place, self.draws.shift[which], self.draws.root[which])
        return replace(cases, error=known_error(self.draws.error[which], cases))

    def uncertain(self) -> Uncertain:
        found = self.virtual.under([levels_of(self.draws.shift, self.draws.root)], averaged=True)
        error = np.tile(self.draws.error.mean(axis=0), (len(found.cases), 1))
        return replace(found, cases=replace(found.cases, error=known_error(error, found.cases)))


def known_error(error: Floats, cases: Cases) -> Floats:
    """The posterior's error of a measurement (n, 3); the card's where the posterior holds none."""
    return cases.error if np.isnan(error).any() else error


def new_patients_of(file: ScenarioFile) -> NewPatients:
    """InputError for a folder that is none, or a card that cannot be read again."""
    import xarray  # here, for it takes half a second that other populations do not need

    scenario, population = file.scenario, file.scenario.population
    if population.effect is None or population.new is None:
        raise AssertionError("new patients without a posterior passed the checks")
    left = left_by("effect", file.path(population.effect), (POSTERIOR_FILE,))
    card = card_of(left)
    therapy = scenario.therapy if scenario.has_therapy else None
    agents = (therapy.agent,) if therapy is not None else ()
    model = model_of(card, None, 1.0, agents, population)
    with xarray.open_dataset(left.folder / POSTERIOR_FILE, group="posterior", engine="h5netcdf") as posterior:
        draws = population_draws(posterior, card, model.prior, agents, left)
    limits, notes = domain_of({card.id: card}, population)
    says = f"{counted(population.new, 'new patient')} of the population behind the cohort posterior in {left.name}"
    about = About(
        kind="effect_new",
        says=says,
        n_patients=population.new,
        n_draws=1,
        model_names=(model.name,),
        uncertainty="the posterior of the population's typical values and spreads, and the sampling error of a finite "
        "number of new patients",
        model_weights=(1.0,),
        cards={card.id: (card.sha256, card.id)},
        inputs=left.inputs,
        notes=(*notes, *model.prior.notes),
        example=example_of(population),
        igg_unit=left.record.get("igg_unit"),
    )
    virtual = VirtualPatients(
        models=(model,), population=population, therapy=therapy, seed=scenario.seed, limits=limits, about=about
    )
    return NewPatients(virtual=virtual, draws=draws, about=about)


def card_of(left: Left) -> Card:
    """The card behind the posterior, unchanged since."""
    for card_id, digest in left.record.get("cards", {}).items():
        if card_id in list_cards() and (card := load_card(card_id)).sha256 == digest:
            return card
    raise left.fault(
        ", ".join(left.record.get("cards", {})),
        "its card must be one of the library, unchanged since",
        "population.new",
    )


def population_draws(
    posterior: Any, card: Card, prior: PatientPrior, agents: Iterable[str], left: Left
) -> PopulationDraws:
    """What the posterior says of the population; a parameter it does not estimate stays as the card has it."""
    n = posterior.sizes["chain"] * posterior.sizes["draw"]
    shift, omega = np.zeros((n, len(PRIOR_PARAMETERS))), np.zeros((n, len(PRIOR_PARAMETERS)))
    reference = reference_values(card, prior)
    for index, name in enumerate(PRIOR_PARAMETERS):
        own = PRIOR_NAME_OF.get(name, name)
        label = share_label(posterior, card, tuple(agents), left) if name == "S" else own
        if label in posterior:
            values = posterior[label].to_numpy().reshape(-1)
            scale = prior.scale[name]
            shift[:, index] = [to_scale(float(value), scale) for value in values]
            shift[:, index] -= to_scale(reference[name], scale)
        omega[:, index] = prior.omega[name]
        if f"omega_{own}" in posterior:
            omega[:, index] = posterior[f"omega_{own}"].to_numpy().reshape(-1)
    return PopulationDraws(
        shift=shift, root=omega[:, :, None] * correlation_roots(posterior, n), error=error_draws(posterior, n, left)
    )


def correlation_roots(posterior: Any, n: int) -> Floats:
    """Roots (n, parameter, parameter) of the posterior's correlation matrices; identities where it has none."""
    matrices = np.tile(np.eye(len(PRIOR_PARAMETERS)), (n, 1, 1))
    own = {PRIOR_NAME_OF.get(name, name): index for index, name in enumerate(PRIOR_PARAMETERS)}
    for (one, row), (other, column) in permutations(own.items(), 2):
        label = f"{CORRELATION}{one}_{other}"
        if label in posterior:
            matrices[:, row, column] = matrices[:, column, row] = posterior[label].to_numpy().reshape(-1)
    return np.asarray(np.linalg.cholesky(matrices))


def reference_values(card: Card, prior: PatientPrior) -> dict[str, float]:
    """Typical values at the card's reference covariates, to which the posterior's typical values belong."""
    found = patient_prior(card, weight_kg=np.nan, agents=(), disposition=prior.disposition).typical
    return found | {"S": prior.typical["S"]}


def share_label(posterior: Any, card: Card, agents: tuple[str, ...], left: Left) -> str:
    """The name of S for these agents: of their class, else the only one the cohort has."""
    labels = [str(name) for name in posterior.data_vars if str(name).startswith(SHARE_PREFIX)]
    if len(labels) <= 1:
        return labels[0] if labels else ""
    named = [
        name
        for name, agent_class in card.agent_classes.items()
        if any(agent.casefold() in map(str.casefold, agent_class.agents) for agent in agents)
    ]
    chosen = f"{SHARE_PREFIX}{named[0]}" if named else f"{SHARE_PREFIX}unknown"
    if chosen not in labels:
        known = ", ".join(label.removeprefix(SHARE_PREFIX) for label in labels)
        raise left.fault(", ".join(agents), f"the cohort has taught S of {known} only", "therapy.agent")
    return chosen
