"""The whole scenario file, and what its parts must agree on."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from igkinetics.scenarios.sections import Dosing, ExposureResponse, Population, Regimens, Search, Seed
from igkinetics.simulate.keys import Fault, Positive, Table, refuse
from igkinetics.simulate.sections import Therapy


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

    @model_validator(mode="after")
    def _holds(self) -> Scenario:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if not self.regimen and self.search is None:
            yield Fault(("regimen",), "", "needed: at least one [[regimen]], or a [search]")
        if sorted(set(self.thresholds_mg_dl)) != self.thresholds_mg_dl:
            yield Fault(("thresholds_mg_dl",), str(self.thresholds_mg_dl), "must ascend, each value once")
        seen: set[str] = set()
        for place, regimen in enumerate(self.regimen):
            if regimen.name in seen:
                yield Fault(("regimen", place, "name"), regimen.name, "regimens need different names")
            seen.add(regimen.name)
            if not regimen.gives_nothing:
                yield from self._start_faults(place, regimen)
        yield from self._therapy_faults()

    def _start_faults(self, place: int, regimen: Dosing) -> Iterator[Fault]:
        day = regimen.first_day
        key = ("regimen", place, "rule", "start_day") if regimen.rule is not None else ("regimen", place, "start_day")
        if day >= self.horizon_day:
            yield Fault(key, f"{day:g}", f"must be before horizon_day, {self.horizon_day:g}")
        if day < 0 and self.population.fit is None and self.population.effect is None:
            yield Fault(key, f"{day:g}", "must be 0 or more: virtual patients start on day 0")

    def _therapy_faults(self) -> Iterator[Fault]:
        own = self.population.fit is not None or (self.population.effect is not None and self.population.new is None)
        if self.therapy is not None and own:
            yield Fault(("therapy",), "given", "the patients of this population bring their own therapy; leave it out")

    @property
    def has_therapy(self) -> bool:
        return self.therapy is not None and self.therapy.cycles > 0
