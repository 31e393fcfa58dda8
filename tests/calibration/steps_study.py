"""How often is a step common to many patients named where there is none, and where there is one?

    python tests/calibration/steps_study.py

Simulated cohorts of 60 patients of the default card, entry over 400 days, fitted in chunks with each patient alone; the
table `laboratory` of each is read. A row per kind: in how many cohorts a step was named, in how many at the true time
(within 30 days, by the true clock), and the mean of those sizes. The result is kept in common_steps.csv.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import igkinetics as igk
from igkinetics.cohort.model import Cohort
from igkinetics.fit.common_steps import EPOCH
from igkinetics.provenance import package_versions

HERE = Path(__file__).parent
TABLE = HERE / "common_steps.csv"
SEED = 2000
PATIENTS, ENTRY_DAYS, NEAR_DAYS = 60, 400.0, 30.0
DESIGN = """
seed = {seed}
population = {{ card = "adult_b_cell_depletion", weight_kg = {{ mean = 75, sd = 15 }} }}
therapy = {{ cycles = 4, on_day = 28, off_day = 14, agent = "blinatumomab" }}
visits = {{ every_day = 21, jitter_day = 4, missed = 0.15, until_day = 200 }}
assay = {{ cv_percent = 9 }}
[[group]]
name = "rule"
n = {by_rule}
regimen = {{ rule = {{ below_mg_dl = 400, check_every_day = 14, minimum_gap_day = 21, dose_g_per_kg = 0.4 }} }}
[[group]]
name = "calendar"
n = {others}
regimen = {{ dose_g_per_kg = 0.4, interval_day = 28, start_day = 14 }}
[[group]]
name = "none"
n = {others}
regimen = {{}}
"""


@dataclass(frozen=True)
class Kind:
    """by_rule: of 60 patients, those dosed by a rule, the others by the calendar or not at all. step: of all levels
    from then on, by this clock."""

    what: str
    cohorts: int
    by_rule: int
    step: float = 0.0
    by: str = ""
    since: float = np.inf


KINDS = {
    "right": Kind("the model itself; a third dosed by a rule, a third by the calendar", 150, 20),
    "right_by_rule": Kind("the model itself; most dosed by a rule", 150, 56),
    "step_by_day": Kind("+10 % from study day 80", 60, 20, 0.10, "study day", 80.0),
    "step_by_date": Kind("+15 % from one date", 60, 20, 0.15, "calendar date", 230.0),
}


def made(kind: Kind, seed: int) -> Cohort:
    design = DESIGN.format(seed=seed, by_rule=kind.by_rule, others=(PATIENTS - kind.by_rule) // 2)
    cohort = igk.simulate_cohort(design)
    ids = list(cohort.patients["patient_id"])
    entry = dict(zip(ids, np.random.default_rng(seed).uniform(0.0, ENTRY_DAYS, len(ids)), strict=True))
    day = cohort.samples["day"].astype(float)
    clock = day + cohort.samples["patient_id"].map(entry) if kind.by == "calendar date" else day
    levels = cohort.samples["igg"].astype(float) * np.where(clock >= kind.since, 1.0 + kind.step, 1.0)
    read = igk.read_cohort(
        samples=cohort.samples.assign(igg=levels.round(0)),
        doses=cohort.doses,
        therapy=cohort.therapy,
        patients=cohort.patients,
        mapping={"igg_unit": "mg/dL", "time_origin": "as_given"},
    )
    return replace(read, day_zero={name: EPOCH + pd.Timedelta(days=at) for name, at in entry.items()})


def steps_in(kind: Kind, seeds: range) -> pd.DataFrame:
    """A row per cohort in which a step was named."""
    found = []
    for seed in seeds:
        fit = igk.fit_cohort(made(kind, seed), engine="batch", intervals="laplace", average="alone")
        found.append(fit.laboratory.assign(seed=seed))
    return pd.concat(found, ignore_index=True)


def row_of(name: str, cohorts: int, seed: int = SEED) -> dict[str, Any]:
    kind = KINDS[name]
    found = steps_in(kind, range(seed, seed + cohorts))
    dated = (pd.to_datetime(found["date"]) - EPOCH) / pd.Timedelta(days=1)
    time = np.where(found["by"] == "calendar date", dated, found["day"].astype(float))
    true = (found["by"] == kind.by) & (np.abs(time - kind.since) <= NEAR_DAYS)
    versions = package_versions()
    size = found.loc[true, "step"].astype(float)
    return {
        "kind": name,
        "what": kind.what,
        "cohorts": cohorts,
        "named": len(found),
        "named_rightly": int(true.sum()),
        "mean_size": size.mean(),
        "seed": seed,
        "versions": " ".join(f"{part} {versions[part]}" for part in ("python", "igkinetics", "numpy", "numba")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TABLE)
    out = parser.parse_args().out
    rows = []
    for name, kind in KINDS.items():
        rows.append(row_of(name, kind.cohorts))
        print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(out, index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
