"""The search: structures of each patient with their normal approximations, each a row of a table, as kernels.

One loop goes over all rows, so that the search is compiled into one place.
"""

from __future__ import annotations

from math import exp, inf, isfinite, isnan, log, nan
from typing import NamedTuple

import numpy as np

from igkinetics.fit.batch.layout import (
    FAR_OFF,
    FITTED,
    LIKELIHOOD,
    MOST_COMPONENTS,
    MOST_SLOTS,
    N_OWN_DRIFT,
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
from igkinetics.fit.batch.search import Room, descend, fill_exact_hessian, new_room, normal_around
from igkinetics.fit.drift import DriftPrior, Record
from igkinetics.fit.engine import keep_distinct
from igkinetics.fit.likelihood import NORMAL, STUDENT_T
from igkinetics.fit.objective import Target, fill_theta, prior_term
from igkinetics.kinetics.compile import inner, kernel, merged
from igkinetics.kinetics.parameters import C_BASE, CL, K_LOSS, N_PARAMETERS, V1, V2, Floats, Q, S

STARTS = 5
AGREE_WITHIN = 0.01
UNLIKE_BY = 3.0
MASS_KEPT = 1e-3
FAR_OFF_SDS = 3.5
SAME_STRUCTURE, SAME_DISPOSITION, OTHER_DISPOSITION = range(3)
"""Whose optimum a search begins at: the one before under another SD of the drift, the fitted structure's, or that of
the first structure of the other disposition (before that, the fitted one's without its volume)."""


class Slot(NamedTuple):
    """What one row of the structures table is: whose parameters (-1: it is not there), SD of the drift, kind of error,
    factor on the prior SDs of what makes a patient unlike the card's, prior weight."""

    structure: int
    drift_sd: float
    kind: int
    wider: float
    prior_weight: float


@kernel
def slot_of(slot: int, i: int, priors: Priors, how: How) -> Slot:
    """The fitted structure under each SD of the drift, the other structures, the patient unlike the card's, heavy
    tails."""
    structure, drift_sd, kind, wider, weight = -1, 0.0, NORMAL, 1.0, 0.0
    if slot < N_OWN_DRIFT:
        if slot < how.drift_sds.size:
            structure, drift_sd, weight = 0, how.drift_sds[slot], how.drift_prior[slot]
    elif slot == MOST_SLOTS - 2:
        if how.unlike > 0.0:
            structure, wider, weight = 0, UNLIKE_BY, how.unlike
    elif slot == MOST_SLOTS - 1:
        if how.heavy > 0.0:
            structure, kind, weight = 0, STUDENT_T, how.heavy
    elif slot - N_OWN_DRIFT + 1 < priors.n_structures[i]:
        structure = slot - N_OWN_DRIFT + 1
        weight = priors.weight[i, structure]
    return Slot(structure, drift_sd, kind, wider, weight)


@kernel
def components_of(i: int, found: Found) -> Components:
    return Components(
        found.n_components[i : i + 1],
        found.component_slot[i],
        found.component_mass[i],
        found.component_x[i],
        found.component_root[i],
    )


@kernel
def target_of(i: int, slot: Slot, records: Records, priors: Priors) -> Target:
    """The problem of one slot of patient i."""
    s = slot.structure
    p = priors.p[i, s]
    sd = priors.sd[i, s, :p].copy()
    free = priors.free[i, s, :p].copy()
    for k in range(p):
        if free[k] == S or free[k] == CL or free[k] == V1:
            sd[k] *= slot.wider
    rows = slice(records.sample_at[i], records.sample_at[i + 1])
    record = Record(slot.kind, records.day[rows], records.igg[rows], records.limit[rows], priors.a, priors.b)
    schedule = records.schedule[records.schedule_at[i] : records.schedule_at[i + 1]]
    if priors.ignores_therapy[i, s]:
        schedule = records.bare[records.bare_at[i] : records.bare_at[i + 1]]
    drift = DriftPrior(np.full(1, slot.drift_sd), np.zeros(1))
    return Target(free, priors.fixed[i, s].copy(), priors.mu[i, s, :p].copy(), sd, schedule, record, drift)


@kernel
def informed(target: Target) -> Floats:
    """The prior's centre with C_base read off the first level measured."""
    guess = target.mu.copy()
    for k in range(guess.size):
        if target.free[k] == C_BASE:
            for n in range(target.record.day.size):
                if target.record.limit[n] == 0:
                    guess[k] = log(max(target.record.igg[n], 1e-3))
                    break
    return guess


@merged
def first_starts(target: Target) -> Floats:
    """The starts of fit/minimise.py."""
    p = target.mu.size
    guess = informed(target)
    starts = np.empty((STARTS, p))
    starts[0], starts[1] = guess, target.mu
    n, at_loss, at_cl, at_s = 2, -1, -1, -1
    for k in range(p):
        at_loss = k if target.free[k] == K_LOSS else at_loss
        at_cl = k if target.free[k] == CL else at_cl
        at_s = k if target.free[k] == S else at_s
    if at_loss >= 0 and at_cl >= 0:
        theta = np.empty(N_PARAMETERS)
        fill_theta(guess, target.free, target.fixed, theta)
        turnover = theta[CL] / (theta[V1] + (theta[V2] if theta[Q] > 0.0 else 0.0))
        starts[n] = guess
        starts[n, at_loss] = log(turnover)
        starts[n, at_cl] += min(max(log(theta[K_LOSS] / turnover), -2.0), 2.0)
        n += 1
    if at_s >= 0:
        starts[n], starts[n + 1] = guess, guess
        starts[n, at_s] -= 1.5
        starts[n + 1, at_s] += 1.5
        n += 2
    return starts[:n].copy()


@merged
def starts_of(slot: int, target: Target, known: Floats, agreed: bool, near: Floats) -> Floats:
    """Where the search of a slot begins. known (k, p): the optima of the fitted structure, none before that is fitted;
    agreed: whether all its starts led to one; near (13,): x at the optimum of the slot that is likest, nan where it has
    none."""
    if known.shape[0] == 0:
        return first_starts(target)
    if slot >= MOST_SLOTS - 2:
        return known
    starts = np.empty((2, target.mu.size))
    starts[0], starts[1] = target.mu, informed(target)
    for k in range(target.mu.size):
        if near[target.free[k]] == near[target.free[k]]:
            starts[0, k] = near[target.free[k]]
    return starts[:1].copy() if slot < N_OWN_DRIFT or agreed else starts


@merged
def find_modes(
    starts: Floats, target: Target, room: Room, modes: Floats, heights: Floats, curvatures: Floats
) -> tuple[int, int]:
    """Distinct optima, the lowest first, with heights and expected Hessians; returns how many, and how many starts
    agree on the lowest. None where nothing converged. A start that comes to an optimum known before is followed no
    further."""
    n, p = starts.shape
    found, values, curvature = np.empty((n, p)), np.full(n, inf), np.empty((n, p, p))
    led_to, n_reached = np.full(n, -1), 0
    x, expected = np.empty(p), np.empty((p, p))
    for k in range(n):
        value, converged, met = descend(starts[k], target, room, found[:n_reached], x, expected)
        if met >= 0:
            led_to[k] = met
        elif converged and isfinite(value):
            led_to[k], values[n_reached] = n_reached, value
            found[n_reached], curvature[n_reached] = x, expected
            n_reached += 1
    if n_reached == 0:
        return 0, 0
    n_modes = keep_distinct(found[:n_reached].copy(), values[:n_reached].copy(), target.sd, modes)
    for k in range(n_modes):
        for j in range(n_reached):
            same = True
            for m in range(p):
                same = same and found[j, m] == modes[k, m]
            if same:
                heights[k], curvatures[k] = values[j], curvature[j]
    agreeing = 0
    for k in range(n):
        agreeing += led_to[k] >= 0 and values[led_to[k]] - heights[0] < AGREE_WITHIN
    return n_modes, agreeing


@merged
def add_components(
    slot: int, log_prior: float, n_modes: int, modes: Floats, heights: Floats, curvatures: Floats, into: Components
) -> float:
    """Keep the normal approximation of each optimum with mass; returns the log mass of all, prior weight included."""
    p = modes.shape[1]
    first, best = into.n[0], -inf
    for k in range(n_modes):
        at = into.n[0]
        if at == MOST_COMPONENTS:
            break
        log_mass = normal_around(heights[k], curvatures[k], into.root[at]) + log_prior
        if isfinite(log_mass):
            into.log_mass[at], into.slot[at] = log_mass, slot
            into.x[at, :p] = modes[k]
            into.n[0] += 1
            best = max(best, log_mass)
    kept, total = first, 0.0
    for at in range(first, into.n[0]):
        if into.log_mass[at] > best + log(MASS_KEPT):
            if kept != at:
                into.log_mass[kept] = into.log_mass[at]
                into.slot[kept], into.x[kept], into.root[kept] = slot, into.x[at], into.root[at]
            total += exp(into.log_mass[kept] - best)
            kept += 1
    into.n[0] = kept
    return best + log(total) if kept > first else -inf


@inner
def keep_near(x: Floats, target: Target, near: Floats) -> None:
    for k in range(x.size):
        near[target.free[k]] = x[k]


@kernel
def fit_range(first: int, last: int, records: Records, priors: Priors, how: How, found: Found) -> None:
    """Optima and normal approximations of every slot of the patients in these places."""
    for i in range(first, last):
        found.code[i] = FITTED
        day = records.day[records.sample_at[i] : records.sample_at[i + 1]]
        room = new_room(records.schedule[records.schedule_at[i] : records.schedule_at[i + 1]], day, N_PARAMETERS)
        components = components_of(i, found)
        known, agreed, near = np.empty((0, priors.p[i, 0])), False, np.full((3, N_PARAMETERS), nan)
        for slot in range(MOST_SLOTS):
            own = slot_of(slot, i, priors, how)
            if own.structure < 0:
                continue
            target = target_of(i, own, records, priors)
            kin = SAME_STRUCTURE
            if slot >= N_OWN_DRIFT:
                same = priors.disposition[i, own.structure] == priors.disposition[i, 0]
                kin = SAME_DISPOSITION if same else OTHER_DISPOSITION
            starts = starts_of(slot, target, known, agreed, near[kin])
            n, p = starts.shape
            modes, heights, curvatures = np.empty((n, p)), np.empty(n), np.empty((n, p, p))
            n_modes, agreeing = find_modes(starts, target, room, modes, heights, curvatures)
            if n_modes == 0:
                found.code[i] = OTHERS_FAILED if slot > 0 else NOT_CONVERGED
                break
            row, x = found.slots[i, slot], modes[0]
            found.slot_x[i, slot, :p] = x
            row[OBJECTIVE], row[LIKELIHOOD] = heights[0], heights[0] - prior_term(x, target.mu, target.sd)
            row[PRIOR_WEIGHT], row[WEIGHT] = own.prior_weight, -inf
            if own.prior_weight > 0.0:
                prior = log(own.prior_weight)
                row[WEIGHT] = add_components(slot, prior, n_modes, modes[:n_modes], heights, curvatures, components)
            if slot == 0:
                keep_near(x, target, near[SAME_DISPOSITION])
                keep_near(x, target, near[OTHER_DISPOSITION])
                near[OTHER_DISPOSITION, V1] = nan
            if slot < N_OWN_DRIFT or (kin == OTHER_DISPOSITION and isnan(near[kin, V1])):
                keep_near(x, target, near[kin])
            if slot == 0:
                found.starts[i, 0], found.starts[i, 1], found.starts[i, 2] = n, agreeing, n_modes
                known, agreed = modes[:n_modes].copy(), agreeing == n
                fill_exact_hessian(x, target, room, found.hessian[i, :p, :p])
                if far_off(x, target):
                    found.code[i] = FAR_OFF
                    break


@merged
def far_off(x: Floats, target: Target) -> bool:
    """Whether the baseline lies so far off the card's that the unit is in doubt."""
    for k in range(x.size):
        if target.free[k] == C_BASE and abs(x[k] - target.mu[k]) > FAR_OFF_SDS * target.sd[k]:
            return True
    return False


@merged
def fill_weights(slots: Floats) -> None:
    """Weights from log masses, in place; 0 where a slot has none, nan where it is not there."""
    top, total = -inf, 0.0
    for k in range(MOST_SLOTS):
        if isfinite(slots[k, WEIGHT]):
            top = max(top, slots[k, WEIGHT])
    for k in range(MOST_SLOTS):
        if slots[k, WEIGHT] == slots[k, WEIGHT]:
            slots[k, WEIGHT] = exp(slots[k, WEIGHT] - top)
            total += slots[k, WEIGHT]
    for k in range(MOST_SLOTS):
        slots[k, WEIGHT] /= total
