"""Points of one patient's posterior, made from its normal approximations and weighed by the posterior, as kernels.

The points of a slot come from the mixture of the normal distributions around its optima, each WIDER times as wide, in
each direction as evenly spread as so many points can be. A point's weight is posterior density over that of the mixture
(docs/model.md 3.6), Pareto-smoothed as those of the draws are; what is said of the patient are weighted quantiles.
"""

from __future__ import annotations

from math import exp, inf, log, pi

import numpy as np
import numpy.typing as npt

from igkinetics.fit.batch.layout import MOST_SLOTS, N_OWN_DRIFT, WEIGHT, Components, How, Priors, Records
from igkinetics.fit.batch.numbers import State, normal, shuffle
from igkinetics.fit.batch.points import Integers, Points
from igkinetics.fit.batch.slots import slot_of, target_of
from igkinetics.fit.mixture import smooth
from igkinetics.fit.objective import fill_theta, prior_term
from igkinetics.kinetics.compile import kernel, merged
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats

NEGLIGIBLE = 0.002
WIDER = 1.15
"""Weights of points somewhat wider than the posterior have no long tail; much wider ones waste points."""
EVENLY = 0.1
"""Share of the points that goes to all normal distributions alike, for their masses are not known for certain."""
OWN_SHARE = 0.4
"""Share of the points that the fitted structure has at least: its parameters have intervals of their own."""
FEWEST_EVEN, FEWEST_SMOOTHED = 8, 25
"""Fewer points of a distribution are drawn at random; fewer weights are not smoothed."""
LEAST_EFFECTIVE = 20.0
"""Points of equal weight that the weighted ones must be worth; below, the patient is left to draws."""


@merged
def shares_of(components: Components) -> Floats:
    """Of the points, for each component: none for structures of next to no weight; the fitted one counts whole,
    whatever its drift."""
    n = components.n[0]
    shares = np.exp(components.log_mass[:n] - components.log_mass[:n].max())
    of_slot = np.zeros(MOST_SLOTS)
    for c in range(n):
        slot = components.slot[c]
        of_slot[0 if slot < N_OWN_DRIFT else slot] += shares[c]
    total, kept, n_kept = shares.sum(), 0.0, 0
    for c in range(n):
        slot = components.slot[c]
        if of_slot[0 if slot < N_OWN_DRIFT else slot] <= NEGLIGIBLE * total:
            shares[c] = 0.0
        kept += shares[c]
        n_kept += shares[c] > 0.0
    own = 0.0
    for c in range(n):
        if shares[c] > 0.0:
            shares[c] = shares[c] / kept + EVENLY / n_kept
            own += shares[c] if components.slot[c] < N_OWN_DRIFT else 0.0
    own /= 1.0 + EVENLY
    for c in range(n):
        shares[c] /= 1.0 + EVENLY
        if 0.0 < own < OWN_SHARE:
            shares[c] *= OWN_SHARE / own if components.slot[c] < N_OWN_DRIFT else (1.0 - OWN_SHARE) / (1.0 - own)
    return shares


@merged
def place_points(
    i: int, records: Records, priors: Priors, how: How, components: Components, state: State, points: Points
) -> None:
    """Points of the mixture, in random order, each with log prior density over the density that it was made from."""
    m, n = how.n_points, components.n[0]
    shares = shares_of(components)
    ends = np.cumsum(shares)
    order, places, counts = np.empty(m, np.int64), np.empty(m, np.int64), np.zeros(n, np.int64)
    shuffle(order, m, state)
    x, z = np.empty((m, N_PARAMETERS)), np.empty((m, N_PARAMETERS))
    density, of_slot, begin = np.empty(m), np.zeros(MOST_SLOTS, np.int64), 0
    for c in range(n):
        end = begin
        while end < m and ((end + 0.5) / m <= ends[c] or c == n - 1) and shares[c] > 0.0:
            end += 1
        counts[c] = count = end - begin
        if count == 0:
            continue
        slot = components.slot[c]
        p = priors.p[i, slot_of(slot, i, priors, how).structure]
        for j in range(p):
            shuffle(places, count, state)
            for k in range(count):
                z[k, j] = WIDER * (how.even[count, places[k]] if count >= FEWEST_EVEN else normal(state))
        of_slot[slot] += 1
        top = log(count / m) - p * (0.5 * log(2.0 * pi) + log(WIDER))
        for r in range(p):
            top -= log(components.root[c, r, r])
        for k in range(count):
            at = order[begin + k]
            points.slot[at] = slot
            density[at] = top
            for r in range(p):
                density[at] -= 0.5 * (z[k, r] / WIDER) ** 2
            for r in range(p):
                x[at, r] = components.x[c, r]
                for j in range(r + 1):
                    x[at, r] += components.root[c, r, j] * z[k, j]
        begin = end
    while begin < m:  # rounding may leave one over
        x[order[begin]], points.slot[order[begin]] = x[order[0]], points.slot[order[0]]
        density[order[begin]] = density[order[0]]
        begin += 1
    for slot in range(MOST_SLOTS):
        own = slot_of(slot, i, priors, how)
        if own.structure < 0 or of_slot[slot] == 0:
            continue
        target = target_of(i, own, records, priors)
        p = target.mu.size
        top = log(own.prior_weight) - 0.5 * prior_term(target.mu, target.mu, target.sd)
        for k in range(m):
            if points.slot[k] == slot:
                here, prior = x[k, :p], top
                fill_theta(here, target.free, target.fixed, points.theta[k])
                points.drift_sd[k], points.kind[k] = own.drift_sd, own.kind
                for r in range(p):
                    prior -= 0.5 * ((here[r] - target.mu[r]) / target.sd[r]) ** 2
                if of_slot[slot] > 1:
                    density[k] = log_density(here, slot, components, counts, z[0])
                points.base[k] = prior - density[k]


@merged
def log_density(x: Floats, slot: int, components: Components, counts: Integers, z: Floats) -> float:
    """Log of what the points of a slot were made from at x (p,), each distribution by its number of points; z (p,):
    room."""
    p = x.size
    top, total = -inf, 0.0
    for c in range(counts.size):
        if components.slot[c] != slot or counts[c] == 0:
            continue
        root = components.root[c]
        here = log(float(counts[c]) / counts.sum()) - p * (0.5 * log(2.0 * pi) + log(WIDER))
        for r in range(p):
            left = x[r] - components.x[c, r]
            for j in range(r):
                left -= root[r, j] * z[j]
            z[r] = left / root[r, r]
            here -= log(root[r, r]) + 0.5 * (z[r] / WIDER) ** 2
        if here > top:
            total = total * exp(top - here) + 1.0
            top = here
        else:
            total += exp(here - top)
    return top + log(total)


@merged
def weigh(base: Floats, values: Floats, weights: Floats) -> float:
    """Weights (m,) that add up to 1, from base and -2 log likelihood of each point; returns how many points of equal
    weight they are worth."""
    top = -inf
    for k in range(weights.size):
        weights[k] = base[k] - 0.5 * values[k]
        if weights[k] > top:  # not where it is nan
            top = weights[k]
    for k in range(weights.size):
        weights[k] = exp(weights[k] - top) if weights[k] <= top else 0.0
    if weights.size >= FEWEST_SMOOTHED:
        smooth(weights)
    weights /= weights.sum()
    return 1.0 / (weights * weights).sum()


@merged
def fill_slot_weights(points: Points, weights: Floats, slots: Floats) -> None:
    """What each slot weighs, in place of the mass of its normal approximations, where it has points."""
    of_slot, pointed = np.zeros(MOST_SLOTS), np.zeros(MOST_SLOTS, np.bool_)
    for k in range(weights.size):
        of_slot[points.slot[k]] += weights[k]
        pointed[points.slot[k]] = True
    take_slot_weights(of_slot, pointed, slots)


@kernel
def take_slot_weights(of_slot: Floats, pointed: npt.NDArray[np.bool_], slots: Floats) -> None:
    """The same from what the points of each slot weigh."""
    left = 1.0
    for slot in range(MOST_SLOTS):
        if not pointed[slot] and slots[slot, WEIGHT] == slots[slot, WEIGHT]:
            left -= slots[slot, WEIGHT]
    for slot in range(MOST_SLOTS):
        if pointed[slot]:
            slots[slot, WEIGHT] = left * of_slot[slot]


@merged
def resample(points: Points, weights: Floats, state: State) -> None:
    """As many points of equal weight as there is room for, in random order, in place of those that have these weights
    (systematic resampling)."""
    m = points.slot.size
    order, which = np.empty(m, np.int64), np.empty(m, np.int64)
    shuffle(order, m, state)
    reached, k = weights[0], 0
    for n in range(m):
        while k < weights.size - 1 and reached < (n + 0.5) / m:
            k += 1
            reached += weights[k]
        which[order[n]] = k
    points.theta[:] = points.theta[which]
    points.states[:] = points.states[which]
    points.drift_sd[:] = points.drift_sd[which]
    points.kind[:] = points.kind[which]
    points.slot[:] = points.slot[which]
