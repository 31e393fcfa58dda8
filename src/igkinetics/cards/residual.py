"""Residual error of a card: how far a measurement lies from the curve."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Discriminator, Tag, ValidationInfo, field_validator

from igkinetics.cards.dimensions import to_internal
from igkinetics.cards.parts import Key, Positive, Strict, Uncertainty, reported_sd, table_or_word, unit_of


class Additive(Strict):
    """Additive residual error; `sd` in g/L."""

    kind: Literal["sd", "variance"]
    value: Positive
    unit: str
    provenance: Key
    uncertainty: Uncertainty
    note: str = ""

    @field_validator("unit")
    @classmethod
    def _has_the_dimension(cls, unit: str, info: ValidationInfo) -> str:
        return unit_of(unit, additive_dimension(str(info.data.get("kind", "sd"))))

    @property
    def sd(self) -> float:
        number = to_internal(self.value, self.unit, additive_dimension(self.kind))
        return math.sqrt(number) if self.kind == "variance" else number


def additive_dimension(kind: str) -> str:
    return "variance of a concentration" if kind == "variance" else "concentration"


class Proportional(Strict):
    """Proportional residual error; `sd` as a fraction of the level."""

    kind: Literal["sd", "cv_percent", "variance"]
    value: Positive
    provenance: Key
    uncertainty: Uncertainty
    note: str = ""

    @property
    def sd(self) -> float:
        if self.kind == "variance":
            return math.sqrt(self.value)
        return self.value / 100 if self.kind == "cv_percent" else self.value


MaybeAdditive = Annotated[
    Annotated[Additive, Tag("<table>")] | Annotated[Literal["none"], Tag("<word>")],
    Discriminator(table_or_word),
]
MaybeProportional = Annotated[
    Annotated[Proportional, Tag("<table>")] | Annotated[Literal["none"], Tag("<word>")],
    Discriminator(table_or_word),
]


class ResidualError(Strict):
    """y ~ Normal(C, a^2 + (b C)^2), a in g/L; "none" where the publication has no such term."""

    additive: MaybeAdditive
    proportional: MaybeProportional

    @property
    def additive_g_per_l(self) -> float:
        return self.additive.sd if isinstance(self.additive, Additive) else 0.0

    @property
    def proportional_sd(self) -> float:
        return self.proportional.sd if isinstance(self.proportional, Proportional) else 0.0

    @property
    def uncertainties(self) -> tuple[float | None, float | None]:
        """SD of the log of each term's SD, additive first; None where none is reported, 0 where it is fixed."""
        terms = (self.additive, self.proportional)
        additive, proportional = (None if term == "none" else reported_sd(term.uncertainty) for term in terms)
        return additive, proportional
