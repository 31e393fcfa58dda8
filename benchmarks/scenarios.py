"""How fast scenarios are, with the accuracy beside each time, and what memory they take.

python benchmarks/scenarios.py           all of it, about a minute; the million patients run in a process of their own
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

import igkinetics as igk
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.scenarios.read_scenario import parse_scenario
from igkinetics.scenarios.run import run_scenario
from igkinetics.scenarios.scenario_patients import scenario_patients
from igkinetics.scenarios.search import doses_of

CARD = "adult_b_cell_depletion"
THERAPY = {"cycles": 4, "on_day": 28, "off_day": 14, "agent": "blinatumomab"}
REGIMENS: list[dict[str, Any]] = [
    {"name": f"{dose:g} g/kg every {interval} days", "dose_g_per_kg": dose, "interval_day": interval}
    for dose in (0.2, 0.3, 0.4, 0.6)
    for interval in (14, 21, 28, 42)
] + [
    {
        "name": f"rule {below}",
        "rule": {
            "below_mg_dl": below,
            "check_every_day": 7,
            "minimum_gap_day": 21,
            "assay_cv_percent": 7,
            "dose_g_per_kg": 0.4,
        },
    }
    for below in (300, 400, 500, 600)
]


def raw(n: int, regimens: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "horizon_day": 365,
        "thresholds_mg_dl": [400, 500],
        "seed": 1,
        "therapy": THERAPY,
        "regimen": regimens,
        "population": {"card": CARD, "n": n, "weight_kg": {"mean": 75, "sd": 15}},
    }


def twenty_regimens(jobs: int) -> None:
    """20 regimens, 1,000 patients, daily levels for a year: all outcomes, bands, differences and their uncertainty."""
    file = parse_scenario(raw(1000, REGIMENS), "benchmark", "", None)
    run_scenario(file, jobs=jobs)
    used = time.process_time()
    seconds = min(timed(lambda: run_scenario(file, jobs=jobs)) for _ in range(3))
    used = (time.process_time() - used) / 3
    points = len(REGIMENS) * 1000 * 366
    print(
        f"20 regimens x 1,000 patients x 366 days, {jobs} threads: {seconds:.2f} s, "
        f"{used:.2f} s of processor time ({points / used / 1e6:.1f} million patient-times a second and core, tables "
        f"and the uncertainty of means included); "
        f"largest relative error of a median level {median_error(file):.1e}"
    )


def timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_error(file: Any) -> float:
    """Median levels of the first regimen against curves made one patient at a time."""
    found = run_scenario(file).trajectories
    own = found[found["regimen"] == REGIMENS[0]["name"]]
    cases = scenario_patients(file).batch(0)
    day = np.arange(0.0, 365.0, REGIMENS[0]["interval_day"])
    curves = []
    for i in range(len(cases)):
        amount = np.full(day.size, round(REGIMENS[0]["dose_g_per_kg"] * cases.weight_kg[i], 3))
        schedule = build_schedule(
            start_day=0.0,
            dose_day=day,
            dose_g=amount,
            dose_duration_day=np.zeros(day.size),
            dose_is_sc=np.zeros(day.size),
            therapy_start=cases.therapy[i, :, 0],
            therapy_stop=cases.therapy[i, :, 1],
        )
        curves.append(np.add(*igg_curve(cases.thetas[i], schedule, own["day"].to_numpy())))
    truth = 100 * np.median(curves, axis=0)
    return float(np.max(np.abs(own["median"].to_numpy() / truth - 1)))


def memory(n: int) -> None:
    """Peak memory of a process that follows n patients under two regimens."""
    code = f"import sys; sys.path.insert(0, {sys.path[0]!r}); import scenarios; scenarios.peak({n})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    print(done.stdout.strip())


def peak(n: int) -> None:
    file = parse_scenario(raw(n, [REGIMENS[0], REGIMENS[-1]]), "benchmark", "", None)
    run_scenario(parse_scenario(raw(100, [REGIMENS[0], REGIMENS[-1]]), "benchmark", "", None))
    seconds = timed(lambda: run_scenario(file))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{n:,} patients x 2 regimens x 366 days: {seconds:.1f} s, peak memory {used:.0f} MiB")


def search() -> None:
    table = raw(1000, []) | {
        "search": {
            "target": {"quantity": "trough", "at_least_mg_dl": 500, "probability": 0.9},
            "dose_g_per_kg": [0.2, 1.0],
            "interval_day": [21, 28, 42],
            "vial_g": [2.5, 5.0],
        },
    }
    file = parse_scenario(table, "benchmark", "", None)
    if file.scenario.search is None:
        raise AssertionError("the benchmark has a search")
    number = len(doses_of(file.scenario.search)) * 3 * 2
    run_scenario(file)
    seconds = timed(lambda: run_scenario(file))
    print(f"search over {number} candidates x 1,000 patients: {seconds:.2f} s; every candidate is simulated")


if __name__ == "__main__":
    print(f"igkinetics {igk.__version__}")
    twenty_regimens(jobs=2)
    twenty_regimens(jobs=1)
    search()
    for size in (1000, 100_000, 1_000_000):
        memory(size)
