"""A patient whose course drifts: the same drift with and without IVIG, drawn given the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_posteriors import of_truth

from igkinetics.effect.counterfactual import within_patient
from igkinetics.effect.drifting import drifting_courses
from igkinetics.effect.exposure import Exposure, exposures
from igkinetics.fit.structures import with_drift
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.curves import igg_curve
from made_records import drawn, planned

DAYS = tuple(np.linspace(-3.0, 160.0, 14))
DOSES = ((30.0, 28.0), (62.0, 28.0))


def drifting_posterior(weights: tuple[float, float], lowered: float = 1.0) -> tuple[CohortPosterior, Exposure]:
    """One infused patient, its true parameters 200 times; samples between days 60 and 100 times `lowered`."""
    made = drawn(planned(DAYS, doses=DOSES), np.random.default_rng(1))
    days = made.patient.sample_day
    igg = np.where((days > 60.0) & (days < 100.0), lowered, 1.0) * made.patient.sample_igg
    cohort, posterior = of_truth([replace(made.patient, sample_igg=igg)], [made.theta], n=200)
    problems = tuple(with_drift(one, (0.0, 0.4), weights) for one in posterior.problems)
    (person,) = exposures(cohort, posterior, 70.0)
    return replace(posterior, problems=problems, drifting=True), person


def test_no_drift_is_the_exact_measure() -> None:
    posterior, person = drifting_posterior((1.0, 1e-300))
    (drifted,) = within_patient(posterior, [person], (4.0,), 1)
    (exact,) = within_patient(replace(posterior, drifting=False), [person], (4.0,), 1)
    for measure, close in (("nadir", 1e-9), ("mean_igg", 2e-3), ("days_below", 1e-6), ("nadir_day", 1e-6)):
        np.testing.assert_allclose(drifted.difference(measure), exact.difference(measure), rtol=close, atol=close)


def test_a_drift_follows_the_samples_and_multiplies_both_courses() -> None:
    posterior, person = drifting_posterior((0.5, 0.5), lowered=0.6)
    courses = drifting_courses(posterior, person)
    assert courses.drifting.mean() > 0.95  # a fall by 40 % for weeks is no error of measurement
    at = np.array([80.0])
    assert np.median(courses.factor(at)) == pytest.approx(0.6, abs=0.15)
    without = replace(courses, problem=replace(courses.problem, schedule=person.without_ivig()))
    endogenous, infused = igg_curve(courses.theta[courses.drifting][:1], person.with_ivig(), at)
    total, _ = courses.levels(at)
    gap = (total - without.levels(at)[0])[courses.drifting]
    np.testing.assert_allclose(gap[:, 0], infused[0, 0] * courses.factor(at)[:, 0], rtol=1e-9)
    assert endogenous[0, 0] > 0


def test_the_effect_scales_with_what_the_drift_leaves() -> None:
    lowered, person = drifting_posterior((1e-300, 1.0), lowered=0.6)
    (change,) = within_patient(lowered, [person], (4.0,), 1)
    (plain,) = within_patient(replace(lowered, drifting=False), [person], (4.0,), 1)
    assert 0 < change.difference("mean_igg").mean() < plain.difference("mean_igg").mean()
    assert np.all(change.difference("mean_igg") > 0)
