"""A chunk of patients fitted in three compiled calls: records and priors in ragged arrays in, numbers of tables out.

What is fitted is what `fit/patient.py` and `fit/laplace.py` fit. The search (`slots.fit_range`) comes first; then what
is said at the optima, and points; then the courses of the points. Each is compiled once, and not into the next. A
patient for whom something is out of the ordinary (a search that does not converge, an unexplained change, a baseline
far off, points without weight) is marked, and left to the search for one patient.
"""

from __future__ import annotations

import numpy as np

from igkinetics.fit.batch.checks import fill_residuals, lasting_step, scores
from igkinetics.fit.batch.estimates import fill_estimates, fill_half_life_values, fill_intervals
from igkinetics.fit.batch.layout import (
    CHANGED,
    ENDOGENOUS_NADIR,
    FITTED,
    MOST_SLOTS,
    TOTAL_NADIR,
    UNEVEN,
    Found,
    How,
    Priors,
    Records,
)
from igkinetics.fit.batch.points import (
    OFF_FROM,
    Asked,
    Points,
    days_of,
    follow,
)
from igkinetics.fit.batch.search import Room, fill_levels, new_room
from igkinetics.fit.batch.slots import components_of, fill_weights, slot_of, target_of
from igkinetics.fit.batch.summaries import fill_band, fill_below, fill_departure, fill_minima, fill_nadir
from igkinetics.fit.batch.weighing import LEAST_EFFECTIVE, fill_slot_weights, place_points, resample, weigh
from igkinetics.fit.objective import Target, fill_theta
from igkinetics.kinetics.compile import kernel, merged
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.extremes import fill_lowest, new_search
from igkinetics.kinetics.extremes_together import fill_lowest_together
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.kinetics.together import can_go_together

OF_COURSES = np.uint64(0xA5A5A5A5A5A5A5A5)
"""Tells the random numbers of a patient's courses from those of its points."""
STRIP = 448
"""Points followed at a time: whole blocks of curves."""
CHANGE_FROM = 24.99
"""Square of the score from which a change is looked at for one patient, a little below its limit there."""


@kernel
def describe_range(first: int, last: int, records: Records, priors: Priors, how: How, found: Found) -> None:
    """What is said of samples, optima and slots of the fitted patients in these places, and their points."""
    theta, thetas, lowest = np.empty(N_PARAMETERS), np.empty((MOST_SLOTS, N_PARAMETERS)), np.empty((MOST_SLOTS, 4))
    for i in range(first, last):
        if found.code[i] != FITTED:
            continue
        main = target_of(i, slot_of(0, i, priors, how), records, priors)
        p = main.mu.size
        x = found.slot_x[i, 0, :p]
        room = new_room(main.schedule, main.record.day, p)
        if fill_samples(i, x, main, room, records, found):
            found.code[i] = CHANGED
            continue
        fill_slot_nadirs(i, records, priors, how, found, thetas, lowest)
        theta[:] = thetas[0]
        found.theta[i] = theta
        found.curve_nadir[i, 0], found.curve_nadir[i, 1] = lowest[0, 0], lowest[0, 1]
        fill_weights(found.slots[i])
        components = components_of(i, found)
        fill_estimates(x, main, found.hessian[i, :p, :p], components, found.estimates[i])
        fill_half_life_values(theta, found.half_lives[i, :, 0])
        if not how.drawn:
            points = points_of(i, 0, how.n_points, found)
            place_points(i, records, priors, how, components, how.seeds[i : i + 1].copy(), points)


@merged
def fill_slot_nadirs(
    i: int, records: Records, priors: Priors, how: How, found: Found, thetas: Floats, lowest: Floats
) -> None:
    """Nadirs of the best curves of all slots; parameters (slot, 13), those of the fitted structure first, and lowest
    levels (slot, 4) as of fill_lowest, in the order of the slots that are there. A structure that does not heed therapy
    has a share of 0, so all go by one schedule."""
    n, slots = 0, np.empty(MOST_SLOTS, np.int64)
    for slot in range(MOST_SLOTS):
        own = slot_of(slot, i, priors, how)
        if own.structure >= 0:
            target = target_of(i, own, records, priors)
            fill_theta(found.slot_x[i, slot, : target.mu.size], target.free, target.fixed, thetas[n])
            slots[n] = slot
            n += 1
    schedule = records.schedule[records.schedule_at[i] : records.schedule_at[i + 1]]
    window, no_threshold = how.windows[i], np.empty(0)
    if can_go_together(schedule):
        fill_lowest_together(thetas[:n], schedule, window, lowest[:n])
    else:
        for k in range(n):
            fill_lowest(thetas[k], schedule, window, no_threshold, new_search(), lowest[k], np.empty((0, 2)))
    for k in range(n):
        found.slots[i, slots[k], TOTAL_NADIR], found.slots[i, slots[k], ENDOGENOUS_NADIR] = lowest[k, 0], lowest[k, 2]


@kernel
def points_of(i: int, first: int, last: int, found: Found) -> Points:
    """Some of the points of a patient."""
    return Points(
        found.point_theta[i, first:last],
        found.point_sd[i, first:last],
        found.point_kind[i, first:last],
        found.point_states[i, first:last],
        found.point_slot[i, first:last],
        found.point_base[i, first:last],
    )


@merged
def fill_samples(i: int, x: Floats, main: Target, room: Room, records: Records, found: Found) -> bool:
    """What is said of each sample and of the course; whether the record holds a change."""
    rows = slice(records.sample_at[i], records.sample_at[i + 1])
    samples, design, n = found.samples[rows], found.design[rows], main.record.day.size
    fill_levels(main.mu, main, room)
    samples[:, 0] = room.level
    fill_levels(x, main, room)
    samples[:, 1] = room.level
    z, misfit, used = scores(x, main, room)
    found.misfit[i, 0], found.misfit[i, 1] = misfit, used
    if z * z >= CHANGE_FROM:
        return True
    iwres, spread, product = np.empty(n), np.empty(n), np.empty(n)
    begin = found.information_at[i]
    m = found.information[begin : begin + n * n].reshape((n, n))
    fill_residuals(x, main, room, iwres, spread, product, found.pull[rows], m)
    samples[:, 2], samples[:, 3], samples[:, 4] = iwres, spread, product
    for k in range(n):
        for j in range(x.size):
            design[k, main.free[j]] = room.by_x[k, j]
    found.step[i, 0], found.step[i, 1] = lasting_step(
        main.record.day, room.level, main.record.limit == 0, found.pull[rows], m
    )
    return False


@kernel
def fill_courses(first: int, last: int, records: Records, priors: Priors, how: How, found: Found) -> None:
    """Weights of the points of the fitted patients in these places, and what follows from them: intervals of
    parameters, nadirs, times below, the curve and its band. Curves are followed a strip of points at a time, for their
    levels on all days are to stay in the processor's cache; band and departure rest on the first strip."""
    for i in range(first, last):
        if found.code[i] != FITTED:
            continue
        m = found.n_points[i]
        main = target_of(i, slot_of(0, i, priors, how), records, priors)
        record, schedule = main.record, main.schedule
        asked = Asked(how.windows[i, 0], how.windows[i, 1], how.thresholds, how.observed[i], how.tail)
        state = how.seeds[i : i + 1] ^ OF_COURSES
        points = points_of(i, 0, m, found)
        doses = records.doses[records.dose_at[i] : records.dose_at[i + 1]]
        days = days_of(records.start_day[i], record.day, doses, asked)
        at_samples, at_end = np.searchsorted(days, record.day), np.searchsorted(days, asked.end)
        values, weights, ends = np.empty(m), found.point_weight[i, :m].copy(), np.empty(m)
        lowest, below, seen = np.empty((4, m)), np.empty((how.thresholds.size, 2, m)), np.empty((record.day.size, m))
        shown, nodes, u = np.empty((0, 0)), np.empty(0), np.empty((0, 0))
        for begin in range(0, m, STRIP):
            upto = min(begin + STRIP, m)
            own = points_of(i, begin, upto, found)
            total, endogenous, own_nodes, own_u = follow(own, schedule, record, days, asked, state, values[begin:upto])
            own_lowest, own_below = np.empty((4, upto - begin)), np.empty((how.thresholds.size, 2, upto - begin))
            fill_minima(days, total, endogenous, asked, own_lowest, own_below)
            lowest[:, begin:upto], below[:, :, begin:upto] = own_lowest, own_below
            ends[begin:upto] = total[at_end]
            for n in range(record.day.size):
                seen[n, begin:upto] = total[at_samples[n]]
            if begin == 0:
                shown, nodes, u = total, own_nodes, own_u
        if not how.drawn:
            if not weigh(points.base, values, weights) >= min(LEAST_EFFECTIVE, 0.25 * m):
                found.code[i] = UNEVEN
                continue
            fill_intervals(points, weights, main.free, asked.tail, found.estimates[i], found.half_lives[i])
            fill_slot_weights(points, weights, found.slots[i])
        even = how.even[0] if how.drawn else how.even[m]
        fill_nadir(points, weights, record, seen, ends, lowest, asked, even, state, found.nadir[i])
        fill_below(below, weights, asked.tail, found.below[i])
        of_strip = weights[: shown.shape[1]] / weights[: shown.shape[1]].sum()
        drifting = np.flatnonzero(points.drift_sd[: of_strip.size] > 0.0)
        fill_departure(nodes, u, of_strip[drifting], record.day, found.nadir[i, OFF_FROM : OFF_FROM + 3])
        n_days = found.n_days[i] = np.searchsorted(days, asked.end, side="right")
        rows = found.curves[how.curve_at[i] : how.curve_at[i] + n_days]
        fill_curve_rows(found.theta[i], schedule, days, shown, of_strip, asked.tail, rows)
        resample(points_of(i, 0, how.n_points, found), weights, state)


@merged
def fill_curve_rows(
    theta: Floats, schedule: Floats, days: Floats, total: Floats, weights: Floats, tail: float, rows: Floats
) -> None:
    """The best curve and the band of the points, day by day."""
    n = rows.shape[0]
    band, own, infused, shown = np.empty((n, 3)), np.empty(n), np.empty(n), days[:n].copy()
    fill_curve(theta, schedule, shown, own, infused, np.empty(CURVE_ROOM))
    fill_band(total, weights, tail, band)
    for k in range(n):
        rows[k, 0], rows[k, 1] = shown[k], own[k] + infused[k]
        rows[k, 2], rows[k, 3], rows[k, 4] = band[k, 1], band[k, 0], band[k, 2]
        rows[k, 5], rows[k, 6] = own[k], infused[k]
