"""Cases (a patient's parameters under one regimen), many at a time: doses by calendar or rule, outcomes, curve."""

from __future__ import annotations

import numpy as np

from igkinetics.dosing.rule_kernel import rule_doses
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.extremes import new_search
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import assemble_segments
from igkinetics.scenarios.outcome_kernel import FROM, GRAMS, INFUSIONS, N_DAYS, fill_outcomes

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


@kernel
def simulate_cases(
    thetas: Floats, start_day: Floats, therapy: Floats, history: Floats, dose_day: Floats, amount: Floats,
    duration_day: float, is_sc: bool, rule: Floats, error: Floats, noise: Floats, marks: Floats, trough_day: Floats,
    thresholds: Floats, day: Floats, found: Floats, below: Floats, endogenous: Floats, infused: Floats,
) -> None:  # fmt: skip
    """Fill found (n, 12), below (n, n_threshold), endogenous and infused (n, n_day).

    thetas (n, 13); start_day (n); therapy (n, c, 2) and history (n, h, 4: day, g, days, is_sc), filled up with nan.
    dose_day (m) and amount (n, m): the calendar. rule (9) with noise (n, n_checks): see rule_kernel, or empty; with
    a rule the dose is amount[:, 0]. error (n, 2): a in g/L and b of a measurement where the rule has no assay of its
    own. marks and, of a calendar, trough_day: see outcome_kernel; a rule's troughs are those before all its doses but
    the first. thresholds g/L, day ascending.
    """
    scratch, search = np.zeros(CURVE_ROOM), new_search()
    each_below, areas = np.empty((thresholds.size, 2)), np.empty((2, 2))
    marked = marks_as_doses(marks)
    for i in range(thetas.shape[0]):
        earlier = history[i, : known_rows(history[i])]
        courses = therapy[i, : known_rows(therapy[i])]
        given = dose_day
        if rule.size:
            given = rule_doses(
                thetas[i], start_day[i], courses, earlier, amount[i, 0], duration_day, is_sc, rule, error[i], noise[i]
            )
        doses = np.zeros((earlier.shape[0] + given.size + N_DAYS, 4))
        doses[: earlier.shape[0]] = earlier
        first = earlier.shape[0]
        grams = 0.0
        for j in range(given.size):
            doses[first + j, DAY] = given[j]
            doses[first + j, AMOUNT] = amount[i, 0] if rule.size else amount[i, j]
            doses[first + j, DURATION] = duration_day
            doses[first + j, IS_SC] = 1.0 if is_sc else 0.0
            grams += doses[first + j, AMOUNT]
        doses[first + given.size :] = marked
        schedule = assemble_segments(start_day[i], doses, courses, np.full(2, np.inf))
        troughs = given[1:] if rule.size else trough_day
        fill_outcomes(thetas[i], schedule, marks, troughs, thresholds, search, areas, found[i], each_below)
        found[i, GRAMS] = grams
        found[i, INFUSIONS] = given.size
        below[i] = each_below[:, 1]
        if day.size:
            fill_curve(thetas[i], schedule, day, endogenous[i], infused[i], scratch)
