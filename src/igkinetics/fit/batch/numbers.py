"""Small kernels of the batch fit: random numbers from a patient's own seed, quantiles in place, normal mixtures."""

from __future__ import annotations

from math import cos, erf, exp, isfinite, log, pi, sin, sqrt

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats

State = npt.NDArray[np.uint64]
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
BY_30, BY_27, BY_31, BY_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
UNIT = 2.0**-53
MOST_STEPS = 60


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
def select(values: Floats, first: int, last: int, k: int) -> None:
    """Reorder values[first..last] so that the k-th smallest of all stands at k (Hoare's quickselect)."""
    while first < last:
        pivot = values[(first + last) // 2]
        i, j = first, last
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            last = j
        elif k >= i:
            first = i
        else:
            return


@inner
def quantile_from(values: Floats, n: int, first: int, share: float) -> float:
    """Of n values of equal weight, linear between the mid-points of the weights; values before `first` are in place,
    none of them larger. Where one is infinite, the value at that share."""
    place = min(max(share * n - 0.5, 0.0), n - 1.0)
    k = int(place)
    select(values, first, n - 1, k)
    if k == n - 1 or place == k:
        return values[k]
    above = values[k + 1]
    for i in range(k + 2, n):
        above = min(above, values[i])
    return values[k] + (place - k) * (above - values[k])


@inner
def interval(values: Floats, n: int, tail: float) -> tuple[float, float, float]:
    """Lower end, median and upper end of n values of equal weight, which are reordered."""
    finite = True
    for i in range(n):
        finite = finite and isfinite(values[i])
    if finite:
        lower = quantile_from(values, n, 0, tail)
        start = int(min(max(tail * n - 0.5, 0.0), n - 1.0))
        middle = quantile_from(values, n, start, 0.5)
        start = int(min(max(0.5 * n - 0.5, 0.0), n - 1.0))
        return lower, middle, quantile_from(values, n, start, 1.0 - tail)
    lower_at, middle_at = place_of(tail, n), place_of(0.5, n)
    upper_at = place_of(1.0 - tail, n)
    select(values, 0, n - 1, lower_at)
    lower = values[lower_at]
    select(values, lower_at, n - 1, middle_at)
    middle = values[middle_at]
    select(values, middle_at, n - 1, upper_at)
    return lower, middle, values[upper_at]


@inner
def place_of(share: float, n: int) -> int:
    return min(max(int(np.ceil(share * n - 1e-9)) - 1, 0), n - 1)


@kernel
def mixture_quantile(means: Floats, sds: Floats, shares: Floats, n: int, share: float) -> float:
    """Of a mixture of n normal distributions whose shares add up to 1, by Newton's method between bounds."""
    low, high = np.inf, -np.inf
    for k in range(n):
        low, high = min(low, means[k] - 9.0 * sds[k]), max(high, means[k] + 9.0 * sds[k])
    if not high > low:
        return low
    x = 0.5 * (low + high)
    for _ in range(MOST_STEPS):
        below = -share
        density = 0.0
        for k in range(n):
            if sds[k] > 0.0:
                z = (x - means[k]) / sds[k]
                below += shares[k] * 0.5 * (1.0 + erf(z * sqrt(0.5)))
                density += shares[k] * exp(-0.5 * z * z) / (sds[k] * sqrt(2.0 * pi))
            else:
                below += shares[k] * (x >= means[k])
        if below > 0.0:
            high = x
        else:
            low = x
        new = x - below / density if density > 0.0 else low - 1.0
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - x) <= 1e-10 * (1.0 + abs(x)):
            return new
        x = new
    return x
