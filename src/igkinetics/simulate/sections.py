"""The parts of a simulation file as models. Days, kg, mg/dL, as people write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from igkinetics.cohort.model import FOLLOW_UP_ENDS
from igkinetics.dosing.regimen import Regimen, one_of
from igkinetics.limits import MOST_EVENTS, MOST_VIRTUAL_PATIENTS, Day, at_most, number_of_steps
from igkinetics.toml_input import Fault, Name, NotNegative, Positive, Table, refuse
from igkinetics.virtual.population import Amount, OfCard
from igkinetics.virtual.tables import Count, Covariate, Share, Therapy

MOST_EVENTS_A_YEAR = 3652.5
"""Ten a day."""
RESERVED_COLUMNS = ("patient_id", "group", "weight_kg", "birth", "death")


class Population(OfCard):
    """Who is simulated.

    typical: the card's typical values as they are (`fixed`), drawn from their uncertainty once for the cohort
    (`drawn`), or anew for each patient (`drawn_per_patient`: the one-patient prior).
    """

    card: Name
    """Model card: an id of `igkinetics models list`, or the path of a file."""
    weight_kg: Amount
    """Weights: log-normal, by their mean and SD."""
    typical: Literal["fixed", "drawn", "drawn_per_patient"] = "fixed"
    """Whether typical values are the card's own, drawn once for the cohort, or drawn for each patient."""

    @model_validator(mode="after")
    def _holds(self) -> Population:
        refuse(self.shares_fault())
        return self

    @field_validator("covariates")
    @classmethod
    def _free_names(cls, covariates: dict[str, Covariate]) -> dict[str, Covariate]:
        refuse(
            Fault((name,), name, "has its own place; give another name")
            for name in covariates
            if name in RESERVED_COLUMNS
        )
        return covariates


class Rate(Table):
    """Events by a hazard that follows true IgG: per_year_at_500 * ratio^((IgG - 500 mg/dL) / 100 mg/dL)."""

    per_year_at_500: Annotated[float, Field(ge=0, le=MOST_EVENTS_A_YEAR)]
    """Events a year at an IgG of 500 mg/dL."""
    rate_ratio_per_100_mg_dl: Annotated[float, Field(ge=0.1, le=10)]
    """Factor on the rate for each 100 mg/dL more."""


class Visits(Table):
    """Days on which IgG is measured: every `every_day` days from start_day to until_day, or the `days` given.

    jitter_day: each visit is moved by an even draw within +- jitter_day. missed: the probability that a visit
    is not held, for each alone. illness: further visits on days of illness, from the first therapy (or visit)
    on, at a rate that follows true IgG; illness itself changes no IgG.
    """

    every_day: Positive | None = None
    """Days between visits."""
    days: list[Day] | None = Field(default=None, min_length=1)
    """The days of the visits, in place of `every_day`."""
    start_day: Day = 0.0
    """Day of the first visit."""
    until_day: Day | None = None
    """Day of the last visit."""
    jitter_day: NotNegative = 0.0
    """Each visit is moved by up to so many days, evenly."""
    missed: Share = 0.0
    """Share of visits that are not held."""
    illness: Rate | None = None
    """Further visits on days of illness."""

    @model_validator(mode="after")
    def _holds(self) -> Visits:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        yield from one_of(("every_day", "days"), (self.every_day, self.days))
        if self.days is not None and sorted(set(self.days)) != self.days:
            yield Fault(("days",), str(self.days), "must ascend, each day once")
        if self.every_day is not None and self.until_day is None:
            yield Fault(("until_day",), "", "needed with `every_day`: the last day of follow-up")
        if self.every_day is not None and self.until_day is not None:
            number = number_of_steps(self.start_day, self.until_day, self.every_day)
            yield from at_most(("every_day",), self.every_day, number, MOST_EVENTS, "visits")
        first = self.start_day if self.days is None else self.days[0]
        last = first if self.days is None else self.days[-1]
        if self.until_day is not None and self.until_day < last:
            found = f"{self.until_day:g}"
            yield Fault(("until_day",), found, f"must not lie before a visit, on day {last:g}")
        gaps = np.diff(self.days) if self.days is not None else [self.every_day or np.inf]
        gap = min(gaps, default=np.inf)
        if 2 * self.jitter_day > gap:
            yield Fault(
                ("jitter_day",),
                f"{self.jitter_day:g}",
                f"must be at most half the shortest gap between visits, {gap / 2:g}",
            )

    @property
    def planned_end_day(self) -> float:
        """End of planned follow-up: until_day, else the last of `days`, and the jitter of that visit."""
        last = self.until_day if self.until_day is not None else (self.days or [self.start_day])[-1]
        return float(last + self.jitter_day)


class Group(Table):
    """Patients who share a policy. regimen: absent or {} is none. therapy: instead of the one of all."""

    name: Name
    """Name of the group."""
    n: Annotated[int, Field(ge=1, le=MOST_VIRTUAL_PATIENTS)]
    """Number of patients."""
    regimen: Regimen | None = None
    """Dosing; without it, or `{}`, none."""
    therapy: Therapy | None = None
    """Therapy, in place of that of all."""

    @field_validator("regimen", mode="before")
    @classmethod
    def _empty_is_none(cls, regimen: object) -> object:
        return None if regimen == {} else regimen


class Outcome(Table):
    """An outcome by exact `counts` in each group (lowest true nadir first) or by a `rate`.

    after, within_day: the day lies within so many days after that other counted outcome of the same patient.
    death: the patient dies of it; a row `death` is written too and the record ends.
    """

    counts: dict[str, Count] | None = None
    """Group = number of patients with it, lowest true nadir first."""
    rate: Rate | None = None
    """Events by a hazard that follows true IgG."""
    after: str | None = None
    """Only after that other outcome of the same patient."""
    within_day: Positive | None = None
    """Within so many days of it."""
    death: bool = False
    """Whether the patient dies of it."""

    @model_validator(mode="after")
    def _holds(self) -> Outcome:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        yield from one_of(("counts", "rate"), (self.counts, self.rate))
        if (self.after is None) != (self.within_day is None):
            absent = "within_day" if self.within_day is None else "after"
            yield Fault((absent,), "", "`after` and `within_day` go together")
        if self.after is not None and self.rate is not None:
            yield Fault(("after",), self.after, "goes with `counts` only; a rate sets its own days")


def ends_follow_up(name: str, outcome: Outcome) -> bool:
    """Whether this outcome ends the record: a death, or a reserved name that ends follow-up everywhere."""
    return outcome.death or name in FOLLOW_UP_ENDS
