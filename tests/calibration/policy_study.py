"""Do intervals of policy contrasts and of the decomposition hold the truth? (docs/model.md 5.6)

`python tests/calibration/policy_study.py [COHORTS]` writes policy_truth.csv, a row per cohort and quantity, resumed
where it stopped; `policy_study.py trial [COHORTS]` asks the emulated target trial for a known contrast, without a
sampler (target_trial_truth.csv). Cohorts of 40 at the card's typical population; a coin allots prescribers who infuse
0.4 g/kg right after a sample measured below 4 g/L, 21 days apart or more, and others who never do. Truths are those of
these very patients: their true parameters, and for a rule one draw of the noise of its measurements, which no analysis
has seen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from effect_study import Records
from threadpoolctl import threadpool_limits
from virtual_cohorts import AGENTS, CARD, Subject, World, naive_difference, prepared, subject, typical_world

from igkinetics.cards.prior import patient_prior
from igkinetics.cohort.model import Patient
from igkinetics.dosing.assay import Assay
from igkinetics.dosing.regimen import Rule
from igkinetics.effect.counterfactual import within_patient
from igkinetics.effect.decomposition import DIFFERENCES, Sides, quantities
from igkinetics.effect.exposure import Exposure, exposures
from igkinetics.effect.policies.policy_file import AS_RECORDED, Asked, Policy, TargetTrial
from igkinetics.effect.policies.policy_rows import Column, columns_of, mean_over
from igkinetics.effect.policies.replay import replay
from igkinetics.effect.policies.target_trial import emulated, trial_rows
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.hierarchical.fit import sample_prepared
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.hierarchical.settings import SampleSettings
from igkinetics.kinetics.parameters import Floats
from igkinetics.provenance import package_versions

HERE = Path(__file__).parent
FILE = "policy_truth.csv"
COHORTS, SIZE, INFUSING_SHARE = 100, 40, 0.6
SETTINGS = SampleSettings(draws=300, tune=250, chains=2, target_accept=0.8, cores=1, sampler="laplace")
"""As `effect` draws by default; the first 37 cohorts were drawn by chains (column `sampler`)."""
THRESHOLD_G_PER_L = 4.0
TRUTH_SEED = 1000
"""Added to a cohort's number: the noise of the truth is no draw of the analysis."""
NEVER = Policy(name="never")
RULE = Policy(
    name="below 400", rule=Rule(below_mg_dl=400.0, check_every_day=14.0, minimum_gap_day=21.0, dose_g_per_kg=0.4)
)
VISITS = Policy(name="at visits", rule=Rule(below_mg_dl=400.0, check="visits", minimum_gap_day=21.0, dose_g_per_kg=0.4))
MONTHLY = Policy(name="monthly", dose_g_per_kg=0.4, interval_day=28.0)
ASKED = Asked(name="", policies=(NEVER, RULE, VISITS, MONTHLY), assay=Assay(), trial=TargetTrial())
LEVELS = ("nadir", "days_below", "mean_igg")
CONTRASTS = {
    ("below 400", "never"): (*LEVELS, "grams"),
    ("monthly", "never"): LEVELS,  # grams: the same in every draw
    ("monthly", "below 400"): (*LEVELS, "grams"),
    ("at visits", AS_RECORDED): (*LEVELS, "grams"),
}
NAIVE = "naive difference"
TRIAL_FILE = "target_trial_truth.csv"
TRIAL_COHORTS, TRIAL_SIZE, TRUE_DRAWS = 40, 200, 20
FOLLOWS, TRIAL_LAST_DAY = 0.4, 70.0
"""Of the emulated trials: each time that the rule asks for an infusion it is given by this chance, until this day."""


def cohort_of(number: int) -> tuple[World, list[Subject]]:
    """40 patients, of whom a coin makes some 24 patients of prescribers who infuse."""
    generator = np.random.default_rng([3, number])
    world = typical_world()
    return world, [
        subject(world, k, infuses=bool(generator.random() < INFUSING_SHARE), generator=generator) for k in range(SIZE)
    ]


def truth_of(posterior: CohortPosterior, subjects: list[Subject], world: World) -> CohortPosterior:
    """One draw: the truth."""
    theta = np.array([one.theta for one in subjects])[None, None]
    return replace(posterior, theta=theta, error=np.array([[[world.a, world.b]]]), population={})


def contrast_draws(posterior: CohortPosterior, people: tuple[Exposure, ...], seed: int) -> dict[str, Floats]:
    """Every contrast (n,): g/L, days, g."""
    thresholds = (THRESHOLD_G_PER_L,)
    replayed = replay(posterior, people, ASKED, thresholds, residual="normal", seed=seed, jobs=1)

    def mean(policy: str, column: Column) -> Floats:
        return mean_over(replayed, policy, column, "g/L")[0]

    return {
        f"{policy} - {against}: {column.shown.name}": mean(policy, column) - mean(against, column)
        for (policy, against), estimands in CONTRASTS.items()
        for column in columns_of(thresholds)
        if column.shown.name in estimands
    }


def decomposition_draws(posterior: CohortPosterior, people: tuple[Exposure, ...]) -> dict[str, Floats]:
    """Difference of the groups, effect and selection (n,), of nadir and mean IgG, g/L."""
    changes = within_patient(posterior, people, (), 1)
    sides = Sides(
        infused=[one for one in changes if one.exposure.treated],
        never=[one for one in changes if not one.exposure.treated],
    )
    found = {}
    for measure in ("nadir", "mean_igg"):
        parts = quantities(sides, measure, None)
        found |= {f"decomposition {name}: {measure}": np.asarray(parts[name]) for name in DIFFERENCES}
    return found


def naive_rows(subjects: list[Subject], truth: dict[str, float]) -> Iterator[dict[str, object]]:
    """Ever minus never infused, lowest measured values with Welch's interval, taken for what it is not."""
    estimate, lower, upper = naive_difference(subjects, measured=True)
    for quantity in ("decomposition effect: nadir", "below 400 - never: nadir"):
        yield {
            "quantity": f"{NAIVE} for {quantity}",
            "truth": truth[quantity],
            "median": estimate,
            "lower": lower,
            "upper": upper,
        }


def study_of(number: int) -> pd.DataFrame:
    """One cohort: a row per quantity."""
    began = time.process_time()
    world, subjects = cohort_of(number)
    sampled = sample_prepared(prepared(subjects), replace(SETTINGS, seed=number + 1), "base")
    posterior = sampled.posterior
    people = exposures(Records(subjects), posterior, np.nan)  # type: ignore[arg-type]
    true = truth_of(posterior, subjects, world)
    draws = contrast_draws(posterior, people, number) | decomposition_draws(posterior, people)
    truths = contrast_draws(true, people, number + TRUTH_SEED) | decomposition_draws(true, people)
    truth = {name: float(values[0]) for name, values in truths.items()}
    rows: list[dict[str, object]] = []
    for name, values in draws.items():
        lower, median, upper = np.quantile(values, [0.025, 0.5, 0.975])
        rows.append({"quantity": name, "truth": truth[name], "median": median, "lower": lower, "upper": upper})
    table = pd.DataFrame([*rows, *naive_rows(subjects, truth)])
    table.insert(0, "cohort", number)
    table["covered"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    table["divergences"] = int(np.sum(sampled.trace.statistics.get("diverging", 0)))
    table["least_ess"] = float(sampled.diagnostics["ess_bulk"].min())
    table["seconds"] = time.process_time() - began
    table["sampler"] = sampled.sampler
    return table


def versions_used() -> str:
    versions = package_versions()
    names = ("python", "igkinetics", "numpy", "numba", "pymc", "nutpie")
    return " ".join(f"{name} {versions[name]}" for name in names if name in versions)


def run(cohorts: int = COHORTS, folder: Path = HERE, first: int = 0) -> Path:
    """The raw table, whose path it gives."""
    path = folder / FILE
    done = set(pd.read_csv(path)["cohort"]) if path.exists() else set()
    for number in range(first, first + cohorts):
        if number not in done:
            with threadpool_limits(1, "blas"):
                table = study_of(number)
            table["versions"] = versions_used()
            table.to_csv(
                path, mode="a", header=not path.exists(), index=False, float_format="%.6g", lineterminator="\n"
            )
            print(f"cohort {number}: {table['seconds'].iloc[0]:.0f} s", flush=True)
    return path


def problem_of(patient: Patient) -> FitProblem:
    prior = patient_prior(CARD, weight_kg=patient.weight_kg, agents=AGENTS)
    return build_problem(patient, prior, "loss_and_recovery")


def emulation_of(number: int) -> pd.DataFrame:
    """The emulated target trial in one cohort, and the true contrast of its patients: a row per outcome."""
    began = time.perf_counter()
    generator, world = np.random.default_rng([4, number]), typical_world()
    people = [
        subject(world, k, infuses=True, generator=generator, follows=FOLLOWS, last_day=TRIAL_LAST_DAY)
        for k in range(TRIAL_SIZE)
    ]
    records = Records(people)
    patients = [one.patient for one in people]
    names = tuple(one.patient_id for one in patients)
    theta = np.repeat(np.array([one.theta for one in people])[None, None], TRUE_DRAWS, axis=1)
    posterior = CohortPosterior(
        patient_ids=names,
        theta=theta,
        error=np.broadcast_to([world.a, world.b], (1, TRUE_DRAWS, 2)).copy(),
        population={},
        problems=tuple(problem_of(one) for one in patients),
        modified=(None,) * len(names),
        extension="base",
        interrupted=False,
    )
    asked = replace(ASKED, policies=(NEVER, VISITS))
    truth = replay(
        posterior,
        exposures(records, posterior, np.nan),  # type: ignore[arg-type]
        asked,
        (),
        residual="normal",
        seed=number,
        jobs=1,
    )
    trial = emulated(truth, asked)
    if trial is None:
        raise AssertionError("nobody of the cohort can take part")
    table = trial_rows(trial, asked, "g/L", 0.95, number)
    rows = table[(table["policy"] == VISITS.name) & (table["against"] == NEVER.name)]
    followed = {name: np.array([one.until == np.inf for one in clones]) for name, clones in trial.clones.items()}
    unweighted = [
        trial.values[name][followed[VISITS.name]].mean() - trial.values[name][followed[NEVER.name]].mean()
        for name in rows["estimand"]
    ]
    found = rows[["estimand", "estimate", "lower", "upper", "effective_n", "status", "reason"]].assign(
        truth=rows["replayed"], unweighted=unweighted, seconds=time.perf_counter() - began
    )
    found.insert(0, "cohort", number)
    return found


def run_trials(cohorts: int = TRIAL_COHORTS, folder: Path = HERE) -> Path:
    """The raw table of the emulated trials."""
    path = folder / TRIAL_FILE
    found = pd.concat([emulation_of(number) for number in range(cohorts)], ignore_index=True)
    found["versions"] = versions_used()
    found.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    return path


def trial_coverage(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per outcome: in how many cohorts an estimate was given, and in how many of these the interval holds the
    true contrast of all patients (the mean over cohorts); the mean error, and that without weights."""
    table = rows.assign(all_patients=rows.groupby("estimand")["truth"].transform("mean"))
    given = table[table["status"] == "estimated"]
    given = given.assign(
        covered=given["all_patients"].between(given["lower"], given["upper"]),
        error=given["estimate"] - given["truth"],
        unweighted_error=given["unweighted"] - given["truth"],
    )
    return given.groupby("estimand").agg(
        given=("cohort", "size"),
        covered=("covered", "sum"),
        truth=("all_patients", "first"),
        mean_error=("error", "mean"),
        mean_unweighted_error=("unweighted_error", "mean"),
        mean_effective_n=("effective_n", "mean"),
    )


def coverage(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per quantity: how many cohorts, in how many the interval holds the truth, mean truth and mean error."""
    found = rows.assign(error=rows["median"] - rows["truth"], width=rows["upper"] - rows["lower"])
    return found.groupby("quantity", sort=False).agg(
        cohorts=("cohort", "size"),
        covered=("covered", "sum"),
        share=("covered", "mean"),
        mean_truth=("truth", "mean"),
        mean_error=("error", "mean"),
        mean_width=("width", "mean"),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["trial"]:
        print(trial_coverage(pd.read_csv(run_trials(*map(int, sys.argv[2:3])))).to_string())
    else:
        print(coverage(pd.read_csv(run(*map(int, sys.argv[1:2])))).to_string())
