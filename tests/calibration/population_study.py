"""Does maximum likelihood find the population that patients were drawn from, and do its intervals cover?

100 patients a replicate: 8 samples on random days over 200, therapy from day 0, every second one infused 0.4 g/kg every
28 days. `python tests/calibration/population_study.py REPLICATES [FIRST]` adds replicates to population_raw.csv (not
committed) and writes population_recovery.csv, which is. `population_study.py exact REPLICATES` refits the first
replicates by `--method exact` and adds to population_exact_raw.csv; population_exact.csv holds how far estimates move
from FOCEI's to the integral's maximum in the same cohort: what of the bias is FOCEI's approximation.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cards.prior import draw_parameters, kinetic_parameters, patient_prior
from igkinetics.cohort.model import Cohort
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.population.covariance import quantities, uncertainty_of
from igkinetics.population.maximise import maximise, refined, start_of
from igkinetics.population.options import PopulationOptions
from igkinetics.population.prepare import prepare
from igkinetics.provenance import package_versions

HERE = Path(__file__).parent
CARD = HERE / "recovery_card.toml"
SEED = 11
N_PATIENTS, N_SAMPLES, LAST_DAY = 100, 8, 200.0
DOSE_G, EVERY_DAY = 30.0, 28.0
LEVEL = 0.95
COLUMNS = ["replicate", "parameter", "truth", "estimate", "lower", "upper", "se", "se_robust", "converged"]


def simulated_cohort(replicate: int) -> Cohort:
    """One cohort of the design; the same replicate is the same cohort."""
    generator = np.random.default_rng([SEED, replicate])
    prior = patient_prior(load_card(CARD), weight_kg=np.nan, agents=(), disposition="one_compartment")
    thetas = kinetic_parameters(draw_parameters(prior, generator, N_PATIENTS, with_uncertainty=False))
    samples, doses = [], []
    for number, theta in enumerate(thetas):
        day = np.sort(np.concatenate([[0.0], generator.uniform(2.0, LAST_DAY, N_SAMPLES - 1)])).round(3)
        day += 1e-4 * (np.diff(day, prepend=-1.0) == 0)  # two at one time would be a question
        given = np.arange(7.0, LAST_DAY, EVERY_DAY) if number % 2 else np.empty(0)
        schedule = build_schedule(
            start_day=0.0,
            dose_day=given,
            dose_g=np.full(given.size, DOSE_G),
            dose_duration_day=np.zeros(given.size),
            dose_is_sc=np.zeros(given.size),
            therapy_start=[0.0],
            therapy_stop=[np.inf],
        )
        level = np.add(*igg_curve(theta, schedule, day))
        spread = np.hypot(prior.additive_g_per_l, prior.proportional * level)
        measured = np.maximum(level + spread * generator.standard_normal(day.size), 0.01)
        samples += [(f"P{number}", when, igg) for when, igg in zip(day, measured, strict=True)]
        doses += [(f"P{number}", when, DOSE_G, 0.0, "iv") for when in given]
    people = [f"P{number}" for number in range(N_PATIENTS)]
    return igk.read_cohort(
        samples=pd.DataFrame(samples, columns=["patient_id", "day", "igg"]),
        doses=pd.DataFrame(doses, columns=["patient_id", "day", "amount_g", "duration_h", "route"]),
        therapy=pd.DataFrame({"patient_id": people, "start": 0.0, "stop": ""}),
        mapping={"igg_unit": "g/L", "unusual_levels": "as_given", "time_origin": "as_given"},
    )


def replicate_rows(replicate: int) -> list[tuple[object, ...]]:
    """Truth, estimate and interval of every population parameter."""
    card = load_card(CARD)
    options = PopulationOptions(card=str(CARD), jobs=1)
    prepared = prepare(simulated_cohort(replicate), card, options)
    start = start_of(prepared.model, prepared.omega)
    maximum = maximise(prepared.model, prepared.arrays, start, options.jobs)
    found = quantities(prepared, maximum.phi, uncertainty_of(prepared.model, maximum), LEVEL)
    done = maximum.converged
    return [
        (replicate, one.name, one.card_value, one.estimate, one.lower, one.upper, one.se, one.se_robust, done)
        for one in found
    ]


def exact_rows(replicate: int) -> list[tuple[object, ...]]:
    """Truth, FOCEI's estimate and the integral's of every parameter of one cohort."""
    card = load_card(CARD)
    prepared = prepare(simulated_cohort(replicate), card, PopulationOptions(card=str(CARD), jobs=1))
    focei = maximise(prepared.model, prepared.arrays, start_of(prepared.model, prepared.omega), 1)
    exact = refined(prepared.model, prepared.arrays, focei, seed=1, jobs=1)
    both = [quantities(prepared, one.phi, uncertainty_of(prepared.model, one), LEVEL) for one in (focei, exact)]
    return [
        (replicate, one.name, one.card_value, one.estimate, other.estimate, other.lower, other.upper, exact.converged)
        for one, other in zip(*both, strict=True)
    ]


def exact_summary(raw: pd.DataFrame) -> pd.DataFrame:
    """Mean move from FOCEI to the integral, per cent of the truth, with its standard error, beside FOCEI's bias."""
    rows = []
    for name, own in raw.groupby("parameter", sort=False):
        moved = 100.0 * (own["exact"] - own["focei"]) / own["truth"]
        error = moved.std(ddof=1) / np.sqrt(len(own))
        rows.append({"parameter": name, "n": len(own), "move_percent": moved.mean(), "move_mc_error": error})
    return pd.DataFrame(rows)


def exact_study(replicates: int, seconds: float) -> None:
    path = HERE / "population_exact_raw.csv"
    names = ["replicate", "parameter", "truth", "focei", "exact", "lower", "upper", "converged"]
    raw = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=names)
    began = time.monotonic()
    for replicate in range(replicates):
        if time.monotonic() - began > seconds:
            break
        if replicate in set(raw["replicate"]):
            continue
        new = pd.DataFrame(exact_rows(replicate), columns=names)
        raw = pd.concat([raw, new], ignore_index=True) if len(raw) else new
        raw.to_csv(path, index=False)
        table = exact_summary(raw.astype({"converged": bool}))
        table.to_csv(HERE / "population_exact.csv", index=False, float_format="%.5g", lineterminator="\n")


def summary(raw: pd.DataFrame) -> pd.DataFrame:
    """Bias and coverage of each parameter over the replicates that converged."""
    rows = []
    for name, own in raw[raw["converged"]].groupby("parameter", sort=False):
        truth = float(own["truth"].iloc[0])
        known = own.dropna(subset=["lower", "upper"])
        covered = float(((known["lower"] <= truth) & (truth <= known["upper"])).mean())
        relative = own["estimate"] / truth - 1.0
        rows.append(
            {
                "parameter": name,
                "truth": truth,
                "n": len(own),
                "n_with_interval": len(known),
                "mean_estimate": own["estimate"].mean(),
                "bias_percent": 100.0 * relative.mean(),
                "bias_mc_error": 100.0 * relative.std(ddof=1) / np.sqrt(len(own)),
                "rmse_percent": 100.0 * np.sqrt((relative**2).mean()),
                "sd_percent": 100.0 * relative.std(ddof=1),
                "mean_se_percent": 100.0 * (known["se"] / truth).mean(),
                "mean_robust_se_percent": 100.0 * (known["se_robust"] / truth).mean(),
                "coverage": covered,
                "coverage_mc_error": np.sqrt(covered * (1.0 - covered) / len(known)),
            }
        )
    versions = package_versions()
    return pd.DataFrame(rows).assign(
        replicates=raw["replicate"].nunique(),
        seed=SEED,
        versions=" ".join(f"{name} {versions[name]}" for name in ("python", "igkinetics", "numpy", "numba")),
    )


def main(replicates: int, first: int, seconds: float) -> None:
    path = HERE / "population_raw.csv"
    raw = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS)
    began = time.monotonic()
    for replicate in range(first, first + replicates):
        if time.monotonic() - began > seconds:
            break
        if replicate in set(raw["replicate"]):
            continue
        new = pd.DataFrame(replicate_rows(replicate), columns=COLUMNS)
        raw = pd.concat([raw, new], ignore_index=True) if len(raw) else new
        raw.to_csv(path, index=False)
    summary(raw.astype({"converged": bool})).to_csv(
        HERE / "population_recovery.csv", index=False, float_format="%.5g", lineterminator="\n"
    )


if __name__ == "__main__" and sys.argv[1] == "exact":
    exact_study(int(sys.argv[2]), *(float(one) for one in sys.argv[3:4] or ["1e9"]))
elif __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:3]), *(float(one) for one in sys.argv[3:4] or ["1e9"]))  # type: ignore[misc]
