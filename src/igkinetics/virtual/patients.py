"""Virtual patients of published models, drawn batch by batch. The same seed gives the same patients to every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cards.prior import PRIOR_PARAMETERS, PatientPrior, kinetic_parameters
from igkinetics.dosing.cases import About, Cases, Uncertain
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import generator_of
from igkinetics.scales import shifted
from igkinetics.virtual.bodies import draw_bodies
from igkinetics.virtual.population import Population
from igkinetics.virtual.tables import Therapy
from igkinetics.virtual.typical import ENDOGENOUS_NAMES, any_prior, merged, typical_of_many
from igkinetics.virtual.uncertainty import PATIENTS, Levels, even_normal, levels_around

BATCH: Final = 2000
"""Patients drawn, simulated and summarised at a time: memory does not grow with their number."""


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
    prior, other = priors_of(card, endogenous, agents, population.disposition, typical_person(population))
    return Model(card=card, endogenous=endogenous, weight=weight, prior=prior, other=other)


def priors_of(
    card: Card,
    endogenous: Card | None,
    agents: tuple[str, ...],
    disposition: str | None,
    person: Mapping[str, float | str],
) -> tuple[PatientPrior, PatientPrior | None]:
    """What the cards say of one person before any measurement (with endogenous IgG from the card that stands in for
    it), and what the latter says."""
    own = any_prior(card, agents, disposition or preferred_disposition(card), person)
    if endogenous is None:
        return own, None
    theirs = disposition if disposition in endogenous.structure.dispositions else preferred_disposition(endogenous)
    other = any_prior(endogenous, agents, theirs, person)
    return merged(own, other), other


def typical_person(population: Population) -> dict[str, float | str]:
    """Mean quantities, commonest categories."""
    person: dict[str, float | str] = {}
    for name in ("weight_kg", "height_cm"):
        if (spread := getattr(population, name)) is not None:
            person[name] = spread.mean
    if population.sex is not None:
        person["sex"] = max(population.sex, key=lambda name: population.sex[name])  # type: ignore[index]
    for name, covariate in population.covariates.items():
        person[name] = (
            covariate.mean
            if covariate.mean is not None
            else max(covariate.shares or {}, key=lambda x: (covariate.shares or {})[x])
        )
    return person


def preferred_disposition(card: Card) -> str:
    """Two compartments where the card has them, else the one it has."""
    return "two_compartment" if "two_compartment" in card.structure.dispositions else card.structure.dispositions[0]


def therapy_table(therapy: Therapy | None, seed: int, batch: int, n: int) -> Floats:
    """(n, cycles, 2): start and stop of each patient's cycles, filled up with nan."""
    if therapy is None or therapy.cycles == 0:
        return np.empty((n, 0, 2))
    table = np.repeat(np.column_stack(therapy.cycle_days())[None], n, axis=0)
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
class VirtualPatients:
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

    def first(self, index: int) -> int:
        """Place of a batch's first patient among all."""
        return index * BATCH

    def size(self, index: int) -> int:
        return min(BATCH, self.about.n_patients - index * BATCH)

    def batch(self, index: int) -> Cases:
        """The patients of one batch under each model, one model after the other."""
        n = self.size(index)
        return stacked(
            [
                self.cases(model, number, index, self.standard(index, n) * of_each(model.prior.omega))
                for number, model in enumerate(self.models)
            ]
        )

    def uncertain(self) -> Uncertain | None:
        """Patients around the typical values, the same deviates for every model."""
        if all(not any(model.prior.uncertainty.values()) for model in self.models):
            return None
        levels = [
            levels_around(of_each(model.prior.uncertainty), np.diag(of_each(model.prior.omega))[None], self.seed)
            for model in self.models
        ]
        return self.under(levels, averaged=False)

    def under(self, levels: Sequence[Levels], *, averaged: bool) -> Uncertain:
        """Patients at population levels, each at one. averaged: the main results are an average over the draws."""
        z = even_normal(generator_of(self.seed, "typical", 2), PATIENTS, len(PRIOR_PARAMETERS))
        parts = [
            self.cases(model, number, 0, one.shift + turned(one.root, z))
            for number, (model, one) in enumerate(zip(self.models, levels, strict=True))
        ]
        return Uncertain(
            cases=stacked(parts),
            at_cases=tuple(level.at_patients for level in levels),
            at_draws=tuple(one.at_draws for one in levels),
            averaged=averaged,
        )

    def moved(self, index: int, shift: Floats, root: Floats) -> Cases:
        """Patients of a batch of the only model, each at a population level of his own: shift (n, parameter), what
        typical values are moved by on their scale; root (n, parameter, parameter), Omega = root root'."""
        return self.cases(self.models[0], 0, index, shift + turned(root, self.standard(index, len(shift))))

    def standard(self, batch: int, n: int) -> Floats:
        """(n, parameter): standard normal deviates of the patients of a batch."""
        return generator_of(self.seed, "parameters", batch).standard_normal((n, len(PRIOR_PARAMETERS)))

    def cases(self, model: Model, number: int, batch: int, deviations: Floats) -> Cases:
        """Patients of a batch, moved by deviations (n, parameter) from their typical values, each on its scale."""
        n = len(deviations)
        bodies = draw_bodies(self.population, self.limits, self.seed, batch, n)
        prior = model.prior
        typical = typical_of_many(model.card, prior, bodies.covariates, n)
        if model.endogenous is not None and model.other is not None:
            theirs = typical_of_many(model.endogenous, model.other, bodies.covariates, n)
            typical |= {name: theirs[name] for name in ENDOGENOUS_NAMES}
        moved = prior.moved(deviations)
        values: dict[str, float | Floats] = {
            name: shifted(typical[name], prior.scale[name], moved[:, column])
            for column, name in enumerate(PRIOR_PARAMETERS)
        }
        values |= {"clearance_ratio": 1.0, "production_ratio": 1.0}
        therapy = therapy_table(self.therapy, self.seed, batch, n)
        return Cases(
            thetas=np.ascontiguousarray(kinetic_parameters(values)),
            start_day=np.fmin(0.0, therapy[:, 0, 0]) if therapy.shape[1] else np.zeros(n),
            therapy=therapy,
            history=np.empty((n, 0, 4)),
            error=np.tile([prior.additive_g_per_l, prior.proportional], (n, 1)),
            weight_kg=bodies.weight_kg,
            height_cm=bodies.height_cm,
            is_male=bodies.is_male,
            patient=batch * BATCH + np.arange(n),
            draw=np.zeros(n, dtype=np.int64),
            model=np.full(n, number),
            noise=np.arange(n),
            drift_day=np.empty((n, 0)),
            factor=np.empty((n, 0)),
        )


def of_each(numbers: Mapping[str, float]) -> Floats:
    """(parameter) of numbers by name."""
    return np.array([numbers[name] for name in PRIOR_PARAMETERS])


def turned(root: Floats, z: Floats) -> Floats:
    """Deviates (n, parameter) of the covariance root root', root (n or 1, parameter, parameter)."""
    return np.asarray((root @ z[:, :, None])[..., 0])


def stacked(parts: list[Cases]) -> Cases:
    """Cases one after the other. All have tables of the same widths."""
    if len(parts) == 1:
        return parts[0]
    columns = Cases.__dataclass_fields__
    return Cases(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in columns})
