"""A card as a model that another program can run: its parameters, effects and structure, free of any language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from igkinetics.cards.agents import production_share
from igkinetics.cards.covariates import CovariateEffect
from igkinetics.cards.model import Card
from igkinetics.cards.parts import Parameter
from igkinetics.cards.prior import residual_error_of
from igkinetics.cards.scaling import default_structure, supported_disposition
from igkinetics.kinetics.parameters import PARAMETER_UNITS

LANGUAGES: Final = ("nonmem", "rxode2", "mrgsolve")
SHORT: Final = {
    "V": "V1",
    "C_base": "CBASE",
    "C_init_ratio": "RINIT",
    "k_loss": "KLOSS",
    "k_rec": "KREC",
    "k_deg": "KDEG",
    "ka": "KA",
    "F": "FSC",
    "S": "SHARE",
}
"""Name of the card -> name in the exported text; others as they are."""
COLUMN: Final = {"weight_kg": "WT", "age_y": "AGE", "height_cm": "HT"}
"""Covariate -> column of the data; others in capitals."""
WORDS: Final = {
    "CL": "clearance",
    "KDEG": "fractional loss",
    "V1": "volume of serum",
    "Q": "exchange with tissue",
    "V2": "volume of tissue",
    "KA": "absorption rate",
    "FSC": "subcutaneous bioavailability",
    "CBASE": "endogenous IgG before therapy",
    "RINIT": "initial level over CBASE",
    "SHARE": "share of production that therapy takes away",
    "KLOSS": "loss of the supply of producing cells on therapy",
    "KREC": "its recovery off therapy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParameter:
    """value: typical, g, L, day, on its own scale; omega: SD between patients on `scale`, 0: none."""

    name: str
    card_name: str
    value: float
    scale: str
    omega: float
    fixed: bool
    unit: str
    effects: tuple[CovariateEffect, ...]

    @property
    def words(self) -> str:
        return (
            f"{WORDS.get(self.name, self.name)}, {self.unit}" if self.unit != "1" else WORDS.get(self.name, self.name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """production: constant, step_loss or turnover; additive in g/L. endogenous: whether the card holds any.

    notes: what has to be said of the therapies that S is for.
    """

    card: Card
    disposition: str
    production: str
    subcutaneous: bool
    parameters: tuple[ModelParameter, ...]
    additive: float
    proportional: float
    notes: tuple[str, ...] = ()

    @property
    def two(self) -> bool:
        return self.disposition == "two_compartment"

    @property
    def endogenous(self) -> bool:
        return self.card.structure.endogenous != "none"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def varying(self) -> tuple[ModelParameter, ...]:
        return tuple(parameter for parameter in self.parameters if parameter.omega > 0)

    @property
    def columns(self) -> dict[str, str]:
        """Covariate of the card -> column of the data."""
        return {name: column_of(name) for name in self.card.covariates}


def column_of(covariate: str) -> str:
    return COLUMN.get(covariate, covariate.upper())


def specification(card: Card, *, disposition: str = "", agents: tuple[str, ...] = ()) -> Specification:
    """The card's model. InputError for a card of typical values only or a disposition that it has no numbers for."""
    error = residual_error_of(card)
    chosen = supported_disposition(card, disposition or default_structure(card).split("/")[0])
    given = dict(card.parameters.given())
    production = "constant"
    notes: tuple[str, ...] = ()
    if card.structure.endogenous == "turnover":
        given["S"], notes = production_share(card, agents)
        production = "turnover" if "k_loss" in given else "step_loss"
    wanted = ("V1", "Q", "V2") if chosen == "two_compartment" else ("V",)
    left_out = {"V", "V1", "Q", "V2", "clearance_ratio", "production_ratio"} - set(wanted)
    subcutaneous = "sc" in card.structure.routes
    if not subcutaneous:
        left_out |= {"ka", "F"}
    if production != "turnover":
        left_out |= {"k_loss", "k_rec"}
    return Specification(
        card=card,
        disposition=chosen,
        production=production,
        subcutaneous=subcutaneous,
        parameters=tuple(
            model_parameter(card, name, parameter) for name, parameter in given.items() if name not in left_out
        ),
        additive=error.additive_g_per_l,
        proportional=error.proportional_sd,
        notes=notes,
    )


def model_parameter(card: Card, name: str, parameter: Parameter) -> ModelParameter:
    short = SHORT.get(name, name)
    units = PARAMETER_UNITS | {"k_deg": "1/day", "V": "L"}
    return ModelParameter(
        name=short,
        card_name=name,
        value=parameter.natural,
        scale=parameter.scale,
        omega=parameter.omega,
        fixed=parameter.uncertainty == "fixed" and parameter.omega == 0,
        unit=units.get(name, "1"),
        effects=tuple(effect for effect in card.covariate_effects if name in effect.parameters),
    )
