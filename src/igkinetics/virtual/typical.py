"""A card's typical values for many patients at once; one patient's are those of cards.prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from igkinetics.cards.covariates import CategoryEffect, CovariateEffect, ExponentialEffect, PowerEffect
from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import computed_columns
from igkinetics.cards.prior import (
    PRIOR_PARAMETERS,
    PatientPrior,
    patient_prior,
)
from igkinetics.kinetics.parameters import Floats

Column = npt.NDArray[np.float64] | npt.NDArray[np.str_]
Covariates = Mapping[str, Column]


def effect_factors(effect: CovariateEffect, values: Column) -> Floats:
    """What an effect multiplies its parameters by, for each patient."""
    if isinstance(effect, CategoryEffect):
        levels, index = np.unique(values.astype(str), return_inverse=True)
        return np.array([effect.factors[level] for level in levels])[index]
    numbers = values.astype(float)
    if isinstance(effect, PowerEffect):
        return np.asarray(np.power(numbers / effect.reference, effect.exponent))
    if isinstance(effect, ExponentialEffect):
        return np.asarray(np.exp(effect.coefficient * (numbers - effect.reference)))
    raise AssertionError(f"no such form of an effect: {effect.form}")


def typical_of_many(card: Card, prior: PatientPrior, covariates: Covariates, n: int) -> dict[str, Floats]:
    """Typical values (n,) by name. prior: the card's for any one patient; covariates: columns; absent: as unknown."""
    covariates = {**covariates, **computed_columns(card, covariates)}
    typical = {name: np.full(n, card_value(card, prior, name)) for name in PRIOR_PARAMETERS}
    for effect in card.covariate_effects:
        known = covariates.get(effect.covariate)
        column = np.full(n, card.covariates[effect.covariate].when_missing) if known is None else known
        factors = effect_factors(effect, column)
        for index in (index for name in effect.parameters if applies(prior, name) for index in places(card, name)):
            if index in typical:
                typical[index] = typical[index] * factors
    return typical


def places(card: Card, name: str) -> tuple[str, ...]:
    """The kinetics' parameters that a card's parameter is a factor of: CL = k_deg V where the card gives k_deg."""
    if name == "k_deg":
        return ("CL",)
    if name == "V":
        return ("V1", "CL") if card.parameters.k_deg is not None else ("V1",)
    return (name,)


def applies(prior: PatientPrior, name: str) -> bool:
    """Whether a card's parameter is one of this disposition's: V is the one volume of one compartment."""
    one = prior.disposition == "one_compartment"
    return not (one and name in ("V1", "Q", "V2")) and not (not one and name == "V")


def card_value(card: Card, prior: PatientPrior, name: str) -> float:
    """A typical value at the reference covariates."""
    source = "V" if name == "V1" and prior.disposition == "one_compartment" else name
    given = card.parameters.given()
    if name == "CL" and "k_deg" in given:
        return given["k_deg"].natural * given["V"].natural
    if source in given and applies(prior, source):
        return given[source].natural
    return prior.typical[name]  # fixed, or S of the agent: no covariate acts on it


def merged(main: PatientPrior, other: PatientPrior | None) -> PatientPrior:
    """The main card's scales and spreads; those of endogenous IgG from the card that stands in for it."""
    if other is None:
        return main

    def both(name: str) -> dict[str, float]:
        own, theirs = getattr(main, name), getattr(other, name)
        return {**own, **{key: theirs[key] for key in ENDOGENOUS_NAMES}}

    return replace(
        main,
        card_id=f"{main.card_id} + {other.card_id}",
        typical=both("typical"),
        scale={**main.scale, **{key: other.scale[key] for key in ENDOGENOUS_NAMES}},
        omega=both("omega"),
        uncertainty=both("uncertainty"),
        production=other.production,
        notes=tuple(dict.fromkeys((*main.notes, *other.notes))),
    )


def any_prior(card: Card, agents: tuple[str, ...], disposition: str, person: Mapping[str, float | str]) -> PatientPrior:
    """The card's prior for one person (covariates by name, weight_kg among them): for scales, spreads and notes."""
    return patient_prior(
        card, weight_kg=float(person["weight_kg"]), agents=agents, disposition=disposition, covariates=person
    )


ENDOGENOUS_NAMES = ("C_base", "C_init_ratio", "S", "k_loss", "k_rec")
