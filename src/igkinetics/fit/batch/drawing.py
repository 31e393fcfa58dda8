"""Draws of one patient's posterior over all structures at once, by importance sampling in rounds, as kernels.

As `fit/importance.py` does for one structure: the first round draws from t distributions around every optimum and from
the prior, every further one from t distributions fitted to the weighted draws so far; all rounds are kept, each draw
weighted by the mixture of everything that its structure was drawn from (docs/model.md 3.3). Here a draw is a structure
(a slot) with its parameters, so one set of weights tells what each structure weighs as well. The draws are then
resampled; those that are the same draw become one point of more weight.
"""

from __future__ import annotations

from math import exp, inf, isfinite, log, sqrt

import numpy as np

from igkinetics.fit.batch.estimates import fill_intervals
from igkinetics.fit.batch.layout import (
    FITTED,
    LOWER_MET,
    MOST_SLOTS,
    N_OWN_DRIFT,
    OBJECTIVE,
    POSTERIOR_SD,
    UNEVEN,
    Found,
    How,
    Priors,
    Records,
)
from igkinetics.fit.batch.numbers import State, fill_copies, shuffle, two_normals, uniform
from igkinetics.fit.batch.points import MOST_IN_PRODUCT, Points, fill_steady, follow_one_by_one
from igkinetics.fit.batch.rounds import (
    FEWEST_ROUNDS,
    MOST_MEMBERS,
    MOST_ROUNDS,
    Rounds,
    Rows,
    around_optima,
    fill_counts,
    first_of,
    group_shares,
    later_shares,
    learn_group,
    mixture_of,
    new_rounds,
    size_of,
    slot_at,
    x_of,
)
from igkinetics.fit.batch.slots import components_of, slot_of, target_of
from igkinetics.fit.batch.weighing import take_slot_weights
from igkinetics.fit.drift import Record, see_sample
from igkinetics.fit.drift_process import predicted_by, stationary, transition, updated
from igkinetics.fit.likelihood import LOG_2PI
from igkinetics.fit.mixture import fill_mixture, place_draws, smooth
from igkinetics.fit.objective import Target, fill_theta, prior_term
from igkinetics.kinetics.compile import kernel, merged
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.kinetics.together import can_go_together, fill_together

OF_DRAWS = np.uint64(0x3C3C3C3C3C3C3C3C)
"""Tells the random numbers of a patient's draws from those of its courses."""
AIM, GOOD_PARETO_K, LOWER_BY = 0.6, 0.7, 0.01
"""As in fit/importance.py and fit/profile.py (held together by tests/fit/test_batch.py)."""
COURSES_OF = 0.6
"""Share of the draws asked for whose courses are followed; those that are written are drawn from them again."""


@kernel
def draw_range(first: int, last: int, records: Records, priors: Priors, how: How, found: Found) -> None:
    """Draws of the fitted patients in these places, as points of their weights; and what they say of parameters."""
    most = MOST_ROUNDS * size_of(1, how)
    rows = Rows(
        np.empty((most, N_PARAMETERS)),
        np.empty(most, np.int64),
        np.empty(most),
        np.empty((most, MOST_MEMBERS)),
        np.empty(most),
        np.empty(most),
        np.empty(most * N_PARAMETERS),
    )
    for i in range(first, last):
        if found.code[i] != FITTED:
            continue
        components = components_of(i, found)
        state = how.seeds[i : i + 1] ^ OF_DRAWS
        rounds = new_rounds(2 * components.n[0] + 2)
        first_shares, n, pareto_k = group_shares(components), 0, inf
        shares = first_shares
        for round_ in range(MOST_ROUNDS):
            fill_counts(shares, size_of(round_, how), round_, n, rounds)
            for group in range(MOST_SLOTS):
                if rounds.size[round_, group] == 0:
                    continue
                target = target_of(i, slot_of(group, i, priors, how), records, priors)
                if first_of(group, rounds) == round_:
                    unlike = slot_of(MOST_SLOTS - 2, i, priors, how)
                    apart = group == 0 and unlike.structure >= 0
                    wide = target_of(i, unlike, records, priors).sd if apart else np.empty(0)
                    around_optima(group, round_, target, wide, components, rounds)
                else:
                    learn_group(group, round_, target.mu.size, rows, rounds)
                x, level = place_draws_of(group, round_, target, state, rows, rounds)
                for member in range(MOST_MEMBERS if group == 0 else 1):
                    own = slot_of(slot_at(group, member), i, priors, how)
                    if own.structure >= 0 and own.prior_weight > 0.0:
                        as_member = target_of(i, own, records, priors)
                        add_member(rounds.begin[round_, group], member, x, as_member, own.prior_weight, level, rows)
                add_densities(group, round_, x, rows, rounds)
            n += rounds.size[round_].sum()
            pareto_k = weigh_rows(rows, n, round_ + 1 >= FEWEST_ROUNDS)
            if round_ + 1 >= FEWEST_ROUNDS and pareto_k < AIM:
                break
            shares = later_shares(rows, n, first_shares)
        found.pareto_k[i] = pareto_k
        if not pareto_k <= GOOD_PARETO_K:
            found.code[i] = UNEVEN
            continue
        steady = slot_of(0, i, priors, how)
        main = target_of(i, steady, records, priors)
        if lowest_met(rows, n, steady.prior_weight) < found.slots[i, 0, OBJECTIVE] - LOWER_BY:
            found.code[i] = LOWER_MET
            continue
        of_slot, own_weights = sums_of(rows, n)
        take_slot_weights(of_slot, of_slot > 0.0, found.slots[i])
        every = Points(rows.theta[:n], rows.log_target, np.empty(0, np.int8), np.empty((0, 2)), rows.group[:n], rows.x)
        fill_intervals(every, own_weights, main.free, how.tail, found.estimates[i], found.half_lives[i])
        fill_spread(main.mu.size, own_weights, rows, rounds, found.estimates[i])
        found.n_points[i] = keep_points(i, n, rows, priors, how, state, found)


@merged
def place_draws_of(
    group: int, round_: int, target: Target, state: State, rows: Rows, rounds: Rounds
) -> tuple[Floats, Floats]:
    """The draws of one group in one round: x (n, p), and levels at the samples (sample, n)."""
    begin, n, p = rounds.begin[round_, group], rounds.size[round_, group], target.mu.size
    centres, roots, log_shares = mixture_of(group, round_, rounds.components[round_, group], p, rounds)
    x, thetas = x_of(begin, n, p, rows), rows.theta[begin : begin + n]
    z, chi_squares, which = np.empty(n * p + 1), np.empty(n), np.empty(n, np.int64)
    for k in range(0, n * p, 2):
        z[k], z[k + 1] = two_normals(state)
    reached, c = exp(log_shares[0]), 0
    for k in range(n):
        own, _ = two_normals(state)
        chi_squares[k] = own * own - 2.0 * log(uniform(state) * uniform(state))  # of PROPOSAL_DF, 5 degrees of freedom
        while c < log_shares.size - 1 and reached < (k + 0.5) / n:
            c += 1
            reached += exp(log_shares[c])
        which[k] = c
    place_draws(z[: n * p].reshape((n, p)), chi_squares, which, centres, roots, x)
    for k in range(n):
        fill_theta(x[k], target.free, target.fixed, thetas[k])
        rows.group[begin + k], rows.log_target[begin + k] = group, -inf
        rows.member[begin + k] = -inf
    day = target.record.day
    endogenous, level = np.empty((day.size, n)), np.empty((day.size, n))
    if can_go_together(target.schedule):
        fill_together(thetas, target.schedule, day, endogenous, level)
    else:
        follow_one_by_one(thetas, target.schedule, day, endogenous, level)
    return x, level


@merged
def add_member(
    begin: int, member: int, x: Floats, target: Target, prior_weight: float, level: Floats, rows: Rows
) -> None:
    """Log density of these draws (n, p) under one member of their group, prior weight included."""
    n, p = x.shape
    record, sd, drift_sd, values = target.record, target.sd, target.drift.sds[0], np.empty(n)
    top = log(prior_weight) - 0.5 * prior_term(target.mu, target.mu, sd)
    if drift_sd > 0.0:
        fill_drift_values(record, level, drift_sd, values)
    else:
        fill_steady(record, np.arange(record.day.size), level, np.full(n, record.kind, np.int8), values)
    for k in range(n):
        log_target = top - 0.5 * values[k]
        for r in range(p):
            log_target -= 0.5 * ((x[k, r] - target.mu[r]) / sd[r]) ** 2
        if isfinite(log_target):
            rows.member[begin + k, member] = log_target
            add_log(rows.log_target, begin + k, log_target, not isfinite(rows.log_target[begin + k]))


@merged
def fill_drift_values(record: Record, level: Floats, sd: float, values: Floats) -> None:
    """-2 log likelihood (n,) of a record, the drift integrated out, for levels (sample, n): drift_value of
    fit/drift.py, with what all have in common worked out once."""
    kind, day, igg, limit, a, b = record
    moves = np.empty((day.size, 4))
    for i in range(1, day.size):
        moves[i, 0], moves[i, 1], moves[i, 2], moves[i, 3] = transition(day[i] - day[i - 1])
    for k in range(values.size):
        known, value, product, seen = stationary(sd), 0.0, 1.0, 0
        for i in range(day.size):
            if i > 0:
                known = predicted_by((moves[i, 0], moves[i, 1], moves[i, 2], moves[i, 3]), known, sd)
            c = level[i, k]
            if limit[i] != 0:
                term, mean, variance = see_sample(kind, igg[i], limit[i], c, a, b, known.mean, known.variance)
                known = updated(known, mean, variance)
                value += term
                continue
            error, gap = a * a + b * b * c * c, igg[i] - c * (1.0 + known.mean)
            total = c * c * known.variance + error
            share = 1.0 / total
            value += gap * gap * share
            product *= total
            seen += 1
            if seen % MOST_IN_PRODUCT == 0:
                value += log(product)
                product = 1.0
            known = updated(known, known.mean + c * known.variance * gap * share, known.variance * error * share)
        values[k] = value + log(product) + seen * LOG_2PI


@merged
def add_densities(group: int, round_: int, x: Floats, rows: Rows, rounds: Rounds) -> None:
    """The density that all rounds draw with, at the draws of this one, and what this one adds to it at those of
    before; then each member's share of the target."""
    n, p = x.shape
    begin, density = rounds.begin[round_, group], np.empty(n)
    for before in range(round_ + 1):
        size = rounds.size[before, group]
        if size:
            of_round = mixture_of(group, before, rounds.components[before, group], p, rounds)
            fill_mixture(x, of_round[0], of_round[1], of_round[2], density)
            for k in range(n):
                add_log(rows.log_drawn, begin + k, density[k] + log(float(size)), before == first_of(group, rounds))
    now = mixture_of(group, round_, rounds.components[round_, group], p, rounds)
    for before in range(round_):
        at, size = rounds.begin[before, group], rounds.size[before, group]
        if size:
            there = np.empty(size)
            fill_mixture(x_of(at, size, p, rows), now[0], now[1], now[2], there)
            for k in range(size):
                add_log(rows.log_drawn, at + k, there[k] + log(float(n)), False)
    for k in range(begin, begin + n):
        for member in range(MOST_MEMBERS):
            rows.member[k, member] = (
                exp(rows.member[k, member] - rows.log_target[k]) if isfinite(rows.log_target[k]) else 0.0
            )


@kernel
def add_log(logs: Floats, at: int, more: float, afresh: bool) -> None:
    """Add to a sum kept as its logarithm."""
    if afresh:
        logs[at] = more
        return
    high, low = max(logs[at], more), min(logs[at], more)
    logs[at] = high + log(1.0 + exp(low - high))


@merged
def weigh_rows(rows: Rows, n: int, smoothed: bool) -> float:
    """Weights of all rows so far, which add up to 1; smoothed, with k, or cut where there is no tail to tell yet (none
    above sqrt(n) times their mean: Ionides, J Comput Graph Stat 2008;17:295)."""
    weights = rows.weights[:n]
    top = (rows.log_target[:n] - rows.log_drawn[:n]).max()
    if not isfinite(top):
        weights[:] = 1.0 / n
        return inf
    for k in range(n):
        weights[k] = exp(rows.log_target[k] - rows.log_drawn[k] - top)
    pareto_k = inf
    if smoothed:
        pareto_k = smooth(weights)
    else:
        most = sqrt(float(n)) * weights.mean()
        for k in range(n):
            weights[k] = min(weights[k], most)
    weights /= weights.sum()
    return pareto_k


@merged
def lowest_met(rows: Rows, n: int, prior_weight: float) -> float:
    """The lowest -2 log posterior of the fitted structure without drift at any draw."""
    best = -inf
    for k in range(n):
        if rows.group[k] == 0 and rows.member[k, 0] > 0.0:
            best = max(best, rows.log_target[k] + log(rows.member[k, 0]))
    return -2.0 * (best - log(prior_weight))


@merged
def sums_of(rows: Rows, n: int) -> tuple[Floats, Floats]:
    """What each slot weighs, and the weight (n,) of each draw as one of the fitted structure, whatever its drift."""
    of_slot, own = np.zeros(MOST_SLOTS), np.zeros(n)
    for k in range(n):
        group = rows.group[k]
        for member in range(MOST_MEMBERS if group == 0 else 1):
            of_slot[slot_at(group, member)] += rows.weights[k] * rows.member[k, member]
        if group == 0:
            own[k] = rows.weights[k] * rows.member[k, :N_OWN_DRIFT].sum()
    return of_slot, own


@merged
def fill_spread(p: int, own: Floats, rows: Rows, rounds: Rounds, estimates: Floats) -> None:
    """Posterior SD of each parameter of the fitted structure, whatever its drift; own (n,): weights."""
    mass, mean, square = 0.0, np.zeros(p), np.zeros(p)
    for round_ in range(MOST_ROUNDS):
        begin, n = rounds.begin[round_, 0], rounds.size[round_, 0]
        if n == 0:
            continue
        x = x_of(begin, n, p, rows)
        for k in range(n):
            mass += own[begin + k]
            for r in range(p):
                mean[r] += own[begin + k] * x[k, r]
                square[r] += own[begin + k] * x[k, r] * x[k, r]
    for r in range(p):
        estimates[r, POSTERIOR_SD] = sqrt(max(square[r] / mass - (mean[r] / mass) ** 2, 0.0))


@merged
def keep_points(i: int, n: int, rows: Rows, priors: Priors, how: How, state: State, found: Found) -> int:
    """Resample (systematic) into points in random order, each with its share; returns how many points there are."""
    m, kept = int(COURSES_OF * how.n_points), 0
    which, slots, counts = np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m, np.int64)
    copies_of = np.empty(n, np.int64)
    fill_copies(rows.weights[:n], m, copies_of)
    for k in range(n):
        if copies_of[k] == 0:
            continue
        copies, passed, share, offset = copies_of[k], 0, 0.0, uniform(state)
        for member in range(MOST_MEMBERS):
            share += rows.member[k, member]
            own = min(int(share * copies + offset), copies) - passed
            if member == MOST_MEMBERS - 1:
                own = copies - passed
            if own > 0:
                which[kept], slots[kept], counts[kept] = k, slot_at(rows.group[k], member), own
                kept += 1
                passed += own
    order = np.empty(kept, np.int64)
    shuffle(order, kept, state)
    for k in range(kept):
        at = order[k]
        own_slot = slot_of(slots[k], i, priors, how)
        found.point_theta[i, at] = rows.theta[which[k]]
        found.point_sd[i, at], found.point_kind[i, at] = own_slot.drift_sd, own_slot.kind
        found.point_slot[i, at], found.point_weight[i, at] = slots[k], counts[k] / m
    return kept
