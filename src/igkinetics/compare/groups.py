"""What each group brings to a comparison: times to first below a threshold, samples, what sampling alone does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.windows import nadir_window
from igkinetics.fit.cohort_result import CohortFit

Floats = npt.NDArray[np.float64]
GROUP_COLUMNS: Final = (
    "group", "n_patients", "n_infused", "n_with_raw_nadir", "n_fitted", "n_reached", "samples_median", "samples_least",
    "samples_most", "sampling_shift", "unit",
)  # fmt: skip
"""samples: per patient, in the window. sampling_shift: mean of expected raw minus fitted nadir, what noise and the days
of sampling alone do to a raw nadir."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Days from the window's start to the first value below a threshold, or to the last sample in the window where
    `happened` is false. n_at_start: below at the first sample already.
    """

    day: Floats
    happened: npt.NDArray[np.bool_]
    n_at_start: int


def first_below(fit: CohortFit, group: str, threshold_g_per_l: float) -> Times:
    """Measured values of the group's patients who have any in their window; a value "<L" with L at or below the
    threshold is below it, one with a higher L cannot be told and is passed over.
    """
    days, happened, at_start = [], [], 0
    for patient in fit.cohort.each_patient():
        window = nadir_window(patient, fit.options.window)
        if patient.group != group or not window.exists:
            continue
        inside = (patient.sample_day >= window.start) & (patient.sample_day <= window.end)
        if not inside.any():
            continue
        day, igg, limit = (values[inside] for values in (patient.sample_day, patient.sample_igg, patient.sample_limit))
        below = np.where(limit == 0, igg < threshold_g_per_l, (limit < 0) & (igg <= threshold_g_per_l))
        happened.append(bool(below.any()))
        days.append(float(day[np.argmax(below)] if below.any() else day[-1]) - window.start)
        at_start += int(below[0])
    return Times(day=np.array(days), happened=np.array(happened, dtype=bool), n_at_start=at_start)


def patients_with_outcomes(cohort: Cohort) -> dict[str, set[str]]:
    """The patients with each outcome, in the order in which outcomes first appear; a death in either table counts."""
    pairs = cohort.outcomes[["outcome", "patient_id"]].astype(str).drop_duplicates()
    who = {str(outcome): set(rows["patient_id"]) for outcome, rows in pairs.groupby("outcome", sort=False)}
    dead = set(cohort.patients.loc[cohort.patients["death"].notna(), "patient_id"].astype(str))
    return {**who, "death": who.get("death", set()) | dead} if dead else who


def sampling_table(fit: CohortFit, groups: tuple[str, str]) -> pd.DataFrame:
    """One row per group, GROUP_COLUMNS."""
    return pd.DataFrame([group_row(fit, group) for group in groups], columns=list(GROUP_COLUMNS))


def group_row(fit: CohortFit, group: str) -> dict[str, Any]:
    nadir = fit.nadir[fit.nadir["group"] == group]
    fitted = nadir[nadir["status"] == "fitted"]
    samples = nadir["n_samples"].astype(float)
    return {
        "group": group,
        "n_patients": len(nadir),
        "n_infused": int(nadir["patient_id"].isin(fit.cohort.doses["patient_id"]).sum()),
        "n_with_raw_nadir": int(nadir["raw_nadir"].notna().sum()),
        "n_fitted": len(fitted),
        "n_reached": int((fitted["nadir_reached"] == True).sum()),  # noqa: E712  (None: not known)
        "samples_median": samples.median(),
        "samples_least": samples.min(),
        "samples_most": samples.max(),
        "sampling_shift": (fitted["expected_raw_nadir"].astype(float) - fitted["fitted_nadir"].astype(float)).mean(),
        "unit": fit.cohort.igg_unit,
    }
