"""The courses of one patient's points, and what the tables say of them, as kernels.

A point is a parameter vector with an SD of the drift and a kind of error. All curves are followed once, side by side,
over one set of days for all that is asked: levels at the samples, which give each point its weight (`weighing.py`),
band, minima, times below. Those days are one apart at most, with all samples and both sides of every dose among them,
and a minimum is the lowest level on one of them; that of the best curve is exact (docs/model.md 4).
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.fit.batch.numbers import State, two_normals
from igkinetics.fit.drift import Record, see_sample
from igkinetics.fit.drift_process import Moments, drawn, predicted_by, smoothed_by, stationary, transition, updated
from igkinetics.fit.likelihood import LOG_2PI, LOG_T4_CONSTANT, NORMAL, STUDENT_DF, STUDENT_T, minus_two_log
from igkinetics.kinetics.compile import inner, merged
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START, Schedule
from igkinetics.kinetics.together import can_go_together, fill_together

Integers = npt.NDArray[np.int64]

MOST_IN_PRODUCT = 8
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
            values[k] = heavy_tailed(record, at_samples, total, k)


@inner
def heavy_tailed(record: Record, at_samples: Integers, total: Floats, k: int) -> float:
    """-2 log likelihood of the record under Student-t error; logarithms are taken of products of a few terms."""
    _, _, igg, limit, a, b = record
    value, tails, variances, seen = 0.0, 1.0, 1.0, 0
    for i in range(igg.size):
        level = total[at_samples[i], k]
        if limit[i] != 0:
            value += minus_two_log(STUDENT_T, igg[i], limit[i], level, a, b)[0]
            continue
        variance, gap = a * a + b * b * level * level, igg[i] - level
        tails *= 1.0 + gap * gap / (STUDENT_DF * variance)
        variances *= variance
        seen += 1
        if seen % MOST_IN_PRODUCT == 0:
            value += (STUDENT_DF + 1.0) * log(tails) + log(variances)
            tails = variances = 1.0
    return value + (STUDENT_DF + 1.0) * log(tails) + log(variances) - 2.0 * seen * LOG_T4_CONSTANT


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
