"""Divided differences of the exponential: convolutions of decays, accurate at equal, zero and extreme rates.

D[a, b] = int_0^t exp(-a s) exp(-b (t-s)) ds = (exp(-a t) - exp(-b t)) / (b - a), and D[a, b, c] likewise for
three decays in a chain. Both are positive and symmetric; dD[a, b]/da = -D[a, a, b].
Source: McCurdy, Ng, Parlett, Math. Comp. 1984;43:501 (series for close, recursion for distant arguments).
"""

from __future__ import annotations

from math import exp, expm1

from igkinetics.kinetics.compile import kernel

CLOSE = 0.3  # spread * t below which the recursion would cancel more than a digit
SERIES_TERMS = 14  # remainder below 1e-17 for a spread of CLOSE


@kernel
def decay_pair(a: float, b: float, t: float) -> float:
    """D[a, b] at time t; rates 1/day, 0 or more and finite; day."""
    low = min(a, b)
    gap = abs(b - a)
    x = gap * t
    if x == 0.0:
        return t * exp(-low * t)
    return -exp(-low * t) * expm1(-x) / gap


@kernel
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
    factor = 0.5
    total = 0.5
    for n in range(1, SERIES_TERMS):
        power *= u
        homogeneous = spread * homogeneous + power
        factor /= -(n + 2.0)
        total += factor * homogeneous
    return exp(-low * t) * t * t * total


@kernel
def saturation(rate: float, t: float) -> float:
    """D[0, rate] = (1 - exp(-rate t)) / rate: response to a unit constant input; day."""
    if rate == 0.0:
        return t
    return -expm1(-rate * t) / rate


@kernel
def forced_response(rate: float, input_rate: float, t: float, constant: float, decaying: float) -> float:
    """Response of a decay `rate` to the input constant + decaying * exp(-input_rate s), from 0 to t.

    Written so that no two terms cancel while the input stays 0 or more.
    """
    if decaying == 0.0:
        return constant * saturation(rate, t)
    pair = decay_pair(rate, input_rate, t)
    if decaying > 0.0:
        return constant * saturation(rate, t) + decaying * pair
    return (constant + decaying) * pair + constant * input_rate * decay_triple(0.0, input_rate, rate, t)


@kernel
def absorbed(rate: float, ka: float, t: float, depot: float, filling: float) -> float:
    """Response of a decay `rate` to absorption from a depot that holds `depot` and is filled at `filling` per day.

    Apart, for a short infusion beside a bolus: the first is huge while it lasts.
    """
    response = ka * depot * decay_pair(rate, ka, t)
    if filling != 0.0:
        response += ka * filling * decay_triple(0.0, ka, rate, t)
    return response
