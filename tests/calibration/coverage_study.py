"""Patients drawn from the card, sampled and dosed as in life, fitted: do the intervals cover? (docs/model.md 3)"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cards.prior import PatientPrior, draw_parameters, kinetic_parameters, patient_prior
from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import nadir_window
from igkinetics.fit.learning import MOST_ASKED, evidence_of
from igkinetics.fit.nadirs import fitted_nadir, raw_nadir
from igkinetics.fit.patient import FitSettings, fit_patient
from igkinetics.fit.problem import patient_schedule
from igkinetics.fit.weights import FIT, FIT_AT_LEAST, moved_by
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import C_BASE, CL, DEFAULT_STRUCTURE, Floats

DOSING = ("undosed", "calendar", "triggered")
SAMPLES = (4, 8, 14)
AGENTS = ("blinatumomab",)
TRIGGER_G_PER_L = 4.0
DOSE_G_PER_KG = 0.4
GAP_DAY = 21.0
QUANTITIES = ("C_base", "CL", "fitted_nadir", "endogenous_nadir")


@dataclass(frozen=True)
class Simulated:
    patient: Patient
    theta: Floats
    dosing: str
    n_samples: int


def simulated_patient(number: int, seed: int) -> Simulated:
    """One patient: parameters from the card's one-patient prior, samples on random days, dosed by its policy.

    Triggered: 0.4 g/kg right after a sample that measured below 4 g/L, 21 days apart or more. Calendar: every 28 days.
    """
    generator = np.random.default_rng([seed, number])
    dosing, n_samples = DOSING[number % 3], SAMPLES[(number // 3) % 3]
    weight = float(np.exp(np.log(75.0) + 0.2 * generator.standard_normal()))
    prior = patient_prior(load_card("adult_b_cell_depletion"), weight_kg=weight, agents=AGENTS)
    drawn = draw_parameters(prior, generator, 1, with_uncertainty=True)
    theta = kinetic_parameters({name: float(values[0]) for name, values in drawn.items()})
    starts = 42.0 * np.arange(4)
    days = np.sort(np.concatenate([[-generator.uniform(0, 7)], generator.uniform(5, 200, n_samples - 1)]))
    none = np.empty(0)
    patient = Patient(
        patient_id=f"{number}",
        group=dosing,
        weight_kg=weight,
        sample_day=days,
        sample_igg=np.zeros(n_samples),
        sample_limit=np.zeros(n_samples, dtype=np.int8),
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
    if dosing == "calendar":
        patient = with_doses(patient, np.arange(14.0, 200.0, 28.0))
    igg = np.zeros(n_samples)
    for n in range(n_samples):
        level = float(np.add(*igg_curve(theta, patient_schedule(patient, ignore_therapy=False), days[n : n + 1]))[0])
        spread = np.sqrt(prior.additive_g_per_l**2 + (prior.proportional * level) ** 2)
        igg[n] = max(level + spread * generator.standard_normal(), 0.0)
        due = not patient.dose_day.size or days[n] - patient.dose_day[-1] >= GAP_DAY
        if dosing == "triggered" and due and igg[n] < TRIGGER_G_PER_L:
            patient = with_doses(patient, np.append(patient.dose_day, days[n]))
    return Simulated(patient=replace(patient, sample_igg=igg), theta=theta, dosing=dosing, n_samples=n_samples)


def with_doses(patient: Patient, days: Floats) -> Patient:
    return replace(
        patient,
        dose_day=days,
        dose_g=np.full(days.size, DOSE_G_PER_KG * patient.weight_kg),
        dose_duration_day=np.full(days.size, 4.0 / 24.0),
        dose_is_sc=np.zeros(days.size, dtype=bool),
    )


def prior_of(who: Patient, disposition: str) -> PatientPrior:
    card = load_card("adult_b_cell_depletion")
    return patient_prior(card, weight_kg=who.weight_kg, agents=who.agents, disposition=disposition)


def coverage_row(number: int, settings: FitSettings) -> dict[str, object]:
    """Fit one simulated patient; whether each interval covers, and the errors of both nadirs."""
    seed, level = settings.seed, settings.level
    simulated = simulated_patient(number, seed)
    patient = simulated.patient
    fit = fit_patient(patient, prior_of, settings)
    row: dict[str, object] = {"dosing": simulated.dosing, "n_samples": simulated.n_samples, "status": fit.status}
    if not fit.has_numbers:
        return row
    window = nadir_window(patient)
    raw = raw_nadir(patient, window)
    found = fitted_nadir(fit, window, raw.value, (), level, seed)
    truth = lowest(simulated.theta, patient_schedule(patient, ignore_therapy=False), window.start, window.end)
    draws_of = fit.fitted()[2]
    intervals = {
        "C_base": (*draws_of.interval(draws_of.theta[:, C_BASE], level), simulated.theta[C_BASE]),
        "CL": (*draws_of.interval(draws_of.theta[:, CL], level), simulated.theta[CL]),
        "fitted_nadir": (found.total.lower, found.total.upper, truth.total),
        "endogenous_nadir": (found.endogenous.lower, found.endogenous.upper, truth.endogenous),
    }
    row |= {name: bool(lower <= true <= upper) for name, (lower, upper, true) in intervals.items()}
    row["fitted_error"] = abs(found.total.value - truth.total) / truth.total
    row["raw_error"] = abs(raw.value - truth.total) / truth.total
    row["pareto_k"] = draws_of.pareto_k
    return row


def run_study(n: int, seed: int, level: float = 0.95, draws: int = 2000, jobs: int = 2) -> pd.DataFrame:
    """One row per simulated patient; all are one cohort, whose records move the weights of the average."""
    settings = FitSettings(
        structure=DEFAULT_STRUCTURE,
        use_prior=True,
        residual="normal",
        draws=draws,
        level=level,
        seed=seed,
        profile=False,
        igg_unit="g/L",
        cross_checked=False,
    )
    asked = [simulated_patient(number, seed).patient for number in range(min(n, MOST_ASKED))]
    evidence = np.array([evidence_of(patient, prior_of, settings) for patient in asked])
    settings = replace(settings, weights=moved_by(evidence, FIT, FIT_AT_LEAST))
    with ThreadPoolExecutor(jobs) as pool:
        return pd.DataFrame(list(pool.map(lambda number: coverage_row(number, settings), range(n))))


def coverage_table(study: pd.DataFrame) -> pd.DataFrame:
    """Coverage with its Monte Carlo error, overall, by dosing and by number of samples; errors of the nadirs."""
    fitted = study[study["status"] == "fitted"]
    groups = [("all", "", fitted)]
    groups += [("dosing", str(key), rows) for key, rows in fitted.groupby("dosing")]
    groups += [("n_samples", str(key), rows) for key, rows in fitted.groupby("n_samples")]
    table = []
    for by, value, rows in groups:
        share = {name: float(rows[name].astype(float).mean()) for name in QUANTITIES}
        error = {f"{name}_mc_error": np.sqrt(share[name] * (1 - share[name]) / len(rows)) for name in QUANTITIES}
        table.append(
            {
                "by": by,
                "value": value,
                "n": len(rows),
                **share,
                **error,
                "median_fitted_error": rows["fitted_error"].median(),
                "median_raw_error": rows["raw_error"].median(),
                "share_pareto_k_above_0.7": float((rows["pareto_k"] > 0.7).mean()),
            }
        )
    return pd.DataFrame(table)
