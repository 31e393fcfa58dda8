"""The numbers of a card: value with unit, uncertainty, variability between patients, provenance."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator

from igkinetics.cards.dimensions import to_internal, unit_rule

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
WholeNumber = Annotated[int, Field(strict=True, gt=0)]
Text = Annotated[str, Field(min_length=1)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]

Disposition = Literal["one_compartment", "two_compartment"]
VariabilityKind = Literal["log_sd", "cv_percent", "variance", "sd_logit"]


class Strict(BaseModel):
    """Frozen; a key that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def table_or_word(given: Any) -> str:
    """Tag that tells a table from a word such as "fixed"; angle brackets keep it out of error paths."""
    return "<word>" if isinstance(given, str) else "<table>"


class Spread(Strict):
    """SD of a typical value on the parameter's scale (log or logit), or of the log of an SD."""

    sd: Positive
    provenance: Key


Uncertainty = Annotated[
    Annotated[Spread, Tag("<table>")] | Annotated[Literal["fixed", "not_reported"], Tag("<word>")],
    Discriminator(table_or_word),
]


def sd_of(uncertainty: Spread | Literal["fixed", "not_reported"]) -> float:
    """SD of a typical value; 0 when it is fixed or was not reported (the card's prior then says so)."""
    return uncertainty.sd if isinstance(uncertainty, Spread) else 0.0


def reported_sd(uncertainty: Spread | Literal["fixed", "not_reported"]) -> float | None:
    """SD as stated; 0 when it is fixed, None when it was not reported."""
    return None if uncertainty == "not_reported" else sd_of(uncertainty)


class BetweenPatients(Strict):
    """Variability between patients, as published; `omega` is the SD on the parameter's scale."""

    kind: VariabilityKind
    value: Positive
    provenance: Key
    uncertainty: Uncertainty

    @property
    def omega(self) -> float:
        """SD on the log (or logit) scale. CV %: omega^2 = ln(1 + CV^2)."""
        if self.kind == "cv_percent":
            return math.sqrt(math.log1p((self.value / 100) ** 2))
        if self.kind == "variance":
            return math.sqrt(self.value)
        return self.value


Variability = Annotated[
    Annotated[BetweenPatients, Tag("<table>")] | Annotated[Literal["none", "not_reported"], Tag("<word>")],
    Discriminator(table_or_word),
]


class Parameter(Strict):
    """One typical value at the reference covariates. Subclasses fix its dimension, forms and scales."""

    dimension: ClassVar[str] = "pure number"
    forms: ClassVar[tuple[str, ...]] = ("value",)
    scales: ClassVar[tuple[str, ...]] = ("log",)

    given_as: Literal["value", "half_life", "logit"] = "value"
    value: Number
    unit: str
    scale: Literal["log", "logit"]
    provenance: Key
    uncertainty: Uncertainty
    between_patients: Variability
    note: str = ""

    @field_validator("given_as")
    @classmethod
    def _form_is_possible(cls, given_as: str) -> str:
        return one_of(given_as, cls.forms)

    @field_validator("scale")
    @classmethod
    def _scale_is_possible(cls, scale: str) -> str:
        return one_of(scale, cls.scales)

    @field_validator("unit")
    @classmethod
    def _unit_has_the_dimension(cls, unit: str, info: ValidationInfo) -> str:
        given_as = str(info.data.get("given_as", "value"))
        return unit_of(unit, dimension_given(cls.dimension, given_as))

    @property
    def natural(self) -> float:
        """The typical value in the units used inside: g, L, day."""
        number = to_internal(self.value, self.unit, dimension_given(self.dimension, self.given_as))
        if self.given_as == "half_life":
            return math.log(2) / number if number else math.inf
        if self.given_as == "logit":
            return 1 / (1 + math.exp(-number))
        return number

    @property
    def omega(self) -> float:
        """Between-patient SD on the parameter's scale; 0 when none was modelled or reported."""
        return self.between_patients.omega if isinstance(self.between_patients, BetweenPatients) else 0.0


def one_of(given: str, allowed: tuple[str, ...]) -> str:
    if given not in allowed:
        raise ValueError(f"must be {' or '.join(allowed)}")
    return given


def unit_of(unit: str, dimension: str) -> str:
    rule = unit_rule(unit, dimension)
    if rule:
        raise ValueError(rule)
    return unit


def dimension_given(dimension: str, given_as: str) -> str:
    """A rate may be given as a half-life, a fraction as its log-odds."""
    return {"half_life": "time", "logit": "log-odds"}.get(given_as, dimension)


class Flow(Parameter):
    dimension: ClassVar[str] = "flow"


class Volume(Parameter):
    dimension: ClassVar[str] = "volume"


class Concentration(Parameter):
    dimension: ClassVar[str] = "concentration"


class Rate(Parameter):
    dimension: ClassVar[str] = "rate"
    forms: ClassVar[tuple[str, ...]] = ("value", "half_life")


class Ratio(Parameter):
    """A dimensionless factor around 1."""


class Fraction(Parameter):
    """Between 0 and 1."""

    forms: ClassVar[tuple[str, ...]] = ("value", "logit")
    scales: ClassVar[tuple[str, ...]] = ("log", "logit")
