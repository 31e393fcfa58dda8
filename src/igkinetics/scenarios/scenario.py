"""The whole scenario file; what its parts must agree on is in `agreement`."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from igkinetics.scenarios.sections import ExposureResponse, Regimens, Search, Seed
from igkinetics.toml_input import Fault, Positive, Table, refuse
from igkinetics.virtual.population import Population
from igkinetics.virtual.tables import Therapy


class Scenario(Table):
    """A whole scenario file."""

    title: str = ""
    horizon_day: Positive
    thresholds_mg_dl: list[Positive] = Field(min_length=1)
    price_per_g: Positive | None = None
    seed: Seed
    population: Population
    therapy: Therapy | None = None
    regimen: Regimens = Field(default_factory=list)
    search: Search | None = None
    exposure_response: ExposureResponse | None = None

    @field_validator("thresholds_mg_dl")
    @classmethod
    def _ascend(cls, thresholds: list[float]) -> list[float]:
        if sorted(set(thresholds)) != thresholds:
            refuse([Fault((), str(thresholds), "must ascend, each value once")])
        return thresholds

    @model_validator(mode="after")
    def _holds(self) -> Scenario:
        if not self.regimen and self.search is None:
            refuse([Fault(("regimen",), "", "needed: at least one [[regimen]], or a [search]")])
        return self

    @property
    def has_therapy(self) -> bool:
        return self.therapy is not None and self.therapy.cycles > 0
