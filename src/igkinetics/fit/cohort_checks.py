"""What each group of a cohort brings: patients, samples, covariates, samples taken near an infection."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.outcomes import infections
from igkinetics.fit.columns import TABLES

NEAR_DAYS: Final = 7.0
"""A sample within so many days before or after the start of an infection counts as near it."""


def groups_table(cohort: Cohort, patients: pd.DataFrame) -> pd.DataFrame:
    """One row per group in their order, "" for those without one. patients: rows of PATIENT_COLUMNS."""
    found = infections(cohort)
    near = near_infection(cohort.samples, found)
    rows = []
    for group, members in patients.groupby("group", sort=False):
        ids = set(members["patient_id"])
        own = cohort.samples["patient_id"].isin(ids)
        counts = cohort.samples.loc[own, "patient_id"].value_counts().reindex(list(ids), fill_value=0)
        row: dict[str, Any] = {
            "group": str(group), "n_patients": len(members), "n_samples": int(own.sum()),
            "n_infused": len(ids & set(cohort.doses["patient_id"])),
            "n_fitted": int((members["status"] == "fitted").sum()), "samples_median": float(counts.median()),
            "samples_least": int(counts.min()), "samples_most": int(counts.max()),
        }  # fmt: skip
        if len(found):
            n_near = int(near[own.to_numpy()].sum())
            row |= {"n_infections": int(found["patient_id"].isin(ids).sum()), "n_near_infection": n_near,
                    "share_near_infection": n_near / row["n_samples"] if row["n_samples"] else np.nan,
                    "near_days": NEAR_DAYS}  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows, columns=list(TABLES["groups"]))


def near_infection(samples: pd.DataFrame, found: pd.DataFrame) -> Any:
    """Which samples lie within NEAR_DAYS of an infection of the same patient."""
    near = np.zeros(len(samples), dtype=bool)
    days = samples["day"].to_numpy(dtype=float)
    for name, rows in found.groupby("patient_id", sort=False):
        own = np.flatnonzero((samples["patient_id"] == name).to_numpy())
        gaps = np.abs(days[own][:, None] - rows["day"].to_numpy(dtype=float)[None, :])
        near[own] = (gaps <= NEAR_DAYS).any(axis=1)
    return near


LABELS: Final = {"weight_kg": "weight (kg)", "height_cm": "height (cm)", "age_y": "age (year)"}
NOT_COVARIATES: Final = ("patient_id", "birth", "death")
MOST_CATEGORIES: Final = 6
LEAST_KNOWN: Final = 3
"""Fewer patients with a known value show nothing."""


def covariates(cohort: Cohort) -> dict[str, dict[str, Any]]:
    """Label -> {patient: number or text}, for every covariate with two or more different values.

    A text with more than MOST_CATEGORIES different values is left out. The agent is that of the first course.
    """
    table = cohort.patients.set_index("patient_id").drop(columns=[c for c in NOT_COVARIATES if c != "patient_id"])
    if len(cohort.therapy):
        table = table.assign(agent=cohort.therapy.groupby("patient_id")["agent"].first().reindex(table.index))
    found = {}
    for name in table.columns:
        values = known_values(table[name])
        numeric = all(isinstance(value, float) for value in values.values())
        n_different = len(set(values.values()))
        if len(values) >= LEAST_KNOWN and n_different >= 2 and (numeric or n_different <= MOST_CATEGORIES):
            found[LABELS.get(str(name), str(name))] = values
    return found


def known_values(column: pd.Series[Any]) -> dict[str, Any]:
    """Patient -> value where one is known: floats if all of them are numbers, else texts."""
    known = column[column.notna() & (column.astype(str) != "")]
    numbers = pd.to_numeric(known, errors="coerce")
    if numbers.notna().all():
        return {str(name): float(value) for name, value in numbers.items()}
    return {str(name): str(value) for name, value in known.items()}
