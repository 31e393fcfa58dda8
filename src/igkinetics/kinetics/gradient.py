"""The curve with its gradient in all 13 parameters, propagated along."""

from __future__ import annotations

from math import exp

import numpy as np

from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.disposition import (
    RATE,
    TO_1_FROM_1,
    TO_1_FROM_2,
    TO_2_FROM_1,
    TO_2_FROM_2,
    count_modes,
    disposition_slopes,
)
from igkinetics.kinetics.parameters import (
    C_BASE,
    C_INIT,
    CL,
    CLEARANCE_RATIO,
    K_LOSS,
    K_REC,
    KA,
    N_PARAMETERS,
    PRODUCTION_RATIO,
    V1,
    V2,
    F,
    Floats,
    Q,
    S,
)
from igkinetics.kinetics.responses import (
    B_L,
    B_LOSS,
    B_REC,
    DEPOT,
    ELAPSED,
    N_RESPONSES,
    N_SHARED,
    SUPPLY,
    U_L,
    V_L,
    X_KA,
    X_L,
    B,
    U,
    V,
    X,
    advance_responses,
    supply_drops_at_once,
)
from igkinetics.kinetics.schedule import IV_BOLUS, MODIFIED, SC_BOLUS, START, Schedule

N_START = 4 + 2 * N_PARAMETERS
"""Start of an epoch: endogenous C1, C2, infused C1, C2, then the gradient of total C1 and of total C2."""


@kernel
def read_level(
    theta: Floats, modes: Floats, slopes: Floats, n_modes: int, modified: bool, peripheral: bool,
    start: Floats, responses: Floats, shared: Floats, gradient: Floats,
) -> tuple[float, float]:  # fmt: skip
    """Endogenous and infused level (C1, or C2 when peripheral), g/L, and the gradient (13,) of their sum."""
    from_1 = TO_2_FROM_1 if peripheral else TO_1_FROM_1
    from_2 = TO_2_FROM_2 if peripheral else TO_1_FROM_2
    clearance_ratio = theta[CLEARANCE_RATIO] if modified else 1.0
    production_ratio = theta[PRODUCTION_RATIO] if modified else 1.0
    made = theta[CL] * theta[C_BASE] * production_ratio
    c1 = start[0] + start[2]
    c2 = start[1] + start[3]
    endogenous = infused = 0.0
    gradient[:] = 0.0
    for i in range(n_modes):
        r = responses[i]
        a = modes[i, from_1]
        d = modes[i, from_2]
        left = exp(-modes[i, RATE] * shared[ELAPSED])
        weight = a / theta[V1]
        production = (1.0 - theta[S]) * r[U] + theta[S] * r[B]
        given = r[V] + theta[F] * r[X] if r[X] != 0.0 else r[V]
        endogenous += (a * start[0] + d * start[1]) * left + weight * made * production
        infused += (a * start[2] + d * start[3]) * left + weight * given
        inflow = made * production + given
        inflow_slope = made * ((1.0 - theta[S]) * r[U_L] + theta[S] * r[B_L]) + r[V_L]
        if r[X] != 0.0 or r[X_KA] != 0.0:
            inflow_slope += theta[F] * r[X_L]
            gradient[KA] += weight * theta[F] * r[X_KA]
            gradient[F] += weight * r[X]
        by_rate = -(a * c1 + d * c2) * shared[ELAPSED] * left + weight * inflow_slope
        for j in range(4):
            gradient[j] += (slopes[i, RATE, j] * by_rate + slopes[i, from_2, j] * c2 * left
                            + slopes[i, from_1, j] * (c1 * left + inflow / theta[V1]))  # fmt: skip
        for j in range(N_PARAMETERS):
            gradient[j] += left * (a * start[4 + j] + d * start[4 + N_PARAMETERS + j]) if j > V2 else 0.0
        gradient[C_BASE] += weight * theta[CL] * production_ratio * production
        if theta[S] != 0.0:
            gradient[S] += weight * made * (r[B] - r[U])
            gradient[K_LOSS] += weight * made * theta[S] * r[B_LOSS]
            gradient[K_REC] += weight * made * theta[S] * r[B_REC]
        if modified:
            gradient[PRODUCTION_RATIO] += weight * theta[CL] * theta[C_BASE] * production
    finish_disposition(theta, modes, n_modes, from_1, from_2, modified, clearance_ratio, production_ratio,
                       start, responses, shared, gradient)  # fmt: skip
    return endogenous, infused


@kernel
def finish_disposition(
    theta: Floats, modes: Floats, n_modes: int, from_1: int, from_2: int, modified: bool, clearance_ratio: float,
    production_ratio: float, start: Floats, responses: Floats, shared: Floats, gradient: Floats,
) -> None:  # fmt: skip
    """CL, V1, Q, V2: chain rule through the clearance ratio, direct dependence, dependence of the epoch's start."""
    if modified:
        gradient[CLEARANCE_RATIO] += gradient[CL] * theta[CL]
    gradient[CL] *= clearance_ratio
    for i in range(n_modes):
        r = responses[i]
        left = exp(-modes[i, RATE] * shared[ELAPSED])
        weight = modes[i, from_1] / theta[V1]
        production = (1.0 - theta[S]) * r[U] + theta[S] * r[B]
        given = r[V] + theta[F] * r[X] if r[X] != 0.0 else r[V]
        gradient[CL] += weight * theta[C_BASE] * production_ratio * production
        gradient[V1] -= weight / theta[V1] * (theta[CL] * theta[C_BASE] * production_ratio * production + given)
        for j in range(V2 + 1):
            gradient[j] += left * (modes[i, from_1] * start[4 + j] + modes[i, from_2] * start[4 + N_PARAMETERS + j])


@kernel
def fill_curve_with_gradient(
    theta: Floats, schedule: Schedule, day: Floats, endogenous: Floats, infused: Floats, gradient: Floats
) -> None:
    """Fill endogenous, infused (n_day,) g/L and gradient (n_day, 13) of their sum, at ascending days.

    Same conventions as curves.fill_curve. What a structure lacks has derivative 0: Q and V2 where Q = 0 (one
    compartment), S, k_loss and k_rec where S = 0 (constant production), k_loss where it is infinite (step loss).
    """
    n_modes = count_modes(theta[Q])
    modes = np.zeros((2, 2, 5))
    slopes = np.zeros((2, 2, 5, 4))
    disposition_slopes(theta[CL], theta[V1], theta[Q], theta[V2], modes[0], slopes[0])
    disposition_slopes(theta[CL] * theta[CLEARANCE_RATIO], theta[V1], theta[Q], theta[V2], modes[1], slopes[1])
    start = np.zeros(N_START)
    start[0] = start[1] = theta[C_INIT]
    start[4 + C_INIT] = start[4 + N_PARAMETERS + C_INIT] = 1.0
    responses = np.zeros((2, N_RESPONSES))
    responses_after = np.zeros((2, N_RESPONSES))
    shared = np.zeros(N_SHARED)
    shared_after = np.zeros(N_SHARED)
    shared[SUPPLY] = 1.0
    modified = schedule[0, MODIFIED] != 0.0
    last = schedule.shape[0] - 1
    n = 0
    while n < day.size and day[n] <= schedule[0, START]:
        e = int(modified)
        endogenous[n], infused[n] = read_level(
            theta, modes[e], slopes[e], n_modes, modified, False, start, responses, shared, gradient[n])  # fmt: skip
        n += 1
    for k in range(last + 1):
        if n == day.size:
            return
        segment = schedule[k]
        if (segment[MODIFIED] != 0.0) != modified:
            e = int(modified)
            begin_epoch(theta, modes[e], slopes[e], n_modes, modified, start, responses, shared)
            modified = not modified
        e = int(modified)
        supply_drops_at_once(theta, segment, shared)
        responses[:, V] += segment[IV_BOLUS]
        shared[DEPOT] += segment[SC_BOLUS]
        end = schedule[k + 1, START] if k < last else np.inf
        reached = -np.inf
        while n < day.size and day[n] <= end:
            if day[n] != reached:
                advance_responses(theta, modes[e], n_modes, segment, day[n] - segment[START],
                                  responses, shared, responses_after, shared_after)  # fmt: skip
                reached = day[n]
            endogenous[n], infused[n] = read_level(
                theta, modes[e], slopes[e], n_modes, modified, False,
                start, responses_after, shared_after, gradient[n])  # fmt: skip
            n += 1
        if k < last:
            if reached != end:  # a sample is often taken just before an infusion
                advance_responses(theta, modes[e], n_modes, segment, end - segment[START],
                                  responses, shared, responses_after, shared_after)  # fmt: skip
            responses[:] = responses_after
            shared[:] = shared_after


@kernel
def begin_epoch(
    theta: Floats, modes: Floats, slopes: Floats, n_modes: int, modified: bool, start: Floats, responses: Floats,
    shared: Floats,
) -> None:  # fmt: skip
    """A parameter changes: today's concentrations, with their gradient, are the next epoch's start."""
    gradient_1 = np.zeros(N_PARAMETERS)
    gradient_2 = np.zeros(N_PARAMETERS)
    e1, i1 = read_level(theta, modes, slopes, n_modes, modified, False, start, responses, shared, gradient_1)
    e2 = i2 = 0.0
    if n_modes == 2:
        e2, i2 = read_level(theta, modes, slopes, n_modes, modified, True, start, responses, shared, gradient_2)
    start[0], start[1], start[2], start[3] = e1, e2, i1, i2
    start[4 : 4 + N_PARAMETERS] = gradient_1
    start[4 + N_PARAMETERS :] = gradient_2
    responses[:] = 0.0
    shared[ELAPSED] = 0.0
