"""A chunk of patients fitted in one compiled call: records and priors in ragged arrays in, numbers of the tables out.

What is fitted is what `fit/patient.py` and `fit/laplace.py` fit. A patient for whom something is out of the ordinary (a
search that does not converge, an unexplained change, a baseline far off) is marked, and left to them.
"""

from __future__ import annotations

from math import inf, isfinite, log, nan

import numpy as np

from igkinetics.fit.batch.checks import fill_residuals, lasting_step, scores
from igkinetics.fit.batch.estimates import (
    fill_estimates,
    fill_half_lives_of,
    place_points,
)
from igkinetics.fit.batch.layout import (
    CHANGED,
    FAR_OFF,
    FITTED,
    LIKELIHOOD,
    LOWER,
    MOST_COMPONENTS,
    MOST_SLOTS,
    NOT_CONVERGED,
    OBJECTIVE,
    OTHERS_FAILED,
    PRIOR_WEIGHT,
    WEIGHT,
    Components,
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
    fill_band,
    fill_below,
    fill_departure,
    fill_minima,
    fill_nadir,
    follow,
)
from igkinetics.fit.batch.search import Room, fill_levels, new_room
from igkinetics.fit.batch.slots import (
    add_components,
    fill_lowest_of,
    fill_weights,
    find_modes,
    first_starts,
    fit_others,
    target_of,
)
from igkinetics.fit.drift import Integers, Record
from igkinetics.fit.likelihood import NORMAL
from igkinetics.fit.objective import Target, fill_hessian, fill_theta, prior_term
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.extremes import fill_lowest, new_search
from igkinetics.kinetics.parameters import C_BASE, N_PARAMETERS, Floats
from igkinetics.kinetics.schedule import Schedule, assemble_segments

OF_COURSES = np.uint64(0xA5A5A5A5A5A5A5A5)
"""Tells the random numbers of a patient's courses from those of its points."""
CHANGE_FROM = 24.99
"""Square of the score from which a change is looked at for one patient, a little below its limit there."""
FAR_OFF_SDS = 3.5


@kernel
def schedule_of(records: Records, i: int, ignore_therapy: bool) -> Schedule:
    doses = records.doses[records.dose_at[i] : records.dose_at[i + 1]]
    therapy = records.therapy[records.therapy_at[i] : records.therapy_at[i + 1]]
    if ignore_therapy:
        therapy = therapy[:0]
    return assemble_segments(records.start_day[i], doses, therapy, np.full(2, inf))


@kernel
def count_days(records: Records, windows: Floats, tail: float, counts: Integers) -> None:
    """Rows of the curves table of each patient."""
    for i in range(counts.size):
        asked = Asked(windows[i, 0], windows[i, 1], np.empty(0), nan, tail)
        samples = records.day[records.sample_at[i] : records.sample_at[i + 1]]
        doses = records.doses[records.dose_at[i] : records.dose_at[i + 1]]
        days = days_of(schedule_of(records, i, False), samples, doses, asked)
        counts[i] = np.searchsorted(days, asked.end, side="right")


@kernel
def fit_one(i: int, records: Records, priors: Priors, how: How, found: Found) -> int:
    """Everything of patient i but its courses; what became of it."""
    rows = slice(records.sample_at[i], records.sample_at[i + 1])
    day, igg, limit = records.day[rows].copy(), records.igg[rows].copy(), records.limit[rows].copy()
    record = Record(NORMAL, day, igg, limit, priors.a, priors.b)
    with_therapy, without = schedule_of(records, i, False), schedule_of(records, i, True)
    schedule = without if priors.ignores_therapy[i, 0] else with_therapy
    main = target_of(priors, i, 0, schedule, record, NORMAL, 0.0, 1.0)
    p = main.mu.size
    room = new_room(with_therapy, day.size, N_PARAMETERS)
    starts = first_starts(main)
    modes, heights = np.empty(starts.shape), np.empty(starts.shape[0])
    hessians = np.empty((starts.shape[0], p, p))
    n_modes, agreeing = find_modes(starts, main, room, modes, heights, hessians)
    found.starts[i, 0], found.starts[i, 1], found.starts[i, 2] = starts.shape[0], agreeing, n_modes
    if n_modes == 0:
        return NOT_CONVERGED
    x = modes[0].copy()
    fill_hessian(x, main, hessians[0])
    components = Components(
        np.zeros(1, np.int64),
        np.empty(MOST_COMPONENTS, np.int64),
        np.empty(MOST_COMPONENTS),
        np.empty((MOST_COMPONENTS, N_PARAMETERS)),
        np.empty((MOST_COMPONENTS, N_PARAMETERS, N_PARAMETERS)),
    )
    slots, structure_of = found.slots[i], np.zeros(MOST_SLOTS, np.int64)
    slots[:] = nan
    mass = add_components(0, log(how.drift_prior[0]), n_modes, modes[:n_modes], heights, hessians, components)
    if not isfinite(mass):
        return NOT_CONVERGED
    slots[0, OBJECTIVE], slots[0, LIKELIHOOD] = heights[0], heights[0] - prior_term(x, main.mu, main.sd)
    slots[0, PRIOR_WEIGHT], slots[0, WEIGHT] = how.drift_prior[0], mass
    for k in range(p):
        if main.free[k] == C_BASE and abs(x[k] - main.mu[k]) > FAR_OFF_SDS * main.sd[k]:
            return FAR_OFF
    if fill_samples(i, x, main, room, records, found):
        return CHANGED
    window = how.windows[i].copy()
    fill_lowest_of(x, main, schedule, window, slots[0])
    if not fit_others(
        i, priors, how, main, modes[:n_modes], room, with_therapy, without, window, components, structure_of, slots
    ):
        return OTHERS_FAILED
    fill_weights(slots)
    found.estimates[i, 0, LOWER] = how.tail
    fill_estimates(x, main, components, hessians[0], found.estimates[i])
    fill_half_lives_of(x, main, components, how.tail, found.half_lives[i])
    fill_theta(x, main.free, main.fixed, found.theta[i])
    points = Points(found.point_theta[i], found.point_sd[i], found.point_kind[i], found.point_states[i])
    place_points(i, priors, how, components, structure_of, how.seeds[i : i + 1].copy(), points)
    return FITTED


@kernel
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
    """Nadirs, times below, band and best curve of the fitted patients in these places."""
    m, t = how.n_points, how.thresholds.size
    for i in range(first, last):
        if found.code[i] != FITTED:
            continue
        rows = slice(records.sample_at[i], records.sample_at[i + 1])
        day, igg, limit = records.day[rows].copy(), records.igg[rows].copy(), records.limit[rows].copy()
        record = Record(NORMAL, day, igg, limit, priors.a, priors.b)
        schedule = schedule_of(records, i, priors.ignores_therapy[i, 0])
        asked = Asked(how.windows[i, 0], how.windows[i, 1], how.thresholds, how.observed[i], how.tail)
        state = how.seeds[i : i + 1] ^ OF_COURSES
        points = Points(found.point_theta[i], found.point_sd[i], found.point_kind[i], found.point_states[i])
        days = days_of(schedule, day, records.doses[records.dose_at[i] : records.dose_at[i + 1]], asked)
        total, endogenous, nodes, u = follow(points, schedule, record, days, asked, state)
        lowest, below = np.empty((4, m)), np.empty((t, 2, m))
        fill_minima(days, total, endogenous, asked, lowest, below)
        fill_nadir(points, record, days, total, lowest, asked, state, found.nadir[i])
        fill_below(below, asked.tail, found.below[i])
        fill_departure(nodes, u, day, found.nadir[i, OFF_FROM : OFF_FROM + 3])
        at_best = np.empty(4)
        fill_lowest(found.theta[i], schedule, how.windows[i], np.empty(0), new_search(), at_best, np.empty((0, 2)))
        found.curve_nadir[i, 0], found.curve_nadir[i, 1] = at_best[0], at_best[1]
        fill_curve_rows(
            found.theta[i], schedule, days, total, asked, found.curves[how.curve_at[i] : how.curve_at[i + 1]]
        )


@kernel
def fill_curve_rows(theta: Floats, schedule: Schedule, days: Floats, total: Floats, asked: Asked, rows: Floats) -> None:
    """The best curve and the band of the points, day by day."""
    n = rows.shape[0]
    band, own, infused, shown = np.empty((n, 3)), np.empty(n), np.empty(n), days[:n].copy()
    fill_band(total, n, asked.tail, band)
    fill_curve(theta, schedule, shown, own, infused, np.empty(CURVE_ROOM))
    for k in range(n):
        rows[k, 0], rows[k, 1] = shown[k], own[k] + infused[k]
        rows[k, 2], rows[k, 3], rows[k, 4] = band[k, 1], band[k, 0], band[k, 2]
        rows[k, 5], rows[k, 6] = own[k], infused[k]


@kernel
def fit_range(first: int, last: int, records: Records, priors: Priors, how: How, found: Found) -> None:
    for i in range(first, last):
        found.code[i] = fit_one(i, records, priors, how, found)
