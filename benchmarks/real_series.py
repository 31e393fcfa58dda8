"""Real series as truth: each sample predicted from the others of its series, and how often intervals held it.

Usage: python benchmarks/real_series.py FOLDER, where FOLDER holds the folders osp-mab-profiles, mimic3-demo-igg,
r-datasets-pk and ubiquity_mab, or some of them, as taken from their sources. Nothing is written there.

IgG of patients (MIMIC demo) is fitted by `fit_patient` with the default card, averaged over structures and drift.
Antibodies and small molecules are other substances than any card's: their prior is what the other series of their kind
say (mean and spread of their own fits, with a wide start), as is the proportional error; two compartments, or one with
absorption for an oral dose; with drift where the series runs for weeks. Hours count as days for the small molecules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cards.prior import PatientPrior, patient_prior
from igkinetics.cohort.model import Patient
from igkinetics.fit.courses import courses_of
from igkinetics.fit.likelihood import NORMAL
from igkinetics.fit.minimise import explore
from igkinetics.fit.options import DEFAULT_CARD
from igkinetics.fit.patient import FitSettings, fit_patient
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.result import Averaged
from igkinetics.fit.structures import averaged_posterior, draw_fitted
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE, INDEX, Floats
from igkinetics.kinetics.schedule import build_schedule
from mimic_demo import read_demo

LEVELS: Final = (0.5, 0.8, 0.95)
DRAWS: Final = 400
MOST_LEFT_OUT: Final = 8
"""Samples of one series, drawn at random where there are more."""
MOST_SERIES: Final = 24
SEED: Final = 1
WIDE: Final = 1.5
"""SD of logs in the first fits, which no other series informs."""
LEAST_SPREAD: Final = 0.15
ADDITIVE_SHARE: Final = 0.005
"""Additive error, as a share of the highest level of the series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Series of one substance. names: estimated parameters; start: where the wide fits begin."""

    name: str
    start: dict[str, float]
    oral: bool
    drift: bool
    series: tuple[tuple[str, float, Floats, Floats], ...]
    """Name, dose, days and levels, in units that fit together."""


def antibodies(folder: Path) -> Iterator[Kind]:
    rows = pd.read_csv(folder / "osp-mab-profiles" / "human_mab_plasma_profiles.csv").dropna(subset=["conc_mg_per_L"])
    series = tuple(
        (f"{compound} {dose:g}", float(dose), own["time_day"].to_numpy(float), own["conc_mg_per_L"].to_numpy(float))
        for (compound, dose), own in rows.sort_values("time_day").groupby(["compound", "dose_mg_per_kg"], sort=False)
    )
    start = {"CL": 0.003, "V1": 0.04, "Q": 0.01, "V2": 0.03}
    yield Kind(name="antibodies, OSP profiles", start=start, oral=False, drift=True, series=series)


def simulated_antibody(folder: Path) -> Iterator[Kind]:
    rows = pd.read_csv(folder / "ubiquity_mab" / "pk_all_sd.csv")
    rows = rows[rows["ROUTE"] == "iv bolus"]
    series = tuple(
        (
            str(name),
            float(own["DOSE"].iloc[0]),
            own["TIME_HR"].to_numpy(float) / 24.0,
            own["C_ng_ml"].to_numpy(float) / 1e3,
        )
        for name, own in rows.sort_values("TIME_HR").groupby("ID", sort=False)
    )
    start = {"CL": 0.2, "V1": 3.6, "Q": 0.75, "V2": 2.7}
    yield Kind(name="antibody, ubiquity (simulated)", start=start, oral=False, drift=True, series=series)


def small_molecules(folder: Path) -> Iterator[Kind]:
    rows = pd.read_csv(folder / "r-datasets-pk" / "Indometh.csv")
    series = tuple(
        (str(name), 25.0, own["time"].to_numpy(float), own["conc"].to_numpy(float))
        for name, own in rows.sort_values("time").groupby("Subject", sort=False)
    )
    start = {"CL": 10.0, "V1": 10.0, "Q": 8.0, "V2": 15.0}
    yield Kind(name="indometacin, intravenous", start=start, oral=False, drift=False, series=series)
    rows = pd.read_csv(folder / "r-datasets-pk" / "Theoph.csv")
    rows = rows[rows["Time"] > 0]
    series = tuple(
        (str(name), float(own["Dose"].iloc[0]), own["Time"].to_numpy(float), own["conc"].to_numpy(float))
        for name, own in rows.sort_values("Time").groupby("Subject", sort=False)
    )
    start = {"CL": 0.04, "V1": 0.5, "ka": 1.5}
    yield Kind(name="theophylline, oral", start=start, oral=True, drift=False, series=series)


SOURCES: Final = {
    "osp-mab-profiles": antibodies,
    "r-datasets-pk": small_molecules,
    "ubiquity_mab": simulated_antibody,
}


def problem_of(kind: Kind, place: int, centre: Floats, spread: Floats, proportional: float) -> FitProblem:
    """One series with a prior on logs. No endogenous level: everything measured was given."""
    _, dose, day, level = kind.series[place]
    fixed = np.zeros(13)
    fixed[[INDEX["V2"], INDEX["F"], INDEX["clearance_ratio"], INDEX["production_ratio"]]] = 1.0
    fixed[INDEX["ka"]] = 1.0
    schedule = build_schedule(
        start_day=0.0, dose_day=[0.0], dose_g=[dose], dose_duration_day=[0.0], dose_is_sc=[float(kind.oral)]
    )
    return FitProblem(
        model="one_compartment/constant" if kind.oral else "two_compartment/constant",
        names=tuple(kind.start),
        free=np.array([INDEX[name] for name in kind.start], dtype=np.int64),
        fixed=fixed,
        mu=centre,
        sd=spread,
        prior_sd=spread,
        schedule=schedule,
        day=day,
        igg=level,
        limit=np.zeros(day.size, dtype=np.int8),
        kind=NORMAL,
        a=ADDITIVE_SHARE * float(level.max()),
        b=proportional,
    )


def alone(kind: Kind) -> tuple[Floats, Floats]:
    """Each series fitted by itself from the wide start: optimum (series, p) and relative error (series,)."""
    centre = np.log(list(kind.start.values()))
    spread = np.full(centre.size, WIDE)
    optima, errors = [], []
    for place in range(len(kind.series)):
        problem = problem_of(kind, place, centre, spread, 0.1)
        best = explore(problem, [centre, centre + 0.5, centre - 0.5])
        level = np.add(*igg_curve(problem.theta(best.x), problem.schedule, problem.day))
        left = max(problem.day.size - centre.size, 1)
        optima.append(best.x)
        errors.append(np.sqrt(np.sum(((problem.igg - level) / level) ** 2) / left))
    return np.array(optima), np.array(errors)


def without_sample(problem: FitProblem, place: int) -> FitProblem:
    keep = np.arange(problem.day.size) != place
    return replace(problem, day=problem.day[keep], igg=problem.igg[keep], limit=problem.limit[keep])


def predicted(
    problem: FitProblem, averaged: Averaged, day: float, generator: np.random.Generator, a: float, b: float
) -> Floats:
    """What a measurement on this day would read, a draw each."""
    days = np.array([day])
    level = courses_of(problem, averaged, day, generator).levels(days)[0][:, 0]
    return np.asarray(level + np.hypot(a, b * level) * generator.standard_normal(level.size))


def left_out(n: int, generator: np.random.Generator) -> Sequence[int]:
    return list(range(n)) if n <= MOST_LEFT_OUT else sorted(generator.choice(n, MOST_LEFT_OUT, replace=False).tolist())


def places_of_kind(kind: Kind) -> Iterator[float]:
    """Where each left-out sample lies among its predictions, as the share below."""
    generator = np.random.default_rng(SEED)
    optima, errors = alone(kind)
    for series in range(min(len(kind.series), MOST_SERIES)):
        others = np.arange(len(kind.series)) != series
        spread = np.maximum(optima[others].std(axis=0, ddof=1), LEAST_SPREAD)
        whole = problem_of(kind, series, optima[others].mean(axis=0), spread, float(np.median(errors[others])))
        for place in left_out(whole.day.size, generator):
            problem = without_sample(whole, place)
            best = explore(problem, [problem.mu, optima[series]])
            if best.failed_tests:
                continue
            own = draw_fitted(problem, best, DRAWS, generator, drift=kind.drift)
            averaged = averaged_posterior(own, [], DRAWS, [generator]).averaged
            draws = predicted(own.problem, averaged, float(whole.day[place]), generator, whole.a, whole.b)
            yield float(np.mean(draws < whole.igg[place]))


def places_of_patients(folder: Path) -> Iterator[float]:
    """The same for IgG of patients, by the fit of the command."""
    card = load_card(DEFAULT_CARD)
    generator = np.random.default_rng(SEED)
    settings = FitSettings(
        structure=DEFAULT_STRUCTURE,
        use_prior=True,
        residual="normal",
        draws=DRAWS,
        level=0.95,
        seed=SEED,
        profile=False,
        igg_unit="mg/dL",
    )

    def prior_of(who: Patient, disposition: str) -> PatientPrior:
        return patient_prior(card, weight_kg=who.weight_kg, agents=who.agents, disposition=disposition)

    for patient in read_demo(folder / "mimic3-demo-igg").each_patient():
        inside = np.flatnonzero((patient.sample_day <= patient.follow_up_end) & (patient.sample_limit == 0))
        for place in inside if inside.size > 1 else ():
            keep = np.arange(patient.sample_day.size) != place
            rest = replace(
                patient,
                sample_day=patient.sample_day[keep],
                sample_igg=patient.sample_igg[keep],
                sample_limit=patient.sample_limit[keep],
            )
            if patient.sample_day[place] < rest.start_day:
                continue  # the rest begins later: nothing could be said of the days before
            fit = fit_patient(rest, prior_of, settings)
            if not fit.has_numbers:
                yield np.nan
                continue
            problem = fit.fitted()[0]
            day = float(patient.sample_day[place])
            draws = predicted(problem, fit.all_draws(), day, generator, problem.a, problem.b)
            yield float(np.mean(draws < patient.sample_igg[place]))


def table_row(name: str, n_series: int, places: Sequence[float]) -> str:
    """Coverage of the central intervals; samples whose rest has no numbers are counted apart."""
    known = np.array([place for place in places if np.isfinite(place)])
    held = [float(np.mean(np.abs(known - 0.5) <= level / 2)) for level in LEVELS] if known.size else [np.nan] * 3
    return (
        f"| {name} | {n_series} | {known.size} | {len(places) - known.size} | "
        + " | ".join(f"{100 * share:.0f} %" for share in held)
        + " |"
    )


def main(folder: Path) -> None:
    print(f"| kind | series | samples | without numbers | {' | '.join(f'{100 * level:.0f} %' for level in LEVELS)} |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    if (folder / "mimic3-demo-igg").is_dir():
        places = list(places_of_patients(folder))
        n = sum(patient.sample_day.size > 1 for patient in read_demo(folder / "mimic3-demo-igg").each_patient())
        print(table_row("IgG of patients, MIMIC demo", n, places), flush=True)
    for source, kinds in SOURCES.items():
        if (folder / source).is_dir():
            for kind in kinds(folder):
                places = list(places_of_kind(kind))
                print(table_row(kind.name, min(len(kind.series), MOST_SERIES), places), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:  # `make bench` runs every script; this one needs a folder from outside the project
        print("not run; usage: python benchmarks/real_series.py FOLDER")
        sys.exit(0)
    main(Path(sys.argv[1]))
