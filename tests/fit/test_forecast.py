"""Draws of a fitted patient carried beyond the record: they start where the record ends, and the drift fades."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from igkinetics.fit.forecast import forecast_paths
from igkinetics.fit.nadirs import fit_courses
from igkinetics.fit.patient import fit_patient
from igkinetics.fit.records import DRAW_COLUMNS, draw_columns, drift_of, table_of
from igkinetics.fit.result import PatientFit
from igkinetics.fit.tables import draws_of as columns_of
from igkinetics.kinetics.curves import igg_curve
from made_records import CYCLES, SETTINGS, drawn, prior_of, record

DAYS = np.linspace(-3.0, 120.0, 16)
DRAWS = 2000


@pytest.fixture(scope="module")
def falling() -> PatientFit:
    """The level has fallen 40 % below the curve when the record ends."""
    plan = record(samples=[(float(day), 1.0) for day in DAYS], therapy=CYCLES)
    patient = drawn(plan, np.random.default_rng(6)).patient
    loss = 1.0 - 0.4 / (1.0 + np.exp(-(patient.sample_day - 95.0) / 8.0))
    ill = replace(patient, sample_igg=patient.sample_igg * loss)
    return fit_patient(ill, prior_of, replace(SETTINGS, draws=DRAWS))


def draws_of(fit: PatientFit, n: int, seed: int) -> pd.DataFrame:
    columns = columns_of(fit, n, seed)
    assert columns is not None
    return table_of([columns], DRAW_COLUMNS)


def test_kept_draws_begin_where_the_courses_of_the_fit_end(falling: PatientFit) -> None:
    problem, last = falling.fitted()[0], float(DAYS[-1])
    courses = fit_courses(falling, last, 1)
    kept = draws_of(falling, DRAWS, 1)
    drift = drift_of(kept, as_log=False)
    paths = forecast_paths(courses.theta, drift, problem.schedule, np.array([last]), np.random.default_rng(1))
    total, endogenous = courses.levels(np.array([last]))
    assert_allclose(paths.total, total, rtol=1e-12)
    assert_allclose(paths.endogenous, endogenous, rtol=1e-12)
    assert falling.all_draws().drift_weight > 0.3
    assert np.median(drift.states[drift.sd > 0, 0]) < -0.05


def test_the_drift_fades_to_its_own_spread(falling: PatientFit) -> None:
    problem, last = falling.fitted()[0], float(DAYS[-1])
    kept = draws_of(falling, DRAWS, 1)
    thetas, drift = falling.all_draws().theta, drift_of(kept, as_log=False)
    days = last + np.array([0.0, 30.0, 600.0])
    kinetic = np.add(*igg_curve(thetas, problem.schedule, days))
    paths = forecast_paths(thetas, drift, problem.schedule, days, np.random.default_rng(2))
    ratio = paths.total / kinetic
    assert_allclose(ratio[drift.sd == 0], 1.0)
    x = 1.0  # 30 days, in units of the drift's own time
    expected = np.exp(-x) * ((1.0 + x) * drift.states[:, 0] + x * drift.states[:, 1])
    assert np.mean(ratio[:, 1] - 1.0) == pytest.approx(expected.mean(), abs=0.03)
    for sd in (0.25, 0.4):
        far = ratio[drift.sd == sd, 2] - 1.0
        assert far.size > 100
        assert abs(far.mean()) < 5.0 * sd / np.sqrt(far.size)
        assert far.std() == pytest.approx(sd, rel=0.15)
    again = forecast_paths(thetas, drift, problem.schedule, days, np.random.default_rng(2))
    assert np.array_equal(again.total, paths.total)


def test_a_table_of_draws_gives_the_drift_back(falling: PatientFit) -> None:
    kept = draws_of(falling, 50, 1)
    drift = drift_of(kept, as_log=True)
    columns = draw_columns("same", kept.to_numpy()[:, 2:15].astype(float), 0.2, 0.09, np.ones(50, dtype=np.int8), drift)
    again = table_of([columns], DRAW_COLUMNS)
    assert (drift.day, drift.as_log) == (float(DAYS[-1]), True)
    for name in ("drift_sd", "drift", "drift_slope", "drift_day"):
        assert np.array_equal(again[name], kept[name])
    assert np.all(drift.factors(np.array([drift.day]), np.random.default_rng(1))[drift.sd == 0] == 1.0)
