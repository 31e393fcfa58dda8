"""Covariates a card uses: closed list of effects, values where unknown, and the domain it holds in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from igkinetics.cards.parts import Key, Number, Positive, Strict, Text

Range = tuple[Number, Number]


class Covariate(Strict):
    """A patient's property that the card uses, and the value taken where it is not known.

    computed_by: the formula that gives it from weight_kg, height_cm and sex where it is not given itself.
    """

    description: Text
    unit: str = ""
    levels: tuple[Text, ...] = ()
    computed_by: Literal["boer_lean_body_mass"] | None = None
    when_missing: float | str
    provenance: Key


class PowerEffect(Strict):
    """parameter * (covariate / reference)^exponent"""

    form: Literal["power"]
    covariate: Key
    parameters: Annotated[tuple[Key, ...], Field(min_length=1)]
    reference: Positive
    exponent: Number
    provenance: Key


class ExponentialEffect(Strict):
    """parameter * exp(coefficient * (covariate - reference))"""

    form: Literal["exponential"]
    covariate: Key
    parameters: Annotated[tuple[Key, ...], Field(min_length=1)]
    reference: Number
    coefficient: Number
    provenance: Key


class CategoryEffect(Strict):
    """parameter * factor of the covariate's level"""

    form: Literal["category"]
    covariate: Key
    parameters: Annotated[tuple[Key, ...], Field(min_length=1)]
    factors: dict[str, Positive]
    provenance: Key


CovariateEffect = Annotated[PowerEffect | ExponentialEffect | CategoryEffect, Field(discriminator="form")]


class Limit(Strict):
    """Soft: used with a note outside it. Hard: refused outside it."""

    covariate: Key
    soft: Range | None = None
    hard: Range | None = None
    reason: Text
