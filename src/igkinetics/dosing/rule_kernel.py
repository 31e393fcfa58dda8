"""Doses by a rule on measured IgG, found while walking along the curve once.

A check sees the level just before whatever is given at that moment. The state is carried from event to event (check,
dose, end of an infusion, start or stop of therapy), so a rule costs no more than its checks and doses.
"""

from __future__ import annotations

from math import acos, cos, erfc, exp, hypot, log1p, sqrt
from typing import Final

import numpy as np

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.propagate import (
    ENDOGENOUS,
    INFUSED,
    STATE_SIZE,
    advance,
    enter_segment,
    level,
    prepare,
)
from igkinetics.kinetics.schedule import (
    COLUMNS,
    IV_BOLUS,
    IV_RATE,
    ON_THERAPY,
    SC_BOLUS,
    SC_RATE,
    START,
)

BELOW, CHECK_EVERY, FIRST, STOP, GAP, DELAY, ADDITIVE, PROPORTIONAL, HORIZON = range(9)
"""Places in `rule`: g/L, day, first check, checks before, least gap, dose after check; SD of a measurement of level C
is sqrt(ADDITIVE^2 + (PROPORTIONAL C)^2), g/L (nan: the error of the case); doses lie before HORIZON."""
N_RULE: Final = 9
NORMAL, LOGNORMAL, STUDENT_T = 0.0, 1.0, 2.0
"""Residual models, as fit.likelihood numbers them."""
SAME_MOMENT: Final = 1e-9
"""Gaps are compared to this many days: 21 days after a dose is 21 days, however the sum was rounded."""


@inner
def t4_deviate(z: float) -> float:
    """The deviate of Student's t with 4 degrees of freedom at the probability of a standard normal z.

    Source: the quantile in closed form (Shaw 2006); tests/scenarios/test_residual_models.py checks it with scipy.
    """
    p = 0.5 * erfc(abs(z) / sqrt(2.0))
    if p == 0.5:
        return 0.0
    root = min(1.0, sqrt(4.0 * p * (1.0 - p)))
    size = 2.0 * sqrt(cos(acos(root) / 3.0) / root - 1.0)
    return size if z > 0.0 else -size


@inner
def measured(level: float, additive: float, proportional: float, residual: float, z: float) -> float:
    """A measurement of this level, g/L, with the standard normal deviate z: of the residual models of `fit`."""
    if residual == LOGNORMAL:
        return level * exp(sqrt(log1p(proportional**2 + (additive / level) ** 2)) * z)
    return level + hypot(additive, proportional * level) * (t4_deviate(z) if residual == STUDENT_T else z)


@inner
def begin_doses(segment: Floats, doses: Floats, n: int, now: float) -> None:
    """Enter into the segment what starts or stops now: boluses, infusion rates (from scratch, without drift)."""
    segment[IV_BOLUS] = segment[SC_BOLUS] = segment[IV_RATE] = segment[SC_RATE] = 0.0
    for i in range(n):
        end = doses[i, 0] + doses[i, 2]
        under_skin = doses[i, 3] != 0.0
        if end <= doses[i, 0]:
            if doses[i, 0] == now:
                segment[SC_BOLUS if under_skin else IV_BOLUS] += doses[i, 1]
        elif doses[i, 0] <= now < end:
            segment[SC_RATE if under_skin else IV_RATE] += doses[i, 1] / (end - doses[i, 0])


@inner
def next_event(doses: Floats, n: int, courses: Floats, now: float) -> float:
    """The next start or end of a dose or of therapy after now; inf when there is none."""
    found = np.inf
    for i in range(n):
        end = doses[i, 0] + doses[i, 2]
        if doses[i, 0] > now:
            found = min(found, doses[i, 0])
        elif end > now:
            found = min(found, end)
    for i in range(courses.shape[0]):
        for j in range(2):
            if courses[i, j] > now:
                found = min(found, courses[i, j])
    return found


@inner
def is_on_therapy(courses: Floats, now: float) -> bool:
    on = False
    for i in range(courses.shape[0]):
        on = on or courses[i, 0] <= now < courses[i, 1]
    return on


@kernel
def rule_doses(
    theta: Floats, start_day: float, courses: Floats, earlier: Floats, amount_g: float, duration_day: float,
    is_sc: bool, rule: Floats, error: Floats, noise: Floats,
) -> Floats:  # fmt: skip
    """Days of the doses that the rule gives, ascending.

    courses (c, 2): therapy; earlier (h, 4): doses before the rule, which count for the gap; noise: one standard
    normal number per check.
    """
    most = earlier.shape[0] + noise.size
    doses = np.zeros((most, 4))
    n_earlier = earlier.shape[0]
    doses[:n_earlier] = earlier
    n = n_earlier
    last_dose = -np.inf
    for i in range(n):
        last_dose = max(last_dose, doses[i, 0])
    additive, proportional, residual = rule[ADDITIVE], rule[PROPORTIONAL], NORMAL
    if np.isnan(additive):
        additive, proportional = error[0], error[1]
        residual = error[2] if error.size > 2 else NORMAL
    modes = np.zeros((2, 2, 5))
    state = np.zeros(STATE_SIZE)
    after = np.zeros(STATE_SIZE)
    segment = np.zeros(COLUMNS)
    first_segment = np.zeros((1, COLUMNS))
    prepare(theta, first_segment, modes, state)
    now = start_day
    check = 0
    while True:
        check_day = rule[FIRST] + rule[CHECK_EVERY] * check
        if check < noise.size and check_day == now:
            total = level(state, ENDOGENOUS) + level(state, INFUSED)
            read = measured(total, additive, proportional, residual, noise[check])
            dose_day = check_day + rule[DELAY]
            due = read < rule[BELOW] and dose_day - last_dose >= rule[GAP] - SAME_MOMENT
            if due and check_day < rule[STOP] and dose_day < rule[HORIZON]:
                doses[n, 0], doses[n, 1], doses[n, 2] = dose_day, amount_g, duration_day
                doses[n, 3] = 1.0 if is_sc else 0.0
                last_dose = dose_day
                n += 1
            check += 1
            check_day = rule[FIRST] + rule[CHECK_EVERY] * check
        if check >= noise.size:
            return doses[n_earlier:n, 0].copy()
        begin_doses(segment, doses, n, now)
        segment[START] = now
        segment[ON_THERAPY] = 1.0 if is_on_therapy(courses, now) else 0.0
        enter_segment(theta, modes[0], segment, state)
        then = min(check_day, next_event(doses, n, courses, now))
        advance(theta, modes[0], segment, state, then - now, after)
        state[:] = after
        now = then
