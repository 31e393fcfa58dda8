"""Tests of the fit against known truth: silent when the model is right, loud when it is wrong in known ways."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from made_posteriors import SETTINGS, fitted_posterior, of_truth

from igkinetics.cohort.model import Cohort, Patient
from igkinetics.effect.exposure import exposures
from igkinetics.effect.misfit import FAMILY_P, MISFIT_COLUMNS, days_since, misfit_rows, patient_residuals, step_row
from igkinetics.fit.problem import patient_schedule
from igkinetics.hierarchical.common_step import common_step
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, Floats
from igkinetics.random_streams import numbered_stream
from made_records import cohort_of, drawn, measured, planned, problem_of

WITHOUT_DRIFT = replace(SETTINGS, drift=False, average=False)
"""The model of all patients has no drift: it is the drift that its residuals have to tell of."""
DAYS = tuple(np.linspace(-3.0, 200.0, 15))
DOSES = ((30.0, 28.0), (62.0, 28.0), (95.0, 28.0))


def levels_when_ill(patient: Patient, theta: Floats, start: float) -> Floats:
    """Total IgG when clearance is raised 1.8-fold for 45 days."""
    schedule = patient_schedule(patient, ignore_therapy=False, modified=(start, start + 45.0))
    changed = theta.copy()
    changed[CLEARANCE_RATIO] = 1.8
    return np.add(*igg_curve(changed, schedule, patient.sample_day))


def cohort(seed: int, kind: str, n: int = 25) -> Cohort:
    """Patients of the default card; what goes wrong is not in their record."""
    generator = np.random.default_rng(seed)
    people = []
    for k in range(n):
        plan = planned(DAYS, doses=DOSES if k % 2 else (), patient_id=f"P{k:02}")
        made = drawn(plan, generator)
        patient = made.patient
        if kind == "illness":
            levels = levels_when_ill(plan, made.theta, float(generator.uniform(20.0, 120.0)))
            patient = replace(patient, sample_igg=measured(levels, generator))
        if kind == "platform":
            patient = replace(patient, sample_igg=np.where(plan.sample_day > 100, 1.15, 1.0) * patient.sample_igg)
        people.append(patient)
    return cohort_of(people)


def verdicts(seed: int, kind: str) -> pd.DataFrame:
    made = cohort(seed, kind)
    posterior = fitted_posterior(made, 300, seed, WITHOUT_DRIFT)
    people = exposures(made, posterior, 70.0)
    step = common_step(posterior, made.day_zero, seed)
    beside = [] if step is None else [step_row(step)]
    return misfit_rows(made, posterior, people, seed, beside).set_index("test")


@cache
def loud(seed: int, kind: str) -> pd.DataFrame:
    return verdicts(seed, kind)


def test_silent_when_the_model_is_right() -> None:
    found = [verdicts(seed, "right") for seed in range(6)]
    assert tuple(found[0].reset_index().columns) == MISFIT_COLUMNS
    assert sum(bool(rows["speaks"].any()) for rows in found) <= 1
    assert np.mean([rows["p"].median() for rows in found]) > 0.2


@pytest.mark.parametrize(("kind", "test"), [("illness", "neighbours"), ("platform", "study day"), ("platform", "step")])
def test_loud_when_it_is_wrong(kind: str, test: str) -> None:
    found = [loud(seed, kind) for seed in range(3)]
    assert sum(bool(rows["speaks"].any()) for rows in found) >= 2
    assert np.median([rows.loc[test, "p"] for rows in found]) < 0.05


def test_residuals_of_a_straight_line_have_the_covariance_of_its_theory() -> None:
    """Levels c = m + s, s ~ N(0, 4), two values of error SD 1: residuals have the covariance R - C."""
    generator = np.random.default_rng(5)
    problem = replace(problem_of(planned((0.0, 10.0))), igg=np.array([7.0, 5.0]), limit=np.zeros(2, dtype=np.int8))
    posterior_sd = np.sqrt(1.0 / (1.0 / 4.0 + 2.0))  # one shift, two values
    levels = np.array([[5.0, 5.0]]) + posterior_sd * generator.standard_normal((20_000, 1))
    error = np.tile([1.0, 0.0], (20_000, 1))
    which, z, made = patient_residuals(problem, levels, error, numbered_stream(1, "misfit"))
    left = np.eye(2) - posterior_sd**2
    assert which.tolist() == [0, 1]
    np.testing.assert_allclose(z, np.array([2.0, 0.0]) / np.sqrt(left[0, 0]), atol=0.05)
    np.testing.assert_allclose(np.corrcoef(made.T)[0, 1], left[0, 1] / left[0, 0], atol=0.06)


def test_days_since_the_last_infusion() -> None:
    made, posterior = of_truth(
        [planned((-3.0, 40.0), doses=((5.0, 20.0), (20.0, 20.0)))], [drawn(planned(), np.random.default_rng(1)).theta]
    )
    (one,) = exposures(made, posterior, 70.0)
    found = days_since(one, np.array([0.0, 5.0, 6.0, 20.0, 21.0]))
    np.testing.assert_array_equal(found, [np.nan, np.nan, 1.0, 15.0, 1.0])
    assert FAMILY_P == 0.05
