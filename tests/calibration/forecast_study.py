"""Forecasts of patients whose truth is known: do predictive intervals cover, are probabilities below right?

Patients of tests/calibration/stress_study.py, where the model is right and where it is wrong in ways that its output
cannot know. Each is known up to one sample (the third or later, drawn at random) and forecast 7, 14 and 28 days ahead
under the doses that were given. The patients of a kind are one cohort, whose records, as known, move the weights of
the average over structures and drift (docs/model.md 3.6). Run as a script it makes the committed tables:
`python tests/calibration/forecast_study.py [RIGHT OTHERS]`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from stress_study import KINDS, PLATFORM_DAY, PLATFORM_FACTOR, STUDENT_DF, prior_for, stressed_patient

from igkinetics.cohort.model import Patient
from igkinetics.evaluate.predictive import Predictive
from igkinetics.fit.forecast import forecast_paths
from igkinetics.fit.learning import evidence_of
from igkinetics.fit.patient import FitSettings, fit_patient
from igkinetics.fit.problem import patient_schedule
from igkinetics.fit.weights import FORECAST, AverageWeights, moved_by
from igkinetics.forecast.outlook import forecast_draws
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE

TABLE = Path(__file__).with_name("forecast.csv")
RELIABILITY = Path(__file__).with_name("forecast_reliability.csv")
N_RIGHT, N_OTHERS = 1000, 400
SEED = 41
DRAWS = 500
HORIZONS = (7.0, 14.0, 28.0)
LEVELS = (0.5, 0.8, 0.95)
THRESHOLD = 4.0
EDGES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0)
SETTINGS = FitSettings(
    structure=DEFAULT_STRUCTURE,
    use_prior=True,
    residual="normal",
    draws=DRAWS,
    level=0.95,
    seed=SEED,
    profile=False,
    igg_unit="g/L",
    cross_checked=False,
)


def known_patient(patient: Patient, generator: np.random.Generator) -> Patient:
    """The patient known up to the third sample or a later one, drawn at random."""
    place = int(generator.integers(2, patient.sample_day.size))
    return replace(
        patient,
        sample_day=patient.sample_day[: place + 1],
        sample_igg=patient.sample_igg[: place + 1],
        sample_limit=patient.sample_limit[: place + 1],
    )


def generator_of(kind: str, number: int, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, list(KINDS).index(kind), number, 1])


def weights_of(kind: str, n: int, seed: int) -> AverageWeights:
    """What the records of n patients, each as known, make of the weights of the average."""
    known = [known_patient(stressed_patient(kind, one, seed)[0], generator_of(kind, one, seed)) for one in range(n)]
    return moved_by(np.array([evidence_of(one, prior_for, SETTINGS) for one in known]), FORECAST, ())


def forecast_rows(kind: str, number: int, seed: int, weights: AverageWeights) -> list[dict[str, object]]:
    """One patient, forecast at each horizon: where a new measurement and the true level lie among those predicted."""
    patient, truth = stressed_patient(kind, number, seed)
    generator = generator_of(kind, number, seed)
    known = known_patient(patient, generator)
    days = known.sample_day[-1] + np.array(HORIZONS)
    shared = {"kind": kind, "number": number, "n_known": known.sample_day.size, "dosing": patient.group}
    fit = fit_patient(known, prior_for, replace(SETTINGS, weights=weights))
    if not fit.has_numbers:
        return [shared | {"status": fit.status}]
    problem = fit.fitted()[0]
    theta, drift, residual = forecast_draws(fit, DRAWS, seed)
    schedule = patient_schedule(patient, ignore_therapy=False)
    levels = forecast_paths(theta, drift, schedule, days, generator).total
    rows = []
    for j, day in enumerate(days):
        level = truth.level(patient, float(day))
        noise = generator.standard_t(STUDENT_DF) if kind == "heavy_tails" else generator.standard_normal()
        reading = level * (PLATFORM_FACTOR if kind == "platform" and day >= PLATFORM_DAY else 1.0)
        reading += noise * np.hypot(problem.a, problem.b * level)
        predictive = Predictive(levels=np.maximum(levels[:, j], 1e-6), a=problem.a, b=problem.b, kind=residual)
        rows.append(
            shared
            | {
                "status": fit.status,
                "horizon": HORIZONS[j],
                "level": level,
                "median": float(np.median(levels[:, j])),
                "pit": predictive.pit(max(reading, 0.05), 0, 0.5),
                "pit_true": float(np.mean(levels[:, j] < level)),
                "p_below": float(np.mean(levels[:, j] < THRESHOLD)),
                "below": level < THRESHOLD,
                "drift": float(np.mean(drift.sd > 0)),
            }
        )
    return rows


def run_study(plan: Sequence[tuple[str, int]], seed: int, jobs: int = 2) -> pd.DataFrame:
    """Rows of so many patients of each kind."""
    weights = {kind: weights_of(kind, n, seed) for kind, n in plan}
    work = [(kind, number, seed, weights[kind]) for kind, n in plan for number in range(n)]
    with ThreadPoolExecutor(jobs) as pool:
        return pd.DataFrame([row for rows in pool.map(lambda one: forecast_rows(*one), work) for row in rows])


def coverage_table(study: pd.DataFrame) -> pd.DataFrame:
    """A row per kind and horizon: coverage of measurements and of true levels, and errors of the median."""
    rows = []
    for kind, own in study.groupby("kind", sort=False):
        known = own[own["horizon"].notna()]
        for horizon, part in [("all", known), *known.groupby("horizon")]:
            error = (part["median"] - part["level"]) / part["level"]
            row: dict[str, object] = {"kind": kind, "horizon": horizon, "patients": part["number"].nunique()}
            row |= {"without": int(own["horizon"].isna().sum()), "bias": error.mean(), "error": error.abs().median()}
            for name in ("pit", "pit_true"):
                inside = {level: (part[name] - 0.5).abs() <= level / 2 for level in LEVELS}
                row |= {f"{name}_{100 * level:g}": found.mean() for level, found in inside.items()}
            rows.append(row)
    return pd.DataFrame(rows)


def reliability_table(study: pd.DataFrame) -> pd.DataFrame:
    """P(true level below THRESHOLD) held against the truth, the right model and all the others."""
    known = study[study["horizon"].notna()]
    rows = []
    for name, part in (("right", known[known["kind"] == "right"]), ("wrong", known[known["kind"] != "right"])):
        bins = pd.cut(part["p_below"], list(EDGES), include_lowest=True)
        for interval, own in part.groupby(bins, observed=True):
            mean = {"n": len(own), "p_mean": own["p_below"].mean(), "share_below": own["below"].astype(float).mean()}
            rows.append({"model": name, "p_from": max(interval.left, 0.0), "p_to": interval.right, **mean})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    from igkinetics.provenance import package_versions

    n_right, n_others = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (N_RIGHT, N_OTHERS)
    made = run_study([(kind, n_right if kind == "right" else n_others) for kind in KINDS], SEED)
    if len(sys.argv) > 3:
        made.to_csv(sys.argv[3], index=False)
    versions = package_versions()
    for table, path in ((coverage_table(made), TABLE), (reliability_table(made), RELIABILITY)):
        table["seed"] = SEED
        table["versions"] = " ".join(f"{name} {versions[name]}" for name in ("python", "igkinetics", "numpy", "numba"))
        table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")
        print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
