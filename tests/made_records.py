"""Records made for tests of fit, nadir and study: patients, cohorts and problems, drawn from the default card.

Measurements are drawn here, from the kinetics' curves and numpy alone; the fit is what is tested with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.prior import PatientPrior, draw_parameters, kinetic_parameters, patient_prior
from igkinetics.cohort.model import (
    DOSE_COLUMNS,
    OUTCOME_COLUMNS,
    PATIENT_COLUMNS,
    SAMPLE_COLUMNS,
    THERAPY_COLUMNS,
    Cohort,
    Patient,
    RowCount,
)
from igkinetics.errors import PROBLEM_COLUMNS
from igkinetics.fit.patient import FitSettings
from igkinetics.fit.problem import FitProblem, build_problem, patient_schedule
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import Schedule

CARD: Card = load_card("adult_b_cell_depletion")
CYCLES = ((0.0, 28.0), (42.0, 70.0), (84.0, 112.0))
"""Three cycles of blinatumomab, 28 days on and 14 off."""
WELL_SAMPLED = tuple(np.linspace(-3.0, 200.0, 15))
SETTINGS = FitSettings(
    structure="two_compartment/loss_and_recovery",
    use_prior=True,
    residual="normal",
    draws=1000,
    level=0.95,
    seed=1,
    profile=False,
    igg_unit="mg/dL",
)


def prior_of(patient: Patient, disposition: str = "two_compartment") -> PatientPrior:
    return patient_prior(CARD, weight_kg=patient.weight_kg, agents=patient.agents, disposition=disposition)


def record(
    patient_id: str = "P01",
    *,
    samples: Sequence[tuple[float, float]] = (),
    limits: Sequence[int] | None = None,
    doses: Sequence[tuple[float, float]] = (),
    subcutaneous: Sequence[bool] | None = None,
    therapy: Sequence[tuple[float, float]] = CYCLES,
    **changes: Any,
) -> Patient:
    """A patient of 70 kg. samples (day, g/L), doses (day, g; two-hour infusions, or sc), therapy (start, stop)."""
    is_sc = np.array(subcutaneous if subcutaneous is not None else [False] * len(doses), dtype=bool)
    day, igg = np.array(samples, dtype=float).reshape(-1, 2).T
    dose_day, dose_g = np.array(doses, dtype=float).reshape(-1, 2).T
    start, stop = np.array(therapy, dtype=float).reshape(-1, 2).T
    made = Patient(
        patient_id=patient_id,
        group="",
        weight_kg=70.0,
        sample_day=day.copy(),
        sample_igg=igg.copy(),
        sample_limit=np.array(limits if limits is not None else [0] * day.size, dtype=np.int8),
        dose_day=dose_day.copy(),
        dose_g=dose_g.copy(),
        dose_duration_day=np.where(is_sc, 0.0, 1.0 / 12.0),
        dose_is_sc=is_sc,
        therapy_start=start.copy(),
        therapy_stop=stop.copy(),
        agents=("blinatumomab",) * start.size,
        agent_start=start.copy(),
        follow_up_end=np.inf,
        end_reason="",
    )
    return replace(made, **changes)


def schedule_of(patient: Patient) -> Schedule:
    return patient_schedule(patient, ignore_therapy=False)


def true_levels(patient: Patient, theta: Floats) -> Floats:
    """Total IgG, g/L, at the sample days."""
    return np.add(*igg_curve(theta, schedule_of(patient), patient.sample_day))


def measured(levels: Floats, generator: np.random.Generator, *, a: float = 0.2, b: float = 0.09) -> Floats:
    """Levels with the default card's residual error, none below 0.05 g/L."""
    spread = np.sqrt(a**2 + (b * levels) ** 2)
    return np.maximum(levels + spread * generator.standard_normal(levels.size), 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A simulated patient with the true parameters (13,) and levels at the sample days, g/L."""

    patient: Patient
    theta: Floats
    levels: Floats


def drawn(plan: Patient, generator: np.random.Generator) -> Drawn:
    """True parameters from the card's one-patient prior, measurements at the plan's days."""
    values = draw_parameters(prior_of(plan), generator, 1, with_uncertainty=True)
    theta = kinetic_parameters({**values, "clearance_ratio": np.ones(1), "production_ratio": np.ones(1)})[0]
    levels = true_levels(plan, theta)
    return Drawn(patient=replace(plan, sample_igg=measured(levels, generator)), theta=theta, levels=levels)


def planned(
    days: Sequence[float] = WELL_SAMPLED, *, doses: Sequence[tuple[float, float]] = (), patient_id: str = "P01"
) -> Patient:
    """A record whose levels are still to be drawn."""
    return record(patient_id, samples=[(day, 1.0) for day in days], doses=doses)


def problem_of(patient: Patient, production: str = "loss_and_recovery", **options: Any) -> FitProblem:
    disposition = options.pop("disposition", "two_compartment")
    return build_problem(patient, prior_of(patient, disposition), production, **options)


def cohort_of(patients: Sequence[Patient], *, igg_unit: str = "mg/dL", **changes: Any) -> Cohort:
    """A cohort that holds these records; outcomes hold the end of follow-up."""
    ids = [patient.patient_id for patient in patients]
    samples, doses, courses, outcomes = [], [], [], []
    for one in patients:
        words = {0: "", -1: "below", 1: "above"}
        samples += [
            (one.patient_id, day, igg, words[int(limit)], 2)
            for day, igg, limit in zip(one.sample_day, one.sample_igg, one.sample_limit, strict=True)
        ]
        doses += [
            (one.patient_id, day, grams, duration, "sc" if is_sc else "iv", "", 2)
            for day, grams, duration, is_sc in zip(
                one.dose_day, one.dose_g, one.dose_duration_day, one.dose_is_sc, strict=True
            )
        ]
        stops = one.therapy_stop if one.therapy_stop.size == len(one.agents) else one.agent_start + 28.0
        courses += [
            (one.patient_id, start, stop, agent, 2)
            for start, stop, agent in zip(one.agent_start, stops, one.agents, strict=True)
        ]
        if np.isfinite(one.follow_up_end):
            outcomes.append((one.patient_id, one.follow_up_end, one.end_reason))
    people = [(one.patient_id, one.group, one.weight_kg, np.nan, "", np.nan, np.nan, np.nan) for one in patients]
    made: dict[str, Any] = {
        "name": "made",
        "igg_unit": igg_unit,
        "same_day": "sample_first",
        "samples": table(samples, SAMPLE_COLUMNS),
        "doses": table(doses, DOSE_COLUMNS),
        "therapy": table(courses, THERAPY_COLUMNS),
        "patients": table(people, PATIENT_COLUMNS),
        "outcomes": table(outcomes, OUTCOME_COLUMNS),
        "problems": table([], PROBLEM_COLUMNS),
        "rows": {"samples.csv": RowCount(read=len(samples), used=len(samples))},
        "inputs": {},
    }
    assert len(set(ids)) == len(ids)
    return Cohort(**(made | changes))


def table(rows: Sequence[tuple[object, ...]], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns))
