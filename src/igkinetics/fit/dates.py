"""Calendar dates of what was found, for those who may see them; nothing else of a fit tells a date."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import DATE_COLUMNS

EVENTS: Final = (
    "window_start", "window_end", "raw_nadir", "fitted_nadir", "fitted_nadir_lower", "fitted_nadir_upper",
    "endogenous_nadir",
)  # fmt: skip
DAY_OF: Final = {
    "window_start": "window_start", "window_end": "window_end", "fitted_nadir_lower": "fitted_nadir_day_lower",
    "fitted_nadir_upper": "fitted_nadir_day_upper",
}  # fmt: skip
"""event -> column of nadir.csv, where it is not the event with _day."""


def date_of(fit: CohortFit, patient_id: str, day: Any) -> str:
    """A day of this patient as a date (ISO 8601); empty where the day or the patient's day 0 is not known."""
    origin = fit.cohort.day_zero.get(patient_id)
    if origin is None or not text.known(day):
        return ""
    return (origin + pd.Timedelta(days=float(day))).date().isoformat()


def dates_table(fit: CohortFit) -> pd.DataFrame:
    """DATE_COLUMNS: day 0, and every day of nadir.csv and thresholds.csv, for patients whose record holds dates."""
    found: list[tuple[str, str, float]] = []
    for row in fit.nadir.to_dict("records"):
        name = str(row["patient_id"])
        found.append((name, "day_0", 0.0))
        found += [(name, event, row[DAY_OF.get(event, f"{event}_day")]) for event in EVENTS]
    for row in fit.thresholds.to_dict("records"):
        found.append((str(row["patient_id"]), f"first_below_{row['threshold']:g}", row["first_day_below"]))
    dated = [(name, event, day, date_of(fit, name, day)) for name, event, day in found if text.known(day)]
    return pd.DataFrame([row for row in dated if row[3]], columns=list(DATE_COLUMNS))
