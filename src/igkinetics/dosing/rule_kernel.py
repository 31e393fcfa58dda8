"""Doses by a rule on measured IgG, found while walking along the curve once.

A check sees the level just before whatever is given at that moment, as the laboratory reports it. The state is carried
from event to event (check, dose, end of an infusion, start or stop of therapy), so a rule costs no more than its checks
and doses.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from igkinetics.dosing.assay import NORMAL, measured, reported
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
from igkinetics.units import DAY_DECIMALS, G_PER_L_IN

BELOW, GAP, DELAY, HORIZON, DURATION, IS_SC, ADDITIVE, PROPORTIONAL, LOWER, UPPER, RESOLUTION = range(11)
"""Places in `rule`. mg/dL: BELOW; ADDITIVE and PROPORTIONAL as `measured` takes them (nan: the error of the case);
LOWER, UPPER and RESOLUTION as `reported` takes them. Days: least GAP between doses, DELAY from check to dose, DURATION
of a dose; doses lie before HORIZON. IS_SC: 1 or 0."""
N_RULE: Final = 11
MG_DL: Final = G_PER_L_IN["mg/dL"]
PER_DAY: Final = 10.0**DAY_DECIMALS


@inner
def to_decimals(day: float) -> float:
    """A day as records hold it."""
    return float(np.rint(day * PER_DAY) / PER_DAY)


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
    soonest = np.inf
    for i in range(n):
        end = doses[i, 0] + doses[i, 2]
        if doses[i, 0] > now:
            soonest = min(soonest, doses[i, 0])
        elif end > now:
            soonest = min(soonest, end)
    for i in range(courses.shape[0]):
        for j in range(2):
            if courses[i, j] > now:
                soonest = min(soonest, courses[i, j])
    return soonest


@inner
def is_on_therapy(courses: Floats, now: float) -> bool:
    on = False
    for i in range(courses.shape[0]):
        on = on or courses[i, 0] <= now < courses[i, 1]
    return on


@kernel
def rule_doses(
    theta: Floats,
    start_day: float,
    courses: Floats,
    earlier: Floats,
    amount_g: float,
    rule: Floats,
    error: Floats,
    check_day: Floats,
    noise: Floats,
    factor: Floats,
) -> Floats:
    """Days of the doses that a rule gives, ascending.

    courses (c, 2): therapy; earlier (h, 4): doses before the rule, which count for the gap; error (2): a in g/L and b
    of a measurement; check_day: ascending, none before start_day; noise: a standard normal number for each of
    them; factor: what multiplies the curve there, 1 without drift.
    """
    n_earlier = earlier.shape[0]
    doses = np.zeros((n_earlier + check_day.size, 4))
    doses[:n_earlier] = earlier
    n = n_earlier
    last_dose = -np.inf
    for i in range(n):
        last_dose = max(last_dose, doses[i, 0])
    additive, proportional, residual = rule[ADDITIVE], rule[PROPORTIONAL], NORMAL
    if np.isnan(additive):
        additive, proportional = error[0] / MG_DL, error[1]
        residual = error[2] if error.size > 2 else NORMAL
    modes = np.zeros((2, 2, 5))
    state = np.zeros(STATE_SIZE)
    after = np.zeros(STATE_SIZE)
    segment = np.zeros(COLUMNS)
    first_segment = np.zeros((1, COLUMNS))
    prepare(theta, first_segment, modes, state)
    now = start_day
    check = 0
    while check < check_day.size:
        if check_day[check] == now:
            total = factor[check] * (level(state, ENDOGENOUS) + level(state, INFUSED)) / MG_DL
            value = measured(total, additive, proportional, residual, noise[check])
            dose_day = to_decimals(now + rule[DELAY])
            due = reported(value, rule[LOWER], rule[UPPER], rule[RESOLUTION]) < rule[BELOW]
            if due and to_decimals(dose_day - last_dose) >= rule[GAP] and dose_day < rule[HORIZON]:
                doses[n, 0], doses[n, 1], doses[n, 2], doses[n, 3] = dose_day, amount_g, rule[DURATION], rule[IS_SC]
                last_dose = dose_day
                n += 1
            check += 1
            continue
        begin_doses(segment, doses, n, now)
        segment[START] = now
        segment[ON_THERAPY] = 1.0 if is_on_therapy(courses, now) else 0.0
        enter_segment(theta, modes[0], segment, state)
        then = min(check_day[check], next_event(doses, n, courses, now))
        advance(theta, modes[0], segment, state, then - now, after)
        state[:] = after
        now = then
    return doses[n_earlier:n, 0].copy()
