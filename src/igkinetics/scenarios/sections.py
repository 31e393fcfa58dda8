"""The parts of a scenario file (DESIGN 3.4) as models. Days, kg, cm, g, mg/dL, as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from igkinetics.cards.body_size import WeightBasis
from igkinetics.dosing.regimen import Dosing
from igkinetics.toml_input import Fault, NotNegative, Positive, Table, refuse
from igkinetics.virtual.tables import Count

Probability = Annotated[float, Field(gt=0, lt=1)]
















class Target(Table):
    """What a search has to reach: the share `probability` of patients with `quantity` at or above a level."""

    quantity: Literal["trough", "nadir"]
    at_least_mg_dl: Positive
    probability: Probability


class Search(Table):
    """Calendar regimens among which the cheapest is sought.

    dose_g_per_kg: two numbers are the ends of a range, walked in steps of dose_step_g_per_kg; three or more, or one,
    are the doses themselves. vial_g: sizes to round to; absent: no rounding.
    """

    target: Target
    dose_g_per_kg: list[Positive] = Field(min_length=1)
    dose_step_g_per_kg: Positive = 0.05
    interval_day: list[Positive] = Field(min_length=1)
    vial_g: list[Positive] | None = Field(default=None, min_length=1)
    loading_g_per_kg: Positive | None = None
    start_day: float | None = None
    weight: WeightBasis = "actual"
    route: Literal["iv", "sc"] = "iv"
    duration_h: NotNegative = 0.0

    @model_validator(mode="after")
    def _holds(self) -> Search:
        for name in ("dose_g_per_kg", "interval_day", "vial_g"):
            values = getattr(self, name)
            if values is not None and sorted(set(values)) != values:
                refuse([Fault((name,), str(values), "must ascend, each value once")])
        return self


class ExposureResponse(Table):
    """Rates of infection expected from the trough, as evidence between studies. False leaves one out."""

    pneumonia: bool = True
    any_infection: bool = True


def named(tables: object) -> object:
    """Regimens without a name get one from their place."""
    if not isinstance(tables, list):
        return tables
    return [{"name": f"regimen {place}", **table} if isinstance(table, Mapping) else table
            for place, table in enumerate(tables, 1)]  # fmt: skip


Regimens = Annotated[list[Dosing], BeforeValidator(named)]
Seed = Count
