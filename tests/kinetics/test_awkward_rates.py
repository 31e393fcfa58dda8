"""Equal, zero and extreme rates against truth in many digits; divided differences against mpmath."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from awkward_patients import DAYS, PATIENTS, TREATMENT
from hypothesis import given, settings
from hypothesis import strategies as st
from matrix_exponential import exact_levels
from treatments import log_uniform

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.exponentials import decay, decay_pair, decay_triple, forced_response, pair_of, triple_from_zero


@pytest.mark.parametrize("patient", PATIENTS)
def test_curve_at_awkward_rates(patient: str) -> None:
    endogenous, infused = igg_curve(PATIENTS[patient], TREATMENT.schedule(), DAYS)
    exact_endogenous, exact_infused = exact_levels(PATIENTS[patient], TREATMENT, DAYS)
    np.testing.assert_allclose(endogenous, exact_endogenous, rtol=2e-13, atol=1e-25)
    np.testing.assert_allclose(infused, exact_infused, rtol=2e-13, atol=1e-25)


RATES = st.one_of(st.just(0.0), log_uniform(1e-12, 1e4))
DAY = log_uniform(1e-9, 1e4)
APART = st.sampled_from([0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-4, 1e-2, 0.1, 1.0, 30.0])


def exact_difference(rates: list[float], t: float) -> mpmath.mpf:
    """exp(-r t) convolved over the rates; equal ones are parted by 1e-40, which moves the result by 1e-40."""
    with mpmath.workdps(200):
        parted = [mpmath.mpf(rate) + (k + 1) * mpmath.mpf("1e-40") for k, rate in enumerate(rates)]
        total = mpmath.mpf(0)
        for k, rate in enumerate(parted):
            others = [other - rate for j, other in enumerate(parted) if j != k]
            total += mpmath.exp(-rate * mpmath.mpf(t)) / mpmath.fprod(others)
        return total


def assert_relative(found: float, exact: mpmath.mpf, tolerance: float) -> None:
    assert abs(found - exact) <= tolerance * abs(exact) + mpmath.mpf("1e-290")


@given(RATES, APART, APART, DAY, st.permutations([0, 1, 2]))
@settings(max_examples=400)
def test_divided_differences_of_near_and_far_rates(
    rate: float, first: float, second: float, t: float, order: list[int]
) -> None:
    """Relative to rate: the conditioning of exp(-rate t) itself, rate * t roundings, cannot be undercut."""
    rates = [rate, rate * (1 + first), rate * (1 + second)]
    a, b, c = (rates[k] for k in order)
    rounding = 2.3e-16 * min(rates) * t
    of_pair = 2.3e-16 * min(a, b) * t
    assert_relative(decay_pair(a, b, t), exact_difference([a, b], t), 1e-15 + of_pair)
    assert_relative(decay_triple(a, b, c, t), exact_difference([a, b, c], t), 1e-14 + rounding)


@given(RATES, RATES, RATES, DAY)
@settings(max_examples=400)
def test_divided_differences_of_unrelated_rates(a: float, b: float, c: float, t: float) -> None:
    rounding = 2.3e-16 * min(a, b, c) * t
    assert_relative(decay_pair(a, b, t), exact_difference([a, b], t), 1e-15 + 2.3e-16 * min(a, b) * t)
    assert_relative(decay_triple(a, b, c, t), exact_difference([a, b, c], t), 1e-14 + rounding)
    step = decay(a, t)
    assert_relative(step.area, exact_difference([0.0, a], t), 1e-15)
    assert_relative(step.left, mpmath.exp(-mpmath.mpf(a) * mpmath.mpf(t)), 1e-15 + 2.3e-16 * a * t)


@given(RATES, APART, DAY, st.booleans())
@settings(max_examples=400)
def test_differences_made_from_single_decays(rate: float, apart: float, t: float, turned: bool) -> None:
    """The forms that reuse exponentials equal the plain ones, for near and for far rates."""
    a, b = (rate * (1 + apart), rate) if turned else (rate, rate * (1 + apart))
    one, other = decay(a, t), decay(b, t)
    rounding = 4e-16 * min(a, b) * t
    pair, twice_a, twice_b = pair_of(one, other, t)
    assert_relative(pair, exact_difference([a, b], t), 2e-15 + rounding)
    assert_relative(twice_a, exact_difference([a, a, b], t), 1e-14 + rounding)
    assert_relative(twice_b, exact_difference([a, b, b], t), 1e-14 + rounding)
    assert_relative(one.slope, exact_difference([0.0, a, a], t), 1e-14)
    assert_relative(triple_from_zero(one, other, pair, t), exact_difference([0.0, a, b], t), 1e-14)


@given(RATES, RATES, DAY, st.floats(0.0, 10.0), st.floats(-1.0, 10.0))
@settings(max_examples=200)
def test_response_to_a_decaying_input(rate: float, input_rate: float, t: float, constant: float, share: float) -> None:
    """Input constant + decaying * exp(-r s), never below 0: no digits are lost when decaying is negative."""
    decaying = share * constant
    loss, source = decay(rate, t), decay(input_rate, t)
    flat, falling = exact_difference([0.0, rate], t), exact_difference([rate, input_rate], t)
    with mpmath.workdps(60):  # the two nearly cancel
        exact = constant * flat + decaying * falling
    assert_relative(forced_response(loss, source, pair_of(loss, source, t).value, t, constant, decaying), exact, 1e-13)
