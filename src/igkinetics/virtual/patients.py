"""Virtual patients of published models, drawn batch by batch. The same seed gives the same people to every model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cards.prior import PRIOR_PARAMETERS, PatientPrior, kinetic_parameters
from igkinetics.dosing.cases import About, Cases
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import generator_of
from igkinetics.scales import shifted
from igkinetics.virtual.bodies import draw_bodies
from igkinetics.virtual.population import Population
from igkinetics.virtual.tables import Therapy
from igkinetics.virtual.typical import ENDOGENOUS_NAMES, any_prior, merged, typical_of_many

BATCH: Final = 2000
"""Patients drawn, simulated and summarised at a time: memory does not grow with their number."""
UNCERTAIN_DRAWS: Final = 100
UNCERTAIN_PATIENTS: Final = 50
"""Draws of a card's typical values, and patients (the same in each), behind the uncertainty of a mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One card, the card that stands in for its endogenous IgG, and its share among several."""

    card: Card
    endogenous: Card | None
    weight: float
    prior: PatientPrior
    other: PatientPrior | None
    """Of the card that stands in for endogenous IgG."""

    @property
    def name(self) -> str:
        return self.card.id if self.endogenous is None else f"{self.card.id} + {self.endogenous.id}"


def model_of(
    card: Card, endogenous: Card | None, weight: float, agents: tuple[str, ...], population: Population
) -> Model:
    """InputError for a card that cannot stand behind virtual patients."""
    if population.weight_kg is None:
        raise AssertionError("a population of a card without weights passed its checks")
    disposition = population.disposition or preferred_disposition(card)
    person = typical_person(population)
    own = any_prior(card, agents, disposition, person)
    other = None
    if endogenous is not None:
        theirs = disposition if disposition in endogenous.structure.dispositions else preferred_disposition(endogenous)
        other = any_prior(endogenous, agents, theirs, person)
    return Model(card=card, endogenous=endogenous, weight=weight, prior=merged(own, other), other=other)


def typical_person(population: Population) -> dict[str, float | str]:
    """Mean quantities, commonest categories."""
    person: dict[str, float | str] = {}
    for name in ("weight_kg", "height_cm"):
        if (spread := getattr(population, name)) is not None:
            person[name] = spread.mean
    if population.sex is not None:
        person["sex"] = max(population.sex, key=lambda name: population.sex[name])  # type: ignore[index]
    for name, one in population.covariates.items():
        person[name] = one.mean if one.mean is not None else max(one.shares or {}, key=lambda x: (one.shares or {})[x])
    return person


def preferred_disposition(card: Card) -> str:
    """Two compartments where the card has them, else the one it has."""
    return "two_compartment" if "two_compartment" in card.structure.dispositions else card.structure.dispositions[0]


def therapy_table(therapy: Therapy | None, seed: int, batch: int, n: int) -> Floats:
    """(n, cycles, 2): start and stop of each patient's cycles, filled up with nan."""
    if therapy is None or therapy.cycles == 0:
        return np.empty((n, 0, 2))
    start = therapy.start_day + (therapy.on_day + therapy.off_day) * np.arange(therapy.cycles)
    table = np.repeat(np.column_stack([start, start + therapy.on_day])[None], n, axis=0)
    if therapy.fewest_cycles is not None:
        cycles = generator_of(seed, "cycles", batch).integers(therapy.fewest_cycles, therapy.cycles, n, endpoint=True)
        table[np.arange(therapy.cycles) >= cycles[:, None]] = np.nan
    return joined(table) if therapy.off_day == 0 else table


def joined(table: Floats) -> Floats:
    """Cycles without a pause between them as one course."""
    last = np.nanmax(np.where(np.isnan(table[..., 1]), -np.inf, table[..., 1]), axis=1)
    course = np.stack([table[:, 0, 0], last], axis=-1)[:, None, :]
    course[np.isnan(course[..., 0])] = np.nan
    return course


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPeople:
    """A population of one or several cards."""

    models: tuple[Model, ...]
    population: Population
    therapy: Therapy | None
    seed: int
    limits: dict[str, tuple[float, float]]
    about: About

    @property
    def n_batches(self) -> int:
        return -(-self.about.n_patients // BATCH)

    def first(self, place: int) -> int:
        """Place of a batch's first patient among all."""
        return place * BATCH

    def size(self, place: int) -> int:
        return min(BATCH, self.about.n_patients - place * BATCH)

    @property
    def few(self) -> int:
        """Patients behind the uncertainty of means."""
        return min(UNCERTAIN_PATIENTS, self.about.n_patients, BATCH)

    def batch(self, place: int) -> Cases:
        """The patients of one batch under each model, one model after the other."""
        n = self.size(place)
        none = np.zeros((1, 1, len(PRIOR_PARAMETERS)))
        return stacked([self.cases(model, k, place, n, none, roots(model)) for k, model in enumerate(self.models)])

    def uncertain(self) -> Cases | None:
        """The first patients under draws of the typical values (draw 0: as they are), the same deviates for every
        model."""
        if all(not any(model.prior.uncertainty.values()) for model in self.models):
            return None
        z = generator_of(self.seed, "typical", 0).standard_normal((UNCERTAIN_DRAWS, 1, len(PRIOR_PARAMETERS)))
        z = np.concatenate([np.zeros((1, 1, len(PRIOR_PARAMETERS))), z])
        return stacked([
            self.cases(model, k, 0, self.few, z * of_each(model.prior.uncertainty), roots(model))
            for k, model in enumerate(self.models)
        ])  # fmt: skip

    def moved(self, place: int, n: int, shift: Floats, root: Floats) -> Cases:
        """Patients of a batch of the only model under another population level, see `cases`."""
        return self.cases(self.models[0], 0, place, n, shift, root)

    def cases(self, model: Model, number: int, batch: int, n: int, shift: Floats, root: Floats) -> Cases:
        """n patients of a batch under each of the draws of a population level.

        shift (draw, 1 or n, parameter): what typical values are moved by on their scale; root (draw, 1 or n, parameter,
        parameter): Omega = root root'.
        """
        bodies = draw_bodies(self.population, self.limits, self.seed, batch, n)
        prior, draws = model.prior, shift.shape[0]
        typical = typical_of_many(model.card, prior, bodies.covariates, n)
        if model.endogenous is not None and model.other is not None:
            theirs = typical_of_many(model.endogenous, model.other, bodies.covariates, n)
            typical |= {name: theirs[name] for name in ENDOGENOUS_NAMES}
        z = generator_of(self.seed, "parameters", batch).standard_normal((n, len(PRIOR_PARAMETERS)))
        deviations = prior.moved(shift + (root @ z[None, :, :, None])[..., 0])
        values: dict[str, float | Floats] = {}
        for column, name in enumerate(PRIOR_PARAMETERS):
            deviation = deviations[..., column]
            values[name] = shifted(typical[name], prior.scale[name], deviation).reshape(-1)
        values |= {"clearance_ratio": 1.0, "production_ratio": 1.0}
        count = n * draws
        therapy = therapy_table(self.therapy, self.seed, batch, n)
        start = np.fmin(0.0, therapy[:, 0, 0]) if therapy.shape[1] else np.zeros(n)
        return Cases(
            thetas=np.ascontiguousarray(kinetic_parameters(values)),
            start_day=np.tile(start, draws), therapy=np.tile(therapy, (draws, 1, 1)), history=np.empty((count, 0, 4)),
            error=np.tile([prior.additive_g_per_l, prior.proportional], (count, 1)),
            weight_kg=np.tile(bodies.weight_kg, draws), height_cm=np.tile(bodies.height_cm, draws),
            is_male=np.tile(bodies.is_male, draws),
            patient=np.tile(batch * BATCH + np.arange(n), draws), draw=np.repeat(np.arange(draws), n),
            model=np.full(count, number), noise=np.tile(np.arange(n), draws),
        )  # fmt: skip


def of_each(numbers: Mapping[str, float]) -> Floats:
    """(1, 1, parameter) of numbers by name."""
    return np.array([[[numbers[name] for name in PRIOR_PARAMETERS]]])


def roots(model: Model) -> Floats:
    """(1, 1, parameter, parameter): the numbers of a card vary independently."""
    return np.diag(of_each(model.prior.omega)[0, 0])[None, None]


def stacked(parts: list[Cases]) -> Cases:
    """Cases one after the other. All have tables of the same widths."""
    if len(parts) == 1:
        return parts[0]
    columns = Cases.__dataclass_fields__
    return Cases(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in columns})
