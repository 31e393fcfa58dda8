"""A model card: one publication, or one stated synthesis: numbers, doubts and checks. It holds no code."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from igkinetics.cards.covariates import Covariate, CovariateEffect, Limit
from igkinetics.cards.expected import Check, PriorPredictive
from igkinetics.cards.parts import (
    Concentration,
    Disposition,
    Flow,
    Fraction,
    Key,
    Parameter,
    Rate,
    Ratio,
    Strict,
    Text,
    Volume,
    WholeNumber,
)
from igkinetics.cards.residual import ResidualError


class Citation(Strict):
    """Where a number can be looked up; one of doi, pmid and url is needed."""

    authors: Text
    year: Annotated[int, Field(strict=True, ge=1900, le=2100)] | None = None
    where: Text
    doi: Annotated[str, Field(pattern=r"^(10\.\d{4,9}/\S+)?$")] = ""
    pmid: Annotated[str, Field(pattern=r"^\d*$")] = ""
    url: str = ""
    note: str = ""


class Provenance(Strict):
    """How a number came into the card.

    primary: read in the paper (or a transcription of its table); review: read in a review; both name citation
    and place. derived: computed, with the arithmetic. assumption: with the reason.
    """

    kind: Literal["primary", "review", "derived", "assumption"]
    citations: tuple[Key, ...] = ()
    place: str = ""
    arithmetic: str = ""
    reason: str = ""


class Structure(Strict):
    """Dispositions the card has numbers for, and how endogenous IgG was handled.

    turnover: produced and lost (S, k_loss, k_rec); constant: a constant C_base under the infused IgG;
    steady_production: produced at a constant rate and lost, without an effect of therapy; none: infused IgG only.
    """

    dispositions: Annotated[tuple[Disposition, ...], Field(min_length=1)]
    endogenous: Literal["turnover", "constant", "steady_production", "none"]
    routes: Annotated[tuple[Literal["iv", "sc"], ...], Field(min_length=1)]
    note: str = ""


class Parameters(Strict):
    """Typical values; names of the kinetics, V the one volume of one compartment.

    k_deg: fractional loss of IgG, of a card of one compartment that gives it in place of CL (CL = k_deg * V).
    """

    CL: Flow | None = None
    k_deg: Rate | None = None
    V1: Volume | None = None
    Q: Flow | None = None
    V2: Volume | None = None
    V: Volume | None = None
    ka: Rate | None = None
    F: Fraction | None = None
    C_base: Concentration | None = None
    C_init_ratio: Ratio | None = None
    k_loss: Rate | None = None
    k_rec: Rate | None = None
    clearance_ratio: Ratio | None = None
    production_ratio: Ratio | None = None

    def given(self) -> dict[str, Parameter]:
        """The parameters this card has, by name, in the order above."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: parameter for name, parameter in found.items() if parameter is not None}


class AgentClass(Strict):
    """Therapies that share one S. Names are matched whole, ignoring case; * stands for any text."""

    title: Text
    agents: Annotated[tuple[Text, ...], Field(min_length=1)]
    domain: Literal["inside", "outside_soft"]
    S: Fraction


class CardFile(Strict):
    """Everything a card file may say."""

    format: Literal[1]
    id: Key
    title: Text
    kind: Literal["publication", "synthesis", "private"]
    use: Literal["full", "typical_only"]
    population: Text
    n_patients: WholeNumber | None = None
    structure: Structure
    citations: Annotated[dict[Key, Citation], Field(min_length=1)]
    provenance: Annotated[dict[Key, Provenance], Field(min_length=1)]
    parameters: Parameters
    covariates: dict[Key, Covariate] = Field(default_factory=dict)
    covariate_effects: tuple[CovariateEffect, ...] = ()
    agent_classes: dict[Key, AgentClass] = Field(default_factory=dict)
    agent_unknown: Fraction | None = None
    residual_error: ResidualError | None = None
    limits: tuple[Limit, ...] = ()
    known_defects: tuple[Text, ...] = ()
    doubts: Annotated[tuple[Text, ...], Field(min_length=1)]
    prior_predictive: PriorPredictive | None = None
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]


class Card(CardFile):
    """A loaded card: the file's content, its name and the SHA-256 of its bytes."""

    file: str
    sha256: str

    @property
    def doi(self) -> str:
        """DOI of the first citation that has one; empty when none has."""
        return next((citation.doi for citation in self.citations.values() if citation.doi), "")
