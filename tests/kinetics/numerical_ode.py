"""Independent truth: the equations of docs/model.md 1 by a numerical solver that is restarted at every event."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp
from treatments import Treatment

from igkinetics.kinetics.parameters import PARAMETERS, Floats

A1_ENDOGENOUS, A2_ENDOGENOUS, A1_INFUSED, A2_INFUSED, A0, B = range(6)


def ode_levels(parameters: Floats, treatment: Treatment, days: Floats) -> tuple[Floats, Floats]:
    """Endogenous and infused IgG, g/L, at ascending days; at a bolus the level before it."""
    p = dict(zip(PARAMETERS, parameters, strict=True))
    y = np.array([p["C_init"] * p["V1"], p["C_init"] * p["V2"], 0.0, 0.0, 0.0, 1.0])
    edges = sorted({*days, *(day for day in treatment.event_days() if day < days[-1])})  # no interpolation
    levels = {edges[0]: (p["C_init"], 0.0)}
    for begin, end in pairwise(edges):
        middle = 0.5 * (begin + end)
        on_therapy = any(start <= middle < stop for start, stop in treatment.therapy)
        modified = any(first <= middle < end for first, end in treatment.acting)
        rate = {False: 0.0, True: 0.0}
        for dose in treatment.doses:
            if dose.end_day == dose.day == begin:
                y[A0 if dose.subcutaneous else A1_INFUSED] += dose.amount_g * (p["F"] if dose.subcutaneous else 1.0)
            elif dose.day <= middle < dose.end_day:
                rate[dose.subcutaneous] += dose.amount_g / (dose.end_day - dose.day)
        if on_therapy and np.isinf(p["k_loss"]):
            y[B] = 0.0

        def derivative(
            _: float, y: Floats, on: bool = on_therapy, modified: bool = modified, rate: dict[bool, float] = rate
        ) -> list[float]:
            clearance = p["CL"] * (p["clearance_ratio"] if modified else 1.0)
            ratio = p["production_ratio"] if modified else 1.0
            production = p["CL"] * p["C_base"] * ratio * (1.0 - p["S"] + p["S"] * y[B])
            loss, out, back = (clearance + p["Q"]) / p["V1"], p["Q"] / p["V1"], p["Q"] / p["V2"]
            loss_rate = 0.0 if np.isinf(p["k_loss"]) else p["k_loss"]
            supply = -loss_rate * y[B] if on else p["k_rec"] * (1.0 - y[B])
            return [
                production - loss * y[A1_ENDOGENOUS] + back * y[A2_ENDOGENOUS],
                out * y[A1_ENDOGENOUS] - back * y[A2_ENDOGENOUS],
                rate[False] + p["ka"] * y[A0] - loss * y[A1_INFUSED] + back * y[A2_INFUSED],
                out * y[A1_INFUSED] - back * y[A2_INFUSED],
                p["F"] * rate[True] - p["ka"] * y[A0],
                supply,
            ]

        solution = solve_ivp(derivative, (begin, end), y, "DOP853", t_eval=[end], rtol=1e-13, atol=1e-16)
        if not solution.success:
            raise AssertionError(solution.message)
        y = solution.y[:, -1].copy()
        levels[end] = (y[A1_ENDOGENOUS] / p["V1"], y[A1_INFUSED] / p["V1"])
    return np.array([levels[day][0] for day in days]), np.array([levels[day][1] for day in days])
