"""Rows of policies.csv, policy_contrasts.csv and policy_patients.csv: means over all patients, differences, patients.

Means are over these very patients (a finite sample), per draw; a difference is of one draw and the same noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.windows import nadir_window
from igkinetics.effect.estimand_row import ESTIMATED, NOT_ESTIMATED, interval
from igkinetics.effect.policies.policy_file import AS_RECORDED, Asked
from igkinetics.effect.policies.replay import Quantity, Replayed
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l

POLICY_COLUMNS: Final = (
    "policy",
    "estimand",
    "threshold",
    "median",
    "lower",
    "upper",
    "level",
    "n_patients",
    "n_draws",
    "unit",
    "reason",
)
CONTRAST_COLUMNS: Final = (
    "policy",
    "against",
    "estimand",
    "threshold",
    "median",
    "lower",
    "upper",
    "level",
    "p_positive",
    "n_patients",
    "n_draws",
    "unit",
    "reason",
)
"""median, lower, upper: of policy minus against. p_positive is empty where mass balance gives the sign: more IgG given
to the same patients is more IgG there, so no policy lies below one that gives nothing; and where two policies give
the same in every draw."""
PATIENT_COLUMNS: Final = (
    "patient_id",
    "group",
    "policy",
    "estimand",
    "threshold",
    "window_start",
    "window_end",
    "median",
    "lower",
    "upper",
    "level",
    "unit",
    "status",
    "reason",
)
NOBODY: Final = "no patient of the posterior could be given these policies"
Kind = Literal["level", "days", "day", "g", "count"]


class Shown(NamedTuple):
    """What is reported of a policy."""

    name: Quantity
    words: str
    kind: Kind


SHOWN: Final = (
    Shown("nadir", "Nadir", "level"),
    Shown("nadir_day", "Day of the nadir, from the window's start", "day"),
    Shown("days_below", "Days below", "days"),
    Shown("mean_igg", "Mean IgG over the window", "level"),
    Shown("grams", "Grams given", "g"),
    Shown("infusions", "Infusions given", "count"),
    Shown("lowest_measured", "Lowest value that would be measured", "level"),
    Shown("mean_measured", "Mean of the values that would be measured", "level"),
)
"""In the order of policies.csv."""
BY_NAME: Final = {one.name: one for one in SHOWN}
SIGNED: Final = ("nadir", "days_below", "mean_igg", "grams", "infusions")
"""Whose sign against a policy that gives nothing follows from mass balance."""
UNITS: Final[dict[Kind, str]] = {"days": "day", "day": "day", "g": "g", "count": "1"}


def unit_of(shown: Shown, unit: IggUnit) -> str:
    return unit if shown.kind == "level" else UNITS[shown.kind]


class Column(NamedTuple):
    """One estimand: what is shown, and of days below which threshold (its place, and g/L; nan: none)."""

    shown: Shown
    place: int
    threshold: float


def columns_of(thresholds: tuple[float, ...]) -> list[Column]:
    columns = []
    for shown in SHOWN:
        if shown.name == "days_below":
            columns += [Column(shown, index, threshold) for index, threshold in enumerate(thresholds)]
        else:
            columns.append(Column(shown, -1, np.nan))
    return columns


def values_of(one: Replayed, policy: str, column: Column, unit: IggUnit) -> Floats:
    """Draws (n,) as shown: levels in the cohort's unit, the day of the nadir from the window's start."""
    values: Floats = getattr(one.outcomes[policy], column.shown.name)
    if column.place >= 0:
        values = values[:, column.place]
    if column.shown.kind == "level":
        return np.asarray(from_g_per_l(values, unit))
    return values - one.exposure.window.start if column.shown.kind == "day" else values


def mean_over(replayed: Sequence[Replayed], policy: str, column: Column, unit: IggUnit) -> tuple[Floats, int]:
    """Mean over the patients who have the quantity, per draw, and how many they are."""
    each = [values_of(one, policy, column, unit) for one in replayed if one.outcomes]
    known = [values for values in each if not np.isnan(values).any()]
    return (np.mean(known, axis=0), len(known)) if known else (np.empty(0), 0)


def names_of(asked: Asked) -> tuple[str, ...]:
    """Every policy, in the order of the file, and last what was recorded."""
    return (*(one.name for one in asked.policies), AS_RECORDED)


def summary(values: Floats, n: int, level: float) -> dict[str, Any]:
    if not n:
        return {"level": level, "n_patients": 0, "n_draws": 0, "reason": NOBODY}
    return {**three(values, level), "n_patients": n, "n_draws": values.size, "reason": ""}


def three(values: Floats, level: float) -> dict[str, float]:
    """Median and interval."""
    return {**dict(zip(("median", "lower", "upper"), interval(values, level), strict=True)), "level": level}


def key_of(column: Column, unit: IggUnit) -> dict[str, Any]:
    return {
        "estimand": column.shown.name,
        "threshold": from_g_per_l(column.threshold, unit),
        "unit": unit_of(column.shown, unit),
    }


def policy_rows(
    replayed: Sequence[Replayed], asked: Asked, thresholds: tuple[float, ...], unit: IggUnit, level: float
) -> pd.DataFrame:
    """POLICY_COLUMNS."""
    rows = [
        {"policy": name, **key_of(column, unit), **summary(*mean_over(replayed, name, column, unit), level)}
        for name in names_of(asked)
        for column in columns_of(thresholds)
    ]
    return pd.DataFrame(rows, columns=list(POLICY_COLUMNS))


def contrast_rows(
    replayed: Sequence[Replayed], asked: Asked, thresholds: tuple[float, ...], unit: IggUnit, level: float
) -> pd.DataFrame:
    """CONTRAST_COLUMNS: every pair, the policy that stands later in the file minus the earlier one."""
    nothing = {one.name for one in asked.policies if one.gives_nothing}
    columns = columns_of(thresholds)
    means = {name: [mean_over(replayed, name, column, unit) for column in columns] for name in names_of(asked)}
    rows: list[dict[str, Any]] = []
    for against, policy in combinations(names_of(asked), 2):
        for column, (values, n), (other, _) in zip(columns, means[policy], means[against], strict=True):
            difference = values - other
            given = column.shown.name in SIGNED and bool({policy, against} & nothing)
            told = n > 0 and not given and bool(difference.any())
            chance = float(np.mean(difference > 0)) if told else np.nan
            rows.append(
                {
                    "policy": policy,
                    "against": against,
                    "p_positive": chance,
                    **key_of(column, unit),
                    **summary(difference, n, level),
                }
            )
    return pd.DataFrame(rows, columns=list(CONTRAST_COLUMNS))


def patient_rows(
    cohort: Cohort,
    replayed: Sequence[Replayed],
    left_out: Mapping[str, str],
    asked: Asked,
    thresholds: tuple[float, ...],
    level: float,
) -> pd.DataFrame:
    """PATIENT_COLUMNS: every patient of the cohort under every policy, or one row with the reason."""
    by_id = {one.exposure.patient.patient_id: one for one in replayed}
    rows: list[dict[str, Any]] = []
    for patient in cohort.each_patient():
        one, window = by_id.get(patient.patient_id), nadir_window(patient)
        shared = {
            "patient_id": patient.patient_id,
            "group": patient.group,
            "window_start": window.start if one is None else one.exposure.window.start,
            "window_end": window.end if one is None else one.exposure.window.end,
            "level": level,
        }
        if one is None or not one.outcomes:
            why = left_out.get(patient.patient_id, window.reason if not window.exists else "not in the posterior")
            reason = why if one is None else one.reason
            rows.append({**shared, "status": NOT_ESTIMATED, "reason": reason})
        else:
            rows += [{**shared, **row} for row in rows_of_one(one, asked, thresholds, cohort.igg_unit, level)]
    return pd.DataFrame(rows, columns=list(PATIENT_COLUMNS))


def rows_of_one(
    one: Replayed, asked: Asked, thresholds: tuple[float, ...], unit: IggUnit, level: float
) -> Iterator[dict[str, Any]]:
    for name in names_of(asked):
        for column in columns_of(thresholds):
            values = values_of(one, name, column, unit)
            row = {"policy": name, **key_of(column, unit), "status": ESTIMATED, "reason": ""}
            if np.isnan(values).any():
                yield {**row, "status": NOT_ESTIMATED, "reason": "no sample in the window"}
            else:
                yield {**row, **three(values, level)}
