"""A card's typical values for one patient: covariate effects, values where unknown, limits of the domain."""

from __future__ import annotations

import math
from collections.abc import Mapping

from igkinetics.cards.covariates import Covariate, CovariateEffect, ExponentialEffect, Limit, PowerEffect
from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import Value, computed_value, is_missing
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE


def patient_covariates(card: Card, given: Mapping[str, Value]) -> tuple[dict[str, Value], tuple[str, ...]]:
    """The covariates the card uses; a missing one is computed or takes the card's value, which a note says.

    Missing: absent, empty or nan. Raises InputError for levels the card does not know, hard limits, and a weight
    without the height and sex that lean mass needs.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    known: dict[str, Value] = {}
    for name, covariate in card.covariates.items():
        value = given.get(name, "")
        if is_missing(value):
            computed, faults = computed_value(card, name, covariate, given)
            problems += faults
            value = value if computed is None else computed
        if is_missing(value):
            known[name] = covariate.when_missing
            notes.append(f"{name} unknown: {card.id} uses {when_missing_text(covariate)}")
        elif rule := value_rule(card, name, covariate, value):
            found = value if isinstance(value, str) else f"{value:g}"
            problems.append(Problem(file="call", column=name, found=found, expected=rule))
        else:
            known[name] = value
    refused = {problem.column for problem in problems}
    for limit in card.limits:
        value = {**known, **given}.get(limit.covariate, "")
        if isinstance(value, str) or is_missing(value) or limit.covariate in refused:
            continue
        if outside(value, limit.hard):
            problems.append(limit_problem(card, limit, value))
        elif outside(value, limit.soft):
            place = f"{limit.covariate} {value:g} is outside the soft domain of {card.id}"
            notes.append(f"{place}: {limit.reason}")
    if problems:
        raise InputError(problems)
    return known, tuple(notes)


def when_missing_text(covariate: Covariate) -> str:
    value = covariate.when_missing
    return value if isinstance(value, str) else f"{value:g} {covariate.unit}".rstrip()


def value_rule(card: Card, name: str, covariate: Covariate, value: Value) -> str:
    """Empty when the card can use the value."""
    if covariate.levels:
        return "" if value in covariate.levels else f"must be one of {', '.join(covariate.levels)}"
    if isinstance(value, str):
        return "must be a number"
    raised = {effect.covariate for effect in card.covariate_effects if isinstance(effect, PowerEffect)}
    return "must be more than 0" if name in raised and value <= 0 else ""


def outside(value: float, limits: tuple[float, float] | None) -> bool:
    return limits is not None and not limits[0] <= value <= limits[1]


def limit_problem(card: Card, limit: Limit, value: float) -> Problem:
    lower, upper = limit.hard or (-math.inf, math.inf)
    rule = f"must lie between {lower:g} and {upper:g} for {card.id}: {limit.reason}"
    return Problem(file="call", column=limit.covariate, found=f"{value:g}", expected=rule)


def effect_factor(effect: CovariateEffect, covariates: Mapping[str, Value]) -> float:
    """What the effect multiplies its parameters by."""
    value = covariates[effect.covariate]
    if isinstance(effect, PowerEffect):
        return math.pow(float(value) / effect.reference, effect.exponent)
    if isinstance(effect, ExponentialEffect):
        return math.exp(effect.coefficient * (float(value) - effect.reference))
    return effect.factors[str(value)]


def typical_parameters(card: Card, covariates: Mapping[str, Value]) -> dict[str, float]:
    """Typical values, g, L, day, of the card's parameters; covariates as patient_covariates gives them."""
    typical = {name: parameter.natural for name, parameter in card.parameters.given().items()}
    for effect in card.covariate_effects:
        factor = effect_factor(effect, covariates)
        for name in effect.parameters:
            typical[name] *= factor
    return typical


def default_structure(card: Card) -> str:
    """The default, with a disposition and a form of production that the card has numbers for."""
    disposition, production = DEFAULT_STRUCTURE.split("/")
    has, given = card.structure.dispositions, card.parameters.given()
    if card.structure.endogenous == "turnover":
        production = "step_loss" if "k_loss" not in given else "gradual_loss" if "k_rec" not in given else production
    return f"{disposition if disposition in has else has[0]}/{production}"


def supported_disposition(card: Card, disposition: str) -> str:
    """The disposition, when the card has numbers for it; InputError otherwise."""
    if disposition not in card.structure.dispositions:
        allowed = " or ".join(card.structure.dispositions)
        raise call_error("structure", disposition, f"must be {allowed} for {card.id}")
    return disposition
