"""Speed of the kinetics kernels on one core, with the accuracy beside each time.

    python benchmarks/kernels.py [--patients 10000] [--repeats 15]

10,000 patients, 20 sampling times, six infusions (4 h, every 28 days). One patient-time is one concentration of one
patient, split into endogenous and infused. Best of several repeats, compilation apart, one thread.
Accuracy: the largest relative difference of total IgG from an ODE solver (scipy DOP853, rtol 1e-12) in 20 of the
patients; of the gradient from central differences of the curve (extrapolated; itself good to about 1e-9).
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numba
import numpy as np
from scipy.integrate import solve_ivp

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.curves import fill_curves, igg_curve
from igkinetics.kinetics.gradient import (
    Course,
    add_weighted_gradient,
    fill_curve_with_gradient,
    new_course,
    walk,
)
from igkinetics.kinetics.parameters import INDEX, PARAMETERS, Floats
from igkinetics.kinetics.schedule import IV_RATE, ON_THERAPY, START, Schedule, build_schedule

N_TIMES = 20
N_INFUSIONS = 6
N_CHECKED = 20
DAYS = np.linspace(10.0, 200.0, N_TIMES)
MEDIANS = {"CL": 0.155, "V1": 3.2, "C_base": 6.0, "k_loss": np.log(2) / 8, "k_rec": np.log(2) / 90}
LOG_SD = {"CL": 0.35, "V1": 0.25, "C_base": 0.38, "k_loss": 0.4, "k_rec": 0.5}
"""Medians and spread of the default card (docs/model.md 7); g, L, day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A structure to be timed: two compartments or one, with therapy cycles or without."""

    two_compartments: bool
    therapy: bool

    @property
    def title(self) -> str:
        compartments = "two compartments" if self.two_compartments else "one compartment"
        return f"{compartments}, {'loss and recovery' if self.therapy else 'constant production'}"

    def schedule(self) -> Schedule:
        return build_schedule(
            start_day=0.0,
            dose_day=2.0 + 28.0 * np.arange(N_INFUSIONS),
            dose_g=np.full(N_INFUSIONS, 28.0),
            dose_duration_day=np.full(N_INFUSIONS, 4 / 24),
            dose_is_sc=np.zeros(N_INFUSIONS),
            therapy_start=[0.0, 42.0] if self.therapy else (),
            therapy_stop=[28.0, 70.0] if self.therapy else (),
        )

    def patients(self, n: int) -> Floats:
        generator = np.random.default_rng(1)
        vectors = np.ones((n, len(PARAMETERS)))
        for name, median in MEDIANS.items():
            vectors[:, INDEX[name]] = median * np.exp(LOG_SD[name] * generator.standard_normal(n))
        vectors[:, INDEX["Q"]] = 0.55 if self.two_compartments else 0.0
        vectors[:, INDEX["V2"]] = 2.0
        vectors[:, INDEX["S"]] = 0.55 if self.therapy else 0.0
        vectors[:, INDEX["C_init"]] = vectors[:, INDEX["C_base"]] * np.exp(0.15 * generator.standard_normal(n))
        return vectors


@kernel
def fill_gradients(
    vectors: Floats, schedule: Schedule, day: Floats, endogenous: Floats, infused: Floats, gradient: Floats
) -> None:
    """Curves (n, n_day) with gradient (n, n_day, 13) of many patients."""
    for i in range(vectors.shape[0]):
        fill_curve_with_gradient(vectors[i], schedule, day, endogenous[i], infused[i], gradient[i])


@kernel
def fill_weighted(vectors: Floats, schedule: Schedule, day: Floats, gradient: Floats) -> None:
    """Gradients (n, 13) of the sums of the curves' levels: what a likelihood asks for, with weights of its own."""
    course = new_course(schedule, day.size)
    course.weights[:] = 1.0
    gradient[:] = 0.0
    add_all(vectors, schedule, day, course, gradient)


@inner
def add_all(vectors: Floats, schedule: Schedule, day: Floats, course: Course, gradient: Floats) -> None:
    for i in range(vectors.shape[0]):
        walk(vectors[i], schedule, day, course)
        add_weighted_gradient(vectors[i], course, day.size, gradient[i])


def best_seconds(work: Callable[[], None], repeats: int) -> float:
    """Shortest of several runs; the first, which may compile, is not counted."""
    work()
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def by_ode(p: dict[str, float], schedule: Schedule) -> Floats:
    """Total IgG, g/L, at DAYS by the differential equations of docs/model.md 1; infusions only."""
    y = np.array([p["C_init"] * p["V1"], p["C_init"] * p["V2"], 1.0])
    edges = np.unique(np.concatenate([schedule[:, START], DAYS]))
    levels = {}
    for begin, end in pairwise(edges):
        segment = schedule[np.searchsorted(schedule[:, START], begin, side="right") - 1]
        loss = -p["k_loss"] if segment[ON_THERAPY] else -p["k_rec"]
        goal = 0.0 if segment[ON_THERAPY] else 1.0

        def derivative(
            _: float, y: Floats, rate: float = segment[IV_RATE], loss: float = loss, goal: float = goal
        ) -> list[float]:
            made = p["CL"] * p["C_base"] * (1.0 - p["S"] + p["S"] * y[2])
            exchange = p["Q"] * (y[0] / p["V1"] - y[1] / p["V2"])
            return [made + rate - p["CL"] * y[0] / p["V1"] - exchange, exchange, loss * (y[2] - goal)]

        y = solve_ivp(derivative, (begin, end), y, "DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
        levels[end] = y[0] / p["V1"]
    return np.array([levels[day] for day in DAYS])


def curve_error(setting: Setting) -> float:
    """Largest relative difference from the ODE solver."""
    schedule = setting.schedule()
    errors = []
    for vector in setting.patients(N_CHECKED):
        endogenous, infused = igg_curve(vector, schedule, DAYS)
        truth = by_ode(dict(zip(PARAMETERS, vector, strict=True)), schedule)
        errors.append(np.max(np.abs((endogenous + infused) / truth - 1.0)))
    return float(max(errors))


def gradient_error(setting: Setting) -> float:
    """Largest difference from Richardson-extrapolated central differences, relative to the parameter's largest."""
    schedule = setting.schedule()
    names = ["CL", "V1", "C_base", "C_init"]
    names += ["Q", "V2"] if setting.two_compartments else []
    names += ["S", "k_loss", "k_rec"] if setting.therapy else []
    worst = 0.0
    for vector in setting.patients(N_CHECKED):
        gradient = np.empty((N_TIMES, len(PARAMETERS)))
        fill_curve_with_gradient(vector, schedule, DAYS, np.empty(N_TIMES), np.empty(N_TIMES), gradient)
        for name in names:
            slopes = []
            for step in (1e-3, 5e-4):
                high, low = vector.copy(), vector.copy()
                high[INDEX[name]] *= 1.0 + step
                low[INDEX[name]] *= 1.0 - step
                curves = [np.sum(igg_curve(changed, schedule, DAYS), axis=0) for changed in (high, low)]
                slopes.append((curves[0] - curves[1]) / (2.0 * step * vector[INDEX[name]]))
            truth = (4.0 * slopes[1] - slopes[0]) / 3.0
            worst = max(worst, float(np.max(np.abs(gradient[:, INDEX[name]] - truth)) / np.max(np.abs(truth))))
    return worst


def machine() -> str:
    """Processor, cores, versions."""
    information = Path("/proc/cpuinfo")
    models = [
        line.split(":", 1)[1].strip()
        for line in (information.read_text().splitlines() if information.exists() else [])
        if line.startswith("model name")
    ]
    processor = models[0] if models else platform.processor() or platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores (one used), {platform.system()}, Python {platform.python_version()}, "
        f"numba {numba.__version__}, numpy {np.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    n = options.patients
    print(machine())
    print(f"{n} patients x {N_TIMES} times, {N_INFUSIONS} infusions; million patient-times per second and core")
    print(f"{'':46}{'value':>8}{'error':>10}{'with gradient':>16}{'error':>10}{'gradient of a sum':>20}")
    endogenous, infused = np.empty((n, N_TIMES)), np.empty((n, N_TIMES))
    gradient, of_sum = np.empty((n, N_TIMES, len(PARAMETERS))), np.empty((n, len(PARAMETERS)))
    for therapy in (False, True):
        for two_compartments in (False, True):
            setting = Setting(two_compartments=two_compartments, therapy=therapy)
            schedule, vectors = setting.schedule(), setting.patients(n)

            def value(vectors: Floats = vectors, schedule: Schedule = schedule) -> None:
                fill_curves(vectors, schedule, DAYS, endogenous, infused)

            def value_and_gradient(vectors: Floats = vectors, schedule: Schedule = schedule) -> None:
                fill_gradients(vectors, schedule, DAYS, endogenous, infused, gradient)

            def gradient_of_sum(vectors: Floats = vectors, schedule: Schedule = schedule) -> None:
                fill_weighted(vectors, schedule, DAYS, of_sum)

            rates = [
                n * N_TIMES / best_seconds(work, options.repeats) / 1e6
                for work in (value, value_and_gradient, gradient_of_sum)
            ]
            print(
                f"{setting.title:46}{rates[0]:8.2f}{curve_error(setting):10.0e}"
                f"{rates[1]:16.2f}{gradient_error(setting):10.0e}{rates[2]:20.2f}"
            )


if __name__ == "__main__":
    main()
