"""Where a segment's curve turns: all roots of its slope, an exponential sum of at most four terms.

A sum of n exponentials times exp(r1 t) has a derivative with n - 1 terms; between two roots of that derivative
there is at most one root (Rolle). Going down to one term, which has none, every root is bracketed. The signs of that
chain at both ends bound the number of roots before any is looked for (Budan): mostly there is none, or one.
Source: the argument is classical (Polya and Szego, Part V, Descartes' rule for exponential sums).
"""

from __future__ import annotations

from math import exp

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.disposition import RATE, TO_1_FROM_1, count_modes
from igkinetics.kinetics.parameters import C_BASE, CL, KA, V1, F, Floats, Q
from igkinetics.kinetics.propagate import DEPOT, ENDOGENOUS, INFUSED, SUPPLY, production_input
from igkinetics.kinetics.schedule import IV_RATE, SC_RATE

MAX_TERMS = 4
FLAT = 1e-12
"""Levels closer than this share count as equal, so that the earliest day of a flat minimum is found, not rounding."""
APART = 1e-6  # equal rates are parted by this share: moves a turning day by less than rounding of the level does
BISECTIONS = 60


@inner
def exponential_sum(coefficients: Floats, rates: Floats, first: int, n: int, t: float) -> float:
    """Sum over j in [first, n) of coefficients_j exp(-(rates_j - rates_first) t); same sign as the plain sum."""
    total = coefficients[first]
    for j in range(first + 1, n):
        total += coefficients[j] * exp(-(rates[j] - rates[first]) * t)
    return total


@inner
def bracketed_root(coefficients: Floats, rates: Floats, first: int, n: int, low: float, high: float) -> float:
    """Root between low and high, where the sum has opposite signs (regula falsi, Illinois, kept bracketed)."""
    f_low = exponential_sum(coefficients, rates, first, n, low)
    f_high = exponential_sum(coefficients, rates, first, n, high)
    for _ in range(BISECTIONS):
        t = high - f_high * (high - low) / (f_high - f_low)
        if not low < t < high:
            t = 0.5 * (low + high)
        f = exponential_sum(coefficients, rates, first, n, t)
        if f == 0.0 or high - low <= 4e-16 * high:
            return t
        if f * f_high < 0.0:
            low, f_low = high, f_high
        else:
            f_low *= 0.5
        moved = abs(t - high)
        high, f_high = t, f
        if moved <= 1e-14 * abs(t):
            return t
        if low > high:
            low, high = high, low
            f_low, f_high = f_high, f_low
    return high


@inner
def sort_by_rate(coefficients: Floats, rates: Floats, n: int) -> None:
    """Ascending rates, in place."""
    for i in range(1, n):
        for j in range(i, 0, -1):
            if rates[j] < rates[j - 1]:
                rates[j], rates[j - 1] = rates[j - 1], rates[j]
                coefficients[j], coefficients[j - 1] = coefficients[j - 1], coefficients[j]


@inner
def sign_changes(coefficients: Floats, n: int) -> int:
    """Descartes' bound on the number of roots; zeros are passed over."""
    changes = 0
    last = 0.0
    for j in range(n):
        if coefficients[j] != 0.0:
            changes += 1 if coefficients[j] * last < 0.0 else 0
            last = coefficients[j]
    return changes


@inner
def most_roots(chain: Floats, rates: Floats, n: int, length: float) -> int:
    """A bound on the sign changes of chain[0] in (0, length), exact where it is 0 or 1: how many sign changes fewer the
    chain of derivatives has at the end than at the start; n where a zero at either end leaves it open.
    """
    at_start = at_end = 0
    start_before = end_before = 0.0
    for level in range(n):
        start, end = 0.0, 0.0
        for j in range(level, n):
            start += chain[level, j]
        end = exponential_sum(chain[level], rates, level, n, length)
        if start == 0.0 or end == 0.0:
            return n
        at_start += start * start_before < 0.0
        at_end += end * end_before < 0.0
        start_before, end_before = start, end
    fewer = at_start - at_end
    return fewer if fewer >= 0 else n


@inner
def exponential_roots(coefficients: Floats, rates: Floats, n: int, length: float, roots: Floats, room: Floats) -> int:
    """All sign changes of sum_j coefficients_j exp(-rates_j t) in (0, length), ascending, into roots (4,).

    coefficients, rates (n <= 4) with distinct rates, and room (5, 4) are overwritten. Returns their number.
    """
    sort_by_rate(coefficients, rates, n)
    changes = sign_changes(coefficients, n)
    if changes == 0:
        return 0
    if changes == 1:
        start = exponential_sum(coefficients, rates, 0, n, 0.0)
        if start * exponential_sum(coefficients, rates, 0, n, length) > 0.0:
            return 0
    chain, inner_roots = room[:MAX_TERMS], room[MAX_TERMS]
    for j in range(n):
        chain[0, j] = coefficients[j]
    for level in range(1, n):
        for j in range(level, n):
            chain[level, j] = chain[level - 1, j] * (rates[level - 1] - rates[j])
    most = most_roots(chain, rates, n, length)
    if most == 0:
        return 0
    if most == 1:
        roots[0] = bracketed_root(chain[0], rates, 0, n, 0.0, length)
        return 1
    n_roots = 0
    for level in range(n - 2, -1, -1):
        for k in range(n_roots):
            inner_roots[k] = roots[k]
        edges, n_roots = n_roots, 0
        low = 0.0
        f_low = exponential_sum(chain[level], rates, level, n, low)
        for k in range(edges + 1):
            high = inner_roots[k] if k < edges else length
            f_high = exponential_sum(chain[level], rates, level, n, high)
            if f_low * f_high < 0.0:
                roots[n_roots] = bracketed_root(chain[level], rates, level, n, low, high)
                n_roots += 1
            low, f_low = high, f_high
    return n_roots


@inner
def parted(rate: float, modes: Floats, n_modes: int) -> float:
    """An input rate moved off the disposition rates where it equals one of them."""
    for i in range(n_modes):
        scale = max(rate, modes[i, RATE])
        if abs(rate - modes[i, RATE]) < APART * scale:
            return modes[i, RATE] + APART * scale
    return rate


@inner
def slope_terms(
    theta: Floats, modes: Floats, segment: Floats, state: Floats, total: bool, coefficients: Floats, rates: Floats
) -> int:
    """dC1/dt in a segment as a sum of exponentials; endogenous alone, or total. Returns the number of terms."""
    n_modes = count_modes(theta[Q])
    constant, decaying, input_rate = production_input(theta, segment, state[SUPPLY])
    production = theta[CL] * theta[C_BASE] / theta[V1]
    constant *= production
    decaying *= production
    subcutaneous = total and (state[DEPOT] != 0.0 or segment[SC_RATE] != 0.0)
    given = 0.0
    if total:
        constant += segment[IV_RATE] / theta[V1]
    if subcutaneous:
        given = theta[F] * segment[SC_RATE] / theta[V1]
    n = n_modes
    supply_place = depot_place = -1
    if decaying != 0.0:
        supply_place, n = n, n + 1
        input_rate = parted(input_rate, modes, n_modes)
        rates[supply_place], coefficients[supply_place] = input_rate, 0.0
    ka = theta[KA]
    if subcutaneous:
        depot_place, n = n, n + 1
        ka = parted(ka, modes, n_modes)
        if supply_place >= 0 and abs(ka - input_rate) < APART * ka:
            ka *= 1.0 + 2.0 * APART
        rates[depot_place], coefficients[depot_place] = ka, 0.0
    absorbed = theta[F] * theta[KA] * state[DEPOT] / theta[V1] - given if subcutaneous else 0.0
    for i in range(n_modes):
        loss = modes[i, RATE]
        weight = modes[i, TO_1_FROM_1]
        now = state[ENDOGENOUS + i] + (state[INFUSED + i] if total else 0.0)
        rates[i] = loss
        coefficients[i] = -loss * now + weight * (constant + given)
        if supply_place >= 0:
            share = weight * decaying / (loss - input_rate)
            coefficients[i] += loss * share
            coefficients[supply_place] -= input_rate * share
        if depot_place >= 0:
            share = weight * absorbed / (loss - ka)
            coefficients[i] += loss * share
            coefficients[depot_place] -= ka * share
    return n
