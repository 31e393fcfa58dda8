"""Posteriors made for tests of the effect: from single-patient fits, from the truth, or by hand; no sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.read import read_cohort
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.result import CohortEffect, Sampling
from igkinetics.effect.tables import effect_of
from igkinetics.fit.patient import FitSettings, fit_patient
from igkinetics.fit.problem import FitProblem
from igkinetics.hierarchical.fit import HierarchicalOptions, prepare_cohort
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.hierarchical.predict import from_prior
from igkinetics.kinetics.parameters import Floats
from igkinetics.resources import resource_folder
from made_once import made_once
from made_records import CARD, SETTINGS, cohort_of, prior_of, problem_of

EXAMPLE: Path = resource_folder("data") / "blina23"


def posterior_of(
    cohort: Cohort,
    thetas: Mapping[str, Floats],
    *,
    chains: int = 2,
    extension: Extension = "base",
    problems: Mapping[str, FitProblem] | None = None,
) -> CohortPosterior:
    """A posterior with these draws (n, 13) of each patient, n a multiple of `chains`."""
    ids = tuple(thetas)
    made = {name: problem_of(cohort.patient(name)) for name in ids} if problems is None else problems
    stacked = np.stack([thetas[name].reshape(chains, -1, 13) for name in ids], axis=2)
    error = np.broadcast_to([0.2, 0.09], (*stacked.shape[:2], 2)).copy()
    return CohortPosterior(
        patient_ids=ids,
        theta=stacked,
        error=error,
        population={"a": error[:, :, 0], "b": error[:, :, 1]},
        problems=tuple(made[name] for name in ids),
        modified=(None,) * len(ids),
        extension=extension,
        interrupted=False,
    )


def of_truth(
    patients: Sequence[Patient], thetas: Sequence[Floats], n: int = 2, **options: Any
) -> tuple[Cohort, CohortPosterior]:
    """A cohort of these records with a posterior that holds n copies of the true parameters."""
    cohort = cohort_of(patients)
    draws = {one.patient_id: np.tile(theta, (n, 1)) for one, theta in zip(patients, thetas, strict=True)}
    return cohort, posterior_of(cohort, draws, chains=1, **options)


def fitted_posterior(cohort: Cohort, n: int, seed: int = 1, settings: FitSettings = SETTINGS) -> CohortPosterior:
    """Draws of the single-patient fits, each patient's in an order of its own: patients are independent."""
    generator = np.random.default_rng(seed)
    thetas, problems = {}, {}
    for patient in cohort.each_patient():
        fit = fit_patient(patient, prior_of, settings)
        if fit.status == "fitted":
            problem, _, draws = fit.fitted()
            thetas[patient.patient_id] = generator.permutation(draws.resampled(n), axis=0)
            problems[patient.patient_id] = problem
    return posterior_of(cohort, thetas, problems=problems)


def good_sampling(posterior: CohortPosterior, **changes: Any) -> Sampling:
    """Diagnostics of a run that went well."""
    rows = [(name, 1.001, 2100.0, 1900.0, 0.003) for name in posterior.population]
    table = pd.DataFrame(
        [*rows, ("verdict", np.nan, np.nan, np.nan, np.nan)],
        columns=["parameter", "r_hat", "ess_bulk", "ess_tail", "mcse"],
    )
    table["note"] = ["", "", "good: chains agree"][: len(table)] if len(table) == 3 else ""
    given = {"diagnostics": table, "verdict": "The chains agree, without divergences", "passed": True}
    return Sampling(posterior=posterior, **(given | changes))


@cache
def example_cohort() -> Cohort:
    return read_cohort(EXAMPLE)


@cache
def example_posterior(n: int = 400) -> CohortPosterior:
    return made_once(f"example_posterior_{n}", lambda: fitted_posterior(example_cohort(), n))


@cache
def example_sampling() -> Sampling:
    """The draws of the single-patient fits, with the card's own beside them."""
    prepared = prepare_cohort(example_cohort(), CARD, HierarchicalOptions())
    return good_sampling(
        example_posterior(), prior=from_prior(prepared, 400, 1), prior_sources=prepared.population("base").sources
    )


@cache
def example_effect(**options: Any) -> CohortEffect:
    """The example cohort with the draws of its single-patient fits."""
    chosen = EffectOptions(**({"thresholds": (400.0,), "minimum_effect": 50.0, "rope": (-20.0, 20.0)} | options))
    name = "_".join(["example_effect", *(f"{key}_{value}" for key, value in sorted(options.items()))])
    return made_once(name, lambda: effect_of(example_cohort(), example_sampling(), CARD, chosen))
