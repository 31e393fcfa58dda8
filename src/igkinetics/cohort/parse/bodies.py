"""Weights, heights and ages that are hardly those of one person, or not in the unit they are read in. Asked about.

Weights that jump or differ from table to table, adults of a child's weight, a cohort in pounds, an age in the place of
a weight.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.headings import words_of
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.findings import Finding, Mask, warn
from igkinetics.cohort.parse.parsed import Parsed, lookup, time_order
from igkinetics.cohort.parse.weights import has_days

JUMP_TIMES: Final = 1.5
JUMP_DAYS: Final = 90.0
"""Nobody's weight changes by half within three months."""
ADULT_YEARS: Final = 18.0
ADULT_KG: Final = 25.0
CHILD_YEARS: Final = 5.0
CHILD_KG: Final = 40.0
OLDER_YEARS: Final = 12.0
OLDER_KG: Final = 100.0
BODY_MASS_INDEX: Final = (8.0, 90.0)
"""kg/m^2; outside it weight and height are not those of one person."""
HEAVY_COHORT_KG: Final = 120.0
"""The median of no cohort is above it; that of adults in pounds is."""
HEAVY_COHORT_INDEX: Final = 45.0
FEWEST_BODIES: Final = 3
SAME_INDEX: Final = 0.15
DAYS_OF_A_YEAR: Final = 365.25
AGE_APART: Final = 5.0
"""Years; ages are often those of the diagnosis, or of now."""
AGES: Final = frozenset({"age", "ages", "alter", "lebensalter", "edad", "eta", "leeftijd"})
INDICES: Final[dict[str, tuple[float, float]]] = {"bmi": (8.0, 90.0), "bsa": (0.15, 3.5)}
"""Headings of an index of the body -> between which numbers it lies."""


def check_jumps(weights: Parsed) -> Parsed:
    """Ask about a weight that changed by half within three months: another unit, or a slip."""
    rows = weights.usable()
    order = time_order(rows)
    patient, kg = rows["patient"].to_numpy()[order], rows["weight_kg"].to_numpy(dtype=np.float64)[order]
    day = rows["moment"].to_numpy(dtype=np.float64)[order]
    near = (patient[1:] == patient[:-1]) & (np.diff(day) <= JUMP_DAYS)
    times = np.maximum(kg[1:], kg[:-1]) / np.minimum(kg[1:], kg[:-1])
    late = np.flatnonzero(near & (times >= JUMP_TIMES))
    after = pd.Series(late, index=rows.index[order[late + 1]]).sort_index()
    column = "weight_kg" if weights.table.column("weight_kg") is not None else "weight"
    asked = [f"{kg[one]:g} kg {day[one + 1] - day[one]:.0f} days before: is the unit right?" for one in after]
    cells = weights.table.text[column]
    return weights.with_findings(warn(weights.rows(after.index), column, cells, asked))


def check_bodies(patients: Parsed) -> Parsed:
    """Ask about weights that do not go with a height or an age (in months?)."""
    age, kg, cm = (patients.frame[name].to_numpy(dtype=np.float64) for name in ("age_y", "weight_kg", "height_cm"))
    findings: list[Finding] = []
    index = kg / (cm / 100.0) ** 2
    odd = (index < BODY_MASS_INDEX[0]) | (index > BODY_MASS_INDEX[1])
    if odd.any():
        pairs = zip(kg[odd], cm[odd], strict=True)
        asked = [
            f"{height:g} cm and {weight:g} kg are not of one person: are units and columns right?"
            for weight, height in pairs
        ]
        findings += warn(odd, "height_cm", patients.table.text["height_cm"], asked)
    findings += _heavy(patients, kg, index)
    if patients.table.column("age_y") is None:
        return patients.with_findings(findings)
    cells = patients.table.text["age_y"]
    for rows, what in (
        ((age >= ADULT_YEARS) & (kg < ADULT_KG), "years in months, or the weight in another unit?"),
        ((age < CHILD_YEARS) & (kg > CHILD_KG), "is the weight in kg, the age in years?"),
        ((age >= CHILD_YEARS) & (age < OLDER_YEARS) & (kg > OLDER_KG), "is the weight in kg, the age in years?"),
    ):
        asked = [
            f"an age of {years:g} y beside {weight:g} kg: {what}"
            for years, weight in zip(age[rows], kg[rows], strict=True)
        ]
        findings += warn(rows, "age_y", cells, asked)
    both = ~np.isnan(age) & ~np.isnan(kg)
    if len(np.unique(kg[both])) >= FEWEST_BODIES and bool((kg[both] == age[both]).all()):
        told = "the age of every patient is their weight in kg: one column in the place of the other?"
        findings += warn(_first(both), "age_y", cells, told)
    return patients.with_findings(findings)


def _heavy(patients: Parsed, kg: Floats, index: Floats) -> list[Finding]:
    """A question where a whole cohort is as heavy as one in pounds."""
    column = column_of_weights(patients)
    known = ~np.isnan(kg)
    if not column or known.sum() < FEWEST_BODIES:
        return []
    body = index[~np.isnan(index)]
    median = float(np.median(kg[known]))
    by_height = float(np.median(body)) if len(body) >= FEWEST_BODIES else 0.0
    if median > HEAVY_COHORT_KG:
        told = f"a median of {median:.3g} kg; patients of a whole cohort are never so heavy: are they in lb?"
    elif HEAVY_COHORT_INDEX < by_height < BODY_MASS_INDEX[1]:
        told = f"a median of {by_height:.3g} kg per m^2 of height; a whole cohort is never so heavy: are weights in lb?"
    else:
        return []
    return warn(_first(known), column, patients.table.text[column], told)


def check_against_patients(weights: Parsed, patients: Parsed | None) -> Parsed:
    """Ask, once each, about patients none of whose weights by day is near the one of the patients table."""
    if patients is None or has_days(patients.table):
        return weights
    rows = weights.usable()
    stated = patients.usable().drop_duplicates("patient").set_index("patient")["weight_kg"].dropna().astype(np.float64)
    own = lookup(rows["patient"], stated)
    times = pd.Series(rows["weight_kg"].to_numpy(dtype=np.float64) / own, index=rows.index)
    off = times.where(times >= 1.0, 1.0 / times)
    nearest = off.groupby(rows["patient"]).transform("min")
    first = rows.index[~rows["patient"].duplicated().to_numpy() & (nearest >= JUMP_TIMES).to_numpy()]
    column = "weight_kg" if weights.table.column("weight_kg") is not None else "weight"
    place = rows.index.get_indexer(first)
    asked = [f"{own[one]:g} kg in the patients table: is the unit right?" for one in place]
    return weights.with_findings(warn(weights.rows(first), column, weights.table.text[column], asked))


def check_ages(patients: Parsed, samples: Parsed) -> Parsed:
    """Ask about ages that are not those at the first sample or since, by the date of birth, and weights that are."""
    rows = patients.usable()
    age, birth = (rows[name].to_numpy(dtype=np.float64) for name in ("age_y", "birth"))
    moment = samples.usable().groupby("patient")["moment"]
    first, last = (lookup(rows["patient"], ends) for ends in (moment.min(), moment.max()))
    low, high = ((ends - birth) / DAYS_OF_A_YEAR for ends in (first, last))
    kg = rows["weight_kg"].to_numpy(dtype=np.float64)
    known = ~np.isnan(kg) & ~np.isnan(low)
    as_old = known & (kg >= np.floor(low) - 1.0) & (kg <= np.floor(high) + 1.0)
    column = column_of_weights(patients)
    if column and as_old.sum() == known.sum() and len(np.unique(kg[known])) >= FEWEST_BODIES:
        cells = patients.table.text[column]
        asked = (
            "the weight of every patient in kg is their age by the date of birth: one column in the place of the other?"
        )
        patients = patients.with_findings(warn(patients.rows(rows.index[known][:1]), column, cells, asked))
    off = (age < low - AGE_APART) | (age > high + AGE_APART)
    told = [f"born {one:.0f} years before the first sample: is the age in years?" for one in low[off]]
    if not off.any():
        return patients
    return patients.with_findings(warn(patients.rows(rows.index[off]), "age_y", patients.table.text["age_y"], told))


def against_an_index(name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> Mask:
    """Patients whose body-mass index or surface, in a column of its own, is not that of their weight and height."""
    kind = next((one for one in INDICES if one in words_of(name)), "")
    text, units = mapped.text, mapping.patients.units
    if not kind or not {"weight_kg", "height_cm"} <= set(text.columns) or {"weight_kg", "weight"} & set(units):
        return np.zeros(len(cells), dtype=bool)
    decimal = mapping.patients.decimal
    stated, kg, cm = (numbers(one, decimal)[0] for one in (cells, text["weight_kg"], text["height_cm"]))
    own = kg / (cm / 100.0) ** 2 if kind == "bmi" else np.sqrt(kg * cm / 3600.0)
    low, high = INDICES[kind]
    rows: Mask = (stated > low) & (stated < high) & (np.abs(stated - own) > SAME_INDEX * own)
    return rows


def ages_as_weights(name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> Mask:
    """Patients whose weight is, as that of all others, the age in a column of its own."""
    nothing = np.zeros(len(cells), dtype=bool)
    column = next((one for one in ("weight_kg", "weight") if one in mapped.text.columns), "")
    if not column or not AGES & set(words_of(name)):
        return nothing
    years, kg = (numbers(one, mapping.patients.decimal)[0] for one in (cells, mapped.text[column]))
    both = ~np.isnan(years) & ~np.isnan(kg) & mapped.kept
    alike: Mask = both & (years == kg)
    return alike if len(np.unique(kg[both])) >= FEWEST_BODIES and bool(alike[both].all()) else nothing


def column_of_weights(patients: Parsed) -> str:
    """The column that the weights stand in; "" without one."""
    return next((one for one in ("weight_kg", "weight") if patients.table.column(one) is not None), "")


def _first(rows: Mask) -> Mask:
    """The first of these rows alone."""
    one: Mask = rows & (np.cumsum(rows) == 1)
    return one
