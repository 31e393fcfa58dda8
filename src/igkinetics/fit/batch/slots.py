"""The structures of one patient and their normal approximations, as kernels: each a row of the structures table."""

from __future__ import annotations

from math import exp, inf, isfinite, log, nan

import numpy as np

from igkinetics.fit.batch.layout import (
    ENDOGENOUS_NADIR,
    LIKELIHOOD,
    MOST_COMPONENTS,
    MOST_SLOTS,
    N_OWN_DRIFT,
    OBJECTIVE,
    PRIOR_WEIGHT,
    TOTAL_NADIR,
    WEIGHT,
    Components,
    How,
    Priors,
)
from igkinetics.fit.batch.search import NEAR, Room, descend, normal_around, settle
from igkinetics.fit.drift import DriftPrior, Integers, Record
from igkinetics.fit.engine import keep_distinct
from igkinetics.fit.likelihood import STUDENT_T
from igkinetics.fit.objective import Target, fill_theta, prior_term
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.extremes import fill_lowest, new_search
from igkinetics.kinetics.parameters import C_BASE, CL, K_LOSS, N_PARAMETERS, V1, V2, Floats, Q, S
from igkinetics.kinetics.schedule import Schedule

STARTS = 5
AGREE_WITHIN = 0.01
UNLIKE_BY = 3.0
MASS_KEPT = 1e-3


@kernel
def target_of(
    priors: Priors, i: int, s: int, schedule: Schedule, record: Record, kind: int, drift_sd: float, wider: float
) -> Target:
    """The problem of one structure; wider: factor on the prior SDs of what makes a patient unlike the card's."""
    p = priors.p[i, s]
    sd = priors.sd[i, s, :p].copy()
    free = priors.free[i, s, :p].copy()
    for k in range(p):
        if free[k] == S or free[k] == CL or free[k] == V1:
            sd[k] *= wider
    own = Record(kind, record.day, record.igg, record.limit, record.a, record.b)
    drift = DriftPrior(np.full(1, drift_sd), np.zeros(1))
    return Target(free, priors.fixed[i, s].copy(), priors.mu[i, s, :p].copy(), sd, schedule, own, drift)


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


@kernel
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


@kernel
def find_modes(
    starts: Floats, target: Target, room: Room, modes: Floats, heights: Floats, hessians: Floats
) -> tuple[int, int]:
    """Distinct optima, the lowest first, with heights and Hessians; returns how many, and how many starts agree on the
    lowest. None where nothing converged."""
    n, p = starts.shape
    found, values = np.empty((n, p)), np.empty(n)
    for k in range(n):
        value, converged = descend(starts[k], target, room, NEAR, found[k])
        values[k] = value if converged and isfinite(value) else inf
    first = np.empty((n, p))
    n_first = keep_distinct(found, values, target.sd, first)
    polished, curvature = np.empty(n_first), np.empty((n_first, p, p))
    for k in range(n_first):
        polished[k], converged = settle(first[k], target, room, curvature[k])
        if not converged or not isfinite(polished[k]):
            polished[k] = inf
    if not isfinite(polished.min()):
        return 0, 0
    n_modes = keep_distinct(first[:n_first].copy(), polished, target.sd, modes)
    for k in range(n_modes):
        for j in range(n_first):
            same = True
            for m in range(p):
                same = same and first[j, m] == modes[k, m]
            if same:
                heights[k], hessians[k] = polished[j], curvature[j]
    agreeing = 0
    for k in range(n):
        agreeing += values[k] - heights[0] < AGREE_WITHIN
    return n_modes, agreeing


@kernel
def add_components(
    slot: int, log_prior: float, n_modes: int, modes: Floats, heights: Floats, hessians: Floats, into: Components
) -> float:
    """Keep the normal approximation of each optimum with mass; returns the log mass of all, prior weight included."""
    p = modes.shape[1]
    first, best = into.n[0], -inf
    for k in range(n_modes):
        at = into.n[0]
        if at == MOST_COMPONENTS:
            break
        log_mass = normal_around(heights[k], hessians[k], into.root[at, :p, :p]) + log_prior
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


@kernel
def fill_lowest_of(x: Floats, target: Target, schedule: Schedule, window: Floats, out: Floats) -> None:
    theta, lowest, below = np.empty(N_PARAMETERS), np.empty(4), np.empty((0, 2))
    fill_theta(x, target.free, target.fixed, theta)
    fill_lowest(theta, schedule, window, np.empty(0), new_search(), lowest, below)
    out[TOTAL_NADIR], out[ENDOGENOUS_NADIR] = lowest[0], lowest[2]


@kernel
def fit_slot(
    slot: int,
    log_prior: float,
    starts: Floats,
    target: Target,
    room: Room,
    schedule: Schedule,
    window: Floats,
    into: Components,
    out: Floats,
) -> float:
    """One row of the structures table, out (6,); its log mass, nan where nothing converged."""
    n, p = starts.shape
    modes, heights, hessians = np.empty((n, p)), np.empty(n), np.empty((n, p, p))
    n_modes, _ = find_modes(starts, target, room, modes, heights, hessians)
    if n_modes == 0:
        return nan
    out[OBJECTIVE] = heights[0]
    out[LIKELIHOOD] = heights[0] - prior_term(modes[0], target.mu, target.sd)
    fill_lowest_of(modes[0], target, schedule, window, out)
    if log_prior == -inf:
        return -inf
    return add_components(slot, log_prior, n_modes, modes, heights, hessians, into)


@kernel
def warm(target: Target, known: Target, x: Floats, same_disposition: bool) -> Floats:
    """The fitted values x where they mean the same in another structure."""
    start = target.mu.copy()
    for k in range(start.size):
        for j in range(x.size):
            if target.free[k] == known.free[j] and (same_disposition or target.free[k] != V1):
                start[k] = x[j]
    return start


@kernel
def fit_others(
    i: int,
    priors: Priors,
    how: How,
    main: Target,
    modes: Floats,
    room: Room,
    with_therapy: Schedule,
    without: Schedule,
    window: Floats,
    components: Components,
    structure_of: Integers,
    slots: Floats,
) -> bool:
    """Drift around the fitted structure, and every other structure; whether all converged."""
    x = modes[0].copy()
    record = main.record
    for k in range(1, how.drift_sds.size):
        target = target_of(priors, i, 0, main.schedule, record, record.kind, how.drift_sds[k], 1.0)
        start = x.reshape((1, x.size))
        prior = log(how.drift_prior[k])
        mass = fit_slot(k, prior, start, target, room, main.schedule, window, components, slots[k])
        if not isfinite(mass):
            return False
        slots[k, PRIOR_WEIGHT], slots[k, WEIGHT] = how.drift_prior[k], mass
    for s in range(1, priors.n_structures[i]):
        slot = N_OWN_DRIFT - 1 + s
        structure_of[slot] = s
        schedule = without if priors.ignores_therapy[i, s] else with_therapy
        target = target_of(priors, i, s, schedule, record, record.kind, 0.0, 1.0)
        starts = np.empty((2, target.mu.size))
        starts[0] = warm(target, main, x, priors.disposition[i, s] == priors.disposition[i, 0])
        starts[1] = informed(target)
        weight = priors.weight[i, s]
        prior = log(weight) if weight > 0.0 else -inf
        mass = fit_slot(slot, prior, starts, target, room, schedule, window, components, slots[slot])
        if mass != mass:
            return False
        slots[slot, PRIOR_WEIGHT], slots[slot, WEIGHT] = weight, mass
    if how.unlike > 0.0:
        slot = MOST_SLOTS - 2
        target = target_of(priors, i, 0, main.schedule, record, record.kind, 0.0, UNLIKE_BY)
        mass = fit_slot(slot, log(how.unlike), modes, target, room, main.schedule, window, components, slots[slot])
        if not isfinite(mass):
            return False
        slots[slot, PRIOR_WEIGHT], slots[slot, WEIGHT] = how.unlike, mass
    if how.heavy > 0.0:
        slot = MOST_SLOTS - 1
        target = target_of(priors, i, 0, main.schedule, record, STUDENT_T, 0.0, 1.0)
        mass = fit_slot(slot, log(how.heavy), modes, target, room, main.schedule, window, components, slots[slot])
        if not isfinite(mass):
            return False
        slots[slot, PRIOR_WEIGHT], slots[slot, WEIGHT] = how.heavy, mass
    return True


@kernel
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
