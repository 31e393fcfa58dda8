"""Whole cohorts drawn from the hierarchical model itself: population, patients, visits, dosing because IgG fell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import ttest_ind

from igkinetics.cards.load import load_card
from igkinetics.cards.prior import kinetic_parameters, patient_prior
from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import nadir_window
from igkinetics.fit.problem import patient_schedule
from igkinetics.hierarchical.cohort_arrays import cohort_arrays
from igkinetics.hierarchical.fit import PreparedCohort
from igkinetics.hierarchical.members import Member, as_member, problems_of, without_odd_samples
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, PRODUCTION_RATIO, Floats

CARD = load_card("adult_b_cell_depletion")
AGENTS = ("blinatumomab",)
TRIGGER_G_PER_L = 4.0
DOSE_G_PER_KG = 0.4
GAP_DAY = 21.0
FIRST_DAY, LAST_DAY, EVERY_DAY = -3.0, 182.0, 14.0
RATIOS_LAST_DAY = 1000.0
"""In these worlds, and in the models fitted to them, ratios act from the first infusion on, to the end."""
OMEGA_LOG_SD, A_LOG_SD, B_LOG_SD = 0.4, 0.5, 0.25


@dataclass(frozen=True)
class World:
    """True population: shifts of typical values, omegas, on the card's scales; a g/L, b; ratios under IVIG."""

    shift: dict[str, float]
    omega: dict[str, float]
    a: float
    b: float
    clearance_ratio: float = 1.0
    production_ratio: float = 1.0


@dataclass(frozen=True)
class Subject:
    patient: Patient
    theta: Floats


def typical_world() -> World:
    """The card's typical values."""
    prior = patient_prior(CARD, weight_kg=70.0, agents=AGENTS)
    return World(shift={}, omega=dict(prior.omega), a=prior.additive_g_per_l, b=prior.proportional)


def drawn_world(generator: np.random.Generator) -> World:
    """Everything the population model has a prior for, drawn from it."""
    prior = patient_prior(CARD, weight_kg=70.0, agents=AGENTS)
    varying = [name for name, omega in prior.omega.items() if omega > 0 and name != "ka"]
    return World(
        shift={name: prior.uncertainty[name] * generator.standard_normal() for name in varying},
        omega={name: prior.omega[name] * float(np.exp(OMEGA_LOG_SD * generator.standard_normal())) for name in varying},
        a=prior.additive_g_per_l * float(np.exp(A_LOG_SD * generator.standard_normal())),
        b=prior.proportional * float(np.exp(B_LOG_SD * generator.standard_normal())),
    )


def subject(
    world: World,
    number: int,
    *,
    infuses: bool,
    generator: np.random.Generator,
    follows: float = 1.0,
    last_day: float = LAST_DAY,
) -> Subject:
    """One patient of this world: visits every 14 days (2 days' jitter), 4 cycles of blinatumomab; when `infuses`,
    0.4 g/kg right after a sample that measured below 4 g/L, 21 days apart or more, each time with the chance `follows`.
    """
    weight = float(np.exp(np.log(75.0) + 0.2 * generator.standard_normal()))
    theta = true_theta(world, weight, generator)
    days = np.arange(FIRST_DAY, last_day, EVERY_DAY)
    days[1:] += np.round(generator.uniform(-2.0, 2.0, days.size - 1), 2)
    starts = 42.0 * np.arange(4)
    none = np.empty(0)
    patient = Patient(
        patient_id=f"P{number:03d}",
        group="IVIG" if infuses else "never",
        weight_kg=weight,
        sample_day=days,
        sample_igg=np.zeros(days.size),
        sample_limit=np.zeros(days.size, dtype=np.int8),
        dose_day=none,
        dose_g=none,
        dose_duration_day=none,
        dose_is_sc=np.zeros(0, dtype=bool),
        therapy_start=starts,
        therapy_stop=starts + 28.0,
        agents=AGENTS * 4,
        agent_start=starts,
        follow_up_end=np.inf,
        end_reason="",
    )
    for n, day in enumerate(days):
        level = float(np.add(*igg_curve(theta, true_schedule(patient), days[n : n + 1]))[0])
        measured = patient.sample_igg.copy()
        measured[n] = level + np.hypot(world.a, world.b * level) * generator.standard_normal()
        patient = replace(patient, sample_igg=measured)
        due = not patient.dose_day.size or day - patient.dose_day[-1] >= GAP_DAY
        low = patient.sample_igg[n] < TRIGGER_G_PER_L
        if infuses and due and low and (follows == 1.0 or generator.random() < follows):
            patient = with_doses(patient, np.append(patient.dose_day, day))
    return Subject(patient=patient, theta=theta)


def true_theta(world: World, weight_kg: float, generator: np.random.Generator) -> Floats:
    """A patient's true parameters (13,): the card's typical ones for the weight, shifted, with this world's omegas."""
    prior = patient_prior(CARD, weight_kg=weight_kg, agents=AGENTS)
    values = {}
    for name, typical in prior.typical.items():
        off = world.shift.get(name, 0.0) + world.omega.get(name, 0.0) * generator.standard_normal()
        values[name] = typical
        if off != 0.0:
            values[name] = (
                typical * np.exp(off)
                if prior.scale[name] == "log"
                else (1.0 / (1.0 + (1.0 - typical) / typical * np.exp(-off)))
            )
    theta = kinetic_parameters(values)
    theta[[CLEARANCE_RATIO, PRODUCTION_RATIO]] = world.clearance_ratio, world.production_ratio
    return theta


def with_doses(patient: Patient, days: Floats) -> Patient:
    return replace(
        patient,
        dose_day=days,
        dose_g=np.full(days.size, DOSE_G_PER_KG * patient.weight_kg),
        dose_duration_day=np.full(days.size, 4.0 / 24.0),
        dose_is_sc=np.zeros(days.size, dtype=bool),
    )


def true_schedule(patient: Patient) -> Floats:
    modified = (float(patient.dose_day[0]), np.inf) if patient.dose_day.size else None
    return patient_schedule(patient, ignore_therapy=False, modified=modified)


def prepared(subjects: Sequence[Subject], *, additive: bool = True) -> PreparedCohort:
    """The cohort ready for the model, past the filter of odd samples that every record meets.

    Single odd samples are set aside, patients of whom more is unexplained left out. additive False: the wrong
    likelihood, which knows no additive error.
    """
    found = [without_odd_samples(member_of(one.patient, additive=additive), "g/L") for one in subjects]
    members = [one for one in found if isinstance(one, Member)]
    arrays = cohort_arrays(problems_of(members))
    return PreparedCohort(card=CARD, members=tuple(members), arrays=arrays, covariates=None, left_out={}, notes=())


def member_of(patient: Patient, *, additive: bool) -> Member:
    prior = patient_prior(CARD, weight_kg=patient.weight_kg, agents=AGENTS)
    if not additive:
        prior = replace(prior, additive_g_per_l=0.0)
    return as_member(patient, prior, "loss_and_recovery", residual="normal", ratios_last_day=RATIOS_LAST_DAY)


def true_att(subjects: Sequence[Subject]) -> float:
    """Mean change of the nadir by the infusions in the window over those who had any, g/L; nan when nobody had."""
    changes = []
    for one in subjects:
        window = nadir_window(one.patient)
        days = one.patient.dose_day
        earlier = days < window.start  # a dose before therapy stays
        if (~earlier & (days <= window.end)).any():
            bare = with_doses(one.patient, days[earlier])
            nadirs = [lowest(one.theta, true_schedule(who), window.start, window.end) for who in (one.patient, bare)]
            changes.append(nadirs[0].total - nadirs[1].total)
    return float(np.mean(changes)) if changes else float("nan")


def naive_difference(subjects: Sequence[Subject], *, measured: bool) -> tuple[float, float, float]:
    """Mean nadir, ever minus never infused in the window, with its 95 % interval (Welch), g/L.

    The lowest measured value, or the minimum of the true curve, which no study can know.
    """
    groups: tuple[list[float], list[float]] = ([], [])
    for one in subjects:
        patient, window = one.patient, nadir_window(one.patient)
        ever = bool(((patient.dose_day >= window.start) & (patient.dose_day <= window.end)).any())
        if measured:
            inside = (patient.sample_day >= window.start) & (patient.sample_day <= window.end)
            nadir = float(patient.sample_igg[inside].min())
        else:
            nadir = lowest(one.theta, true_schedule(patient), window.start, window.end).total
        groups[0 if ever else 1].append(nadir)
    ever_infused, never = (np.array(group) for group in groups)
    interval = ttest_ind(ever_infused, never, equal_var=False).confidence_interval(0.95)
    return float(ever_infused.mean() - never.mean()), float(interval.low), float(interval.high)
