"""What each group of a cohort brings: patients, samples, and how many samples were taken near an infection."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.study.result import GROUP_COLUMNS

NEAR_DAYS: Final = 7.0
"""A sample within so many days before or after the start of an infection counts as near it."""


def infections(cohort: Cohort) -> pd.DataFrame:
    """Rows of the outcomes that name an infection (not a death from one)."""
    names = cohort.outcomes["outcome"].astype(str).str.casefold()
    return cohort.outcomes[names.str.contains("infect") & ~names.str.contains("death")]


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
    return pd.DataFrame(rows, columns=list(GROUP_COLUMNS))


def near_infection(samples: pd.DataFrame, found: pd.DataFrame) -> Any:
    """Which samples lie within NEAR_DAYS of an infection of the same patient."""
    near = np.zeros(len(samples), dtype=bool)
    days = samples["day"].to_numpy(dtype=float)
    for name, rows in found.groupby("patient_id", sort=False):
        own = np.flatnonzero((samples["patient_id"] == name).to_numpy())
        gaps = np.abs(days[own][:, None] - rows["day"].to_numpy(dtype=float)[None, :])
        near[own] = (gaps <= NEAR_DAYS).any(axis=1)
    return near
