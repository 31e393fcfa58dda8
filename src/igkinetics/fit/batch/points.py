"""The courses of one patient's points, and what the tables say of them, as kernels.

A point is a parameter vector with an SD of the drift and a kind of error. All curves are followed once, side by side,
over one set of days for all that is asked: levels at the samples, which give each point its weight (`weighing.py`),
band, minima, times below. Those days are one apart at most, with all samples and both sides of every dose among them,
and a minimum is the lowest level on one of them; that of the best curve is exact (docs/model.md 4).
"""

from __future__ import annotations

from math import inf, isnan, log, nan, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.fit.batch.numbers import (
    TOP,
    State,
    fill_parts,
    interval,
    place_of,
    quantile_near,
    quantiles,
    shuffle,
    student_t4,
    two_normals,
)
from igkinetics.fit.drift import Record, see_sample
from igkinetics.fit.drift_process import Moments, drawn, predicted_by, smoothed_by, stationary, transition, updated
from igkinetics.fit.likelihood import LOG_2PI, NORMAL, STUDENT_T, minus_two_log
from igkinetics.kinetics.compile import inner, merged
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.extremes import FLAT
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START, Schedule
from igkinetics.kinetics.together import can_go_together, fill_together

Integers = npt.NDArray[np.int64]

MOST_IN_PRODUCT = 8
BAND_EVERY = 4
NODE_DAYS = 10.0
JUST_AFTER_DAY = 1e-6
ONE_SIDED = 0.9
RISE_SHARE = 0.05
"""As in fit/courses.py and fit/nadirs.py (held together by tests/fit/test_batch.py)."""
TOTAL, DAY, ENDOGENOUS, RAW = 0, 3, 6, 9
ENDOGENOUS_DAY, RAW_MEAN, RAW_BELOW, RISEN, OFF_FROM, OFF_UNTIL, OFF_BY = range(12, 19)
N_NADIR = 19
"""Columns of what is said of a nadir: four intervals (lower, median, upper), then single numbers."""
FIRST_BELOW, DAYS_BELOW, EVER_BELOW, N_BELOW = 0, 3, 6, 7


class Points(NamedTuple):
    """Points in random order: theta (m, 13), SD of the drift (m,), kind of error (m,); states (m, 2): the drift at the
    last sample and its slope, filled in; slot (m,); base (m,): log of prior density over that of the points."""

    theta: Floats
    drift_sd: Floats
    kind: npt.NDArray[np.int8]
    states: Floats
    slot: Integers
    base: Floats


class Asked(NamedTuple):
    """What is asked of a patient's courses: days of the window, thresholds (g/L), lowest value measured, tail of
    intervals."""

    start: float
    end: float
    thresholds: Floats
    observed: float
    tail: float


@merged
def days_of(start: float, samples: Floats, doses: Floats, asked: Asked) -> Floats:
    """Ascending days, daily from the start of the state to the window's end, with its ends, all samples, and both sides
    of every dose. doses (h, 4): day, g, days, is_sc."""
    end = asked.end
    daily = max(int(np.ceil(end - start)), 0)
    found = np.empty(daily + 2 + samples.size + 2 * doses.shape[0])
    n = daily
    for i in range(daily):
        found[i] = start + i
    found[n], found[n + 1] = asked.start, end
    n += 2
    for i in range(samples.size):
        found[n] = samples[i]
        n += 1
    for i in range(doses.shape[0]):
        after = doses[i, 0] + (doses[i, 2] if doses[i, 2] > 0.0 else JUST_AFTER_DAY)
        if doses[i, 0] <= end:
            found[n] = doses[i, 0]
            n += 1
        if after <= end:
            found[n] = after
            n += 1
    found = np.sort(found[:n])
    kept = 0
    for i in range(n):
        if found[i] >= start and (kept == 0 or found[i] > found[kept - 1]):
            found[kept] = found[i]
            kept += 1
    return found[:kept].copy()


@merged
def nodes_of(samples: Floats, start: float, last: float) -> tuple[Floats, Integers]:
    """Days on which the drift is drawn, ascending, and which sample lies there, -1 for none."""
    end = max(last, samples[-1], start + NODE_DAYS)
    n = int(np.ceil((end - start) / NODE_DAYS))
    days, places = np.empty(n + 1 + samples.size), np.full(n + 1 + samples.size, -1)
    k = m = 0
    for i in range(n + 1):
        node = min(start + i * NODE_DAYS, end) if i < n else end
        there = False
        while k < samples.size and samples[k] <= node:
            there = samples[k] == node
            days[m], places[m] = samples[k], k
            k += 1
            m += 1
        if not there:
            days[m] = node
            m += 1
    return days[:m].copy(), places[:m].copy()


@merged
def follow(
    points: Points, schedule: Schedule, record: Record, days: Floats, asked: Asked, state: State, values: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Total and endogenous IgG of each point on these days (d, m), the days of the drift's nodes (t,) and the drift of
    the drifting points there (t, k). Fills values (m,): -2 log likelihood of the record, the drift integrated out."""
    m = points.drift_sd.size
    total, endogenous = np.empty((days.size, m)), np.empty((days.size, m))
    if can_go_together(schedule):
        fill_together(points.theta, schedule, days, endogenous, total)
    else:
        follow_one_by_one(points.theta, schedule, days, endogenous, total)
    at_samples = np.searchsorted(days, record.day)
    fill_steady(record, at_samples, total, points.kind, values)
    drifting = np.flatnonzero(points.drift_sd > 0.0)
    nodes, sample_at = nodes_of(record.day, schedule[0, START], asked.end)
    u = np.empty((nodes.size, drifting.size))
    points.states[:] = 0.0
    if not drifting.size:
        return total, endogenous, nodes, u
    sds, levels = points.drift_sd[drifting], np.empty((record.day.size, drifting.size))
    for i in range(record.day.size):
        for j in range(drifting.size):
            levels[i, j] = total[at_samples[i], drifting[j]]
    slopes, marginal = np.empty((nodes.size, drifting.size)), np.zeros(drifting.size)
    draw_drift(record, levels, sds, nodes, sample_at, state, u, slopes, marginal)
    values[drifting] = marginal
    last = np.searchsorted(nodes, record.day[-1], side="right") - 1
    for j in range(drifting.size):
        points.states[drifting[j], 0], points.states[drifting[j], 1] = u[last, j], slopes[last, j]
    right = 1
    for i in range(days.size):
        while right < nodes.size - 1 and nodes[right] < days[i]:
            right += 1
        width = nodes[right] - nodes[right - 1]
        share = min(max((days[i] - nodes[right - 1]) / width, 0.0), 1.0) if width > 0.0 else 0.0
        for j in range(drifting.size):
            factor = max(1.0 + u[right - 1, j] * (1.0 - share) + u[right, j] * share, 0.0)
            total[i, drifting[j]] *= factor
            endogenous[i, drifting[j]] *= factor
    return total, endogenous, nodes, u


@merged
def fill_steady(
    record: Record, at_samples: Integers, total: Floats, kind: npt.NDArray[np.int8], values: Floats
) -> None:
    """-2 log likelihood (m,) of the record where every value stands by itself; logarithms are taken of products of a
    few variances."""
    _, _, igg, limit, a, b = record
    values[:] = 0.0
    product, seen = np.ones(values.size), 0
    for i in range(igg.size):
        if limit[i] != 0:
            for k in range(values.size):
                values[k] += minus_two_log(NORMAL, igg[i], limit[i], total[at_samples[i], k], a, b)[0]
            continue
        add_normal(total[at_samples[i]], igg[i], a, b, values, product)
        seen += 1
        if seen % MOST_IN_PRODUCT == 0:
            add_logs(product, values)
    add_logs(product, values)
    values += seen * LOG_2PI
    for k in range(values.size):
        if kind[k] != NORMAL:
            values[k] = 0.0
            for i in range(igg.size):
                values[k] += minus_two_log(int(kind[k]), igg[i], limit[i], total[at_samples[i], k], a, b)[0]


@inner
def add_normal(level: Floats, y: float, a: float, b: float, values: Floats, product: Floats) -> None:
    for k in range(level.size):
        variance, gap = a * a + b * b * level[k] * level[k], y - level[k]
        values[k] += gap * gap / variance
        product[k] *= variance


@inner
def add_logs(product: Floats, values: Floats) -> None:
    for k in range(values.size):
        values[k] += log(product[k])
        product[k] = 1.0


@merged
def follow_one_by_one(thetas: Floats, schedule: Schedule, days: Floats, endogenous: Floats, total: Floats) -> None:
    """The same curves where doses are subcutaneous."""
    own, infused, scratch = np.empty(days.size), np.empty(days.size), np.empty(CURVE_ROOM)
    for k in range(thetas.shape[0]):
        fill_curve(thetas[k], schedule, days, own, infused, scratch)
        for i in range(days.size):
            endogenous[i, k], total[i, k] = own[i], own[i] + infused[i]


@merged
def draw_drift(
    record: Record,
    levels: Floats,
    sds: Floats,
    nodes: Floats,
    sample_at: Integers,
    state: State,
    u: Floats,
    slopes: Floats,
    values: Floats,
) -> None:
    """The drift and its slope (t, k) at the nodes, given the record: `draw_paths` of fit/drift.py, of all points side
    by side. levels (sample, k); sds (k,). Adds -2 log likelihood to values (k,)."""
    kind, _, igg, limit, a, b = record
    t, k = u.shape
    kept = np.empty((t, k, 5))
    moves = transition(0.0)
    for i in range(t):
        if i > 0:
            moves = transition(nodes[i] - nodes[i - 1])
        n = sample_at[i]
        for j in range(k):
            if i == 0:
                known = stationary(sds[j])
            else:
                before = Moments(
                    kept[i - 1, j, 0], kept[i - 1, j, 1], kept[i - 1, j, 2], kept[i - 1, j, 3], kept[i - 1, j, 4]
                )
                known = predicted_by(moves, before, sds[j])
            if n >= 0:
                seen, mean, variance = see_sample(
                    kind, igg[n], limit[n], levels[n, j], a, b, known.mean, known.variance
                )
                values[j] += seen
                known = updated(known, mean, variance)
            for place in range(5):
                kept[i, j, place] = known[place]
    for i in range(t - 1, -1, -1):
        if i < t - 1:
            moves = transition(nodes[i + 1] - nodes[i])
        for j in range(k):
            known = Moments(kept[i, j, 0], kept[i, j, 1], kept[i, j, 2], kept[i, j, 3], kept[i, j, 4])
            if i < t - 1:
                known = smoothed_by(moves, known, u[i + 1, j], slopes[i + 1, j], sds[j])
            first, second = two_normals(state)
            u[i, j], slopes[i, j] = drawn(known, first, second)


@merged
def fill_band(total: Floats, best: Floats, infused: Floats, weights: Floats, tail: float, band: Floats) -> None:
    """Lower end, median and upper end (n, 3) of the first n days of levels (d, m), which are not negative, so that
    their bits have their order. A day's quantiles are looked for from the points that they lay at before.

    They are worked out on every BAND_EVERY-th day, on the first and last, and where the best curve (n,) begins or ends
    to rise by a dose; between those days their ratio to the best curve is interpolated.
    """
    parts, cell, near = np.empty(weights.size, np.int64), np.empty(1), np.zeros(3, np.int64)
    bits, cell_bits = total.view(np.int64), cell.view(np.int64)
    fill_parts(weights, parts)
    n, before = best.size, 0
    for i in range(n):
        given = (i > 0 and infused[i] > infused[i - 1]) or (i < n - 1 and infused[i + 1] > infused[i])
        if not (i == 0 or i == n - 1 or i - before >= BAND_EVERY or given):
            continue
        keys, low, high = bits[i], TOP, -TOP - 1
        if i == 0:
            for k in range(parts.size):
                low, high = min(low, keys[k]), max(high, keys[k])
        for end in range(3):
            share = tail if end == 0 else 0.5 if end == 1 else 1.0 - tail
            band[i, end], key = quantile_near(keys, parts, share, keys[near[end]], low, high, cell, cell_bits)
            near[end] = place_of(keys, key)
            first, last = band[before, end] / best[before], band[i, end] / best[i]
            for j in range(before + 1, i):
                band[j, end] = best[j] * (first + (last - first) * (j - before) / (i - before))
        before = i


@inner
def lower(levels: Floats, day: float, lowest: Floats, when: Floats) -> None:
    for k in range(levels.size):
        if levels[k] < lowest[k] * (1.0 - FLAT):
            lowest[k], when[k] = levels[k], day


@merged
def fill_minima(days: Floats, total: Floats, endogenous: Floats, asked: Asked, lowest: Floats, below: Floats) -> None:
    """Of each point: lowest total, its day, lowest endogenous, its day (4, m); and first day (nan: never) and days
    below each threshold (t, 2, m)."""
    first, last = np.searchsorted(days, asked.start), np.searchsorted(days, asked.end)
    lowest[0], lowest[2] = total[first], endogenous[first]
    lowest[1] = lowest[3] = days[first]
    for i in range(first + 1, last + 1):
        lower(total[i], days[i], lowest[0], lowest[1])
        lower(endogenous[i], days[i], lowest[2], lowest[3])
    for j in range(asked.thresholds.size):
        threshold = asked.thresholds[j]
        for k in range(total.shape[1]):
            below[j, 0, k], below[j, 1, k] = days[first] if total[first, k] < threshold else nan, 0.0
        for i in range(first + 1, last + 1):
            span = days[i] - days[i - 1]
            for k in range(total.shape[1]):
                left, right = total[i - 1, k] - threshold, total[i, k] - threshold
                if left < 0.0 and right < 0.0:
                    below[j, 1, k] += span
                elif left < 0.0:
                    below[j, 1, k] += span * left / (left - right)
                elif right < 0.0:
                    crossing = span * left / (left - right)
                    below[j, 1, k] += span - crossing
                    if isnan(below[j, 0, k]):
                        below[j, 0, k] = days[i - 1] + crossing


@merged
def fill_nadir(
    points: Points,
    weights: Floats,
    record: Record,
    days: Floats,
    total: Floats,
    lowest: Floats,
    asked: Asked,
    even: Floats,
    state: State,
    out: Floats,
) -> None:
    """The numbers of one row of the nadir table, g/L and days, into out (N_NADIR,). even (m,): normal numbers."""
    m = weights.size
    parts, keys, cell = np.empty(m, np.int64), np.empty(m, np.int64), np.empty(1)
    cell_bits = cell.view(np.int64)
    fill_parts(weights, parts)
    for place, column in ((TOTAL, 0), (ENDOGENOUS, 2), (DAY, 1), (ENDOGENOUS_DAY, 3)):
        own = lowest[column]
        lower_end, middle, upper_end = quantiles(own, own.view(np.int64), parts, asked.tail, keys, cell, cell_bits)
        if column == 3:
            out[place] = middle
        else:
            out[place], out[place + 1], out[place + 2] = lower_end, middle, upper_end
    at_end, risen = np.searchsorted(days, asked.end), 0.0
    for k in range(m):
        if total[at_end, k] > (1.0 + RISE_SHARE) * lowest[0, k]:
            risen += weights[k]
    out[RISEN] = risen
    _, day, igg, limit, a, b = record
    floor = -inf
    places = np.searchsorted(days, day)
    inside = 0
    for i in range(day.size):
        if asked.start <= day[i] <= asked.end:
            inside += 1
            if limit[i] < 0:
                floor = max(floor, igg[i])
    out[RAW] = out[RAW + 1] = out[RAW + 2] = out[RAW_MEAN] = out[RAW_BELOW] = nan
    if inside == 0:
        return
    values, order = np.full(m, inf), np.empty(m, np.int64)
    for i in range(day.size):
        if not asked.start <= day[i] <= asked.end:
            continue
        shuffle(order, m, state)  # errors as evenly spread over the points as they can be
        for k in range(m):
            level = total[places[i], k]
            off = student_t4(state) if points.kind[k] == STUDENT_T else even[order[k]]
            values[k] = min(values[k], max(level + sqrt(a * a + b * b * level * level) * off, 0.0))
    mean = beneath = 0.0
    for k in range(m):
        values[k] = max(values[k], floor)
        mean += weights[k] * values[k]
        beneath += weights[k] * (values[k] <= asked.observed)
    lower_end, middle, upper_end = quantiles(values, values.view(np.int64), parts, asked.tail, keys, cell, cell_bits)
    out[RAW], out[RAW + 1], out[RAW + 2] = lower_end, middle, upper_end
    out[RAW_MEAN], out[RAW_BELOW] = mean, beneath


@merged
def fill_below(below: Floats, weights: Floats, tail: float, out: Floats) -> None:
    """The numbers of each threshold (t, N_BELOW): first day (inf: never) and days below, share of points ever below."""
    m = weights.size
    values, order = np.empty(m), np.arange(m)
    for j in range(below.shape[0]):
        ever = 0.0
        for k in range(m):
            never = isnan(below[j, 0, k])
            ever += 0.0 if never else weights[k]
            values[k] = inf if never else below[j, 0, k]
        out[j, 0], out[j, 1], out[j, 2] = interval(values, weights, order, tail)
        out[j, 3], out[j, 4], out[j, 5] = interval(below[j, 1], weights, order, tail)
        out[j, EVER_BELOW] = ever


@merged
def fill_departure(nodes: Floats, u: Floats, weights: Floats, samples: Floats, out: Floats) -> None:
    """First and last day of the stretch in which the course lies farthest off the curve, and how far (see
    Courses.departure in fit/courses.py), into out (3,). u (t, k), weights (k,): of the drifting points."""
    t, k = u.shape
    out[:] = nan
    if k == 0 or not weights.sum() > 0.0:
        return
    shares, order = weights / weights.sum(), np.arange(k)
    middle, agreed = np.zeros(t), np.zeros(t, np.bool_)
    means, values = np.zeros(k), np.empty(k)
    inside = 0
    for i in range(t):
        if samples[0] <= nodes[i] <= samples[-1]:
            inside += 1
            for j in range(k):
                means[j] += u[i, j]
    means /= inside
    farthest, most = -1, 0.0
    for i in range(t):
        above = 0.0
        for j in range(k):
            values[j] = u[i, j] - means[j]
            above += shares[j] if values[j] > 0.0 else 0.0
        middle[i] = interval(values, shares, order, 0.25)[1]
        agreed[i] = samples[0] <= nodes[i] <= samples[-1] and max(above, 1.0 - above) >= ONE_SIDED
        if agreed[i] and (farthest < 0 or abs(middle[i]) > most):
            farthest, most = i, abs(middle[i])
    if farthest < 0:
        out[0], out[1] = samples[0], samples[-1]
        return
    side = 1.0 if middle[farthest] > 0.0 else -1.0
    left = right = farthest
    while left > 0 and agreed[left - 1] and side * middle[left - 1] >= 0.5 * most:
        left -= 1
    while right < t - 1 and agreed[right + 1] and side * middle[right + 1] >= 0.5 * most:
        right += 1
    out[0], out[1], out[2] = nodes[left], nodes[right], middle[farthest]
