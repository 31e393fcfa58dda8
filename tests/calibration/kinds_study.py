"""Does `effect` hold what it says where the model is wrong? Cohorts of every kind of `wrong_worlds.py`, read and
analysed as any record is, beside their truth.

`python tests/calibration/kinds_study.py [COHORTS [FIRST]] [--full] [--jobs N]` appends a row per cohort to
effect_kinds.csv and goes on where it stopped; `--full` samples extensions and other models too, for the interval that
is averaged over models (six times the time). `... summary` prints the table of the kinds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd
from wrong_worlds import KINDS, THRESHOLD_G_PER_L, cohort_of, true_att, write_cohort

from igkinetics.cohort.read import read_cohort
from igkinetics.effect.fit import fit_effect
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.result import CohortEffect
from igkinetics.effect.sensitivity import AVERAGED
from igkinetics.provenance import package_versions

TABLE = Path(__file__).with_name("effect_kinds.csv")
COHORTS = 20
QUANTITIES = {"nadir": "nadir_change_att", "mean_igg": "mean_igg_change_att", "days_below": "days_below_change_att"}


def kind_row(kind: str, number: int, *, full: bool, jobs: int, draws: int = 500, tune: int = 400) -> dict[str, object]:
    """One cohort: truth, estimates, verdicts."""
    subjects = cohort_of(kind, number)
    with tempfile.TemporaryDirectory() as folder:
        write_cohort(subjects, Path(folder))
        cohort = read_cohort(Path(folder))
    began = time.perf_counter()
    options = EffectOptions(
        thresholds=(THRESHOLD_G_PER_L,), base_only=not full, draws=draws, tune=tune, seed=number + 1, jobs=jobs
    )
    effect = fit_effect(cohort, options)
    kept = [*effect.in_posterior(treated=True), *effect.in_posterior(treated=False)]
    row: dict[str, object] = {
        "kind": kind,
        "cohort": number,
        "n_model": len(kept),
        "n_infused": effect.n_treated,
        "n_left_out": len(effect.sampling.left_out),
        "n_set_aside": len(effect.sampling.set_aside),
        "passed": effect.sampling.passed,
        "misfit": bool(effect.misfit["speaks"].any()),
        "tests": " ".join(name.replace(" ", "_") for name in effect.misfit.loc[effect.misfit["speaks"], "test"]),
    }
    row |= {f"p_{name.replace(' ', '_')}": p for name, p in zip(effect.misfit["test"], effect.misfit["p"], strict=True)}
    for name, truth in zip(QUANTITIES, true_att(subjects, kept), strict=True):
        row |= quantity_columns(effect, name, float(truth))
    diagnostics = effect.diagnostics.set_index("parameter")
    reported = [name for name in diagnostics.index if str(name).startswith("nadir_change_att")]
    row |= {
        "att_r_hat": float(diagnostics.loc[reported, "r_hat"].max()),
        "att_ess": float(diagnostics.loc[reported, "ess_bulk"].min()),
        "evidence": " / ".join(effect.prior.loc[effect.prior["estimand"].str.endswith("day_14"), "evidence"]),
        "full": full,
        "seconds": time.perf_counter() - began,
        "verdict": effect.verdict,
    }
    return row


def quantity_columns(effect: CohortEffect, name: str, truth: float) -> dict[str, object]:
    """Truth and estimate of one quantity; of the nadir also averaged over models, where these were sampled."""
    found = effect.estimand(QUANTITIES[name])
    columns: dict[str, object] = {
        name: truth,
        f"{name}_median": found["median"],
        f"{name}_lower": found["lower"],
        f"{name}_upper": found["upper"],
        f"{name}_covered": bool(found["lower"] <= truth <= found["upper"]),
    }
    averaged = effect.sensitivity.get(AVERAGED)
    rows = [] if averaged is None else averaged[averaged["quantity"] == QUANTITIES[name]].to_dict("records")
    for one in rows[:1]:
        columns |= {
            f"{name}_averaged_lower": one["lower"],
            f"{name}_averaged_upper": one["upper"],
            f"{name}_averaged_covered": bool(one["lower"] <= truth <= one["upper"]),
        }
    return columns


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per kind: coverage, error, share of verdicts of misfit and of failed sampling."""
    table = []
    for kind, of_kind in rows.groupby("kind", sort=False):
        row: dict[str, object] = {"kind": kind, "what": KINDS.get(str(kind), ""), "cohorts": len(of_kind)}
        for name in QUANTITIES:
            row[f"{name}_coverage"] = of_kind[f"{name}_covered"].astype(float).mean()
            row[f"{name}_bias"] = (of_kind[f"{name}_median"] - of_kind[name]).mean()
            if f"{name}_averaged_covered" in of_kind:
                row[f"{name}_averaged_coverage"] = of_kind[f"{name}_averaged_covered"].dropna().astype(float).mean()
        failed = ~of_kind["passed"].astype(bool)
        row |= {
            "misfit": of_kind["misfit"].astype(float).mean(),
            "failed": failed.mean(),
            "failed_though_att_fine": (failed & (of_kind["att_r_hat"] < 1.01) & (of_kind["att_ess"] >= 400)).mean(),
            "contradicts_card": of_kind["evidence"].str.contains("contradict").mean(),
            "left_out": of_kind["n_left_out"].mean(),
        }
        table.append(row)
    return pd.DataFrame(table)


def run(
    cohorts: int = COHORTS, first: int = 0, *, full: bool = False, jobs: int = 1, path: Path = TABLE, draws: int = 500,
    tune: int = 400, kinds: tuple[str, ...] = tuple(KINDS),
) -> Path:  # fmt: skip
    """What the file does not hold yet, cohort after cohort of every kind, so that it may be stopped at any time."""
    done = set()
    if path.exists():
        held = pd.read_csv(path)
        done = set(zip(held["kind"], held["cohort"], held["full"], strict=True))
    versions = package_versions()
    said = " ".join(f"{name} {versions[name]}" for name in ("python", "igkinetics", "numpy", "pymc", "nutpie")
                    if name in versions)  # fmt: skip
    columns = list(pd.read_csv(path, nrows=0).columns) if path.exists() else None
    for number in range(first, first + cohorts):
        for kind in kinds:
            if (kind, number, full) in done:
                continue
            row = {**kind_row(kind, number, full=full, jobs=jobs, draws=draws, tune=tune), "versions": said}
            frame = pd.DataFrame([row]).reindex(columns=columns or COLUMNS)
            frame.to_csv(
                path, mode="a", header=not path.exists(), index=False, float_format="%.6g", lineterminator="\n"
            )
            print(kind, number, f"{row['seconds']:.0f} s", flush=True)
    return path


TESTS = ("neighbours", "patients", "study_day", "calendar", "since_infusion", "tails", "spread")
COLUMNS = [
    "kind", "cohort", "full", "n_model", "n_infused", "n_left_out", "n_set_aside", "passed", "misfit", "tests",
    *(f"p_{name}" for name in TESTS),
    *(f"{name}{end}" for name in QUANTITIES
      for end in ("", "_median", "_lower", "_upper", "_covered", "_averaged_lower", "_averaged_upper",
                  "_averaged_covered")),
    "att_r_hat", "att_ess", "evidence", "seconds", "verdict", "versions",
]  # fmt: skip


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("cohorts", nargs="?", default=str(COHORTS))
    asked.add_argument("first", nargs="?", type=int, default=0)
    asked.add_argument("--full", action="store_true")
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--out", type=Path, default=TABLE)
    given = asked.parse_args()
    if given.cohorts == "summary":
        with pd.option_context("display.width", 250, "display.max_columns", None):
            print(summary(pd.read_csv(given.out)).to_string(index=False, float_format="%.2f"))
    else:
        run(int(given.cohorts), given.first, full=given.full, jobs=given.jobs, path=given.out)
