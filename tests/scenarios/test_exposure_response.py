"""Published rates are reproduced; ratios obey what a log-linear relation must."""

from __future__ import annotations

import math

import numpy as np
import pytest

from igkinetics.scenarios.exposure_response import (
    ANY_INFECTION,
    EVIDENCE_LABEL,
    PNEUMONIA,
    RELATIONS,
    drawn_ratio,
    events_per_patient_year,
    outside_studied,
    rate_ratio,
    slope_sd,
)


def test_the_published_rates_of_pneumonia() -> None:
    """Orange 2010: 0.113 per patient-year at 500 mg/dL and 0.023 at 1000; the second was not put in."""
    assert events_per_patient_year(PNEUMONIA, 5.0)[0] == pytest.approx(0.113)
    assert events_per_patient_year(PNEUMONIA, 10.0)[0] == pytest.approx(0.023, abs=0.0005)
    ratio, lower, upper = rate_ratio(PNEUMONIA, 6.0, 5.0)
    assert (ratio, lower, upper) == pytest.approx((0.726, 0.658, 0.801))


def test_infections_fall_by_13_percent_per_100_mg_dl_and_no_further_than_960() -> None:
    assert rate_ratio(ANY_INFECTION, 7.5, 6.5)[0] == pytest.approx(0.87)
    assert rate_ratio(ANY_INFECTION, 8.5, 6.5)[0] == pytest.approx(0.87 * 0.87)
    assert rate_ratio(ANY_INFECTION, 12.0, 9.6)[0] == 1.0
    assert rate_ratio(ANY_INFECTION, 14.0, 6.6)[0] == pytest.approx(0.87**3)
    assert np.isnan(rate_ratio(ANY_INFECTION, 7.5, 6.5)[1])


def test_ratios_compose_and_invert() -> None:
    one, two = rate_ratio(PNEUMONIA, 7.3, 5.0)[0], rate_ratio(PNEUMONIA, 9.1, 7.3)[0]
    assert one * two == pytest.approx(rate_ratio(PNEUMONIA, 9.1, 5.0)[0])
    down, low, high = rate_ratio(PNEUMONIA, 4.0, 6.0)
    up, low_up, high_up = rate_ratio(PNEUMONIA, 6.0, 4.0)
    assert (down, low, high) == pytest.approx((1 / up, 1 / high_up, 1 / low_up))
    assert low < down < high
    troughs = np.array([[4.0, 5.0], [6.0, 7.0]])
    assert rate_ratio(PNEUMONIA, troughs, 5.0)[0].shape == (2, 2)
    assert rate_ratio(PNEUMONIA, 5.0, 5.0) == pytest.approx((1.0, 1.0, 1.0))


def test_drawn_slopes_have_the_published_interval() -> None:
    draws = drawn_ratio(PNEUMONIA, np.array([6.0, 8.0]), 5.0, np.random.default_rng(3).standard_normal(200_000))
    assert draws.shape == (200_000, 2)
    np.testing.assert_allclose(np.quantile(draws[:, 0], [0.025, 0.975]), [0.658, 0.801], rtol=0.005)
    np.testing.assert_allclose(np.median(draws[:, 1]), 0.726**3, rtol=0.005)
    assert slope_sd(PNEUMONIA) == pytest.approx(math.log(0.801 / 0.658) / 3.92, rel=1e-4)
    assert math.isnan(slope_sd(ANY_INFECTION))


def test_what_was_not_published_or_not_studied_is_not_passed_over() -> None:
    with pytest.raises(AssertionError, match="no rate is published for any infection"):
        events_per_patient_year(ANY_INFECTION, 7.0)
    outside = outside_studied(PNEUMONIA, np.array([3.0, 5.0, 10.0, 11.0]))
    np.testing.assert_array_equal(outside, [True, False, False, True])
    assert "Between-study" in EVIDENCE_LABEL
    assert all(relation.source for relation in RELATIONS)
