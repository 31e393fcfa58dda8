"""What can only be seen with several tables side by side, in a fixed order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TABLES
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.bodies import check_against_patients, check_ages, check_bodies, check_jumps
from igkinetics.cohort.parse.calendars import check_calendars
from igkinetics.cohort.parse.digits import check_short_numbers
from igkinetics.cohort.parse.doses_and_levels import (
    check_origin_of_doses,
    check_rises,
    check_same_dose_again,
    check_speed,
    check_weights_by_doses,
)
from igkinetics.cohort.parse.duplicates import (
    check_covariates,
    check_doses,
    check_outcomes,
    check_patients,
    check_samples,
    check_therapy,
    check_weights,
)
from igkinetics.cohort.parse.elsewhere import check_groups
from igkinetics.cohort.parse.findings import refuse, warn
from igkinetics.cohort.parse.followup import (
    check_ends_without_a_day,
    check_flags_for_days,
    check_follow_up,
    check_one_end,
    check_what_looks_like_an_end,
)
from igkinetics.cohort.parse.improbable import (
    check_agents,
    check_amounts,
    check_event_doses,
    check_events,
    check_routes,
)
from igkinetics.cohort.parse.odd_levels import check_again, check_whole_cohort
from igkinetics.cohort.parse.odd_times import (
    check_cut_off,
    check_days,
    check_falls,
    check_lengths_of_courses,
    check_numbers_of_cycles,
    check_origin_of_therapy,
    check_other_years,
    check_unit_of_days,
    check_wrong_years,
)
from igkinetics.cohort.parse.parsed import Parsed, Tables
from igkinetics.cohort.parse.plausible import (
    check_beside_samples,
    check_codes,
    check_gaps,
    check_levels,
    check_moved,
    check_sizes_of_doses,
    check_twins,
    check_unit_slips,
)
from igkinetics.cohort.parse.slips import check_slips
from igkinetics.cohort.parse.therapy import check_ends
from igkinetics.cohort.parse.times import TimeKind
from igkinetics.cohort.parse.weights import weight_notes, weights_of_doses
from igkinetics.limits import HIGHEST_DOSE_G_PER_KG

ROUNDED_BY, LEAST_APART_G = 0.2, 2.5
"""A dose by weight is rounded to whole vials: to a fifth of it, or by half a vial of 5 g."""
DUPLICATE_CHECKS = {
    "samples": check_samples,
    "doses": check_doses,
    "therapy": check_therapy,
    "patients": check_patients,
    "outcomes": check_outcomes,
    "weights": check_weights,
    "covariates": check_covariates,
}


def compare_tables(tables: Tables, kind: TimeKind, mapping: Mapping) -> Tables:
    """All findings that need more than one row or table; doses in g/kg become grams."""
    checked: Tables = {name: DUPLICATE_CHECKS[name](tables[name]) for name in TABLES if name in tables}
    checked = {name: check_short_numbers(parsed) for name, parsed in checked.items()}
    if kind == "dates" and mapping.format != "nonmem":
        checked = {name: check_calendars(parsed) for name, parsed in checked.items()}
    checked = check_flags_for_days(checked)
    checked = check_ends_without_a_day(check_what_looks_like_an_end(check_one_end(checked, kind)))
    checked = check_follow_up(checked, kind)
    if "samples" in checked:
        samples = checked["samples"]
        samples = samples if "levels" in mapping.as_given else check_whole_cohort(check_levels(samples))
        samples = samples if mapping.format == "nonmem" else check_again(samples, checked.get("doses"))
        samples = check_codes(check_moved(check_twins(check_gaps(check_unit_slips(samples)))))
        samples, off = check_slips(check_days(check_wrong_years(samples)), checked.get("doses"))
        checked["samples"] = check_falls(samples, checked.get("doses"), off)
    if "doses" in checked:
        checked["doses"] = _in_grams(checked, _refused_patients(checked))
        if mapping.format == "nonmem":
            checked["doses"] = check_event_doses(checked["doses"], weights_of_doses(checked))
        else:
            checked["doses"] = check_sizes_of_doses(checked["doses"], weights_of_doses(checked))
            checked["doses"] = check_amounts(checked["doses"], weights_of_doses(checked))
            checked["doses"] = check_routes(checked["doses"], weights_of_doses(checked))
            checked["doses"] = check_speed(checked["doses"], weights_of_doses(checked))
            checked["doses"] = check_same_dose_again(checked["doses"], weights_of_doses(checked))
            if "samples" in checked:
                checked["doses"] = _in_time(checked["doses"], checked["samples"], weights_of_doses(checked), mapping)
    for name in ("doses", "outcomes", "therapy", "patients"):
        if name in checked and "samples" in checked:
            checked[name] = check_beside_samples(checked[name], checked["samples"])
    own_checks = {
        "therapy": lambda one: check_ends(check_numbers_of_cycles(check_lengths_of_courses(check_agents(one)))),
        "weights": lambda one: check_against_patients(check_jumps(one), checked.get("patients")),
        "patients": check_bodies,
        "outcomes": check_events,
    }
    checked |= {name: check(checked[name]) for name, check in own_checks.items() if name in checked}
    if {"therapy", "samples"} <= checked.keys():
        therapy = check_other_years(checked["therapy"], checked["samples"])
        checked["therapy"] = check_cut_off(check_origin_of_therapy(therapy, checked["samples"]), checked["samples"])
    if "patients" in checked:
        checked["patients"] = check_groups(checked)
        if "doses" in checked and mapping.format != "nonmem":
            weight = weights_of_doses(checked)
            checked["patients"] = check_weights_by_doses(checked["patients"], checked["doses"], weight)
        if "samples" in checked:
            checked["patients"] = check_ages(checked["patients"], checked["samples"])
    for name in ("doses", "therapy"):
        if name in checked and "samples" in checked:
            checked[name] = _without_samples(checked[name], checked["samples"])
    return checked


def _in_time(doses: Parsed, samples: Parsed, weight: Floats, mapping: Mapping) -> Parsed:
    """Doses whose times do not go with those of the samples, where all of these can be read; one fault is told."""
    n_before = len(doses.findings)
    doses = check_unit_of_days(check_wrong_years(check_other_years(doses, samples)), samples)
    if any(not one.warning for one in samples.findings) or len(doses.findings) > n_before:
        return doses
    asked = check_origin_of_doses(doses, samples)
    dose_first = mapping.same_day == "dose_first"
    return asked if asked is not doses else check_rises(doses, samples, weight, dose_first=dose_first)


def _refused_patients(tables: Tables) -> frozenset[int]:
    """Patients of whom a row of the patients table cannot be used."""
    if "patients" not in tables:
        return frozenset()
    patients = tables["patients"]
    return frozenset(patients.frame["patient"]) - frozenset(patients.usable()["patient"])


def _in_grams(tables: Tables, refused: frozenset[int]) -> Parsed:
    """The doses with grams for those in g/kg; refused where the weight is unknown, or known and the dose absurd.

    refused: patients whose own row is at fault, which is told there.
    """
    doses = tables["doses"]
    frame = doses.frame
    weight = pd.Series(weights_of_doses(tables), index=frame.index)
    per_kg = frame["amount_g_per_kg"]
    needs_weight = (per_kg.notna() & weight.isna() & ~frame["patient"].isin(refused)).to_numpy(dtype=bool)
    expected = "in g/kg, so weight_kg of this patient is needed in the patients table (or the dose in g)"
    too_much = (frame["amount_g"] > HIGHEST_DOSE_G_PER_KG * weight * (1 + 1e-12)).to_numpy(dtype=bool)
    findings = []
    for name in filter(None, frame["amount_column"].unique()):
        here = (frame["amount_column"] == name).to_numpy(dtype=bool)
        cells = doses.table.text[name]
        texts = [f"must be at most {HIGHEST_DOSE_G_PER_KG:g} g/kg at {kg:g} kg" for kg in weight[too_much & here]]
        findings += refuse(needs_weight & here, name, cells, expected) + refuse(too_much & here, name, cells, texts)
    if (stated := frame["g_per_kg_beside"] * weight).notna().any():
        apart = (stated - frame["amount_g"]).abs()
        largest = np.maximum(stated, frame["amount_g"])
        differ = ((apart > ROUNDED_BY * largest) & (apart > LEAST_APART_G)).to_numpy(dtype=bool)
        told = [
            f"{one:.3g} g by amount_g_per_kg and the weight of this patient; one of them is wrong"
            for one in stated[differ]
        ]
        findings += refuse(differ, "amount_g", doses.table.text["amount_g"], told)
    grams = np.where(per_kg.notna(), per_kg * weight, frame["amount_g"])
    notes = (*doses.notes, *weight_notes(tables))
    return replace(doses, frame=frame.assign(amount_g=grams), notes=notes).with_findings(findings)


def _without_samples(parsed: Parsed, samples: Parsed) -> Parsed:
    """Warn once for each patient in this table who has no sample at all."""
    patients = parsed.frame["patient"]
    unknown = patients[~patients.isin(samples.frame["patient"].unique()) & (patients >= 0)]
    first = unknown.index[~unknown.duplicated()]
    expected = "this patient has no samples: is the id right?"
    cells = parsed.table.text["patient_id"]
    return parsed.with_findings(warn(parsed.rows(first), "patient_id", cells, expected))
