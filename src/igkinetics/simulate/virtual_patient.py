"""Virtual patients: weight, covariates, therapy and true parameters, drawn from a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from igkinetics.cards.model import Card
from igkinetics.cards.prior import (
    PRIOR_PARAMETERS,
    PatientPrior,
    draw_parameters,
    kinetic_parameters,
)
from igkinetics.errors import call_error
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import Streams
from igkinetics.scales import shifted
from igkinetics.simulate.design import patient_id
from igkinetics.simulate.sections import Group, Population
from igkinetics.virtual.bodies import drawn_shares, hard_limits, spread_at
from igkinetics.virtual.patients import priors_of
from igkinetics.virtual.tables import Spread, Therapy

BODY_DECIMALS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """The card of the population, and the one that stands in for its endogenous IgG (None: its own)."""

    main: Card
    endogenous: Card | None

    @property
    def both(self) -> tuple[Card, ...]:
        return (self.main,) if self.endogenous is None else (self.main, self.endogenous)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPatient:
    """Who a patient is before anything is done. parameters: the true 13-vector (kinetics.parameters)."""

    patient_id: str
    group: Group
    streams: Streams
    weight_kg: float
    height_cm: float
    is_male: bool
    covariates: dict[str, float | str]
    agent: str
    therapy_start: Floats
    therapy_stop: Floats
    parameters: Floats
    additive_g_per_l: float
    proportional: float
    notes: tuple[str, ...]


def draw_patient(
    population: Population, group: Group, therapy: Therapy | None, cards: Cards, seed: int, index: int
) -> VirtualPatient:
    """The patient at this place (from 0) of a group. A function of seed, group name and place."""
    streams = Streams(seed, group.name, index)
    person = draw_person(population, hard_limits(cards.both), streams)
    start, stop = therapy_days(therapy, streams)
    agents = (therapy.agent,) if therapy is not None and therapy.agent and start.size else ()
    prior, _ = priors_of(cards.main, cards.endogenous, agents, population.disposition, person)
    if start.size and prior.production == "constant":
        expected = f"needed with therapy: {prior.card_id} keeps endogenous IgG constant"
        raise call_error("population.endogenous_card", "", expected)
    return VirtualPatient(
        patient_id=patient_id(group.name, index),
        group=group,
        streams=streams,
        weight_kg=float(person["weight_kg"]),
        height_cm=float(person.get("height_cm", np.nan)) if population.height_cm is not None else np.nan,
        is_male=person.get("sex") == "male",
        covariates={name: value for name, value in person.items() if name != "weight_kg"},
        agent=agents[0] if agents else "",
        therapy_start=start,
        therapy_stop=stop,
        parameters=true_parameters(prior, population.typical, streams),
        additive_g_per_l=prior.additive_g_per_l,
        proportional=prior.proportional,
        notes=prior.notes,
    )


def draw_person(
    population: Population, limits: Mapping[str, tuple[float, float]], streams: Streams
) -> dict[str, float | str]:
    """Weight, height, sex and covariates: numbers within these limits to one decimal, categories by their shares."""

    def amount(spread: Spread, name: str, generator: np.random.Generator) -> float:
        share = ndtr(generator.standard_normal(1))
        return round(float(spread_at(spread, limits.get(name), share)[0]), BODY_DECIMALS)

    person: dict[str, float | str] = {"weight_kg": amount(population.weight_kg, "weight_kg", streams.of("weight"))}
    if population.height_cm is not None:
        person["height_cm"] = amount(population.height_cm, "height_cm", streams.of("height"))
    if population.sex is not None:
        person["sex"] = str(drawn_shares(population.sex, streams.of("sex"), 1)[0])
    for name, covariate in population.covariates.items():
        generator = streams.of("covariates", name)
        if covariate.shares is not None:
            person[name] = str(drawn_shares(covariate.shares, generator, 1)[0])
        elif covariate.mean is not None and covariate.sd is not None:
            person[name] = amount(Spread(mean=covariate.mean, sd=covariate.sd), name, generator)
    return person


def therapy_days(therapy: Therapy | None, streams: Streams) -> tuple[Floats, Floats]:
    """Starts and stops of the patient's cycles, days; empty without therapy."""
    if therapy is None:
        return np.empty(0), np.empty(0)
    cycles = therapy.cycles
    if therapy.fewest_cycles is not None:
        cycles = int(streams.of("cycles").integers(therapy.fewest_cycles, therapy.cycles, endpoint=True))
    start, stop = therapy.cycle_days()
    return start[:cycles], stop[:cycles]


def true_parameters(prior: PatientPrior, typical: str, streams: Streams) -> Floats:
    """A patient's 13-vector (kinetics.parameters). typical: as in `Population`.

    Nothing changes under immunoglobulin here: both ratios are 1.
    """
    if typical == "drawn":
        prior = cohort_prior(prior, Streams(streams.seed))
    per_patient = typical == "drawn_per_patient"
    drawn = draw_parameters(prior, streams.of("parameters"), 1, with_uncertainty=per_patient)
    ratios = {"clearance_ratio": np.ones(1), "production_ratio": np.ones(1)}
    return np.asarray(kinetic_parameters({**drawn, **ratios})[0])


def cohort_prior(prior: PatientPrior, cohort: Streams) -> PatientPrior:
    """The prior around typical values that are drawn once for a cohort, from their uncertainty."""
    deviations = [prior.uncertainty[name] * cohort.of("typical", name).standard_normal() for name in PRIOR_PARAMETERS]
    moved = prior.moved(np.array(deviations))
    typical = {
        name: float(shifted(prior.typical[name], prior.scale[name], moved[[column]])[0])
        for column, name in enumerate(PRIOR_PARAMETERS)
    }
    return replace(prior, typical=typical)
