"""Statistics of two groups against enumeration, closed forms and simulation."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy import stats

from igkinetics.compare import statistics as group_tests
from igkinetics.compare.statistics import (
    POWER,
    detectable_hazard_ratio,
    detectable_risks,
    detectable_shift,
    significant_tables,
)

LEVEL = 0.95


def enumerated_u(n_a: int, n_b: int) -> np.ndarray:
    """Mann-Whitney U of every way to give n_a of the ranks to group a."""
    ranks = range(n_a + n_b)
    return np.array([sum(chosen) - n_a * (n_a - 1) // 2 for chosen in combinations(ranks, n_a)])


@pytest.mark.parametrize(("n_a", "n_b"), [(4, 4), (3, 7), (8, 6), (11, 5)])
def test_rank_of_the_shift_interval_is_the_tail_of_all_arrangements(n_a: int, n_b: int) -> None:
    u = enumerated_u(n_a, n_b)
    rank = group_tests.lowest_accepted_rank(n_a, n_b, LEVEL)
    assert np.mean(u <= rank) >= 0.025
    assert np.mean(u <= rank - 1) < 0.025


def test_three_against_three_has_no_interval_of_this_level() -> None:
    interval, p = group_tests.shift(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.5]), LEVEL)
    assert np.isnan(interval.lower)
    assert p == pytest.approx(0.1)  # 2 of 20 arrangements


def test_shift_follows_its_data_and_its_interval_inverts_the_test() -> None:
    generator = np.random.default_rng(5)
    a, b = generator.normal(3.0, 1.0, 17), generator.normal(3.5, 1.0, 6)
    interval, _ = group_tests.shift(a, b, LEVEL)
    moved, _ = group_tests.shift(a + 2.0, b, LEVEL)
    turned, _ = group_tests.shift(b, a, LEVEL)
    assert (moved.lower, moved.value, moved.upper) == pytest.approx(
        (interval.lower + 2.0, interval.value + 2.0, interval.upper + 2.0)
    )
    assert (turned.lower, turned.upper) == pytest.approx((-interval.upper, -interval.lower))
    for end, inside in ((interval.lower, 1.0), (interval.upper, -1.0)):
        assert stats.mannwhitneyu(a - end - inside * 1e-9, b, method="exact").pvalue >= 0.05
        assert stats.mannwhitneyu(a - end + inside * 1e-9, b, method="exact").pvalue < 0.05


def test_exact_interval_of_none_in_n() -> None:
    interval = group_tests.risk(0, 12, LEVEL)
    assert interval.lower == 0.0
    assert interval.upper == pytest.approx(1.0 - 0.025 ** (1.0 / 12.0))


@pytest.mark.parametrize(("a", "b"), [((14, 17), (4, 6)), ((4, 17), (1, 6)), ((3, 9), (8, 10))])
def test_fisher_sums_the_tables_that_are_no_likelier(a: tuple[int, int], b: tuple[int, int]) -> None:
    total = a[0] + b[0]
    ways = [comb(a[1], i) * comb(b[1], total - i) for i in range(max(0, total - b[1]), min(a[1], total) + 1)]
    observed = comb(a[1], a[0]) * comb(b[1], b[0])
    expected = sum(way for way in ways if way <= observed) / sum(ways)
    assert group_tests.fisher(*a, *b) == pytest.approx(expected)


def test_risk_difference_agrees_with_draws() -> None:
    generator = np.random.default_rng(6)
    draws = generator.beta(14.5, 3.5, 400_000) - generator.beta(4.5, 2.5, 400_000)
    interval, above = group_tests.risk_difference(14, 17, 4, 6, LEVEL)
    assert (interval.lower, interval.value, interval.upper) == pytest.approx(
        np.quantile(draws, [0.025, 0.5, 0.975]), abs=0.004
    )
    assert above == pytest.approx(np.mean(draws > 0), abs=0.004)


def test_kaplan_meier_median_by_hand() -> None:
    day, happened = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, True])
    assert group_tests.median_time(day, happened, LEVEL).value == 3.0  # 3/4, then 3/4 * 1/2
    assert np.isnan(group_tests.median_time(day, np.array([True, False, False, False]), LEVEL).value)
    assert np.isnan(group_tests.median_time(day, np.zeros(4, dtype=bool), LEVEL).value)


def test_kaplan_meier_median_of_a_curve_that_is_flat_at_one_half() -> None:
    """The middle of the flat stretch, as the sample median of times that are all known, and as R's survfit."""
    day = np.array([20.0, 30.0, 41.0, 80.0, 90.0, 95.0])
    everybody = np.full(6, True)
    assert group_tests.median_time(day, everybody, LEVEL).value == np.median(day) == 60.5
    censored_later = np.array([True, True, True, False, True, False])  # flat from 41 until the fall on day 90
    assert group_tests.median_time(day, censored_later, LEVEL).value == 65.5
    never_on = np.array([True, True, True, False, False, False])  # flat at one half to the end: its first day
    assert group_tests.median_time(day, never_on, LEVEL).value == 41.0


def test_interval_of_the_median_time_covers_it() -> None:
    generator = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        event, censored = generator.exponential(50.0, 40), generator.uniform(20.0, 150.0, 40)
        found = group_tests.median_time(np.minimum(event, censored), event <= censored, LEVEL)
        covered += found.lower <= 50.0 * np.log(2.0) <= (found.upper if np.isfinite(found.upper) else np.inf)
    assert 0.92 <= covered / 300 <= 0.985


def test_log_rank_by_hand() -> None:
    a, b = np.array([1.0, 3.0]), np.array([2.0, 4.0])
    everyone = np.ones(2, dtype=bool)
    observed, expected = 2.0, 2 / 4 + 1 / 3 + 1 / 2  # at risk: 2 of 4, 1 of 3, 1 of 2, 0 of 1
    variance = 1 / 4 + 2 / 9 + 1 / 4
    z = (observed - expected) / np.sqrt(variance)
    assert group_tests.log_rank(a, everyone, b, everyone) == pytest.approx(2.0 * stats.norm.sf(abs(z)))
    assert np.isnan(group_tests.log_rank(a, ~everyone, b, ~everyone))


def test_a_detectable_shift_is_seen_in_four_of_five_studies() -> None:
    generator = np.random.default_rng(8)
    a, b = generator.normal(0.0, 100.0, 17), generator.normal(0.0, 100.0, 6)
    pooled = np.sqrt((16 * np.var(a, ddof=1) + 5 * np.var(b, ddof=1)) / 21)
    shift = detectable_shift(a, b, LEVEL)
    studies_a, studies_b = generator.normal(shift, pooled, (4000, 17)), generator.normal(0.0, pooled, (4000, 6))
    seen = stats.mannwhitneyu(studies_a, studies_b, axis=1, method="asymptotic").pvalue < 0.05
    assert seen.mean() == pytest.approx(POWER, abs=0.03)


@pytest.mark.parametrize(("n_a", "n_b", "tolerance"), [(17, 30, 0.03), (120, 120, 0.03), (1100, 1000, 0.04)])
def test_a_detectable_risk_is_seen_in_four_of_five_studies(n_a: int, n_b: int, tolerance: float) -> None:
    generator = np.random.default_rng(9)
    low, high = detectable_risks(n_a, n_b, 0.4, LEVEL)
    assert low < 0.4 < high
    for risk in (low, high):
        counts = zip(generator.binomial(n_a, risk, 3000), generator.binomial(n_b, 0.4, 3000), strict=True)
        tables = [(int(i), int(j)) for i, j in counts]
        p = {table: group_tests.fisher(table[0], n_a, table[1], n_b) for table in set(tables)}
        assert np.mean([p[table] < 0.05 for table in tables]) == pytest.approx(POWER, abs=tolerance)


@pytest.mark.parametrize(("n_a", "n_b"), [(5, 5), (17, 6), (7, 12)])
def test_significant_tables_are_those_of_fishers_test(n_a: int, n_b: int) -> None:
    p = np.array([[group_tests.fisher(i, n_a, j, n_b) for j in range(n_b + 1)] for i in range(n_a + 1)])
    np.testing.assert_array_equal(significant_tables(n_a, n_b, 0.05), p < 0.05)


def test_the_detectable_hazard_ratio_is_seen_four_times_in_five() -> None:
    """Against simulated exponential times, all of which end in an event."""
    generator, n = np.random.default_rng(5), 60
    ratio = detectable_hazard_ratio(2 * n, n, n, 0.95)
    everybody = np.ones(n, dtype=bool)
    times = [(generator.exponential(1 / ratio, n), generator.exponential(1.0, n)) for _ in range(1000)]
    seen = [group_tests.log_rank(a, everybody, b, everybody) < 0.05 for a, b in times]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.04)
    assert np.isnan(detectable_hazard_ratio(0, 5, 5, 0.95))
