"""What the tables say of the courses of one patient's points, as kernels: bands, minima, times below, departures."""

from __future__ import annotations

from math import inf, isnan, nan, sqrt

import numpy as np
import numpy.typing as npt

from igkinetics.fit.batch.numbers import (
    ONE_WEIGHT,
    TOP,
    State,
    between,
    fill_parts,
    interval,
    place_of,
    quantile_near,
    quantiles,
    shuffle,
    student_t4,
    uniform,
)
from igkinetics.fit.batch.points import (
    DAY,
    ENDOGENOUS,
    ENDOGENOUS_DAY,
    EVER_BELOW,
    ONE_SIDED,
    RAW,
    RAW_BELOW,
    RAW_MEAN,
    RISE_SHARE,
    RISEN,
    TOTAL,
    Asked,
    Points,
)
from igkinetics.fit.drift import Record
from igkinetics.fit.likelihood import STUDENT_T
from igkinetics.kinetics.compile import inner, merged
from igkinetics.kinetics.extremes import FLAT
from igkinetics.kinetics.parameters import Floats


@merged
def fill_band(total: Floats, weights: Floats, tail: float, band: Floats) -> None:
    """Lower end, median and upper end (n, 3) of the first n days of levels (d, m), which are not negative, so that
    their bits have their order. On most days a quantile lies between the same two points as on the day before, which
    one look at all points confirms; else it is looked for from there."""
    parts, cell, near = np.empty(weights.size, np.int64), np.empty(1), np.zeros((3, 2), np.int64)
    bits, cell_bits = total.view(np.int64), cell.view(np.int64)
    fill_parts(weights, parts)
    for i in range(band.shape[0]):
        keys, low, high = bits[i], TOP, -TOP - 1
        if i == 0:
            for k in range(parts.size):
                low, high = min(low, keys[k]), max(high, keys[k])
        for end in range(3):
            share = tail if end == 0 else 0.5 if end == 1 else 1.0 - tail
            one, other = near[end, 0], near[end, 1]
            below, count = between(keys, parts, keys[one], keys[other])
            at_one, at_other = below + 0.5 * parts[one], below + parts[one] + 0.5 * parts[other]
            if count == 2 and at_one <= share * ONE_WEIGHT < at_other:
                here = (share * ONE_WEIGHT - at_one) / (at_other - at_one)
                band[i, end] = total[i, one] + here * (total[i, other] - total[i, one])
                continue
            value, key, before = quantile_near(keys, parts, share, keys[other], low, high, cell, cell_bits)
            band[i, end] = value
            near[end, 0], near[end, 1] = place_of(keys, min(key, before)), place_of(keys, max(key, before))


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
    seen: Floats,
    ends: Floats,
    lowest: Floats,
    asked: Asked,
    even: Floats,
    state: State,
    out: Floats,
) -> None:
    """The numbers of one row of the nadir table, g/L and days, into out (N_NADIR,). seen (n, m), ends (m,): levels at
    the samples and at the window's end. even: normal numbers for the errors of measurement, as many as points, or to be
    drawn from."""
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
    risen = 0.0
    for k in range(m):
        if ends[k] > (1.0 + RISE_SHARE) * lowest[0, k]:
            risen += weights[k]
    out[RISEN] = risen
    values = np.full(m, inf)
    out[RAW] = out[RAW + 1] = out[RAW + 2] = out[RAW_MEAN] = out[RAW_BELOW] = nan
    if not measure_again(points.kind, record, seen, asked, even, state, values):
        return
    mean = beneath = 0.0
    for k in range(m):
        mean += weights[k] * values[k]
        beneath += weights[k] * (values[k] <= asked.observed)
    lower_end, middle, upper_end = quantiles(values, values.view(np.int64), parts, asked.tail, keys, cell, cell_bits)
    out[RAW], out[RAW + 1], out[RAW + 2] = lower_end, middle, upper_end
    out[RAW_MEAN], out[RAW_BELOW] = mean, beneath


@merged
def measure_again(
    kind: npt.NDArray[np.int8], record: Record, seen: Floats, asked: Asked, even: Floats, state: State, values: Floats
) -> bool:
    """The lowest of fresh measurements in the window for each point (m,), none below a limit of the record; False
    without a sample there."""
    _, day, igg, limit, a, b = record
    m, floor, inside, order = values.size, -inf, 0, np.empty(values.size, np.int64)
    for i in range(day.size):
        if not asked.start <= day[i] <= asked.end:
            continue
        inside += 1
        if limit[i] < 0:
            floor = max(floor, igg[i])
        if even.size == m:
            shuffle(order, m, state)  # errors as evenly spread over the points as they can be
        for k in range(m):
            level = seen[i, k]
            if kind[k] == STUDENT_T:
                off = student_t4(state)
            else:
                off = even[order[k] if even.size == m else int(uniform(state) * even.size)]
            values[k] = min(values[k], max(level + sqrt(a * a + b * b * level * level) * off, 0.0))
    for k in range(m):
        values[k] = max(values[k], floor)
    return inside > 0


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
        order[:] = np.argsort(values, kind="mergesort")
        out[j, 0], out[j, 1], out[j, 2] = interval(values, weights, order, tail)
        order[:] = np.argsort(below[j, 1], kind="mergesort")
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
