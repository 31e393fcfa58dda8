"""The outcomes of docs/model.md 6 as columns: names, thresholds, units, and their values for each case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.dosing.outcome_kernel import (
    AUC_TAU,
    AUC_TAU_INFUSED,
    GRAMS,
    INFUSIONS,
    LATE,
    MEAN,
    NADIR,
    NADIR_ALL,
    NADIR_DAY,
    PEAK,
    TROUGH,
    TROUGH_LAST,
)
from igkinetics.kinetics.parameters import Floats
from igkinetics.scenarios.exposure_response import Relation, events_per_patient_year, outside_studied, rate_ratio
from igkinetics.units import IggUnit, from_g_per_l, g_per_l

INFECTION_VALUES: Final = 4
"""Columns of each relation: value, lower, upper, whether outside what was studied."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A column of outcomes. threshold: in the IgG unit of the columns, nan where it has none."""

    name: str
    unit: str
    threshold: float = np.nan

    @property
    def is_share(self) -> bool:
        return self.name.startswith("p_")


LEVELS: Final = {
    "nadir": NADIR,
    "nadir_all": NADIR_ALL,
    "trough": TROUGH,
    "trough_last": TROUGH_LAST,
    "peak": PEAK,
    "mean_igg": MEAN,
}
"""Outcome -> its place in `values`, g/L there."""
AREAS: Final = {"auc_tau": AUC_TAU, "auc_tau_infused": AUC_TAU_INFUSED}
SHARES: Final = {"p_nadir_at_least": NADIR, "p_trough_at_least": TROUGH}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which outcomes are asked for. thresholds in `unit`, ascending; price per g, None: no cost."""

    thresholds: tuple[float, ...]
    unit: IggUnit
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
        return g_per_l(self.thresholds[0], self.unit)

    @property
    def thresholds_g_per_l(self) -> Floats:
        return np.array([g_per_l(value, self.unit) for value in self.thresholds])

    @property
    def all(self) -> tuple[Outcome, ...]:
        """In the order of `values`."""
        levels = [Outcome(name, self.unit) for name in LEVELS]
        at_thresholds = [
            Outcome(name, unit, threshold)
            for name, unit in (*((share, "1") for share in SHARES), ("days_below", "day"))
            for threshold in self.thresholds
        ]
        cost = [Outcome("cost", "price")] if self.price_per_g is not None else []
        return (
            levels[0],
            Outcome("nadir_day", "day"),
            *levels[1:],
            *(Outcome(name, "g*day/L") for name in AREAS),
            *at_thresholds,
            Outcome("grams", "g"),
            Outcome("infusions", "1"),
            *cost,
        )

    def values(self, found: Floats, below: Floats) -> Floats:
        """(n, width) of found (n, N_FOUND), g/L and g, and below (n, n_threshold), day."""
        levels = [from_g_per_l(found[:, place, None], self.unit) for place in LEVELS.values()]
        reached = [shares_at_least(found[:, place, None], self.thresholds_g_per_l) for place in SHARES.values()]
        cost = [found[:, GRAMS, None] * self.price_per_g] if self.price_per_g is not None else []
        return np.concatenate(
            [
                levels[0],
                found[:, [NADIR_DAY]],
                *levels[1:],
                found[:, list(AREAS.values())],
                *reached,
                below,
                found[:, [GRAMS]],
                found[:, [INFUSIONS]],
                *cost,
                *infection_values(self.relations, found[:, LATE], self.reference_g_per_l),
            ],
            axis=1,
        )


def shares_at_least(level: Floats, thresholds: Floats) -> Floats:
    """1 where a level (n, 1) reaches a threshold (m), 0 where not, nan where there is no level."""
    return np.where(np.isnan(level), np.nan, level >= thresholds)


def infection_values(relations: Sequence[Relation], trough_g_per_l: Floats, reference_g_per_l: float) -> list[Floats]:
    """Four columns (n, 1) for each relation, see INFECTION_VALUES."""
    columns: list[Floats] = []
    for relation in relations:
        if relation.rate_at is not None:
            events = events_per_patient_year(relation, trough_g_per_l)
        else:
            events = rate_ratio(relation, trough_g_per_l, reference_g_per_l)
        outside = outside_studied(relation, trough_g_per_l).astype(float)
        columns += [column[:, None] for column in (*events, outside)]
    return columns
