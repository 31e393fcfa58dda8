"""Divided differences of the exponential: convolutions of decays, accurate at equal, zero and extreme rates.

D[a, b] = int_0^t exp(-a s) exp(-b (t-s)) ds = (exp(-a t) - exp(-b t)) / (b - a), and D[a, b, c] likewise for
three decays in a chain. Both are positive and symmetric; dD[a, b]/da = -D[a, a, b].
Source: McCurdy, Ng, Parlett, Math. Comp. 1984;43:501 (series for close, recursion for distant arguments).
"""

from __future__ import annotations

from math import exp, expm1, factorial
from typing import Final, NamedTuple

from igkinetics.kinetics.compile import inner

CLOSE = 0.3  # spread * t below which the recursion would cancel more than a digit
SERIES_TERMS = 14  # remainder below 1e-17 for a spread of HALVED
SERIES: Final = tuple((-1.0) ** n / factorial(n + 2) for n in range(SERIES_TERMS))
HALVED = 0.5  # |difference of rates| * t above which a difference of exponentials loses less than two bits


class Decay(NamedTuple):
    """One rate over one step, so that each exponential is computed once."""

    rate: float  # 1/day
    left: float  # exp(-rate t)
    area: float  # D[0, rate] = (1 - exp(-rate t)) / rate, day: the response to a unit constant input
    slope: float  # D[0, rate, rate] = -d area / d rate, day^2


class Pair(NamedTuple):
    """Two decays in a chain over one step, with what their derivatives are made of."""

    value: float  # D[a, b], day
    twice_a: float  # D[a, a, b] = -dD[a, b]/da, day^2
    twice_b: float  # D[a, b, b] = -dD[a, b]/db, day^2


@inner
def second_difference(x: float) -> float:
    """(exp(-x) - 1 + x) / x^2 for |x| up to HALVED, by its series."""
    square = x * x  # two chains of products, which the processor works on at once
    even = odd = 0.0
    for n in range(SERIES_TERMS - 2, -1, -2):
        even = even * square + SERIES[n]
        odd = odd * square + SERIES[n + 1]
    return even + x * odd


@inner
def decay(rate: float, t: float) -> Decay:
    """rate 1/day, 0 or more and finite; t days, 0 or more."""
    x = rate * t
    if x > HALVED:
        left = exp(-x)
        area = (1.0 - left) / rate
        return Decay(rate, left, area, (area - t * left) / rate)
    second = second_difference(x)
    area = t * (1.0 - x * second)
    return Decay(rate, 1.0 - rate * area, area, t * (area - t * second))


@inner
def pair_of(a: Decay, b: Decay, t: float) -> Pair:
    """D[a, b] and its two derivatives without another exponential."""
    gap = b.rate - a.rate
    x = gap * t
    if abs(x) > HALVED:
        value = (a.left - b.left) / gap
        return Pair(value, (t * a.left - value) / gap, (value - t * b.left) / gap)
    second = a.left * t * second_difference(x)
    value = a.left * t - x * second
    return Pair(value, t * second, t * (value - second))


@inner
def decay_pair(a: float, b: float, t: float) -> float:
    """D[a, b] at time t; rates 1/day, 0 or more and finite; day."""
    low = min(a, b)
    gap = abs(b - a)
    x = gap * t
    if x == 0.0:
        return t * exp(-low * t)
    return -exp(-low * t) * expm1(-x) / gap


@inner
def decay_triple(a: float, b: float, c: float, t: float) -> float:
    """D[a, b, c] at time t; day^2."""
    low = min(a, b, c)
    high = max(a, b, c)
    middle = max(min(a, b), min(max(a, b), c))
    spread = (high - low) * t
    if spread > CLOSE:
        return (decay_pair(low, middle, t) - decay_pair(middle, high, t)) / (high - low)
    u = (middle - low) * t
    power = 1.0
    homogeneous = 1.0
    total = SERIES[0]
    for factor in SERIES[1:]:
        power *= u
        homogeneous = spread * homogeneous + power
        total += factor * homogeneous
    return exp(-low * t) * t * t * total


@inner
def triple_from_zero(a: Decay, b: Decay, pair: float, t: float) -> float:
    """D[0, a, b], where pair = D[a, b]; day^2."""
    high = max(a.rate, b.rate)
    if high * t > CLOSE:
        return ((a.area if a.rate < b.rate else b.area) - pair) / high
    return decay_triple(0.0, a.rate, b.rate, t)


@inner
def forced_response(loss: Decay, source: Decay, pair: float, t: float, constant: float, decaying: float) -> float:
    """Response of a decay `loss` to the input constant + decaying * exp(-source.rate s), from 0 to t.

    pair = D[loss, source]. Written so that no two terms cancel while the input stays 0 or more.
    """
    lag = triple_from_zero(source, loss, pair, t) if decaying < 0.0 else 0.0
    return response_to_input(loss.area, pair, lag, source.rate, constant, decaying)


@inner
def response_to_input(area: float, pair: float, lag: float, rate: float, constant: float, decaying: float) -> float:
    """The same by its divided differences: area = D[0, loss], pair = D[loss, source], lag = D[0, loss, source]."""
    if decaying >= 0.0:
        return constant * area + decaying * pair
    return (constant + decaying) * pair + constant * rate * lag


@inner
def absorbed(loss: Decay, absorption: Decay, pair: float, t: float, depot: float, filling: float) -> float:
    """Response of a decay `loss` to absorption from a depot that holds `depot` and is filled at `filling` per day.

    pair = D[loss, absorption]. Apart, for a short infusion beside a bolus: the first is huge while it lasts.
    """
    response = absorption.rate * depot * pair
    if filling != 0.0:
        response += absorption.rate * filling * triple_from_zero(absorption, loss, pair, t)
    return response
