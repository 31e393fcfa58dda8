"""Effects of covariates on typical values: columns of the design, from words such as `CL:sex` (docs/model.md 10.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.choices import nearest
from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError, Problem
from igkinetics.kinetics.parameters import Floats

NOT_COVARIATES: Final = ("patient_id", "birth", "death")
FORMS: Final = ("power", "exponential", "category")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One coefficient: parameter moved, on its scale, by coefficient times values (n,).

    form: power (log of the covariate over its reference), exponential (the covariate less its reference), category (1
    where the covariate is `level`, against the commonest one, `reference`).
    """

    label: str
    parameter: str
    covariate: str
    form: str
    reference: float | str
    level: str
    values: Floats


def covariate_names(cohort: Cohort) -> list[str]:
    return [name for name in cohort.patients.columns if name not in NOT_COVARIATES]


def effect_columns(
    cohort: Cohort, patient_ids: Sequence[str], asked: Sequence[str], parameters: Sequence[str], notes: list[str]
) -> list[Effect]:
    """The effects asked for; InputError with everything that cannot be meant. notes: missing values are told there."""
    known, problems, found = covariate_names(cohort), [], []
    table = cohort.patients.set_index("patient_id").loc[list(patient_ids)]
    for text in asked:
        parameter, name, form, rule = parts_of(text, parameters, known)
        if not rule:
            effects = effects_of(parameter, name, form, table[name], notes)
            rule = "" if effects else f"must name a covariate that differs between patients; {name} does not"
            if not rule and form == "power" and effects[0].form != "power":
                rule = f"cannot be a power: {name} is not a number above 0 for everybody"
            found += effects
        if rule:
            problems.append(Problem(file="call", column="covariate", found=text, expected=rule))
    if problems:
        raise InputError(problems)
    return found


def parts_of(text: str, parameters: Sequence[str], known: Sequence[str]) -> tuple[str, str, str, str]:
    """Parameter, covariate and form (empty: by the data) of `CL:sex`, and what is wrong with it."""
    parameter, _, rest = text.partition(":")
    name, _, form = rest.partition(":")
    if not name:
        return parameter, name, form, "must be PARAMETER:COVARIATE, such as CL:sex, or PARAMETER:COVARIATE:exponential"
    if parameter not in parameters:
        allowed = f"{', '.join(parameters)}{nearest(parameter, parameters)}"
        return parameter, name, form, f"must name one of this model's parameters: {allowed}"
    if name not in known:
        return (
            parameter,
            name,
            form,
            f"must name a column of the patients table: {', '.join(known)}{nearest(name, known)}",
        )
    if form not in ("", *FORMS):
        return parameter, name, form, f"must end in one of {', '.join(FORMS)}{nearest(form, FORMS)}"
    return parameter, name, form, ""


def effects_of(parameter: str, name: str, form: str, column: pd.Series, notes: list[str]) -> list[Effect]:
    """A number above 0: power of its ratio to the median; another number: exponential; texts: a factor per level."""
    texts = column.astype(str).str.strip()
    empty = column.isna() | (texts == "")
    numbers = pd.to_numeric(column, errors="coerce")
    if form != "category" and not empty.all() and (numbers.isna() == empty).all():
        return number_effect(parameter, name, form, numbers.to_numpy(dtype=float), notes)
    levels = texts.where(~empty, "missing").value_counts()
    ordered = sorted(levels.index, key=lambda level: (-levels[level], level))
    return [
        Effect(
            label=f"{parameter}:{name}={level}",
            parameter=parameter,
            covariate=name,
            form="category",
            reference=ordered[0],
            level=level,
            values=(texts.where(~empty, "missing") == level).to_numpy(dtype=float),
        )
        for level in ordered[1:]
    ]


def number_effect(parameter: str, name: str, form: str, values: Floats, notes: list[str]) -> list[Effect]:
    known = ~np.isnan(values)
    reference = float(np.median(values[known]))
    if np.ptp(values[known]) == 0:
        return []
    if not known.all():
        notes.append(
            f"covariate {name}: missing for {int((~known).sum())} of {values.size} patients, taken as the median"
        )
    values = np.where(known, values, reference)
    chosen = "power" if form in ("", "power") and np.all(values > 0) else "exponential"
    moved = np.log(values / reference) if chosen == "power" else values - reference
    return [
        Effect(
            label=f"{parameter}:{name}",
            parameter=parameter,
            covariate=name,
            form=chosen,
            reference=reference,
            level="",
            values=np.asarray(moved),
        )
    ]
