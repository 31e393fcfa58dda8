"""Covariates of a cohort as they stand in its tables: for looking at etas beside them."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from igkinetics.cohort.model import Cohort

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
