"""Fits of many patients: processor time a patient by engine and kind of intervals, with the accuracy beside it.

    python benchmarks/batch.py [--sizes 10 100 1000 10000] [--large 1000] [--out benchmarks/batch.csv]

Cohorts of the default card (weights, four cycles, a visit every three weeks; a third dosed by a rule, a third by the
calendar, a third not at all), every table made, one thread, each patient alone (`weights of the average`: what learning
them costs each patient asked). `exponent` is the slope of log processor time on log patients, from the smallest size of
100 or more to the largest of an engine. Accuracy, in the first patients of each cohort: the largest gap of -2 log
posterior from the lmfit engine's (above 0 is worse), and the mean gap of the ends of the fitted nadir's interval from
those of 2,000 draws, as a share of the interval's width. Beside it, for one compartment with step loss and four
parameters (C_base, CL, V1, S): loops of lmfit and scipy least-squares fits with a closed curve in Python, and the
compiled searches on the same records from the same start; `compiled batch` is one call for all, and its gap the largest
of -2 log posterior from that at lmfit's estimates, which leave out the log of the
variance.
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
from scipy.optimize import least_squares

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cards.prior import patient_prior
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.fit.batch.layout import Priors, Records
from igkinetics.fit.batch.search import descend, new_room
from igkinetics.fit.batch.slots import Slot, target_of
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.engine import explore_starts
from igkinetics.fit.learning import MOST_ASKED, learnt_for_fit
from igkinetics.fit.likelihood import NORMAL
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import INDEX, N_PARAMETERS

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


def first_of(cohort: Cohort, n: int) -> Cohort:
    """The same cohort with its first patients."""
    kept = list(cohort.patient_ids[:n])
    tables = {
        name: getattr(cohort, name)[getattr(cohort, name)["patient_id"].isin(kept)].reset_index(drop=True)
        for name in ("samples", "doses", "therapy", "patients", "outcomes", "covariates", "weights")
    }
    return replace(cohort, **tables)


def table(cohorts: dict[int, Cohort], large: int, truly: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    checked = {size: first_of(cohort, truly) for size, cohort in cohorts.items()}
    truths = {size: igk.fit_cohort(cohort, engine="lmfit", average="alone", jobs=1) for size, cohort in checked.items()}
    for name, (engine, intervals) in ENGINES.items():
        sizes = [size for size in cohorts if size <= large or intervals == "laplace"]
        times = {}
        for size in sizes:
            options = igk.FitOptions(engine=engine, intervals=intervals, average="alone", jobs=1)
            times[size], fits = seconds_of(partial(fit_cohort, cohorts[size], options))
            per_patient = 1e3 * times[size] / size
            rows.append({"what": name, "patients": size, "ms_per_patient": per_patient} | gaps(fits, truths[size]))
            print(rows[-1], flush=True)
        slope_from = min((size for size in sizes if size >= 100), default=sizes[0])
        if slope_from < sizes[-1]:
            rows[-1]["exponent"] = float(np.log(times[sizes[-1]] / times[slope_from]) / np.log(sizes[-1] / slope_from))
    return rows


def learning(cohort: Cohort) -> list[dict[str, Any]]:
    """What the weights of the average cost, which are learnt once from 300 patients at most."""
    seconds, _ = seconds_of(partial(learnt_for_fit, cohort, igk.FitOptions(engine="batch", jobs=1)))
    asked = min(cohort.n_patients, MOST_ASKED)
    return [{"what": "weights of the average", "patients": asked, "ms_per_patient": 1e3 * seconds / asked}]


def gaps(fits: Any, truth: Any) -> dict[str, float]:
    """How far -2 log posterior and the interval's ends lie from the lmfit engine's."""
    n = len(truth.patients)
    patients = fits.patients.iloc[:n]
    objective = (patients["objective"] - truth.patients["objective"]).astype(float)
    one, other = fits.nadir.iloc[:n], truth.nadir
    width = (other["fitted_nadir_upper"] - other["fitted_nadir_lower"]).astype(float)
    names = ("fitted_nadir_lower", "fitted_nadir_upper")
    ends = [(one[name] - other[name]).astype(float).abs() / width for name in names]
    same = float((patients["status"] == truth.patients["status"]).mean())
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


def residual_of(patient: Patient, problem: FitProblem) -> Callable[[np.ndarray], np.ndarray]:
    """Weighted residuals of samples and prior at x, in the order of FOUR."""
    order = [problem.names.index(name) for name in FOUR]
    mu, sd = problem.mu[order], problem.sd[order]

    def residual(x: np.ndarray) -> np.ndarray:
        cl, volume, base = np.exp(x[:3])
        level = curve(patient, cl, volume, base, 1.0 / (1.0 + np.exp(-x[3])))
        spread = np.sqrt(problem.a**2 + (problem.b * level) ** 2)
        return np.concatenate([(problem.igg - level) / spread, (x - mu) / sd])

    return residual


def start_of(problem: FitProblem) -> np.ndarray:
    return np.array([problem.mu[problem.names.index(name)] for name in FOUR])


def by_lmfit(patient: Patient, problem: FitProblem) -> Any:
    residual, parameters = residual_of(patient, problem), lmfit.Parameters()
    for name, mu in zip(FOUR, start_of(problem), strict=True):
        parameters.add(name, value=float(mu))
    return lmfit.minimize(lambda values: residual(np.array([values[name].value for name in FOUR])), parameters)


def by_scipy(patient: Patient, problem: FitProblem) -> Any:
    return least_squares(residual_of(patient, problem), start_of(problem), method="lm")


def check_curve(patient: Patient, problem: FitProblem) -> None:
    """The peer's curve is the kernels'."""
    theta = problem.theta(problem.mu)
    own = np.add(*igg_curve(theta, problem.schedule, problem.day))
    other = curve(patient, *(theta[INDEX[name]] for name in FOUR))
    np.testing.assert_allclose(other, own, rtol=1e-9)


def side_by_side(patients: list[Patient], problems: list[FitProblem]) -> tuple[Records, Priors]:
    """The same problems as the batch engine takes them: ragged records, one structure each."""
    n, targets = len(problems), [problem.target for problem in problems]

    def ragged(columns: list[Any]) -> tuple[Any, Any]:
        return np.append(0, np.cumsum([len(column) for column in columns])), np.concatenate(columns)

    sample_at, day = ragged([target.record.day for target in targets])
    schedule_at, schedule = ragged([target.schedule for target in targets])
    records = Records(
        sample_at=sample_at,
        day=day,
        igg=np.concatenate([target.record.igg for target in targets]),
        limit=np.concatenate([target.record.limit for target in targets]),
        dose_at=np.zeros(n + 1, dtype=np.int64),
        doses=np.empty((0, 4)),
        schedule_at=schedule_at,
        schedule=schedule,
        bare_at=schedule_at,
        bare=schedule,
        start_day=np.array([patient.start_day for patient in patients]),
    )
    p, wide = len(FOUR), np.zeros((n, 1, N_PARAMETERS))
    priors = Priors(
        n_structures=np.ones(n, dtype=np.int64),
        p=np.full((n, 1), p),
        free=np.zeros((n, 1, N_PARAMETERS), dtype=np.int64),
        fixed=np.array([[target.fixed] for target in targets]),
        mu=wide.copy(),
        sd=wide + 1.0,
        ignores_therapy=np.zeros((n, 1), dtype=bool),
        disposition=np.zeros((n, 1), dtype=np.int64),
        weight=np.ones((n, 1)),
        a=problems[0].a,
        b=problems[0].b,
    )
    for i, target in enumerate(targets):
        priors.free[i, 0, :p], priors.mu[i, 0, :p], priors.sd[i, 0, :p] = target.free, target.mu, target.sd
    return records, priors


@kernel
def search_all(records: Records, priors: Priors, x: Any, values: Any) -> None:
    """The optimum of every problem from its prior's centre, room and all, in one compiled call."""
    for i in range(values.size):
        target = target_of(i, Slot(0, 0.0, NORMAL, 1.0, 1.0), records, priors)
        p = target.mu.size
        room = new_room(target.schedule, target.record.day, p)
        values[i] = descend(target.mu, target, room, np.empty((0, p)), x[i], np.empty((p, p)))[0]


def peers(cohort: Cohort) -> list[dict[str, Any]]:
    patients = [with_boluses(cohort, name) for name in cohort.patient_ids]
    problems = [four_parameter_problem(patient) for patient in patients]
    n = len(problems)
    pairs = list(zip(patients, problems, strict=True))
    check_curve(*pairs[0])
    loop, results = seconds_of(lambda: [by_lmfit(patient, problem) for patient, problem in pairs])
    optima = [
        np.array([result.params[name].value for name in problem.names])
        for result, problem in zip(results, problems, strict=True)
    ]
    other, _ = seconds_of(lambda: [by_scipy(patient, problem) for patient, problem in pairs])
    starts = [(problem.mu[None, :].copy(), np.empty((1, problem.mu.size)), np.empty(1)) for problem in problems]
    records, priors = side_by_side(patients, problems)
    found, values = np.empty((n, len(FOUR))), np.empty(n)

    def quasi_newton() -> None:
        for problem, (start, x, value) in zip(problems, starts, strict=True):
            explore_starts(start, problem.prior_sd, problem.target, x, value)

    compiled = {"quasi-Newton": quasi_newton, "batch": lambda: search_all(records, priors, found, values)}
    times = {}
    for name, work in compiled.items():
        work()
        times[name] = seconds_of(lambda: [work() for _ in range(10)])[0] / 10  # noqa: B023 (called here)
    gap = max(
        value - problem.value_and_gradient(x)[0] for value, problem, x in zip(values, problems, optima, strict=True)
    )
    return [
        {"what": "four parameters, lmfit leastsq", "patients": n, "ms_per_patient": 1e3 * loop / n},
        {"what": "four parameters, scipy least_squares", "patients": n, "ms_per_patient": 1e3 * other / n},
        {
            "what": "four parameters, compiled quasi-Newton",
            "patients": n,
            "ms_per_patient": 1e3 * times["quasi-Newton"] / n,
        },
        {
            "what": "four parameters, compiled batch",
            "patients": n,
            "ms_per_patient": 1e3 * times["batch"] / n,
            "objective_gap": gap,
        },
    ]


COLUMNS = ("what", "patients", "ms_per_patient", "exponent", "objective_gap", "interval_gap", "same_status")


def processor() -> str:
    """The processor's name, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000, 10000])
    parser.add_argument("--large", type=int, default=1000, help="no draws for larger cohorts than this")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    parser.add_argument("--truly", type=int, default=50, help="patients of each cohort whom the accuracy is of")
    asked = parser.parse_args()
    cohorts = {size: made(size) for size in asked.sizes}
    first = min(asked.sizes)
    for engine, intervals in ENGINES.values():  # compiled, or read from disk, before any time is taken
        igk.fit_cohort(cohorts[first], engine=engine, intervals=intervals, draws=400, jobs=1)
    rows = (
        table(cohorts, asked.large, asked.truly)
        + learning(cohorts[max(cohorts)])
        + peers(cohorts[sorted(asked.sizes)[min(1, len(asked.sizes) - 1)]])
    )
    where = f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}"
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
