"""Truth to 40 digits: the equations of docs/model.md 1 by matrix exponentials in 320-bit fixed-point integers.

Knows nothing of modes, divided differences or the schedule table: it takes the differential equations as a matrix,
exact rational numbers for parameters and days, and steps from event to event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isinf

import numpy as np
from treatments import Treatment

from igkinetics.kinetics.parameters import PARAMETERS, Floats

BITS = 320
ONE = 1 << BITS
TERMS = 20  # of the Taylor series, for a norm below 2^-8: remainder below 2^-220
Values = Mapping[str, Fraction]
INFINITE = Fraction(-1)  # stands for an infinite k_loss


def fixed(value: Fraction) -> int:
    return (value.numerator << BITS) // value.denominator


def exponential(rates: Sequence[Sequence[Fraction]], days: Fraction) -> np.ndarray:
    """exp(rates * days) as an object array of fixed-point integers; scaling and squaring."""
    matrix = np.array([[fixed(rate * days) for rate in row] for row in rates], dtype=object)
    squarings = max(0, int(max(abs(entry) for entry in matrix.flat)).bit_length() - BITS + 11)
    matrix = matrix >> squarings
    identity = np.array([[ONE * (i == j) for j in range(len(rates))] for i in range(len(rates))], dtype=object)
    result = identity
    for k in range(TERMS, 0, -1):
        result = identity + ((matrix @ result) >> BITS) // k
    for _ in range(squarings):
        result = (result @ result) >> BITS
    return result


def exact_values(parameters: Floats) -> dict[str, Fraction]:
    """The doubles as exact rational numbers; a parameter that is not used (nan) is left out."""
    return {
        name: INFINITE if isinf(value) else Fraction(float(value))
        for name, value in zip(PARAMETERS, parameters, strict=True)
        if not np.isnan(value)
    }


def disposition_rows(p: Values, clearance: Fraction) -> tuple[list[Fraction], list[Fraction]]:
    """Rows of dA1/dt and dA2/dt in A1, A2."""
    return (
        [-(clearance + p["Q"]) / p["V1"], p["Q"] / p["V2"]],
        [p["Q"] / p["V1"], -p["Q"] / p["V2"]],
    )


def endogenous_rates(p: Values, *, modified: bool, on_therapy: bool) -> list[list[Fraction]]:
    """d/dt of (A1, A2, b, 1)."""
    first, second = disposition_rows(p, p["CL"] * (p["clearance_ratio"] if modified else 1))
    made = p["CL"] * p["C_base"] * (p["production_ratio"] if modified else 1)
    zero = Fraction(0)
    loss = zero if p["k_loss"] == INFINITE else p["k_loss"]
    supply = [zero, zero, -loss, zero] if on_therapy else [zero, zero, -p["k_rec"], p["k_rec"]]
    return [[*first, made * p["S"], made * (1 - p["S"])], [*second, zero, zero], supply, [zero] * 4]


def infused_rates(p: Values, *, modified: bool, iv_rate: Fraction, sc_rate: Fraction) -> list[list[Fraction]]:
    """d/dt of (A1, A2, A0, 1); A0 as in docs/model.md 1, after bioavailability."""
    first, second = disposition_rows(p, p["CL"] * (p["clearance_ratio"] if modified else 1))
    zero = Fraction(0)
    ka, bioavailability = p.get("ka", zero), p.get("F", zero)
    depot = [zero, zero, -ka, bioavailability * sc_rate]
    return [[*first, ka, iv_rate], [*second, zero, zero], depot, [zero] * 4]


def stepped(state: np.ndarray, rates: Sequence[Sequence[Fraction]], days: Fraction) -> np.ndarray:
    return (exponential(rates, days) @ state) >> BITS


def exact_curve(p: Values, treatment: Treatment, days: Sequence[float]) -> list[tuple[Fraction, Fraction]]:
    """Endogenous and infused C1, g/L, at ascending days; at a bolus the level before it."""
    asked = [Fraction(float(day)) for day in days]
    events = {Fraction(day) for day in treatment.event_days()} | set(asked)
    steps = sorted(day for day in events if day <= asked[-1])
    endogenous = np.array([fixed(p["C_init"] * p["V1"]), fixed(p["C_init"] * p["V2"]), ONE, ONE], dtype=object)
    infused = np.array([0, 0, 0, ONE], dtype=object)
    found = {}
    for here, following in zip(steps, [*steps[1:], None], strict=True):
        found[here] = (Fraction(int(endogenous[0]), ONE) / p["V1"], Fraction(int(infused[0]), ONE) / p["V1"])
        if following is None:
            break
        on_therapy = any(start <= here < stop for start, stop in treatment.therapy)
        modified = treatment.modified is not None and treatment.modified[0] <= here < treatment.modified[1]
        rates = {False: Fraction(0), True: Fraction(0)}
        for dose in treatment.doses:
            amount, end = Fraction(dose.amount_g), Fraction(dose.end_day)
            if dose.day == here == end:
                infused[2 if dose.subcutaneous else 0] += fixed(p["F"] * amount if dose.subcutaneous else amount)
            elif dose.day <= here < end:
                rates[dose.subcutaneous] += amount / (end - Fraction(dose.day))
        if on_therapy and p["k_loss"] == INFINITE:
            endogenous[2] = 0
        length = following - here
        endogenous = stepped(endogenous, endogenous_rates(p, modified=modified, on_therapy=on_therapy), length)
        if treatment.doses:
            flows = infused_rates(p, modified=modified, iv_rate=rates[False], sc_rate=rates[True])
            infused = stepped(infused, flows, length)
    return [found[day] for day in asked]


def exact_levels(parameters: Floats, treatment: Treatment, days: Sequence[float]) -> tuple[Floats, Floats]:
    """Endogenous and infused IgG, g/L, rounded once to double."""
    levels = exact_curve(exact_values(parameters), treatment, days)
    return np.array([float(e) for e, _ in levels]), np.array([float(i) for _, i in levels])


def exact_derivative(parameters: Floats, treatment: Treatment, days: Sequence[float], name: str) -> Floats:
    """Derivative of total IgG in one parameter: central difference over a step of 2^-70, error about 2^-130."""
    step = Fraction(1, 1 << 70)
    p = exact_values(parameters)
    high = exact_curve({**p, name: p[name] + step}, treatment, days)
    low = exact_curve({**p, name: p[name] - step}, treatment, days)
    return np.array([float((sum(a) - sum(b)) / (2 * step)) for a, b in zip(high, low, strict=True)])
