"""What a card can use of one patient: what the patients table says, and what is computed from it (lean body mass)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from igkinetics.cards.body_size import lean_body_mass_kg, sex_of
from igkinetics.cards.covariates import Covariate
from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort
from igkinetics.errors import Problem

Value = float | str
Column = npt.NDArray[Any]
SOURCES = ("weight_kg", "height_cm", "sex")
"""What lean body mass is computed from."""


def patient_covariates_of(cohort: Cohort, patient_id: str, card: Card) -> dict[str, Value]:
    """By the card's names, without the weight; what is not in the table or empty is left out.

    A covariate that the card takes as a number is one here too where its cell reads as a number.
    """
    wanted = dict.fromkeys((*covariate_inputs(card), *(limit.covariate for limit in card.limits)))
    found: dict[str, Value] = {}
    for name in wanted:
        cell = None if name == "weight_kg" else cohort.patient_cell(patient_id, name)
        text = str(cell).strip()
        if cell is None or text.casefold() in ("", "nan", "none", "<na>"):
            continue
        levels = name in card.covariates and card.covariates[name].levels
        found[name] = text if levels else as_number(text)
    return found


def as_number(text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return text


def covariate_inputs(card: Card) -> tuple[str, ...]:
    """Every property of a patient that the card can use, those a covariate is computed from among them."""
    computed = any(covariate.computed_by for covariate in card.covariates.values())
    return tuple(dict.fromkeys((*card.covariates, *(SOURCES if computed else ()))))


def is_missing(value: Value) -> bool:
    return value == "" if isinstance(value, str) else math.isnan(value)


def computed_value(
    card: Card, name: str, covariate: Covariate, given: Mapping[str, Value]
) -> tuple[float | None, list[Problem]]:
    """The covariate by its formula; None where the weight is unknown too (the card's value is taken then).

    A known weight without height or sex is a problem: a reference value would contradict that weight.
    """
    weight, height, sex = (given.get(source, "") for source in SOURCES)
    if covariate.computed_by is None or is_missing(weight):
        return None, []
    needed = f"needed by {card.id} for {covariate.description} ({name})"
    problems = []
    if is_missing(height) or isinstance(height, str):
        rule = f"must be a number: {needed}"
        problems.append(Problem(file="call", column="height_cm", found=str(height), expected=rule))
    known_sex = sex_of(str(sex))
    if known_sex is None:
        rule = f"must be female or male: {needed}"
        problems.append(Problem(file="call", column="sex", found=str(sex), expected=rule))
    if problems or known_sex is None:
        return None, problems
    return float(lean_body_mass_kg(float(weight), float(height), known_sex)), []


def computed_columns(card: Card, columns: Mapping[str, Column]) -> dict[str, Column]:
    """What the card computes, for many patients at once, as computed_value does for one; each (n,).

    Only covariates that are not among the columns and whose weight_kg, height_cm and sex (female or male) all are.
    """
    if any(source not in columns for source in SOURCES):
        return {}
    male = columns["sex"] == "male"
    weight, height = columns["weight_kg"], columns["height_cm"]
    lean = np.where(male, lean_body_mass_kg(weight, height, "male"), lean_body_mass_kg(weight, height, "female"))
    return {name: lean for name, covariate in card.covariates.items() if covariate.computed_by and name not in columns}
