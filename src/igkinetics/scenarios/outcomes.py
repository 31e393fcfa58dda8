"""The outcomes of DESIGN 3.4 as columns: names, thresholds, units, and their values for each case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.kinetics.parameters import Floats
from igkinetics.scenarios.exposure_response import Relation, events_per_patient_year, outside_studied, rate_ratio
from igkinetics.scenarios.outcome_kernel import (
    AUC,
    AUC_INFUSED,
    GRAMS,
    INFUSIONS,
    NADIR,
    NADIR_DAY,
    PEAK,
    TROUGH,
)
from igkinetics.units import from_g_per_l, g_per_l

UNIT: Final = "mg/dL"
INFECTION_VALUES: Final = 4
"""Columns of each relation: value, lower, upper, whether outside what was studied."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A column of outcomes: threshold in mg/dL, nan where it has none."""

    name: str
    unit: str
    threshold_mg_dl: float = np.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which outcomes are asked for. thresholds mg/dL; price per g, None: no cost."""

    thresholds_mg_dl: tuple[float, ...]
    price_per_g: float | None
    relations: tuple[Relation, ...] = ()
    """Of infections to trough; their values follow those of `all`."""

    @property
    def width(self) -> int:
        """Columns of `values`."""
        return len(self.all) + INFECTION_VALUES * len(self.relations)

    @property
    def reference_g_per_l(self) -> float:
        """The trough that ratios of infections refer to: the lowest threshold."""
        return g_per_l(self.thresholds_mg_dl[0], UNIT)

    @property
    def thresholds_g_per_l(self) -> Floats:
        return np.array([g_per_l(value, UNIT) for value in self.thresholds_mg_dl])

    @property
    def all(self) -> tuple[Outcome, ...]:
        """In the order of `values`."""
        at_thresholds = [
            Outcome(name, unit, threshold)
            for name, unit in (("p_trough_at_least", "1"), ("days_below", "day"))
            for threshold in self.thresholds_mg_dl
        ]
        cost = [Outcome("cost", "price")] if self.price_per_g is not None else []
        return (
            Outcome("nadir", UNIT), Outcome("nadir_day", "day"), Outcome("trough", UNIT), Outcome("peak", UNIT),
            Outcome("auc", "g*day/L"), Outcome("auc_infused", "g*day/L"), *at_thresholds,
            Outcome("grams", "g"), Outcome("infusions", "1"), *cost,
        )  # fmt: skip

    def values(self, found: Floats, below: Floats) -> Floats:
        """(n, width) of found (n, 8), g/L and g, and below (n, n_threshold), day."""
        trough = found[:, TROUGH, None]
        reached = np.where(np.isnan(trough), np.nan, trough >= self.thresholds_g_per_l)
        cost = [found[:, GRAMS, None] * self.price_per_g] if self.price_per_g is not None else []
        level = [from_g_per_l(found[:, place, None], UNIT) for place in (NADIR, TROUGH, PEAK)]
        return np.concatenate([
            level[0], found[:, [NADIR_DAY]], level[1], level[2], found[:, [AUC]], found[:, [AUC_INFUSED]], reached,
            below, found[:, [GRAMS]], found[:, [INFUSIONS]], *cost,
            *infection_values(self.relations, found[:, TROUGH], self.reference_g_per_l),
        ], axis=1)  # fmt: skip


def infection_values(relations: Sequence[Relation], trough_g_per_l: Floats, reference_g_per_l: float) -> list[Floats]:
    """Four columns (n, 1) for each relation, see INFECTION_VALUES."""
    columns: list[Floats] = []
    for relation in relations:
        if relation.rate_at is not None:
            found = events_per_patient_year(relation, trough_g_per_l)
        else:
            found = rate_ratio(relation, trough_g_per_l, reference_g_per_l)
        outside = outside_studied(relation, trough_g_per_l).astype(float)
        columns += [column[:, None] for column in (*found, outside)]
    return columns
