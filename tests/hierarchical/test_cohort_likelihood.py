"""The cohort's likelihood: the single-patient objectives summed, its gradient that of central differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

from igkinetics.errors import InputError
from igkinetics.fit.likelihood import RESIDUALS
from igkinetics.fit.minimise import first_guesses, minimise
from igkinetics.fit.problem import FitProblem
from igkinetics.hierarchical.cohort_arrays import CohortArrays, cohort_arrays, placed
from igkinetics.hierarchical.likelihood import log_likelihood, terms_of
from made_records import drawn, planned, problem_of, record

ERROR = np.array([0.2, 0.09])


def mixed_problems(residual: str) -> list[FitProblem]:
    """Infused, never infused, without therapy, with subcutaneous doses, and with values beyond limits."""
    generator = np.random.default_rng(11)
    infused = drawn(planned(doses=[(30.0, 28.0), (58.0, 28.0)]), generator).patient
    bare = drawn(planned(patient_id="P02"), generator).patient
    steady = record("P03", samples=[(0.0, 6.0), (20.0, 5.0), (50.0, 5.5)], therapy=())
    under_skin = record(
        "P04", samples=[(0.0, 6.0), (20.0, 5.0), (50.0, 5.5), (90.0, 4.0)], doses=[(10.0, 10.0)], subcutaneous=[True]
    )
    limit = float(np.quantile(bare.sample_igg, 0.3))
    limits = np.where(bare.sample_igg < limit, -1, 0).astype(np.int8)
    limits[0] = 1
    beyond = replace(bare, patient_id="P05", sample_igg=np.maximum(bare.sample_igg, limit), sample_limit=limits)
    assert (limits < 0).any()
    forms = [
        (infused, "loss_and_recovery"),
        (bare, "loss_and_recovery"),
        (steady, "constant"),
        (under_skin, "loss_and_recovery"),
        (beyond, "loss_and_recovery"),
    ]
    return [problem_of(patient, production, residual=residual) for patient, production in forms]


def somewhere(problems: list[FitProblem], seed: int) -> np.ndarray:
    """A row per patient, half a prior SD off the typical values."""
    generator, names = np.random.default_rng(seed), cohort_arrays(problems).names
    return np.array(
        [placed(one, one.mu + 0.5 * one.sd * generator.standard_normal(one.mu.size), names) for one in problems]
    )


@pytest.mark.parametrize("residual", list(RESIDUALS))
def test_the_sum_of_the_patients_own_objectives(residual: str) -> None:
    problems = mixed_problems(residual)
    x = somewhere(problems, 1)
    cohort = cohort_arrays(problems)
    total, by_x, _, _ = log_likelihood(x, ERROR, cohort)
    expected = 0.0
    for one, row, slope in zip(problems, x, by_x, strict=True):
        own = np.array([row[cohort.names.index(name)] for name in one.names])
        value, gradient = one.without_prior().value_and_gradient(own)
        expected -= 0.5 * value
        np.testing.assert_allclose(slope, placed(one, -0.5 * gradient, cohort.names), rtol=1e-10, atol=1e-12)
    assert total == pytest.approx(expected, rel=1e-12)
    assert terms_of(x, ERROR, cohort).sum() == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("residual", list(RESIDUALS))
def test_gradient_is_that_of_central_differences(residual: str) -> None:
    problems = mixed_problems(residual)
    x, cohort, step = somewhere(problems, 2), cohort_arrays(problems), 1e-5
    _, by_x, by_error, _ = log_likelihood(x, ERROR, cohort)
    for place in np.ndindex(*x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        up, down = (log_likelihood(x + sign * moved, ERROR, cohort)[0] for sign in (1.0, -1.0))
        assert by_x[place] == pytest.approx((up - down) / (2.0 * step), rel=2e-6, abs=2e-6)
    for k in range(2):
        moved = np.zeros(2)
        moved[k] = step * ERROR[k]
        up, down = (log_likelihood(x, ERROR + sign * moved, cohort)[0] for sign in (1.0, -1.0))
        assert by_error[k] == pytest.approx((up - down) / (2.0 * moved[k]), rel=1e-5, abs=1e-5)


def test_what_is_not_estimated_has_no_slope_and_plays_no_part() -> None:
    problems = mixed_problems("normal")
    cohort = cohort_arrays(problems)
    x = somewhere(problems, 3)
    total, by_x, _, _ = log_likelihood(x, ERROR, cohort)
    other = np.where(cohort.used == 1, x, 5.0)
    assert log_likelihood(other, ERROR, cohort)[0] == total
    assert np.all(by_x[cohort.used == 0] == 0.0)
    assert np.all(by_x[cohort.used == 1] != 0.0)


def test_another_cohort_through_the_same_kernel() -> None:
    """Nothing is captured: a subset of patients, in another order, gives its own sum."""
    problems = mixed_problems("normal")
    x, names = somewhere(problems, 4), cohort_arrays(problems).names

    def of(order: list[int]) -> float:
        some = cohort_arrays([problems[i] for i in order])
        columns = [names.index(name) for name in some.names]
        return log_likelihood(np.ascontiguousarray(x[np.ix_(order, columns)]), ERROR, some)[0]

    for order in ([4, 0], [1, 3, 2]):
        assert of(order) == pytest.approx(sum(of([i]) for i in order), rel=1e-12)


def posterior_mode(problem: FitProblem, cohort: CohortArrays) -> np.ndarray:
    """Mode in eta space: x = mu + sd * eta with standard normal eta, a and b the card's."""
    mu, sd = placed(problem, problem.mu, cohort.names), placed(problem, problem.sd, cohort.names)
    error = np.array([problem.a, problem.b])

    def minus_log(eta: np.ndarray) -> tuple[float, np.ndarray]:
        total, by_x, _, _ = log_likelihood((mu + sd * eta)[None, :], error, cohort)
        return 0.5 * float(eta @ eta) - total, eta - by_x[0] * sd

    return optimize.minimize(minus_log, np.zeros(mu.size), jac=True, method="BFGS", options={"gtol": 1e-7}).x


@pytest.mark.parametrize("which", range(5))
def test_one_patient_reduces_to_the_map_of_the_fit(which: int) -> None:
    """The level-3 model of one patient with typical values fixed and Omega the one-patient variances is level 1."""
    problem = mixed_problems("normal")[which]
    cohort = cohort_arrays([problem])
    eta = posterior_mode(problem, cohort)
    optimum = minimise(problem, first_guesses(problem))
    np.testing.assert_allclose(eta, placed(problem, (optimum.x - problem.mu) / problem.sd, cohort.names), atol=1e-4)


def test_nobody_and_unknown_parameters_are_refused() -> None:
    with pytest.raises(InputError, match="must hold a patient"):
        cohort_arrays([])
    problem = mixed_problems("normal")[0]
    free_ratio = replace(problem, names=("clearance_ratio", *problem.names[1:]))
    with pytest.raises(InputError, match="no place for it"):
        cohort_arrays([free_ratio])


@pytest.mark.parametrize("share", [0.6, 1.5])
def test_a_dose_recovery_is_the_same_as_other_doses(share: float) -> None:
    """The truth: every recorded dose times the share, and nothing else changed."""
    records = [planned(doses=[(30.0, 28.0), (58.0, 20.0)]), planned(doses=[]), planned(doses=[(10.0, 30.0)])]
    generator = np.random.default_rng(11)
    patients = [drawn(one, generator).patient for one in records]
    given = [replace(one, dose_g=share * one.dose_g) for one in patients]
    recorded, delivered = (cohort_arrays([problem_of(one) for one in each]) for each in (patients, given))
    x = somewhere([problem_of(one) for one in patients], 3)
    log_ratio = np.array([0.0, 0.0, np.log(share)])
    found = log_likelihood(x, ERROR, recorded, log_ratio)
    assert found[0] == pytest.approx(log_likelihood(x, ERROR, delivered)[0], rel=1e-12)
    np.testing.assert_allclose(found[1], log_likelihood(x, ERROR, delivered)[1], rtol=1e-8, atol=1e-8)
    step = np.array([0.0, 0.0, 1e-5])
    up, down = (log_likelihood(x, ERROR, recorded, log_ratio + sign * step)[0] for sign in (1.0, -1.0))
    assert found[3][2] == pytest.approx((up - down) / 2e-5, rel=1e-5)
