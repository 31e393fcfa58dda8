"""Cases (a patient's parameters under one regimen), many at a time: doses by calendar or rule, outcomes, curve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igkinetics.dosing.drifting_outcomes import drifting_outcomes
from igkinetics.dosing.outcome_kernel import FROM, GRAMS, INFUSIONS, N_DAYS, fill_outcomes
from igkinetics.dosing.rule_kernel import rule_doses
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.extremes import new_search
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import assemble_segments

DAY, AMOUNT, DURATION, IS_SC = range(4)


@kernel
def known_rows(table: Floats) -> int:
    """Rows before the first whose first column is nan (tables of several patients are filled up with nan)."""
    n = 0
    while n < table.shape[0] and not np.isnan(table[n, 0]):
        n += 1
    return n


@kernel
def marks_as_doses(marks: Floats) -> Floats:
    """Doses of nothing on the marked days, so that each starts a segment."""
    table = np.zeros((N_DAYS, 4))
    for i in range(N_DAYS):
        table[i, DAY] = marks[FROM] if np.isnan(marks[i]) else marks[i]
    return table


class CaseArrays(NamedTuple):
    """n cases: thetas (n, 13); start_day (n); therapy (n, c, 2) and history (n, h, 4: day, g, days, is_sc), filled up
    with nan; error (n, 2): a in g/L and b of a measurement where a rule has no noise of its own; drift_day (n, t),
    ascending, and factor (n, t), straight between: what multiplies each curve (t = 0: nothing)."""

    thetas: Floats
    start_day: Floats
    therapy: Floats
    history: Floats
    error: Floats
    drift_day: Floats
    factor: Floats


class DosePlan(NamedTuple):
    """day (m) and amount (n, m): a calendar. rule, check_day (k) and noise (n, k): see rule_kernel, or empty; with a
    rule the dose is amount[:, 0]."""

    day: Floats
    amount: Floats
    duration_day: float
    is_sc: float
    rule: Floats
    check_day: Floats
    noise: Floats


class Asked(NamedTuple):
    """marks and, of a calendar, trough_day: see outcome_kernel; a rule's troughs are those before all its doses but the
    first. thresholds g/L; day of the curves, ascending."""

    marks: Floats
    trough_day: Floats
    thresholds: Floats
    day: Floats


class Answers(NamedTuple):
    """Filled in: outcomes (n, 12), below (n, n_threshold), endogenous and infused (n, n_day)."""

    outcomes: Floats
    below: Floats
    endogenous: Floats
    infused: Floats


@kernel
def doses_by_rule(cases: CaseArrays, plan: DosePlan, i: int, courses: Floats, earlier: Floats) -> Floats:
    """Days on which the plan's rule doses case i."""
    n, drift_day = plan.check_day.size, cases.drift_day[i]
    factor = np.interp(plan.check_day, drift_day, cases.factor[i]) if drift_day.size else np.ones(n)
    return rule_doses(
        cases.thetas[i],
        cases.start_day[i],
        courses,
        earlier,
        plan.amount[i, 0],
        plan.rule,
        cases.error[i],
        plan.check_day,
        plan.noise[i],
        factor,
    )


@kernel
def simulate_cases(cases: CaseArrays, plan: DosePlan, asked: Asked, answers: Answers) -> None:
    """Fill in the answers for every case."""
    scratch, search = np.zeros(CURVE_ROOM), new_search()
    each_below, areas = np.empty((asked.thresholds.size, 2)), np.empty((2, 2))
    marked = marks_as_doses(asked.marks)
    for i in range(cases.thetas.shape[0]):
        theta, start_day, amount = cases.thetas[i], cases.start_day[i], plan.amount[i]
        earlier = cases.history[i, : known_rows(cases.history[i])]
        courses = cases.therapy[i, : known_rows(cases.therapy[i])]
        drift_day, factor = cases.drift_day[i], cases.factor[i]
        drifts = drift_day.size > 0
        given = plan.day
        if plan.rule.size:
            given = doses_by_rule(cases, plan, i, courses, earlier)
        doses = np.zeros((earlier.shape[0] + given.size + N_DAYS, 4))
        doses[: earlier.shape[0]] = earlier
        first = earlier.shape[0]
        grams = 0.0
        for j in range(given.size):
            doses[first + j, DAY] = given[j]
            doses[first + j, AMOUNT] = amount[0] if plan.rule.size else amount[j]
            doses[first + j, DURATION] = plan.duration_day
            doses[first + j, IS_SC] = plan.is_sc
            grams += doses[first + j, AMOUNT]
        doses[first + given.size :] = marked
        schedule = assemble_segments(start_day, doses, courses, np.full(2, np.inf))
        troughs = given[1:] if plan.rule.size else asked.trough_day
        fill_outcomes(
            theta, schedule, asked.marks, troughs, asked.thresholds, search, areas, answers.outcomes[i], each_below
        )
        if drifts:
            drifting_outcomes(
                theta,
                schedule,
                asked.marks,
                troughs,
                asked.thresholds,
                drift_day,
                factor,
                scratch,
                answers.outcomes[i],
                each_below,
            )
        answers.outcomes[i, GRAMS] = grams
        answers.outcomes[i, INFUSIONS] = given.size
        answers.below[i] = each_below[:, 1]
        if asked.day.size:
            fill_curve(theta, schedule, asked.day, answers.endogenous[i], answers.infused[i], scratch)
            if drifts:
                at_days = np.interp(asked.day, drift_day, factor)
                answers.endogenous[i] *= at_days
                answers.infused[i] *= at_days
