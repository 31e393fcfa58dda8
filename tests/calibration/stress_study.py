"""Patients whose truth is not the model's: do the intervals still hold the true nadir? (docs/model.md 8)

Each kind departs from the fitted model in one way that its output cannot know. Every patient is fitted twice, averaged
over structures and drift and as the single curve, so that the price and the gain stand side by side. The patients of
a kind are one cohort, whose records move the weights of that average (docs/model.md 3.6).
Run as a script it makes the committed table: `python tests/calibration/stress_study.py [PATIENTS A KIND [FOLDER]]`.
With a folder it keeps there what is done, a part at a time, and goes on from it when run again. With `alone` as a third
word each patient is fitted as one of few, with the assumed weights; that makes the second table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from coverage_study import DOSING, GAP_DAY, TRIGGER_G_PER_L, with_doses

from igkinetics.cards.load import load_card
from igkinetics.cards.prior import PatientPrior, draw_parameters, kinetic_parameters, patient_prior
from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import nadir_window
from igkinetics.fit.learning import evidence_of
from igkinetics.fit.nadirs import fitted_nadir, raw_nadir
from igkinetics.fit.patient import FitSettings, fit_patient
from igkinetics.fit.problem import patient_schedule
from igkinetics.fit.weights import FIT, FIT_AT_LEAST, AverageWeights, moved_by
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import (
    C_BASE,
    C_INIT,
    CL,
    CLEARANCE_RATIO,
    DEFAULT_STRUCTURE,
    K_LOSS,
    K_REC,
    V1,
    V2,
    Floats,
    Q,
    S,
)

TABLE = Path(__file__).with_name("stress.csv")
ALONE_TABLE = Path(__file__).with_name("stress_alone.csv")
N_PATIENTS = 300
PART = 9
SEED = 31
LEVEL = 0.95
DRAWS = 2000
CARD = load_card("adult_b_cell_depletion")
SAMPLES = (6, 9, 14)
LAST_DAY = 200.0
STUDENT_DF = 3.0
PLATFORM_DAY, PLATFORM_FACTOR = 100.0, 1.10
ILLNESS_DAYS, ILLNESS_CLEARANCE = 45.0, 1.6
SATURATION_POWER, SATURATION_LEVEL = 0.3, 6.0
STEP_DAY = 0.25
LATE_DAYS = 21.0
KINDS = {
    "right": "the model itself",
    "step_loss": "one compartment; production falls at once and does not recover",
    "delayed_loss": "production begins to fall, and to recover, 21 days late",
    "late_recovery": "production recovers only from 60 days after each course",
    "saturable_loss": "clearance rises with the 0.3rd power of the level",
    "illness": "clearance 1.6-fold for 45 unrecorded days",
    "platform": "+10 % from day 100: another laboratory",
    "heavy_tails": "measurement error with 3 degrees of freedom",
    "other_population": "C_base, clearance and V1 a prior SD off the card, S a prior SD below it",
    "bcma": "BCMA-directed therapy, the model itself",
    "slow_plasma_cells": "half-life of the supply 45 days in place of 8",
}


@dataclass(frozen=True)
class Truth:
    """What is true of one patient: parameters, and in which way of KINDS the model is wrong."""

    kind: str
    theta: Floats
    ill_from: float

    def schedule(self, patient: Patient) -> object:
        if self.kind == "delayed_loss":
            starts, stops = patient.therapy_start + LATE_DAYS, patient.therapy_stop + LATE_DAYS
            patient = replace(patient, therapy_start=starts, therapy_stop=stops)
        if self.kind == "late_recovery":
            patient = with_union(patient, patient.therapy_stop + 60.0)
        modified = (self.ill_from, self.ill_from + ILLNESS_DAYS) if self.kind == "illness" else None
        return patient_schedule(patient, ignore_therapy=False, modified=modified)

    def level(self, patient: Patient, day: float) -> float:
        if self.kind == "saturable_loss":
            return float(saturable(self.theta, patient, day)[1][-1])
        return float(np.add(*igg_curve(self.theta, self.schedule(patient), np.array([day])))[0])  # type: ignore[arg-type]

    def lowest(self, patient: Patient, start: float, end: float) -> tuple[float, float]:
        """True lowest total and endogenous level in the window."""
        if self.kind == "saturable_loss":
            days, total, endogenous = saturable(self.theta, patient, end)
            inside = days >= start - 1e-9
            return float(total[inside].min()), float(endogenous[inside].min())
        found = lowest(self.theta, self.schedule(patient), start, end)  # type: ignore[arg-type]
        return found.total, found.endogenous


def with_union(patient: Patient, stops: Floats) -> Patient:
    """The patient on therapy from each start to the later stop, overlaps joined."""
    starts, ends = [patient.therapy_start[0]], [stops[0]]
    for start, stop in zip(patient.therapy_start[1:], stops[1:], strict=True):
        if start <= ends[-1]:
            ends[-1] = stop
        else:
            starts.append(start)
            ends.append(stop)
    return replace(patient, therapy_start=np.array(starts), therapy_stop=np.array(ends))


def saturable(theta: Floats, patient: Patient, last: float) -> tuple[Floats, Floats, Floats]:
    """Days, total and endogenous IgG where clearance is CL (C/6)^0.3; Runge-Kutta in steps of a quarter of a day."""
    start = patient.start_day
    n = int(np.ceil((last - start) / STEP_DAY - 1e-9))
    days = np.append(start + STEP_DAY * np.arange(n), last)
    given = np.zeros(days.size - 1)
    for day, grams in zip(patient.dose_day, patient.dose_g, strict=True):
        place = int(np.searchsorted(days, day, side="right")) - 1
        if place < given.size:
            given[place] += grams / (days[place + 1] - days[place])
    production = theta[CL] * (theta[C_BASE] / SATURATION_LEVEL) ** SATURATION_POWER * theta[C_BASE]

    def slope(y: tuple[float, ...], on: bool, rate: float) -> tuple[float, ...]:
        c, p, e, f, b = y
        out = theta[CL] * (max(c, 1e-9) / SATURATION_LEVEL) ** SATURATION_POWER
        made = production * (1 - theta[S] + theta[S] * b)
        return (
            (made + rate - out * c - theta[Q] * (c - p)) / theta[V1],
            theta[Q] * (c - p) / theta[V2],
            (made - out * e - theta[Q] * (e - f)) / theta[V1],
            theta[Q] * (e - f) / theta[V2],
            -theta[K_LOSS] * b if on else theta[K_REC] * (1 - b),
        )

    y = (theta[C_INIT],) * 4 + (1.0,)
    total, endogenous = [y[0]], [y[2]]
    for k in range(days.size - 1):
        h, middle = days[k + 1] - days[k], 0.5 * (days[k] + days[k + 1])
        on = bool(np.any((patient.therapy_start <= middle) & (middle < patient.therapy_stop)))
        s1 = slope(y, on, given[k])
        s2 = slope(tuple(a + 0.5 * h * d for a, d in zip(y, s1, strict=True)), on, given[k])
        s3 = slope(tuple(a + 0.5 * h * d for a, d in zip(y, s2, strict=True)), on, given[k])
        s4 = slope(tuple(a + h * d for a, d in zip(y, s3, strict=True)), on, given[k])
        y = tuple(a + h / 6 * (p + 2 * q + 2 * r + s) for a, p, q, r, s in zip(y, s1, s2, s3, s4, strict=True))
        total.append(y[0])
        endogenous.append(y[2])
    return days, np.array(total), np.array(endogenous)


def prior_for(who: Patient, disposition: str) -> PatientPrior:
    return patient_prior(CARD, weight_kg=who.weight_kg, agents=who.agents, disposition=disposition)


def true_parameters(kind: str, patient: Patient, generator: np.random.Generator) -> Floats:
    disposition = "one_compartment" if kind == "step_loss" else "two_compartment"
    prior = prior_for(patient, disposition)
    drawn = {
        name: float(values[0])
        for name, values in draw_parameters(prior, generator, 1, with_uncertainty=kind != "other_population").items()
    }
    if kind == "other_population":
        shift = {"C_base": 1.0, "CL": 1.0, "V1": -1.0}
        drawn |= {name: drawn[name] * float(np.exp(by * prior.sd(name))) for name, by in shift.items()}
        odds = drawn["S"] / (1 - drawn["S"]) * float(np.exp(-prior.sd("S")))
        drawn["S"] = odds / (1 + odds)
    theta = kinetic_parameters(drawn)
    if kind == "step_loss":
        theta[K_LOSS], theta[K_REC] = np.inf, 0.0
    if kind == "slow_plasma_cells":
        theta[K_LOSS] = np.log(2) / 45.0
    if kind == "illness":
        theta[CLEARANCE_RATIO] = ILLNESS_CLEARANCE
    return theta


def stressed_patient(kind: str, number: int, seed: int) -> tuple[Patient, Truth]:
    """One patient of a kind: samples on random days, undosed, by calendar or triggered by a low value, in turn."""
    generator = np.random.default_rng([seed, list(KINDS).index(kind), number])
    dosing, n = DOSING[number % 3], SAMPLES[(number // 3) % 3]
    agent = "teclistamab" if kind == "bcma" else "blinatumomab"
    starts = 42.0 * np.arange(4)
    days = np.sort(np.concatenate([[-generator.uniform(0, 7)], generator.uniform(5, LAST_DAY, n - 1)]))
    none = np.empty(0)
    patient = Patient(
        patient_id=f"{kind}-{number}",
        group=dosing,
        weight_kg=float(75.0 * np.exp(0.2 * generator.standard_normal())),
        sample_day=days,
        sample_igg=np.zeros(n),
        sample_limit=np.zeros(n, dtype=np.int8),
        dose_day=none,
        dose_g=none,
        dose_duration_day=none,
        dose_is_sc=np.zeros(0, dtype=bool),
        therapy_start=starts,
        therapy_stop=starts + 28.0,
        agents=(agent,) * 4,
        agent_start=starts,
        follow_up_end=np.inf,
        end_reason="",
    )
    truth = Truth(kind=kind, theta=true_parameters(kind, patient, generator), ill_from=generator.uniform(20, 120))
    if dosing == "calendar":
        patient = with_doses(patient, np.arange(14.0, LAST_DAY, 28.0))
    prior = prior_for(patient, "two_compartment")
    igg = np.zeros(n)
    for k in range(n):
        level = truth.level(patient, float(days[k]))
        spread = np.sqrt(prior.additive_g_per_l**2 + (prior.proportional * level) ** 2)
        noise = generator.standard_t(STUDENT_DF) if kind == "heavy_tails" else generator.standard_normal()
        measured = level * (PLATFORM_FACTOR if kind == "platform" and days[k] >= PLATFORM_DAY else 1.0)
        igg[k] = max(measured + spread * noise, 0.05)
        due = not patient.dose_day.size or days[k] - patient.dose_day[-1] >= GAP_DAY
        if dosing == "triggered" and due and igg[k] < TRIGGER_G_PER_L:
            patient = with_doses(patient, np.append(patient.dose_day, days[k]))
    return replace(patient, sample_igg=igg), truth


def settings_of(way: str, seed: int, draws: int, weights: AverageWeights = FIT) -> FitSettings:
    return FitSettings(
        structure=DEFAULT_STRUCTURE,
        use_prior=True,
        residual="normal",
        draws=draws,
        level=LEVEL,
        seed=seed,
        profile=False,
        igg_unit="g/L",
        average=way == "averaged",
        drift=way == "averaged",
        weights=weights,
        cross_checked=False,
    )


def weights_of(kind: str, numbers: Iterable[int], seed: int) -> AverageWeights:
    """What the records of these patients, as one cohort, make of the weights of the average."""
    patients = [stressed_patient(kind, number, seed)[0] for number in numbers]
    evidence = np.array([evidence_of(one, prior_for, settings_of("averaged", seed, DRAWS)) for one in patients])
    return moved_by(evidence, FIT, FIT_AT_LEAST)


def stress_row(kind: str, number: int, seed: int, draws: int, weights: AverageWeights) -> dict[str, object]:
    """One patient, fitted averaged, with these weights, and as the single curve."""
    patient, truth = stressed_patient(kind, number, seed)
    window = nadir_window(patient)
    total, endogenous = truth.lowest(patient, window.start, window.end)
    row: dict[str, object] = {"kind": kind, "dosing": patient.group, "n_samples": patient.sample_day.size}
    for way in ("averaged", "single"):
        settings = settings_of(way, seed, draws, weights)
        began = time.thread_time()
        fit = fit_patient(patient, prior_for, settings)
        row |= {f"{way}_status": fit.status, f"{way}_seconds": time.thread_time() - began}
        if not fit.has_numbers:
            continue
        found = fitted_nadir(fit, window, raw_nadir(patient, window).value, (), LEVEL, seed)
        averaged = fit.all_draws()
        row |= {
            f"{way}_covers": found.total.lower <= total <= found.total.upper,
            f"{way}_endogenous_covers": found.endogenous.lower <= endogenous <= found.endogenous.upper,
            f"{way}_width": (found.total.upper - found.total.lower) / total,
            f"{way}_error": abs((found.total.value if way == "averaged" else found.curve) - total) / total,
            f"{way}_bias": ((found.total.value if way == "averaged" else found.curve) - total) / total,
            f"{way}_pareto_k": averaged.pareto_k,
            f"{way}_chains": "chains" in averaged.method,
            f"{way}_drift": averaged.drift_weight,
        }
    return row


def run_stress(
    kinds: Sequence[str],
    numbers: Iterable[int],
    seed: int,
    draws: int = DRAWS,
    jobs: int = 2,
    weights: Mapping[str, AverageWeights] | None = None,
) -> pd.DataFrame:
    """One row per simulated patient; numbers: which of each kind, the patients of a kind being one cohort. weights: of
    the average, by kind, where these patients are part of a larger cohort."""
    numbers = list(numbers)
    weights = weights or {kind: weights_of(kind, numbers, seed) for kind in kinds}
    work = [(kind, number) for kind in kinds for number in numbers]
    with ThreadPoolExecutor(jobs) as pool:
        return pd.DataFrame(list(pool.map(lambda one: stress_row(*one, seed, draws, weights[one[0]]), work)))


def run_in_parts(n: int, seed: int, folder: Path, *, alone: bool = False) -> pd.DataFrame:
    """The study of all kinds, PART patients of each at a time, every part kept in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    weights = {kind: FIT if alone else weights_of(kind, range(n), seed) for kind in KINDS}
    for first in range(0, n, PART):
        file = folder / f"seed-{seed}-from-{first}-of-{n}.pickle"
        if not file.exists():
            run_stress(list(KINDS), range(first, min(first + PART, n)), seed, weights=weights).to_pickle(file)
        parts.append(pd.read_pickle(file))
    return pd.concat(parts, ignore_index=True)


def stress_table(study: pd.DataFrame) -> pd.DataFrame:
    """A row per kind: coverage with its Monte Carlo error, error and width, averaged beside single."""
    table = []
    for kind, rows in study.groupby("kind", sort=False):
        row: dict[str, object] = {"kind": kind, "what": KINDS[str(kind)], "n": len(rows)}
        for way in ("averaged", "single"):
            found = rows[rows[f"{way}_status"] == "fitted"]
            covers = found[f"{way}_covers"].astype(float).mean()
            row |= {
                f"{way}_fitted": len(found),
                f"{way}_coverage": covers,
                f"{way}_mc_error": np.sqrt(covers * (1 - covers) / len(found)),
                f"{way}_endogenous_coverage": found[f"{way}_endogenous_covers"].astype(float).mean(),
                f"{way}_median_width": found[f"{way}_width"].median(),
                f"{way}_median_error": found[f"{way}_error"].median(),
                f"{way}_mean_error": found[f"{way}_error"].mean(),
                f"{way}_mean_bias": found[f"{way}_bias"].mean(),
                f"{way}_pareto_k_above_0.7": float((found[f"{way}_pareto_k"] > 0.7).mean()),
                f"{way}_by_chains": found[f"{way}_chains"].astype(float).mean(),
                f"{way}_drift": found[f"{way}_drift"].median(),
                f"{way}_seconds": rows[f"{way}_seconds"].mean(),
            }
        table.append(row)
    return pd.DataFrame(table)


if __name__ == "__main__":
    from igkinetics.provenance import package_versions

    n_patients = int(sys.argv[1]) if len(sys.argv) > 1 else N_PATIENTS
    one_by_one = sys.argv[3:] == ["alone"]
    if len(sys.argv) > 2:
        study = run_in_parts(n_patients, SEED, Path(sys.argv[2]), alone=one_by_one)
    else:
        study = run_stress(list(KINDS), range(n_patients), SEED)
    result = stress_table(study)
    versions = package_versions()
    result["seed"] = SEED
    result["versions"] = " ".join(f"{name} {versions[name]}" for name in ("python", "igkinetics", "numpy", "numba"))
    result.to_csv(ALONE_TABLE if one_by_one else TABLE, index=False, float_format="%.4f", lineterminator="\n")
    print(result.to_string(index=False, float_format="%.3f"))
