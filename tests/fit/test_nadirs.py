"""Raw, fitted and endogenous nadirs; reached or lowest so far; times below a threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from igkinetics.cohort.windows import Window, nadir_window
from igkinetics.fit.likelihood import NORMAL, STUDENT_T
from igkinetics.fit.nadirs import FittedNadir, fit_courses, fitted_nadir, noisy, raw_nadir
from igkinetics.fit.patient import fit_patient
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.curves import igg_curve
from made_records import CYCLES, SETTINGS, drawn, planned, prior_of, record

WHOLE = Window(start=0.0, end=200.0, reason="test")


def fit_of(
    days: tuple[float, ...], doses: tuple[tuple[float, float], ...] = (), seed: int = 4, **choices: bool
) -> PatientFit:
    patient = drawn(planned(days, doses=doses), np.random.default_rng(seed)).patient
    return fit_patient(patient, prior_of, replace(SETTINGS, **choices))


def nadirs(fit: PatientFit, window: Window, thresholds: tuple[float, ...] = ()) -> FittedNadir:
    return fitted_nadir(fit, window, 3.0, thresholds, 0.95, seed=1)


def test_raw_nadir_is_the_earliest_lowest_measured_value_in_the_window() -> None:
    patient = record(samples=[(-5.0, 1.0), (0.0, 6.0), (30.0, 3.0), (60.0, 3.0), (90.0, 4.0), (250.0, 0.5)])
    raw = raw_nadir(patient, WHOLE)
    assert (raw.value, raw.day, raw.n_samples, raw.baseline) == (3.0, 30.0, 4, 6.0)
    assert not raw.below_limit


def test_a_value_below_the_limit_is_that_limit_flagged_and_one_above_is_never_lowest() -> None:
    patient = record(samples=[(0.0, 6.0), (30.0, 0.4), (60.0, 0.4), (90.0, 0.3)], limits=[0, 0, -1, 1])
    raw = raw_nadir(patient, WHOLE)
    assert (raw.value, raw.day, raw.below_limit, raw.n_below_limit) == (0.4, 60.0, True, 1)


def test_without_a_sample_in_the_window_there_is_no_raw_nadir() -> None:
    raw = raw_nadir(record(samples=[(-5.0, 6.0)]), WHOLE)
    assert np.isnan(raw.value)
    assert raw.n_samples == 0
    assert raw.baseline == 6.0


def test_fitted_nadir_is_the_lowest_of_a_fine_grid_of_the_best_curve() -> None:
    fit = fit_of(tuple(np.linspace(-3.0, 200.0, 15)), ((20.0, 30.0), (48.0, 30.0)))
    found = nadirs(fit, WHOLE)
    problem, optimum, _ = fit.fitted()
    grid = np.linspace(0.0, 200.0, 200_001)
    endogenous, infused = igg_curve(problem.theta(optimum.x), problem.schedule, grid)
    total = endogenous + infused
    assert found.curve == pytest.approx(total.min(), rel=1e-7)
    assert found.curve_day == pytest.approx(grid[total.argmin()], abs=2e-2)
    assert found.endogenous.value <= found.total.value
    assert found.total.lower < found.total.value < found.total.upper


def test_nadirs_are_quantiles_of_the_minima_of_the_draws_curves() -> None:
    """By brute force: each draw's curve on a grid, its own minimum, median and quantiles; structures averaged."""
    fit = fit_of(tuple(np.linspace(-3.0, 200.0, 8)), drift=False)
    found = nadirs(fit, WHOLE)
    grid = np.linspace(0.0, 200.0, 4001)
    endogenous, infused = igg_curve(fit.all_draws().theta, fit.fitted()[0].schedule, grid)
    for estimate, levels in ((found.total, endogenous + infused), (found.endogenous, endogenous)):
        wanted = np.quantile(levels.min(axis=1), [0.025, 0.5, 0.975])
        assert (estimate.lower, estimate.value, estimate.upper) == pytest.approx(tuple(wanted), rel=1e-3)


def test_drifting_courses_have_their_minima_and_times_on_the_drawn_path() -> None:
    """By brute force: curve times 1 + u on a grid ten times finer. Without drift the exact minimum."""
    fit = fit_of(tuple(np.linspace(-3.0, 200.0, 8)), ((20.0, 30.0), (48.0, 30.0)))
    courses = fit_courses(fit, WHOLE.end, seed=1)
    assert 0.05 < np.mean(courses.drifting) < 0.95
    minima = courses.minima(WHOLE, (4.0,))
    grid = np.unique(np.append(np.linspace(0.0, 200.0, 2001), [20.0, 48.0]))
    total, endogenous = courses.levels(grid)
    np.testing.assert_allclose(minima.total, total.min(axis=1), rtol=2e-3)
    np.testing.assert_allclose(minima.endogenous, endogenous.min(axis=1), rtol=2e-3)
    np.testing.assert_allclose(minima.days_below[:, 0], 200.0 * np.mean(total < 4.0, axis=1), atol=1.0)
    below = (total < 4.0).any(axis=1) & np.isfinite(minima.first_below[:, 0])
    first = grid[(total < 4.0).argmax(axis=1)]
    assert np.mean(np.abs(minima.first_below[:, 0] - first)[below] < 0.5) > 0.95
    samples, _ = courses.levels(fit.fitted()[0].day)
    assert samples[courses.drifting].std() > 0


def test_position_and_reached_follow_therapy_and_recovery() -> None:
    """Early in therapy IgG still falls: lowest at the window's end, not reached; long after it has come back."""
    during = fit_of(tuple(np.linspace(-3.0, 60.0, 10)))
    early = nadirs(during, Window(start=0.0, end=60.0, reason="test"))
    assert not early.reached  # therapy goes on after the window
    months = tuple(np.linspace(-3.0, 400.0, 25))
    late = nadirs(fit_of(months), Window(start=0.0, end=400.0, reason="test"))
    assert late.position == "interior"
    assert late.reached
    assert late.share_risen > 0.9
    assert CYCLES[0][0] < late.day.value < 400.0


def test_an_interior_minimum_without_a_rise_is_only_the_lowest_so_far() -> None:
    months = tuple(np.linspace(-3.0, 400.0, 25))
    fit = fit_of(months)
    lowest_day = nadirs(fit, Window(start=0.0, end=400.0, reason="test")).day.value
    just_after = nadirs(fit, Window(start=0.0, end=lowest_day + 3.0, reason="test"))
    assert just_after.position in ("interior", "end")
    assert not just_after.reached


def test_times_below_a_threshold_are_those_of_a_fine_grid() -> None:
    fit = fit_of(tuple(np.linspace(-3.0, 200.0, 15)), average=False, drift=False)
    problem = fit.fitted()[0]
    grid = np.linspace(0.0, 200.0, 4001)
    total = np.add(*igg_curve(fit.all_draws().theta, problem.schedule, grid))
    threshold = float(0.5 * (total.min() + total[0, 0]))
    (below,) = nadirs(fit, WHOLE, (threshold,)).below
    assert below.days.value == pytest.approx(np.median(200.0 * np.mean(total < threshold, axis=1)), abs=0.1)
    first = np.where((total < threshold).any(axis=1), grid[np.argmax(total < threshold, axis=1)], np.inf)
    assert below.first_day.value == pytest.approx(np.median(first), abs=0.1)
    (never,) = nadirs(fit, WHOLE, (1e-6,)).below
    assert np.isinf(never.first_day.value)
    assert never.days.value == 0.0
    assert never.share_ever == 0.0


def test_expected_raw_nadir_is_the_mean_lowest_of_simulated_measurements() -> None:
    """By brute force with other random numbers; more samples of one level read lower."""
    fit = fit_of(tuple(np.linspace(-3.0, 200.0, 15)))
    found = nadirs(fit, WHOLE)
    problem, _, draws = fit.fitted()
    days = problem.day[problem.day >= 0.0]
    levels = np.add(*igg_curve(draws.theta, problem.schedule, days))
    generator = np.random.default_rng(99)
    repeats = [
        draws.mean((levels + np.hypot(problem.a, problem.b * levels) * generator.standard_normal(levels.shape)).min(1))
        for _ in range(30)
    ]
    assert found.predicted_raw.mean == pytest.approx(np.mean(repeats), rel=0.02)
    assert found.predicted_raw.mean < found.total.value
    assert 0.0 <= found.predicted_raw.observed_percentile <= 1.0


def test_the_window_ends_at_death_and_the_nadir_with_it() -> None:
    patient = drawn(planned(tuple(np.linspace(-3.0, 200.0, 15))), np.random.default_rng(4)).patient
    cut = replace(patient, follow_up_end=50.0, end_reason="death")
    window = nadir_window(cut)
    assert (window.start, window.end) == (0.0, 50.0)
    assert raw_nadir(cut, window).day <= 50.0


def test_measurements_scatter_as_the_draw_behind_them_has_it() -> None:
    """Heavy tails for the draws of the heavy-tailed model (sum of their shares in the average), and for no other."""
    fit = fit_of((0.0, 10.0, 25.0, 45.0, 60.0, 90.0, 120.0, 160.0))
    draws = fit.all_draws()
    heavy = draws.kind == STUDENT_T
    share = sum(row.weight for row in fit.alternatives if row.problem.kind == STUDENT_T)
    assert heavy.mean() == pytest.approx(share, abs=0.01)
    assert set(draws.kind) <= {NORMAL, STUDENT_T}
    assert not np.any(heavy & (draws.drift_sd > 0))
    problem = fit.fitted()[0]
    levels = np.full((4000, 50), 100.0)
    kind = np.where(np.arange(4000) < 2000, NORMAL, STUDENT_T).astype(np.int8)
    off = np.abs(noisy(levels, problem, kind, np.random.default_rng(1)) - 100.0) / np.hypot(
        problem.a, problem.b * 100.0
    )
    assert np.mean(off[:2000] > 4.0) == pytest.approx(6.3e-5, abs=6e-5)
    assert np.mean(off[2000:] > 4.0) == pytest.approx(0.0161, rel=0.1)
