"""Small kernels of the batch fit: random numbers from a patient's own seed, quantiles of weighted values."""

from __future__ import annotations

from math import cos, isfinite, log, pi, sin, sqrt

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.parameters import Floats

State = npt.NDArray[np.uint64]
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
BY_30, BY_27, BY_31, BY_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
UNIT = 2.0**-53


@inner
def uniform(state: State) -> float:
    """Between 0 and 1, neither included (SplitMix64: Steele, Lea and Flood, OOPSLA 2014); state (1,)."""
    state[0] += STEP
    z = state[0]
    z = (z ^ (z >> BY_30)) * FIRST
    z = (z ^ (z >> BY_27)) * SECOND
    z = z ^ (z >> BY_31)
    return (float(z >> BY_11) + 0.5) * UNIT


@inner
def normal(state: State) -> float:
    return sqrt(-2.0 * log(uniform(state))) * cos(2.0 * pi * uniform(state))


@inner
def two_normals(state: State) -> tuple[float, float]:
    radius, angle = sqrt(-2.0 * log(uniform(state))), 2.0 * pi * uniform(state)
    return radius * cos(angle), radius * sin(angle)


@inner
def student_t4(state: State) -> float:
    """Student's t with 4 degrees of freedom."""
    return normal(state) / sqrt(-0.5 * log(uniform(state) * uniform(state)))


@inner
def shuffle(places: npt.NDArray[np.int64], n: int, state: State) -> None:
    """The numbers 0 to n - 1 in random order."""
    for i in range(n):
        places[i] = i
    for i in range(n - 1, 0, -1):
        j = int(uniform(state) * (i + 1))
        places[i], places[j] = places[j], places[i]


@inner
def sort_along(values: Floats, order: npt.NDArray[np.int64]) -> None:
    """Reorder places (n,) so that their values ascend; by insertion, for they are often nearly in order."""
    for i in range(1, order.size):
        moved = order[i]
        value = values[moved]
        j = i - 1
        while j >= 0 and values[order[j]] > value:
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = moved


@inner
def value_at(values: Floats, weights: Floats, order: npt.NDArray[np.int64], share: float) -> float:
    """The value that this share of the weights reaches; order: ascending."""
    reached = 0.0
    for i in range(order.size):
        reached += weights[order[i]]
        if reached >= share:
            return values[order[i]]
    return values[order[order.size - 1]]


@inner
def interval(values: Floats, weights: Floats, order: npt.NDArray[np.int64], tail: float) -> tuple[float, float, float]:
    """Lower end, median and upper end of values whose weights add up to 1, linear between the mid-points of the
    weights; where one is infinite, the value at that share. order: of an earlier call, or any; left ascending."""
    sort_along(values, order)
    last = order.size - 1
    if not isfinite(values[order[last]]):
        lower, middle = value_at(values, weights, order, tail), value_at(values, weights, order, 0.5)
        return lower, middle, value_at(values, weights, order, 1.0 - tail)
    lower = middle = upper = 0.0
    i, at = 0, 0.5 * weights[order[0]]
    before = at
    for end in range(2):
        share = tail if end == 0 else 0.5
        while at < share and i < last:
            i += 1
            before = at
            at += 0.5 * (weights[order[i - 1]] + weights[order[i]])
        middle = values[order[i]]
        if before < share <= at:
            middle -= (middle - values[order[i - 1]]) * (at - share) / (at - before)
        if end == 0:
            lower = middle
    i, at = last, 0.5 * weights[order[last]]  # from above, which is the shorter way
    before = at
    while at < tail and i > 0:
        i -= 1
        before = at
        at += 0.5 * (weights[order[i + 1]] + weights[order[i]])
    upper = values[order[i]]
    if before < tail <= at:
        upper += (values[order[i + 1]] - upper) * (at - tail) / (at - before)
    return lower, middle, upper
