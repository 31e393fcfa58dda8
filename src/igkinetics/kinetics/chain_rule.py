"""A level and its gradient in all 13 parameters from the responses of its epoch, in which both are linear."""

from __future__ import annotations

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.disposition import (
    RATE,
    TO_1_FROM_1,
    TO_1_FROM_2,
    TO_2_FROM_1,
    TO_2_FROM_2,
    count_modes,
)
from igkinetics.kinetics.parameters import (
    C_BASE,
    CL,
    CLEARANCE_RATIO,
    K_LOSS,
    K_REC,
    KA,
    N_PARAMETERS,
    PRODUCTION_RATIO,
    V1,
    F,
    Floats,
    Q,
    S,
)
from igkinetics.kinetics.responses import B_L, B_LOSS, B_REC, LEFT, LEFT_L, U_L, V_L, X_KA, X_L, B, U, V, X

GRADIENT_1, GRADIENT_2 = 4, 4 + N_PARAMETERS
RATIOS_ACT = 4 + 2 * N_PARAMETERS
N_START = RATIOS_ACT + 1
"""Start of an epoch: endogenous C1, C2, infused C1, C2, the gradient of total C1 and of total C2, and whether the
ratios under immunoglobulin act in it."""


@inner
def read_level(theta: Floats, modes: Floats, peripheral: bool, start: Floats, responses: Floats) -> tuple[float, float]:
    """Endogenous and infused level (C1, or C2 when peripheral), g/L. modes (2, 5); responses (2, 13)."""
    from_1 = TO_2_FROM_1 if peripheral else TO_1_FROM_1
    from_2 = TO_2_FROM_2 if peripheral else TO_1_FROM_2
    made = theta[CL] * theta[C_BASE] * (theta[PRODUCTION_RATIO] if start[RATIOS_ACT] != 0.0 else 1.0)
    endogenous = infused = 0.0
    for i in range(count_modes(theta[Q])):
        r = responses[i]
        a = modes[i, from_1]
        d = modes[i, from_2]
        weight = a / theta[V1]
        given = r[V] + theta[F] * r[X] if r[X] != 0.0 else r[V]
        endogenous += (a * start[0] + d * start[1]) * r[LEFT]
        endogenous += weight * made * ((1.0 - theta[S]) * r[U] + theta[S] * r[B])
        infused += (a * start[2] + d * start[3]) * r[LEFT] + weight * given
    return endogenous, infused


@inner
def add_gradient(
    theta: Floats,
    modes: Floats,
    slopes: Floats,
    peripheral: bool,
    start: Floats,
    responses: Floats,
    gradient: Floats,
) -> None:
    """Add to gradient (13,) that of the total level, or of a weighted sum of levels when the responses are one."""
    from_1 = TO_2_FROM_1 if peripheral else TO_1_FROM_1
    from_2 = TO_2_FROM_2 if peripheral else TO_1_FROM_2
    modified = start[RATIOS_ACT] != 0.0
    clearance_ratio = theta[CLEARANCE_RATIO] if modified else 1.0
    production_ratio = theta[PRODUCTION_RATIO] if modified else 1.0
    base = theta[C_BASE] * production_ratio
    made = theta[CL] * base
    c1 = start[0] + start[2]
    c2 = start[1] + start[3]
    for i in range(count_modes(theta[Q])):
        r = responses[i]
        a = modes[i, from_1]
        d = modes[i, from_2]
        weight = a / theta[V1]
        production = (1.0 - theta[S]) * r[U] + theta[S] * r[B]
        given = r[V]
        inflow_slope = made * ((1.0 - theta[S]) * r[U_L] + theta[S] * r[B_L]) + r[V_L]
        if r[X] != 0.0 or r[X_KA] != 0.0:
            given += theta[F] * r[X]
            inflow_slope += theta[F] * r[X_L]
            gradient[KA] += weight * theta[F] * r[X_KA]
            gradient[F] += weight * r[X]
        inflow = made * production + given
        by_rate = (a * c1 + d * c2) * r[LEFT_L] + weight * inflow_slope
        by_from_1 = c1 * r[LEFT] + inflow / theta[V1]
        by_from_2 = c2 * r[LEFT]
        for j in range(4):
            direct = slopes[i, RATE, j] * by_rate + slopes[i, from_1, j] * by_from_1 + slopes[i, from_2, j] * by_from_2
            gradient[j] += direct * clearance_ratio if j == CL else direct
            if j == CL and modified:
                gradient[CLEARANCE_RATIO] += direct * theta[CL]
        for j in range(N_PARAMETERS):
            gradient[j] += r[LEFT] * (a * start[GRADIENT_1 + j] + d * start[GRADIENT_2 + j])
        gradient[CL] += weight * base * production
        gradient[V1] -= weight / theta[V1] * inflow
        gradient[C_BASE] += weight * theta[CL] * production_ratio * production
        if theta[S] != 0.0:
            gradient[S] += weight * made * (r[B] - r[U])
            gradient[K_LOSS] += weight * made * theta[S] * r[B_LOSS]
            gradient[K_REC] += weight * made * theta[S] * r[B_REC]
        if modified:
            gradient[PRODUCTION_RATIO] += weight * theta[CL] * theta[C_BASE] * production
