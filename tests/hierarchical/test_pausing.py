"""Ratios under IVIG that pause between infusions: schedule, curve against the ODE solver, gradient, whom it is for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from small_cohorts import small_cohort

from igkinetics.hierarchical.likelihood import log_likelihood
from igkinetics.hierarchical.pausing import acting_in, days_after_each, has_pauses, pausing
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.schedule import IV_BOLUS, MODIFIED, START, build_schedule

sys.path.insert(0, str(Path(__file__).parents[1] / "kinetics"))
from numerical_ode import ode_levels
from treatments import Dose, Treatment, vector

DAYS = np.array([0.0, 9.0, 12.0, 40.0, 47.0, 60.0, 90.5, 95.0, 120.0, 140.0])
LASTING = 35.0
THERAPY = ((0.0, 28.0), (42.0, 70.0))


def test_they_act_between_the_edges_of_their_windows() -> None:
    plain = build_schedule(start_day=0.0, dose_day=[10.0, 90.0], dose_g=[30.0, 20.0], dose_duration_day=[0.0, 2.0],
                           dose_is_sc=[False, False])  # fmt: skip
    table = acting_in(plain, [(10.0, 45.0), (30.0, 65.0), (90.0, np.inf)])
    acting = {float(row[START]): bool(row[MODIFIED]) for row in table}
    assert acting == {0.0: False, 10.0: True, 30.0: True, 45.0: True, 65.0: False, 90.0: True, 92.0: True}
    assert table[:, IV_BOLUS].sum() == 30.0
    assert not acting_in(table, [])[:, MODIFIED].any()
    assert not plain[:, MODIFIED].any()


def test_one_window_is_that_of_the_schedule_itself() -> None:
    given = {"start_day": 0.0, "dose_day": [10.0], "dose_g": [30.0], "dose_duration_day": [0.1], "dose_is_sc": [0.0]}
    expected = build_schedule(**given, modified=(10.0, 45.0))
    (window,) = days_after_each(np.array([10.0]), LASTING)
    np.testing.assert_array_equal(acting_in(build_schedule(**given), [window]), expected)


@pytest.mark.parametrize("ratios", [(1.4, 1.0), (1.0, 0.6), (0.8, 1.3)])
def test_levels_are_those_of_the_equations(ratios: tuple[float, float]) -> None:
    theta = vector(clearance_ratio=ratios[0], production_ratio=ratios[1])
    doses = tuple(Dose(day=day, amount_g=30.0, duration_day=0.2) for day in (10.0, 18.0, 90.0))
    windows = days_after_each(np.array([10.0, 18.0, 90.0]), LASTING)
    treatment = Treatment(doses=doses, therapy=THERAPY, further=tuple(windows))
    schedule = acting_in(Treatment(doses=doses, therapy=THERAPY).schedule(), windows)
    for mine, expected in zip(igg_curve(theta, schedule, DAYS), ode_levels(theta, treatment, DAYS), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-8, atol=1e-10)
    throughout = Treatment(doses=doses, therapy=THERAPY, modified=(10.0, 125.0)).schedule()
    before, after = DAYS < 53.0, DAYS > 53.0
    other = np.add(*igg_curve(theta, throughout, DAYS))
    np.testing.assert_allclose(other[before], np.add(*igg_curve(theta, schedule, DAYS))[before], rtol=1e-12)
    assert np.all(np.abs(other - np.add(*igg_curve(theta, schedule, DAYS)))[after] > 1e-3)


def test_the_gradient_over_several_windows_is_that_of_central_differences() -> None:
    cohort = pausing(small_cohort(5, size=4), 14.0)
    arrays = cohort.arrays
    x = np.array([[member.problem.mu[member.problem.names.index(name)] if name in member.problem.names else 0.0
                   for name in arrays.names] for member in cohort.members])  # fmt: skip
    error, ratio, step = np.array([0.2, 0.09]), np.array([0.2, -0.3, 0.0]), 1e-5
    _, by_x, _, by_ratio = log_likelihood(x, error, arrays, ratio)
    for place in np.ndindex(*x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        up, down = (log_likelihood(x + sign * moved, error, arrays, ratio)[0] for sign in (1.0, -1.0))
        assert by_x[place] == pytest.approx((up - down) / (2.0 * step), rel=2e-6, abs=2e-6)
    for k in range(2):
        moved = np.zeros(3)
        moved[k] = step
        up, down = (log_likelihood(x, error, arrays, ratio + sign * moved)[0] for sign in (1.0, -1.0))
        assert by_ratio[k] == pytest.approx((up - down) / (2.0 * step), rel=2e-6, abs=2e-6)
        assert abs(by_ratio[k]) > 1e-3


def test_it_is_another_model_only_where_infusions_lie_further_apart() -> None:
    cohort = small_cohort(5, size=4)  # infused on days 30 and 58
    assert has_pauses(cohort, 27.0)
    assert not has_pauses(cohort, 28.0)
    same = pausing(cohort, LASTING)
    for one, other in zip(cohort.members, same.members, strict=True):
        np.testing.assert_array_equal(np.unique(one.problem.schedule[:, MODIFIED]),
                                      np.unique(other.problem.schedule[:, MODIFIED]))  # fmt: skip
        theta = vector(clearance_ratio=1.3)
        for mine, others in zip(igg_curve(theta, one.problem.schedule, DAYS),
                                igg_curve(theta, other.problem.schedule, DAYS), strict=True):  # fmt: skip
            np.testing.assert_allclose(mine, others, rtol=1e-12, atol=1e-12)
