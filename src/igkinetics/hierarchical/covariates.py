"""Covariates of a cohort as columns of X: standardised numbers, centred indicators, missing values as their own."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError, Problem
from igkinetics.kinetics.parameters import Floats

NOT_COVARIATES = ("patient_id", "birth", "death")


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariates:
    """labels (m,) such as age_y or group=IVIG; values (n, m): mean 0, numbers with SD 1; notes in words."""

    labels: tuple[str, ...]
    values: Floats
    notes: tuple[str, ...]


def cohort_covariates(cohort: Cohort, patient_ids: Sequence[str], names: Sequence[str]) -> Covariates:
    """The named columns of patients.csv for these patients.

    Numbers: (value - mean) / SD; a missing one is put at the mean and marked by a further column. Texts: one column
    per level but the commonest, 1 or 0 less its mean; missing is a level of its own. InputError for an unknown name
    or one that is the same for everybody.
    """
    table = cohort.patients.set_index("patient_id").loc[list(patient_ids)]
    problems: list[Problem] = []
    labels: list[str] = []
    columns: list[Floats] = []
    notes: list[str] = []
    known = [name for name in cohort.patients.columns if name not in NOT_COVARIATES]
    for name in dict.fromkeys(names):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            problems.append(_problem(name, f"must be a column of patients.csv: {', '.join(known)}{meant}"))
            continue
        made = columns_of(name, table[name], notes)
        if not made:
            problems.append(_problem(name, "must differ between patients; here it is the same for all"))
        for label, values in made:
            labels.append(label)
            columns.append(values)
    if problems:
        raise InputError(problems)
    values = np.column_stack(columns) if columns else np.zeros((len(patient_ids), 0))
    return Covariates(labels=tuple(labels), values=values, notes=tuple(notes))


def columns_of(name: str, column: pd.Series[Any], notes: list[str]) -> list[tuple[str, Floats]]:
    """The standardised columns of one covariate; none when it does not vary."""
    numbers = pd.to_numeric(column, errors="coerce")
    empty = column.isna() | (column.astype(str).str.strip() == "")
    missing = int(empty.sum())
    if (numbers.isna() == empty).all() and missing < column.size:
        return number_columns(name, numbers.to_numpy(dtype=float), missing, notes)
    texts = column.astype(str).str.strip().where(~empty, "missing")
    levels = texts.value_counts()
    if missing:
        notes.append(f"covariate {name}: missing for {missing} of {column.size} patients, a level of its own")
    ordered = sorted(levels.index, key=lambda level: (-levels[level], level))
    return [(f"{name}={level}", centred((texts == level).to_numpy(dtype=float))) for level in ordered[1:]]


def number_columns(name: str, values: Floats, missing: int, notes: list[str]) -> list[tuple[str, Floats]]:
    """A number standardised over those who have it, and who has none."""
    known = ~np.isnan(values)
    sd = float(np.std(values[known]))
    columns = []
    if sd > 0:
        columns.append((name, np.where(known, (values - values[known].mean()) / sd, 0.0)))
    if missing:
        notes.append(
            f"covariate {name}: missing for {missing} of {values.size} patients, "
            "put at the mean with an indicator of its own"
        )
        columns.append((f"{name}=missing", centred(np.where(known, 0.0, 1.0))))
    return columns


def centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean())


def _problem(name: str, expected: str) -> Problem:
    return Problem(file="call", column="covariate", found=name, expected=expected)
