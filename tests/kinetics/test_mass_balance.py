"""Grams given and produced are grams eliminated and present, by quadrature of the curve alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from treatments import HORIZON_DAY, Treatment, random_parameters, random_treatments

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import PARAMETERS, Floats

NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
PIECE_DAY = 1.0
CLUSTERING = (0.0, 1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.5)  # days after an event, where the curve bends most


def quadrature(treatment: Treatment, until: float) -> tuple[Floats, Floats]:
    """Nodes and weights (day) of a Gauss-Legendre rule that breaks at every event; ascending."""
    events = [day for day in treatment.event_days() if day < until]
    breaks = {until, *np.arange(treatment.start_day, until, PIECE_DAY)}
    breaks |= {event + after for event in events for after in CLUSTERING if event + after < until}
    edges = sorted(breaks)
    days = [0.5 * (b - a) * NODES + 0.5 * (a + b) for a, b in pairwise(edges)]
    weights = [0.5 * (b - a) * WEIGHTS for a, b in pairwise(edges)]
    return np.concatenate(days), np.concatenate(weights)


def inside(day: Floats, interval: tuple[float, float] | None) -> Floats:
    if interval is None:
        return np.zeros(day.size)
    return ((interval[0] <= day) & (day < interval[1])).astype(float)


def supply_at(p: dict[str, float], treatment: Treatment, day: Floats) -> Floats:
    """B-cell supply b, cycle by cycle, from the solution of its two differential equations."""
    b, since = 1.0, treatment.start_day
    supply = np.empty(day.size)
    for start, stop in [*treatment.therapy, (np.inf, np.inf)]:
        off = (day >= since) & (day < start)
        supply[off] = 1.0 - (1.0 - b) * np.exp(-p["k_rec"] * (day[off] - since))
        if np.isinf(start):
            break
        b = 1.0 - (1.0 - b) * np.exp(-p["k_rec"] * (start - since))
        on = (day >= start) & (day < stop)
        supply[on] = 0.0 if np.isinf(p["k_loss"]) else b * np.exp(-p["k_loss"] * (day[on] - start))
        if np.isinf(stop):
            break
        b = 0.0 if np.isinf(p["k_loss"]) else b * np.exp(-p["k_loss"] * (stop - start))
        since = stop
    return supply


def depot_at(p: dict[str, float], treatment: Treatment, until: float) -> float:
    """Grams under the skin, after bioavailability: each dose on its own."""
    amount = 0.0
    for dose in treatment.doses:
        if dose.subcutaneous and dose.day < until:
            given_until = min(dose.end_day, until)
            length = given_until - dose.day
            share = length / (dose.end_day - dose.day) if length > 0.0 else 1.0
            absorbing = -np.expm1(-p["ka"] * length) / (p["ka"] * length) if length > 0.0 else 1.0
            amount += p["F"] * dose.amount_g * share * absorbing * np.exp(-p["ka"] * (until - given_until))
    return amount


def given_by(p: dict[str, float], treatment: Treatment, until: float) -> float:
    """Grams given before `until`, after bioavailability."""
    amount = 0.0
    for dose in treatment.doses:
        if dose.day < until:
            length = dose.end_day - dose.day
            share = min(1.0, (until - dose.day) / length) if length > 0.0 else 1.0
            amount += dose.amount_g * share * (p["F"] if dose.subcutaneous else 1.0)
    return amount


@given(random_parameters(), random_treatments())
@settings(max_examples=60)
def test_given_and_produced_is_eliminated_and_present(parameters: Floats, treatment: Treatment) -> None:
    p = dict(zip(PARAMETERS, parameters, strict=True))
    until = HORIZON_DAY
    day, weight = quadrature(treatment, until)
    level = np.sum(igg_curve(parameters, treatment.schedule(), np.append(day, until)), axis=0)
    curve, end_level = level[:-1], level[-1]
    modified = inside(day, treatment.modified)
    clearance = p["CL"] * np.where(modified > 0, p["clearance_ratio"], 1.0)
    ratio = np.where(modified > 0, p["production_ratio"], 1.0)
    production = p["CL"] * p["C_base"] * ratio * (1.0 - p["S"] + p["S"] * supply_at(p, treatment, day))
    volumes = p["V1"] + (p["V2"] if p["Q"] > 0.0 else 0.0)
    k21 = p["Q"] / p["V2"]
    peripheral = p["V2"] * p["C_init"] * np.exp(-k21 * (until - treatment.start_day)) if p["Q"] > 0.0 else 0.0
    peripheral += p["Q"] * np.sum(weight * curve * np.exp(-k21 * (until - day)))
    supplied = volumes * p["C_init"] + given_by(p, treatment, until) + np.sum(weight * production)
    present = p["V1"] * end_level + peripheral + depot_at(p, treatment, until)
    np.testing.assert_allclose(np.sum(weight * clearance * curve) + present, supplied, rtol=1e-10)
