"""Disposition as independent modes: C1(t) after a unit input is (w1 exp(-l1 t) + w2 exp(-l2 t)) / V1.

With k10 = CL/V1, k12 = Q/V1, k21 = Q/V2, b = k10 + k12 - k21, s = sqrt(b^2 + 4 k12 k21):
l1 = (k10 + k12 + k21 + s)/2, l2 = k10 k21 / l1, w1 = (s + b)/2s, w2 = (s - b)/2s.
exp(M t), in concentrations, is sum_i [[w_i, -+k12/s], [-+k21/s, w_(3-i)]] exp(-l_i t).
Source: eigenvalues of the 2 x 2 system, integrated by hand; tests/kinetics check it against an ODE solver.
"""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats

RATE, TO_1_FROM_1, TO_1_FROM_2, TO_2_FROM_1, TO_2_FROM_2 = range(5)
"""Columns of a mode table: decay rate and the four entries of its matrix."""


@inner
def count_modes(q: float) -> int:
    """2 with exchange, 1 without (Q = 0: one compartment)."""
    return 1 if q == 0.0 else 2


@inner
def disposition_modes(cl: float, v1: float, q: float, v2: float, modes: Floats) -> None:
    """Fill modes (2, 5). L/day and L; rates in 1/day."""
    k10 = cl / v1
    if q == 0.0:
        modes[:] = 0.0
        modes[0, RATE] = k10
        modes[0, TO_1_FROM_1] = 1.0
        return
    k12 = q / v1
    k21 = q / v2
    b = k10 + k12 - k21
    s = sqrt(b * b + 4.0 * k12 * k21)
    fast = 0.5 * (k10 + k12 + k21 + s)
    if b > 0.0:
        w2 = 2.0 * k12 * k21 / ((s + b) * s)
        w1 = 0.5 * (s + b) / s
    else:
        w1 = 2.0 * k12 * k21 / ((s - b) * s)
        w2 = 0.5 * (s - b) / s
    modes[0, RATE] = fast
    modes[1, RATE] = k10 * k21 / fast
    modes[0, TO_1_FROM_1] = w1
    modes[1, TO_1_FROM_1] = w2
    modes[0, TO_1_FROM_2] = -k12 / s
    modes[1, TO_1_FROM_2] = k12 / s
    modes[0, TO_2_FROM_1] = -k21 / s
    modes[1, TO_2_FROM_1] = k21 / s
    modes[0, TO_2_FROM_2] = w2
    modes[1, TO_2_FROM_2] = w1


@inner
def disposition_slopes(cl: float, v1: float, q: float, v2: float, modes: Floats, slopes: Floats) -> None:
    """Fill modes (2, 5) and slopes (2, 5, 4): derivatives in CL, V1, Q, V2 (Q and V2 0 without exchange)."""
    disposition_modes(cl, v1, q, v2, modes)
    slopes[:] = 0.0
    k10 = cl / v1
    if q == 0.0:
        slopes[0, RATE, 0] = 1.0 / v1
        slopes[0, RATE, 1] = -k10 / v1
        return
    k12 = q / v1
    k21 = q / v2
    b = k10 + k12 - k21
    s = sqrt(b * b + 4.0 * k12 * k21)
    for j in range(4):
        d10 = (1.0 / v1, -k10 / v1, 0.0, 0.0)[j]
        d12 = (0.0, -k12 / v1, 1.0 / v1, 0.0)[j]
        d21 = (0.0, 0.0, 1.0 / v2, -k21 / v2)[j]
        db = d10 + d12 - d21
        cross = k21 * d12 + k12 * d21
        ds = (b * db + 2.0 * cross) / s
        d_fast = 0.5 * (d10 + d12 + d21 + ds)
        slopes[0, RATE, j] = d_fast
        slopes[1, RATE, j] = (d10 * k21 + k10 * d21 - modes[1, RATE] * d_fast) / modes[0, RATE]
        dw1 = (2.0 * k12 * k21 * db - b * cross) / (s * s * s)
        dq12 = (d12 - k12 * ds / s) / s
        dq21 = (d21 - k21 * ds / s) / s
        slopes[0, TO_1_FROM_1, j] = dw1
        slopes[1, TO_1_FROM_1, j] = -dw1
        slopes[0, TO_1_FROM_2, j] = -dq12
        slopes[1, TO_1_FROM_2, j] = dq12
        slopes[0, TO_2_FROM_1, j] = -dq21
        slopes[1, TO_2_FROM_1, j] = dq21
        slopes[0, TO_2_FROM_2, j] = -dw1
        slopes[1, TO_2_FROM_2, j] = dw1


@kernel
def fill_half_lives(thetas: Floats, half_lives: Floats) -> None:
    """thetas (n, 13) -> (n, 2): ln 2 (V1 + V2)/CL and ln 2 / slowest rate, days; Q = 0: V2 does not count."""
    modes = np.empty((2, 5))
    for i in range(thetas.shape[0]):
        cl, v1, q, v2 = thetas[i, 0], thetas[i, 1], thetas[i, 2], thetas[i, 3]
        disposition_modes(cl, v1, q, v2, modes)
        half_lives[i, 0] = log(2.0) * (v1 + (v2 if q > 0.0 else 0.0)) / cl
        half_lives[i, 1] = log(2.0) / modes[count_modes(q) - 1, RATE]


@kernel
def fill_unit_responses(thetas: Floats, day: Floats, responses: Floats) -> None:
    """thetas (n, 13), days after a bolus of 1 g -> its level (n, n_day), 1/L; at day 0 right after the bolus."""
    modes = np.empty((2, 5))
    for i in range(thetas.shape[0]):
        disposition_modes(thetas[i, 0], thetas[i, 1], thetas[i, 2], thetas[i, 3], modes)
        for j in range(day.size):
            responses[i, j] = 0.0
            for k in range(count_modes(thetas[i, 2])):
                responses[i, j] += modes[k, TO_1_FROM_1] * exp(-modes[k, RATE] * day[j]) / thetas[i, 1]
