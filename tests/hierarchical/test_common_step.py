"""One step of everybody's levels at one time: scores against a straight line, two clocks, and the model that has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_posteriors import posterior_of
from scipy.stats import norm

from igkinetics.cohort.model import Cohort, Patient
from igkinetics.effect.beside import Beside, another_laboratory
from igkinetics.effect.sensitivity import paid, same_data
from igkinetics.hierarchical.common_step import (
    CALENDAR,
    EPOCH,
    STEP_LOG_SD,
    STUDY,
    Candidates,
    CommonStep,
    candidates,
    common_step,
    log_jacobian,
    remaining,
    rescaled,
    scores,
)
from igkinetics.hierarchical.fit import HierarchicalOptions, PreparedCohort, prepare_cohort
from igkinetics.hierarchical.leave_one_out import LeftOut
from igkinetics.hierarchical.likelihood import terms_of
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.hierarchical.settings import SampleSettings
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import C_BASE, C_INIT
from made_records import CARD, cohort_of, drawn, planned, problem_of

DAYS = tuple(np.linspace(-3.0, 180.0, 14))
N = 20
BEFORE, ERROR, SPREAD = 8.0, 0.5, 1.0
"""g/L: level, and SDs of error and of patients' levels, of the straight lines."""


def lines(step: float, n_draws: int = 4000) -> tuple[Cohort, CohortPosterior, np.ndarray]:
    """Patients whose level never changes, c_i ~ N(8, 1), with the exact posterior of each; samples from day 60 on are
    raised by this share. With their values (patient, sample)."""
    generator = np.random.default_rng(1)
    patients, thetas, values = [], {}, []
    for k in range(N):
        plan = replace(
            planned(DAYS, patient_id=f"P{k:02}"), agents=(), therapy_start=np.empty(0), agent_start=np.empty(0)
        )
        plan = replace(plan, therapy_stop=np.empty(0))
        level = BEFORE + SPREAD * generator.standard_normal()
        igg = level + ERROR * generator.standard_normal(len(DAYS))
        igg = np.where(plan.sample_day >= 60.0, 1.0 + step, 1.0) * igg
        patients.append(replace(plan, sample_igg=igg))
        values.append(igg)
        precision = SPREAD**-2 + len(DAYS) * ERROR**-2
        mean = (BEFORE * SPREAD**-2 + igg.sum() * ERROR**-2) / precision
        theta = np.tile(
            problem_of(patients[-1], "constant").theta(problem_of(patients[-1], "constant").mu), (n_draws, 1)
        )
        draws = generator.standard_normal(n_draws)
        draws = (draws - draws.mean()) / draws.std()  # with the very mean and SD
        theta[:, C_BASE] = theta[:, C_INIT] = mean + precision**-0.5 * draws
        thetas[plan.patient_id] = theta
    cohort = cohort_of(patients)
    problems = {one.patient_id: problem_of(one, "constant") for one in patients}
    posterior = posterior_of(cohort, thetas, problems=problems)
    posterior = replace(posterior, error=np.broadcast_to([ERROR, 0.0], posterior.error.shape).copy())
    return cohort, posterior, np.array(values)


def test_scores_are_those_of_generalised_least_squares() -> None:
    """U = d' V^-1 (y - 8) with V = R + 1 of each patient, and d' V^-1 d; a patient's level moves with the step."""
    _, posterior, values = lines(0.0)
    days = np.array(DAYS)
    asked = Candidates([STUDY, STUDY], np.array([60.0, 120.0]), np.tile([60.0, 120.0], (N, 1)))
    found = scores(posterior, asked)
    inverse = np.linalg.inv(ERROR**2 * np.eye(days.size) + SPREAD**2)
    score, information = np.zeros(2), np.zeros((2, 2))
    for place, own in enumerate(values):
        level = np.add(*igg_curve(posterior.of_patient(place), posterior.problems[place].schedule, days)).mean()
        steps = level * (days >= np.array([[60.0], [120.0]]))
        score += steps @ inverse @ (own - BEFORE)
        information += steps @ inverse @ steps.T
    np.testing.assert_allclose(found.score, score, rtol=1e-6)
    np.testing.assert_allclose(found.covariance, information, rtol=0.08)


def test_a_step_is_found_when_it_is_and_not_when_it_is_not() -> None:
    cohort, posterior, _ = lines(0.08)
    found = common_step(posterior, cohort.day_zero, 1)
    assert found is not None
    assert (found.by, found.p) == (STUDY, pytest.approx(1 / 4001))
    assert min(day for day in DAYS if day >= 60.0) == pytest.approx(found.time, abs=0.01)
    assert found.when == f"day {found.time:.4g}"
    assert found.share == pytest.approx(0.08, abs=3 * found.error)
    assert found.n_patients == N
    none = common_step(lines(0.0)[1], {}, 1)
    assert none is not None
    assert none.p > 0.05
    size, error = remaining(posterior, found, 0.0)
    assert 0 < size < found.size  # by the prior around no step
    assert error == pytest.approx((found.error**-2 + STEP_LOG_SD**-2) ** -0.5, rel=1e-6)


def test_dates_are_a_clock_of_their_own_where_patients_enter_at_several() -> None:
    _, posterior, _ = lines(0.0, n_draws=4)
    dated = {f"P{k:02}": EPOCH + pd.Timedelta(days=10.0 * k) for k in range(N - 1)}
    asked = candidates(posterior, dated)
    on_dates = np.array([by == CALENDAR for by in asked.by])
    assert 0 < on_dates.sum() < on_dates.size
    np.testing.assert_allclose(asked.from_day[3, on_dates], asked.time[on_dates] - 30.0)
    assert np.all(np.isinf(asked.from_day[N - 1, on_dates]))
    np.testing.assert_array_equal(asked.from_day[N - 1, ~on_dates], asked.time[~on_dates])
    together = dict.fromkeys(posterior.patient_ids, EPOCH)
    assert CALENDAR not in candidates(posterior, together).by
    few = replace(
        posterior,
        patient_ids=posterior.patient_ids[:5],
        theta=posterior.theta[:, :, :5],
        problems=posterior.problems[:5],
        modified=posterior.modified[:5],
    )
    assert common_step(few, {}, 1) is None


@pytest.fixture(scope="module")
def prepared() -> PreparedCohort:
    """Ten patients, their levels from day 90 on raised by a fifth."""
    generator = np.random.default_rng(2)
    people: list[Patient] = []
    for k in range(10):
        doses = ((30.0, 28.0), (95.0, 28.0)) if k % 2 else ()
        patient = drawn(planned(DAYS, doses=doses, patient_id=f"P{k}"), generator).patient
        people.append(replace(patient, sample_igg=np.where(patient.sample_day >= 90.0, 1.2, 1.0) * patient.sample_igg))
    return prepare_cohort(cohort_of(people), CARD, HierarchicalOptions(keep_all=True))


def step_of(prepared: PreparedCohort, size: float, p: float = 0.001) -> CommonStep:
    ids = [one.patient.patient_id for one in prepared.members]
    return CommonStep(
        by=STUDY, time=90.0, size=size, error=0.02, p=p, n_patients=10, from_day=dict.fromkeys(ids[1:], 90.0)
    )


def test_the_density_of_divided_levels_is_that_of_the_values_as_measured(prepared: PreparedCohort) -> None:
    """With proportional error alone it is exact: log N(y; f c, (b f c)^2)."""
    size = float(np.log(1.2))
    divided = rescaled(prepared, step_of(prepared, size), size)
    arrays = divided.arrays
    x = np.array([[*one.x] for one in prepared.members])
    error = np.array([1e-12, 0.1])
    terms = terms_of(x, error, arrays)
    ours = np.add.reduceat(terms, arrays.sample_bounds[:-1]) + log_jacobian(divided)
    theirs = []
    for place, one in enumerate(prepared.members):
        problem = one.problem
        levels = np.add(*igg_curve(problem.theta(one.x)[None], problem.schedule, problem.day))[0]
        levels = levels * np.where((problem.day >= 90.0) & (place > 0), 1.2, 1.0)
        theirs.append(norm.logpdf(problem.igg, levels, 0.1 * levels).sum())
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    np.testing.assert_array_equal(divided.members[0].problem.igg, prepared.members[0].problem.igg)


def test_the_model_that_has_it(prepared: PreparedCohort) -> None:
    beside = Beside(settings=SampleSettings(draws=150, chains=2, cores=1, sampler="laplace"), say=lambda line: None)
    assert another_laboratory(prepared, beside, None) == {}
    assert another_laboratory(prepared, beside, step_of(prepared, 0.1, p=0.2)) == {}
    everybody = step_of(prepared, 0.1)
    everybody = replace(everybody, from_day={**everybody.from_day, "P0": 90.0})
    ((name, sample),) = another_laboratory(prepared, beside, everybody).items()
    assert name == "another laboratory from day 90 on"
    sampled = sample()
    assert sampled.posterior.error.shape[:2] == (6, 150)
    assert sampled.log_likelihood is not None
    assert sampled.log_likelihood.shape == (900, 10)
    size = sampled.prepared.log_factor.max()
    assert np.expm1(size) == pytest.approx(0.2, abs=0.08)
    unseen = LeftOut(elpd=np.zeros(10), log_weights=np.zeros((1, 10)), pareto_k=np.zeros(10), draws=np.arange(1))
    assert paid(unseen, sampled).elpd.sum() == pytest.approx(np.log(0.01))
    assert same_data(sampled, replace(sampled, prepared=prepared))
    assert not same_data(sampled, replace(sampled, prepared=replace(prepared, arrays=sampled.prepared.arrays)))
