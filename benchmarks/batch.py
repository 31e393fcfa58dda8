"""Fits of many patients: processor time a patient by engine and kind of intervals, with the accuracy beside it.

    python benchmarks/batch.py [--sizes 10 30 100] [--large 300] [--out benchmarks/batch.csv]

Cohorts of the default card (weights, four cycles, a visit every three weeks; a third dosed by a rule, a third by the
calendar, a third not at all), every table made, one thread. `exponent` is the slope of log processor time on log
patients, from the smallest size to the largest of an engine. Accuracy: the largest gap of -2 log posterior from the
lmfit engine's in the same patients (above 0 is worse), and the mean gap of the ends of the fitted nadir's interval from
those of 2,000 draws, as a share of the interval's width. Beside it, for one compartment with step loss and four
parameters (C_base, CL, V1, S): a loop of lmfit least-squares fits with a closed curve in Python, and the compiled
optimiser on the same records from the same start.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import lmfit
import numpy as np

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cards.prior import patient_prior
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.engine import explore_starts
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import INDEX

ENGINES = {
    "lmfit, draws": ("lmfit", "draws"),
    "batch, draws": ("batch", "draws"),
    "batch, laplace": ("batch", "laplace"),
}
FOUR = ("CL", "V1", "C_base", "S")


DESIGN = """
seed = 20
population = {{ card = "adult_b_cell_depletion", weight_kg = {{ mean = 75, sd = 15 }} }}
therapy = {{ cycles = 4, on_day = 28, off_day = 14, agent = "blinatumomab" }}
visits = {{ every_day = 21, jitter_day = 4, missed = 0.15, until_day = 200 }}
assay = {{ cv_percent = 9, lower_limit_mg_dl = 100 }}
[[group]]
name = "rule"
n = {third}
regimen = {{ rule = {{ below_mg_dl = 400, check_every_day = 14, minimum_gap_day = 21, dose_g_per_kg = 0.4 }} }}
[[group]]
name = "calendar"
n = {third}
regimen = {{ dose_g_per_kg = 0.4, interval_day = 28, start_day = 14 }}
[[group]]
name = "none"
n = {rest}
regimen = {{}}
"""


def made(n: int) -> Cohort:
    third = max(n // 3, 1)
    made_up = igk.simulate_cohort(DESIGN.format(third=third, rest=n - 2 * third))
    tables = {name: getattr(made_up, name) for name in ("samples", "doses", "therapy", "patients")}
    return igk.read_cohort(**tables, mapping={"igg_unit": "mg/dL", "time_origin": "as_given", "lower_limit": 100})


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def table(cohorts: dict[int, Cohort], large: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    truths: dict[int, Any] = {}
    for name, (engine, intervals) in ENGINES.items():
        sizes = [size for size in cohorts if size <= large or intervals == "laplace"]
        times = {}
        for size in sizes:
            options = igk.FitOptions(engine=engine, intervals=intervals, jobs=1)
            times[size], fits = seconds_of(partial(fit_cohort, cohorts[size], options))
            truths.setdefault(size, fits)
            per_patient = 1e3 * times[size] / size
            rows.append({"what": name, "patients": size, "ms_per_patient": per_patient} | gaps(fits, truths[size]))
        slope = np.log(times[sizes[-1]] / times[sizes[0]]) / np.log(sizes[-1] / sizes[0])
        rows[-1]["exponent"] = float(slope)
    return rows


def gaps(fits: Any, truth: Any) -> dict[str, float]:
    """How far -2 log posterior and the interval's ends lie from the lmfit engine's."""
    objective = (fits.patients["objective"] - truth.patients["objective"]).astype(float)
    one, other = fits.nadir, truth.nadir
    width = (other["fitted_nadir_upper"] - other["fitted_nadir_lower"]).astype(float)
    names = ("fitted_nadir_lower", "fitted_nadir_upper")
    ends = [(one[name] - other[name]).astype(float).abs() / width for name in names]
    same = float((fits.patients["status"] == truth.patients["status"]).mean())
    return {"objective_gap": float(objective.max()), "interval_gap": float(np.nanmean(ends)), "same_status": same}


def with_boluses(cohort: Cohort, patient_id: str) -> Patient:
    patient = cohort.patient(patient_id)
    return replace(patient, dose_duration_day=np.zeros_like(patient.dose_duration_day))


def four_parameter_problem(patient: Patient) -> FitProblem:
    card = load_card("adult_b_cell_depletion")
    prior = patient_prior(card, weight_kg=patient.weight_kg, agents=patient.agents, disposition="one_compartment")
    prior = prior.held_at({"C_init_ratio": 1.0}, "benchmark")
    return build_problem(patient, prior, "step_loss", residual="normal", use_prior=True)


def curve(patient: Patient, cl: float, volume: float, base: float, share: float) -> np.ndarray:
    """Decay to the level that is left, and each dose's decay on top: closed, in Python."""
    rate, day = cl / volume, patient.sample_day
    since = np.maximum(day - patient.therapy_start[0], 0.0)
    level = base * (1.0 + share * np.expm1(-rate * since))
    for start, grams in zip(patient.dose_day, patient.dose_g, strict=True):
        level += np.where(day > start, grams / volume * np.exp(-rate * np.maximum(day - start, 0.0)), 0.0)
    return np.asarray(level)


def by_lmfit(patient: Patient, problem: FitProblem) -> Any:
    parameters = lmfit.Parameters()
    for name, mu in zip(problem.names, problem.mu, strict=True):
        parameters.add(name, value=float(mu))

    def residual(values: lmfit.Parameters) -> np.ndarray:
        x = np.array([values[name].value for name in problem.names])
        cl, volume, base = (np.exp(values[name].value) for name in FOUR[:3])
        level = curve(patient, cl, volume, base, 1.0 / (1.0 + np.exp(-values["S"].value)))
        sd = np.sqrt(problem.a**2 + (problem.b * level) ** 2)
        return np.concatenate([(problem.igg - level) / sd, (x - problem.mu) / problem.sd])

    return lmfit.minimize(residual, parameters, method="leastsq")


def check_curve(patient: Patient, problem: FitProblem) -> None:
    """The peer's curve is the kernels'."""
    theta = problem.theta(problem.mu)
    own = np.add(*igg_curve(theta, problem.schedule, problem.day))
    other = curve(patient, *(theta[INDEX[name]] for name in FOUR))
    np.testing.assert_allclose(other, own, rtol=1e-9)


def peers(cohort: Cohort) -> list[dict[str, Any]]:
    patients = [with_boluses(cohort, name) for name in cohort.patient_ids]
    problems = [four_parameter_problem(patient) for patient in patients]
    n = len(problems)
    pairs = list(zip(patients, problems, strict=True))
    check_curve(*pairs[0])
    loop, _ = seconds_of(lambda: [by_lmfit(patient, problem) for patient, problem in pairs])
    starts = [(problem.mu[None, :].copy(), np.empty((1, problem.mu.size)), np.empty(1)) for problem in problems]
    targets = [problem.target for problem in problems]

    def compiled() -> None:
        for problem, target, (start, x, value) in zip(problems, targets, starts, strict=True):
            explore_starts(start, problem.prior_sd, target, x, value)

    compiled()
    batch, _ = seconds_of(lambda: [compiled() for _ in range(10)])
    return [
        {"what": "four parameters, lmfit leastsq", "patients": n, "ms_per_patient": 1e3 * loop / n},
        {"what": "four parameters, compiled optimiser", "patients": n, "ms_per_patient": 1e2 * batch / n},
    ]


COLUMNS = ("what", "patients", "ms_per_patient", "exponent", "objective_gap", "interval_gap", "same_status")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--large", type=int, default=100, help="no draws for larger cohorts than this")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    asked = parser.parse_args()
    cohorts = {size: made(size) for size in asked.sizes}
    first = min(asked.sizes)
    for engine, intervals in ENGINES.values():  # compiled, or read from disk, before any time is taken
        igk.fit_cohort(cohorts[first], engine=engine, intervals=intervals, draws=400, jobs=1)
    rows = table(cohorts, asked.large) + peers(cohorts[first])
    where = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}"
    with asked.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="raise")
        file.write(f"# {where}\n")
        writer.writeheader()
        for row in rows:
            shown = {key: f"{value:.3g}" if isinstance(value, float) else value for key, value in row.items()}
            writer.writerow(shown)
            print(", ".join(f"{key} {value}" for key, value in shown.items()), flush=True)
    print(where)


if __name__ == "__main__":
    main()
