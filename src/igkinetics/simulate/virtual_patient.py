"""Virtual patients: weight, covariates, therapy and true parameters, drawn from a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cards.prior import (
    PRIOR_PARAMETERS,
    PatientPrior,
    draw_parameters,
    kinetic_parameters,
    patient_prior,
)
from igkinetics.errors import call_error
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import Streams
from igkinetics.scales import shifted
from igkinetics.simulate.design import patient_id
from igkinetics.simulate.sections import Group, Population
from igkinetics.virtual.tables import Covariate, Spread, Therapy
from igkinetics.virtual.typical import ENDOGENOUS_NAMES

WEIGHT_DECIMALS = 1
COVARIATE_DECIMALS = 1
DAY_DECIMALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """The card of the population, and the one that stands in for its endogenous IgG (None: its own)."""

    main: Card
    endogenous: Card | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPatient:
    """Who a patient is before anything is done. parameters: the true 13-vector (kinetics.parameters)."""

    patient_id: str
    group: Group
    streams: Streams
    weight_kg: float
    covariates: dict[str, float | str]
    agent: str
    therapy_start: Floats
    therapy_stop: Floats
    parameters: Floats
    additive_g_per_l: float
    proportional: float
    notes: tuple[str, ...]


def draw_patient(
    population: Population, group: Group, therapy: Therapy | None, cards: Cards, seed: int, place: int
) -> VirtualPatient:
    """The patient at this place (from 0) of a group. A function of seed, group name and place."""
    streams = Streams(seed, group.name, place)
    weight = round(population.weight_kg.at(streams.of("weight").standard_normal()), WEIGHT_DECIMALS)
    covariates = {name: draw_covariate(one, streams, name) for name, one in population.covariates.items()}
    start, stop = therapy_days(therapy, streams)
    agents = (therapy.agent,) if therapy is not None and therapy.agent and start.size else ()
    prior = merged_prior(cards, weight, covariates, agents, population.disposition)
    if start.size and prior.production == "constant":
        expected = f"needed with therapy: {prior.card_id} keeps endogenous IgG constant"
        raise call_error("population.endogenous_card", "", expected)
    return VirtualPatient(
        patient_id=patient_id(group.name, place),
        group=group,
        streams=streams,
        weight_kg=weight,
        covariates=covariates,
        agent=agents[0] if agents else "",
        therapy_start=start,
        therapy_stop=stop,
        parameters=true_parameters(prior, population.typical, streams),
        additive_g_per_l=prior.additive_g_per_l,
        proportional=prior.proportional,
        notes=prior.notes,
    )


def therapy_days(therapy: Therapy | None, streams: Streams) -> tuple[Floats, Floats]:
    """Starts and stops of the patient's cycles, days; empty without therapy."""
    if therapy is None:
        return np.empty(0), np.empty(0)
    cycles = therapy.cycles
    if therapy.fewest_cycles is not None:
        cycles = int(streams.of("cycles").integers(therapy.fewest_cycles, therapy.cycles, endpoint=True))
    start = therapy.start_day + (therapy.on_day + therapy.off_day) * np.arange(cycles)
    return np.round(start, DAY_DECIMALS), np.round(start + therapy.on_day, DAY_DECIMALS)


def draw_covariate(covariate: Covariate, streams: Streams, name: str) -> float | str:
    """One value: log-normal to one decimal, or a category by its share."""
    generator = streams.of("covariates", name)
    if covariate.shares is not None:
        names = list(covariate.shares)
        return names[int(generator.choice(len(names), p=np.array(list(covariate.shares.values()))))]
    if covariate.mean is None or covariate.sd is None:
        raise AssertionError("a covariate without mean and sd passed its checks")
    value = Spread(mean=covariate.mean, sd=covariate.sd).at(generator.standard_normal())
    return round(value, COVARIATE_DECIMALS)


def merged_prior(
    cards: Cards,
    weight_kg: float,
    covariates: Mapping[str, float | str],
    agents: tuple[str, ...],
    disposition: str,
) -> PatientPrior:
    """The card's prior; production and its loss from the card that stands in for them."""
    main = patient_prior(cards.main, weight_kg=weight_kg, agents=agents, disposition=disposition,
                         covariates=covariates)
    if cards.endogenous is None:
        return main
    other = patient_prior(cards.endogenous, weight_kg=weight_kg, agents=agents, disposition=disposition,
                          covariates=covariates)
    return replace(
        main,
        card_id=f"{main.card_id} + {other.card_id}",
        typical=main.typical | {name: other.typical[name] for name in ENDOGENOUS_NAMES},
        scale=main.scale | {name: other.scale[name] for name in ENDOGENOUS_NAMES},
        omega=main.omega | {name: other.omega[name] for name in ENDOGENOUS_NAMES},
        uncertainty=main.uncertainty | {name: other.uncertainty[name] for name in ENDOGENOUS_NAMES},
        production=other.production,
        notes=tuple(dict.fromkeys((*main.notes, *other.notes))),
    )


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
