"""Does importance sampling (`--sampler laplace`) give what chains give? The same cohorts analysed both ways.

`python tests/calibration/sampler_study.py [--jobs N]` writes samplers.csv: the estimands of the example and of one
simulated cohort of 40 under either sampler, with their Monte Carlo error, and what they cost. A row that the file holds
is not made again. `... summary` prints how far the samplers lie apart, in standard errors.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from wrong_worlds import THRESHOLD_G_PER_L, cohort_of, write_cohort

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.effect.fit import fit_effect
from igkinetics.effect.options import EffectOptions
from igkinetics.provenance import package_versions
from igkinetics.resources import resource_folder

TABLE = Path(__file__).with_name("samplers.csv")
ESTIMANDS = ("nadir_change_att", "days_below_change_att", "mean_igg_change_att", "rise_per_0.1_g_per_kg_day_14")
COHORTS = ("example", "simulated")
SAMPLERS = ("laplace", "nuts")


def cohort_named(name: str, folder: Path) -> tuple[Cohort, float]:
    """The cohort and a threshold in its unit."""
    if name == "example":
        return read_cohort(resource_folder("data") / "blina23"), 400.0
    write_cohort(cohort_of("right", 101), folder)
    return read_cohort(folder), THRESHOLD_G_PER_L


def rows_of(name: str, sampler: str, jobs: int) -> list[dict[str, object]]:
    """A row per estimand."""
    with tempfile.TemporaryDirectory() as folder:
        cohort, threshold = cohort_named(name, Path(folder))
    began, cpu = time.perf_counter(), time.process_time()
    effect = fit_effect(cohort, EffectOptions(thresholds=(threshold,), base_only=True, sampler=sampler, jobs=jobs))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    diagnostics = effect.diagnostics.set_index("parameter")
    versions = package_versions()
    rows: list[dict[str, object]] = []
    for estimand in ESTIMANDS:
        one = effect.estimand(estimand)
        judged = diagnostics[diagnostics.index.str.startswith(estimand)].iloc[0]
        rows.append(
            {
                "cohort": name,
                "patients": effect.sampling.posterior.theta.shape[2],
                "estimand": estimand,
                "sampler": effect.sampling.sampler,
                "median": one["median"],
                "lower": one["lower"],
                "upper": one["upper"],
                "unit": one["unit"],
                "mcse": judged["mcse"],
                "ess": judged["ess_bulk"],
                "pareto_k": diagnostics.loc["pareto_k", "value"],
                "seconds": seconds,
                "cpu_seconds": cpu,
                "igkinetics": versions["igkinetics"],
            }
        )
    return rows


def apart(table: pd.DataFrame) -> pd.DataFrame:
    """Per cohort and estimand: the difference of the medians in Monte Carlo standard errors, the ratio of the widths.

    The standard error of a median is that of a mean times sqrt(pi/2).
    """
    sides = [table[table["sampler"] == one].set_index(["cohort", "estimand"]) for one in SAMPLERS]
    both = sides[0].index.intersection(sides[1].index)
    ours, chains = (side.loc[both] for side in sides)
    error = np.sqrt(np.pi / 2.0) * np.hypot(ours["mcse"], chains["mcse"])
    return pd.DataFrame(
        {
            "difference": ours["median"] - chains["median"],
            "standard_errors": (ours["median"] - chains["median"]) / error,
            "width_ratio": (ours["upper"] - ours["lower"]) / (chains["upper"] - chains["lower"]),
            "cpu_ratio": chains["cpu_seconds"] / ours["cpu_seconds"],
        }
    )


def run(jobs: int, path: Path = TABLE) -> None:
    """What the file does not hold yet."""
    for name in COHORTS:
        for sampler in SAMPLERS:
            held = pd.read_csv(path) if path.exists() else pd.DataFrame({"cohort": [], "sampler": []}, dtype=str)
            if ((held["cohort"] == name) & held["sampler"].str.startswith(sampler)).any():
                continue
            table = pd.DataFrame(rows_of(name, sampler, jobs))
            table.to_csv(
                path, mode="a", header=not path.exists(), index=False, float_format="%.5g", lineterminator="\n"
            )
            print(name, sampler, f"{table['cpu_seconds'].iloc[0]:.0f} s of CPU", flush=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("what", nargs="?", default="run", choices=("run", "summary"))
    asked.add_argument("--jobs", type=int, default=2)
    given = asked.parse_args()
    if given.what == "summary":
        print(apart(pd.read_csv(TABLE)).round(2).to_string())
    else:
        run(given.jobs)
