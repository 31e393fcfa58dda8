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
TOP = 0x7FFFFFFFFFFFFFFF
ONE_WEIGHT = 2.0**52
"""What weights that add up to 1 add up to as whole numbers."""
FAR = 0.04
"""Share of the weights between a guess and its goal beyond which the next guess halves what lies between."""
Keys = npt.NDArray[np.int64]
"""Numbers of 64 bits, or weights as whole numbers: those are compared and added up several at a time."""


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
def fill_copies(weights: Floats, m: int, copies: npt.NDArray[np.int64]) -> None:
    """How many of m systematically resampled draws are each of these, whose weights add up to 1."""
    reached, done = 0.0, 0
    for k in range(weights.size):
        reached += weights[k]
        upto = m if k == weights.size - 1 else min(int(reached * m + 0.5), m)
        copies[k] = max(upto - done, 0)
        done = max(done, upto)


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


@inner
def fill_keys(values: Floats, bits: Keys, keys: Keys) -> None:
    """Whole numbers in the order of values, whose bits these are."""
    for k in range(keys.size):
        keys[k] = bits[k] ^ ((bits[k] >> 63) & TOP)


@inner
def fill_parts(weights: Floats, parts: Keys) -> None:
    for k in range(parts.size):
        parts[k] = int(weights[k] * ONE_WEIGHT)


@inner
def scan(keys: Keys, parts: Keys, key: int) -> tuple[int, int, int, int, int]:
    """Weight below a key, weight of those that have it and how many, the next key below (-1 - TOP: none) and above
    (TOP: none)."""
    below = here = count = 0
    under, over = -TOP - 1, TOP
    for k in range(keys.size):
        own, part = keys[k], parts[k]
        below += part if own < key else 0
        here += part if own == key else 0
        count += 1 if own == key else 0
        under = max(under, own if own < key else -TOP - 1)
        over = min(over, own if own > key else TOP)
    return below, here, count, under, over


@inner
def number_of(key: int, cell: Floats, cell_bits: Keys) -> float:
    cell_bits[0] = key ^ ((key >> 63) & TOP)
    return cell[0]


@inner
def key_of(value: float, cell: Floats, cell_bits: Keys) -> int:
    cell[0] = value
    return cell_bits[0] ^ ((cell_bits[0] >> 63) & TOP)


@inner
def quantile_near(
    keys: Keys, parts: Keys, share: float, guess: int, low: int, high: int, cell: Floats, cell_bits: Keys
) -> tuple[float, int, int]:
    """The value at this share of the weights, as of `interval`, and the keys of the two that it lies between, in any
    order; from a guess at one, and keys between which it lies (low > high: unknown). cell (1,), cell_bits: the same
    memory."""
    target, key, bounded = share * ONE_WEIGHT, guess, low <= high
    before, edge = 0, 0.0
    for step in range(keys.size + 64):
        below, here, count, under, over = scan(keys, parts, key)
        if count == 0:
            key = over if under == -TOP - 1 or over < high else under
            continue
        half = 0.5 * here / count
        if target < below + half:
            gap, next_key, high = below + half - target, under, key
            if under == -TOP - 1:
                break
        elif target > below + here - half:
            gap, next_key, low = target - below - here + half, over, key
            if over == TOP:
                break
        else:
            break
        if step > 0 and next_key == before and (under == before) == (target >= edge):
            value, other = number_of(key, cell, cell_bits), number_of(before, cell, cell_bits)
            own = below + half if under == before else below + here - half
            return value + (other - value) * (target - own) / (edge - own), key, before
        before, edge = key, below + here - half if next_key == over else below + half
        if bounded and gap > FAR * ONE_WEIGHT and low < next_key < high:
            middle = 0.5 * (number_of(low, cell, cell_bits) + number_of(high, cell, cell_bits))
            key = key_of(middle, cell, cell_bits)
        else:
            key = next_key
    return number_of(key, cell, cell_bits), key, key


@inner
def between(keys: Keys, parts: Keys, low: int, high: int) -> tuple[int, int]:
    """Weight below `low`, and how many keys lie from there to `high`."""
    below = count = 0
    for k in range(keys.size):
        own, part = keys[k], parts[k]
        below += part if own < low else 0
        count += 1 if low <= own <= high else 0
    return below, count


@inner
def quantiles(
    values: Floats, bits: Keys, parts: Keys, tail: float, keys: Keys, cell: Floats, cell_bits: Keys
) -> tuple[float, float, float]:
    """As `interval`, of finite values whose bits these are; keys (n,): room."""
    fill_keys(values, bits, keys)
    low, high = TOP, -TOP - 1
    for k in range(keys.size):
        low, high = min(low, keys[k]), max(high, keys[k])
    middle, key, _ = quantile_near(keys, parts, 0.5, (low >> 1) + (high >> 1), low, high, cell, cell_bits)
    lower = quantile_near(keys, parts, tail, low, low, key, cell, cell_bits)[0]
    upper = quantile_near(keys, parts, 1.0 - tail, high, key, high, cell, cell_bits)[0]
    return lower, middle, upper


@inner
def place_of(keys: Keys, key: int) -> int:
    place = -1
    for k in range(keys.size):
        place = max(place, k if keys[k] == key else -1)
    return place
