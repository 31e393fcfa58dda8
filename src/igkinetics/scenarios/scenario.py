"""The tables of a scenario file: days, kg, cm, g; IgG in the file's unit, or mg/dL in keys that say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from igkinetics.cards.body_size import WeightBasis
from igkinetics.dosing.assay import Assay, beyond_limits
from igkinetics.dosing.plausible import odd_dose, odd_infusion
from igkinetics.dosing.regimen import one_of
from igkinetics.dosing.regimen_file import Regimens, converted
from igkinetics.dosing.vials import VialSizes, faulty_sizes
from igkinetics.toml_input import Fault, NotNegative, Positive, Table, refuse
from igkinetics.units import IggUnit
from igkinetics.virtual.population import Population
from igkinetics.virtual.tables import Count, Therapy

Probability = Annotated[float, Field(gt=0, lt=1)]


class Target(Table):
    """What a search has to reach: the share `probability` of patients whose `quantity` lies within limits. Of troughs
    every one has to, not the lowest alone.

    at_least, at_most: in the file's unit, or with _mg_dl in their names. days: within which doses end intervals whose
    troughs count, or within which the nadir is taken; absent: from the first dose to the horizon.
    """

    quantity: Literal["trough", "nadir", "trough_last"]
    """Lowest level before a dose, lowest level, or the last trough."""
    at_least: Positive | None = None
    """Lower limit in the unit of the file."""
    at_least_mg_dl: Positive | None = None
    """The same in mg/dL."""
    at_most: Positive | None = None
    """Upper limit in the unit of the file; without it there is none."""
    at_most_mg_dl: Positive | None = None
    """The same in mg/dL."""
    days: list[float] | None = Field(default=None, min_length=2, max_length=2)
    """First and last day that the quantity covers."""
    probability: Probability
    """Share of patients who must meet it."""

    @model_validator(mode="after")
    def _holds(self) -> Target:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        yield from one_of(("at_least", "at_least_mg_dl"), (self.at_least, self.at_least_mg_dl))
        if self.at_most is not None and self.at_most_mg_dl is not None:
            yield Fault(("at_most",), f"{self.at_most:g}", "give either 'at_most' or 'at_most_mg_dl'")
        elif (upper := self.upper("mg/dL")) is not None and (self.at_least or self.at_least_mg_dl):
            if (self.at_most is None) != (self.at_least is None):
                yield Fault(("at_most",), f"{upper:g}", "write both limits in the same unit")
            elif upper <= self.lower("mg/dL"):
                yield Fault(("at_most",), f"{upper:g}", "must be above the lower limit")
        if self.days is not None and self.days[0] >= self.days[1]:
            yield Fault(("days",), str(self.days), "must be [from, to], ascending")

    def lower(self, unit: IggUnit) -> float:
        """The lower limit in this unit, which is that of `at_least`."""
        if self.at_least_mg_dl is not None:
            return converted(self.at_least_mg_dl, "mg/dL", unit)
        if self.at_least is None:
            raise AssertionError("a target without a level passed its checks")
        return self.at_least

    def upper(self, unit: IggUnit) -> float | None:
        """The upper limit in this unit, which is that of `at_most`; None: there is none."""
        return self.at_most if self.at_most_mg_dl is None else converted(self.at_most_mg_dl, "mg/dL", unit)


def in_a_list(found: object) -> object:
    return [found] if isinstance(found, str) else found


Routes = Annotated[list[Literal["iv", "sc"]], BeforeValidator(in_a_list)]


class Search(Table):
    """Calendar regimens among which the cheapest is sought.

    dose_g_per_kg or dose_g: two numbers are the ends of a range, walked in steps of dose_step_g_per_kg (dose_step_g);
    three or more, or one, are the doses themselves. vial_g: sizes that are mixed to round to; absent: no rounding.
    route: one, or several to try.
    """

    target: Target
    """What has to be reached."""
    dose_g_per_kg: list[Positive] | None = Field(default=None, min_length=1)
    """Doses to try in g/kg: the two ends of a range, or one or more than two doses."""
    dose_step_g_per_kg: Positive = 0.05
    """Step between the ends of a range, g/kg."""
    dose_g: list[Positive] | None = Field(default=None, min_length=1)
    """The same in g, in place of `dose_g_per_kg`."""
    dose_step_g: Positive = 5.0
    """Step between the ends of a range, g."""
    interval_day: list[Positive] = Field(min_length=1)
    """Days between doses to try."""
    vial_g: VialSizes | None = None
    """Vial size in g, or a list of sizes that are mixed, to round to; without it, no rounding."""
    loading_g_per_kg: Positive | None = None
    """First dose in g/kg, in place of the regular one."""
    start_day: float | None = None
    """Day of the first dose."""
    weight: WeightBasis = "actual"
    """The weight that g/kg refers to."""
    route: Routes = Field(default=["iv"], min_length=1)
    """Route, or several to try."""
    duration_h: NotNegative = 0.0
    """Hours of an infusion; 0 is a bolus."""
    unusual_doses: Literal["as_given"] | None = None
    """`as_given` where doses, vials or infusion times beyond all use are meant."""

    @model_validator(mode="after")
    def _holds(self) -> Search:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        yield from one_of(("dose_g_per_kg", "dose_g"), (self.dose_g_per_kg, self.dose_g))
        for name in ("dose_g_per_kg", "dose_g", "interval_day"):
            values = getattr(self, name)
            if values is not None and sorted(set(values)) != values:
                yield Fault((name,), str(values), "must ascend, each value once")
        if self.vial_g is not None and (rule := faulty_sizes(self.vial_g)):
            yield Fault(("vial_g",), str(self.vial_g), rule)
        if self.unusual_doses is None:
            yield from odd_infusion(self.duration_h, self.vial_g)
            yield from odd_dose(("loading_g_per_kg",), self.loading_g_per_kg, None)
            for dose in self.dose_g_per_kg or ():
                yield from odd_dose(("dose_g_per_kg",), dose, None)
            for dose in self.dose_g or ():
                yield from odd_dose(("dose_g",), None, dose)
        if len(set(self.route)) != len(self.route):
            yield Fault(("route",), str(self.route), "must name each route once")


class ExposureResponse(Table):
    """Rates of infection expected from the trough, as evidence between studies. False leaves one out."""

    pneumonia: bool = True
    """Whether to report pneumonia expected from the trough."""
    any_infection: bool = True
    """Whether to report all infections expected from the trough."""


class Scenario(Table):
    """A whole scenario file. thresholds are in `unit`, by default that of the fit or cohort behind the population.

    assay: how the checks of rules are measured. allow_minutes, allow_gib: time and memory that the run may be foreseen
    to take.
    """

    title: str = ""
    """Stands at the head of the report."""
    horizon_day: Positive
    """Last day that is followed; day 0 is the start."""
    thresholds: list[Positive] | None = Field(default=None, min_length=1)
    """Levels of IgG to report on, ascending, in `unit`; always stated, there is no default."""
    thresholds_mg_dl: list[Positive] | None = Field(default=None, min_length=1)
    """The same in mg/dL, in place of `thresholds`."""
    unit: IggUnit | None = None
    """Unit of the thresholds and of the tables."""
    price_per_g: Positive | None = None
    """Price of a gram; with it, costs are reported."""
    seed: Count
    """Seed of all random numbers."""
    population: Population
    """Who is dosed."""
    therapy: Therapy | None = None
    """B-cell-depleting therapy, where the population does not bring its own."""
    assay: Assay = Assay()
    """How the checks of rules are measured."""
    regimen: Regimens = Field(default_factory=list)
    """The regimens to compare, each a [[regimen]] table."""
    search: Search | None = None
    """What to search for the cheapest regimen."""
    exposure_response: ExposureResponse | None = None
    """Infections expected from the trough."""
    allow_minutes: Positive = 15.0
    """Minutes that the run may be foreseen to take; more is refused before it starts."""
    allow_gib: Positive = 4.0
    """Memory in GiB that the run may be foreseen to take."""

    @field_validator("thresholds", "thresholds_mg_dl")
    @classmethod
    def _ascend(cls, thresholds: list[float] | None) -> list[float] | None:
        if thresholds is not None and sorted(set(thresholds)) != thresholds:
            refuse([Fault((), str(thresholds), "must ascend, each value once")])
        return thresholds

    @model_validator(mode="after")
    def _holds(self) -> Scenario:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if not self.regimen and self.search is None:
            yield Fault(("regimen",), "", "needed: at least one [[regimen]], or a [search]")
        yield from one_of(("thresholds", "thresholds_mg_dl"), (self.thresholds, self.thresholds_mg_dl))
        for index, regimen in enumerate(self.regimen):
            if regimen.rule is not None:
                key = ("regimen", index, "rule", "below_mg_dl")
                yield from beyond_limits(self.assay, regimen.rule.below_mg_dl, key)

    @property
    def has_therapy(self) -> bool:
        return self.therapy is not None and self.therapy.cycles > 0

    def thresholds_in(self, unit: IggUnit) -> tuple[float, ...]:
        """The thresholds in the unit of the tables, which is that of `thresholds`."""
        if self.thresholds is not None:
            return tuple(self.thresholds)
        return tuple(converted(value, "mg/dL", unit) for value in self.thresholds_mg_dl or ())
