"""The difference between ever and never infused, taken apart: what IVIG did, and who was infused.

Over the infused, mean(with) - mean(never infused) = [mean(with) - mean(without)] + [mean(without) - mean(never)]:
the difference of the groups is the effect in the infused plus a selection, which was there without any IVIG. The three
means are of these very patients (finite-sample), per draw, so that the sum holds in every draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from igkinetics.effect.averages import NO_TREATED, TOO_LATE
from igkinetics.effect.counterfactual import Change
from igkinetics.effect.estimand_row import interval
from igkinetics.effect.estimands import Kind, Measure
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l

Quantity = Literal["infused_with", "infused_without", "never_infused", "difference", "effect", "selection"]
DECOMPOSITION_COLUMNS: Final = (
    "measure",
    "threshold",
    "quantity",
    "n_infused",
    "n_never_infused",
    "median",
    "lower",
    "upper",
    "level",
    "p_positive",
    "unit",
    "reason",
)
"""infused_with, infused_without, never_infused: mean of the fitted curves' measure; difference: with - never; effect:
with - without; selection: without - never."""
TAKEN_APART: Final[tuple[tuple[Measure, Kind], ...]] = (
    ("nadir", "level"),
    ("mean_igg", "level"),
    ("days_below", "days"),
)
DIFFERENCES: Final[dict[Quantity, tuple[Quantity, Quantity]]] = {
    "difference": ("infused_with", "never_infused"),
    "effect": ("infused_with", "infused_without"),
    "selection": ("infused_without", "never_infused"),
}


TOLD: Final = ("difference", "selection")


class Sides(NamedTuple):
    """The infused and the others."""

    infused: Sequence[Change]
    never: Sequence[Change]

    @property
    def could_act(self) -> bool:
        """Whether what an infusion did could be seen in anybody."""
        return any(one.exposure.could_act for one in self.infused)


def decomposition_rows(
    changes: Sequence[Change], thresholds: tuple[float, ...], unit: IggUnit, level: float
) -> pd.DataFrame:
    """DECOMPOSITION_COLUMNS: a row per measure, threshold and quantity; one that cannot be given says why."""
    sides = Sides(
        infused=[one for one in changes if one.exposure.treated],
        never=[one for one in changes if not one.exposure.treated],
    )
    rows = []
    for measure, kind in TAKEN_APART:
        columns: Sequence[tuple[int | None, float]] = [(None, np.nan)]
        if measure == "days_below":
            columns = list(enumerate(thresholds))
        for column, threshold in columns:
            quantity = quantities(sides, measure, column)
            for name, draws in quantity.items():
                row = quantity_row(draws, kind, unit, level, why=why_not(sides, name), told=name in TOLD)
                rows.append(
                    {
                        "measure": measure,
                        "threshold": from_g_per_l(threshold, unit),
                        "quantity": name,
                        "n_infused": len(sides.infused),
                        "n_never_infused": len(sides.never),
                        **row,
                    }
                )
    return pd.DataFrame(rows, columns=list(DECOMPOSITION_COLUMNS))


def quantities(sides: Sides, measure: Measure, column: int | None) -> Mapping[Quantity, Floats | None]:
    """Draws (n,) of the three means and the three differences; None where a side is empty, or nothing could act."""

    def mean(people: Sequence[Change], arm: str) -> Floats | None:
        if not people:
            return None
        values = [getattr(getattr(one, arm), measure) for one in people]
        return np.asarray(np.mean([each if column is None else each[:, column] for each in values], axis=0))

    found: dict[Quantity, Floats | None] = {
        "infused_with": mean(sides.infused, "with_ivig"),
        "infused_without": mean(sides.infused if sides.could_act else (), "without_ivig"),
        "never_infused": mean(sides.never, "with_ivig"),
    }
    for name, (plus, minus) in DIFFERENCES.items():
        one, other = found[plus], found[minus]
        found[name] = None if one is None or other is None else one - other
    return found


def why_not(sides: Sides, name: Quantity) -> str:
    """Why a quantity without draws has none."""
    if sides.infused and not sides.could_act and name in ("infused_without", "effect", "selection"):
        return TOO_LATE
    return NO_TREATED if name.startswith("infused") else "no patient on one side"


def quantity_row(
    draws: Floats | None, kind: Kind, unit: IggUnit, level: float, *, why: str, told: bool
) -> dict[str, object]:
    """Median, interval and, where no model gives it (told), the probability of being above 0; else why not."""
    shown = unit if kind == "level" else "day"
    if draws is None:
        return {"level": level, "unit": shown, "reason": why}
    median, lower, upper = interval(from_g_per_l(draws, unit) if kind == "level" else draws, level)
    return {
        "median": median,
        "lower": lower,
        "upper": upper,
        "level": level,
        "p_positive": float(np.mean(draws > 0)) if told else np.nan,
        "unit": shown,
        "reason": "",
    }
