"""The rounds of `drawing.py`: what each draws from, and how many draws of which structures, as kernels.

The slots of the fitted structure (its drifts, unlike the card's, heavy tails) have the same parameters and are one
group, drawn together: each draw is weighed as all of them. Every other structure is a group by itself.
"""

from __future__ import annotations

from math import exp, inf, log
from typing import NamedTuple

import numpy as np

from igkinetics.fit.batch.layout import MOST_SLOTS, N_OWN_DRIFT, Components, How
from igkinetics.fit.batch.numbers import fill_copies
from igkinetics.fit.batch.weighing import OWN_SHARE, shares_of
from igkinetics.fit.drift import Integers
from igkinetics.fit.mixture import fit_mixture
from igkinetics.fit.objective import Target
from igkinetics.kinetics.compile import kernel, merged
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats

MOST_ROUNDS, FEWEST_ROUNDS = 6, 3
MOST_MEMBERS = 5
"""Slots drawn together."""
MOST_LEARNT, LEARNT_OF = 3, 600
"""Components of what a round learns, and draws that it learns them from at most."""
PRIOR_SHARE = 0.1
"""As in fit/importance.py (held together by tests/fit/test_batch.py)."""
WIDER, WIDER_SHARE = 2.0, 0.3
"""The posterior under wide priors is far from normal, and its tails are long."""
KEPT_SHARE, LEAST_SHARE = 0.1, 0.07
"""Share of each later round that goes to the groups as the normal approximations would have it; and share that a group
has at least."""
LEARNT_FROM, MOST_ROOTS = 40.0, 6
"""Draws of equal weight that those of a group must be worth for a round to learn from their weights as they are."""
FEWEST_APART = 100
"""Draws from which more than one component is learnt."""


class Rows(NamedTuple):
    """All draws of all rounds, block by block of one group of slots: theta (n, 13), first slot of the group (n,), log
    target (n,) and what share of it each member has (n, m), log of the density they were drawn from times their number
    (n,), weights (n,); x of all, flat, a block's in rows of its own length."""

    theta: Floats
    group: Integers
    log_target: Floats
    member: Floats
    log_drawn: Floats
    weights: Floats
    x: Floats


class Rounds(NamedTuple):
    """What each round draws for each group: where the rows begin and how many (round, group); components (round,
    group), and their centres, roots and log shares, flat."""

    begin: Integers
    size: Integers
    components: Integers
    centres: Floats
    roots: Floats
    log_shares: Floats


@kernel
def slot_at(group: int, member: int) -> int:
    """The slots of the fitted structure are one group, drawn together: its drifts, unlike the card's, heavy tails."""
    return group if group > 0 else member if member < N_OWN_DRIFT else MOST_SLOTS - MOST_MEMBERS + member


@kernel
def group_of(slot: int) -> int:
    return 0 if slot < N_OWN_DRIFT or slot >= MOST_SLOTS - 2 else slot


@kernel
def size_of(round_: int, how: How) -> int:
    """Draws of a round; the first, which knows the posterior least, has fewer."""
    return how.n_points * (4 if round_ == 0 else 9) // 20


@merged
def new_rounds(most_components: int) -> Rounds:
    shape, kept = (MOST_ROUNDS, MOST_SLOTS), max(most_components, MOST_LEARNT)
    n = MOST_ROUNDS * MOST_SLOTS * kept
    return Rounds(
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.empty(n * N_PARAMETERS),
        np.empty(n * N_PARAMETERS * N_PARAMETERS),
        np.empty(n),
    )


@kernel
def mixture_of(group: int, round_: int, n: int, p: int, rounds: Rounds) -> tuple[Floats, Floats, Floats]:
    """Room for n components of a group in a round: centres (n, p), roots (n, p, p), log shares (n,)."""
    most = rounds.log_shares.size // (MOST_ROUNDS * MOST_SLOTS)
    at = (round_ * MOST_SLOTS + group) * most
    centres = rounds.centres[at * N_PARAMETERS : at * N_PARAMETERS + n * p].reshape((n, p))
    begin = at * N_PARAMETERS * N_PARAMETERS
    return centres, rounds.roots[begin : begin + n * p * p].reshape((n, p, p)), rounds.log_shares[at : at + n]


@kernel
def x_of(begin: int, n: int, p: int, rows: Rows) -> Floats:
    """Parameters (n, p) of a block of rows."""
    return rows.x[begin * N_PARAMETERS : begin * N_PARAMETERS + n * p].reshape((n, p))


@kernel
def first_of(group: int, rounds: Rounds) -> int:
    """The first round with draws of a group."""
    for round_ in range(MOST_ROUNDS):
        if rounds.size[round_, group]:
            return round_
    return -1


@merged
def group_shares(components: Components) -> Floats:
    """Of the draws, for each group, by the masses of its normal approximations."""
    each, shares = shares_of(components), np.zeros(MOST_SLOTS)
    for c in range(each.size):
        shares[group_of(components.slot[c])] += each[c]
    return raised(shares)


@kernel
def raised(shares: Floats) -> Floats:
    """The same with no group's share below LEAST_SHARE, for a few draws of a group say too little of what it weighs."""
    total = shares.sum()
    return np.where(shares > 0.0, np.maximum(shares / total, LEAST_SHARE), 0.0)


@merged
def later_shares(rows: Rows, n: int, first_shares: Floats) -> Floats:
    """Of the next round, for each group: by what its draws weigh and by how their weights scatter, so that a number of
    draws says most (Neyman, J R Stat Soc 1934;97:558); a little by the first shares."""
    number, square = np.zeros(MOST_SLOTS), np.zeros(MOST_SLOTS)
    for k in range(n):
        number[rows.group[k]] += 1.0
        square[rows.group[k]] += rows.weights[k] * rows.weights[k]
    shares = np.sqrt(number * square)
    shares = KEPT_SHARE * first_shares + (1.0 - KEPT_SHARE) * shares / shares.sum()
    if shares[0] < OWN_SHARE:
        shares[1:] *= (1.0 - OWN_SHARE) / (1.0 - shares[0])
        shares[0] = OWN_SHARE
    return raised(shares)


@merged
def fill_counts(shares: Floats, per_round: int, round_: int, n: int, rounds: Rounds) -> None:
    """How many draws of a round each group has, and where they lie; n: rows of before."""
    reached, done, begin = 0.0, 0, n
    for group in range(MOST_SLOTS):
        reached += shares[group]
        upto = min(int(reached / shares.sum() * per_round + 0.5), per_round)
        rounds.begin[round_, group], rounds.size[round_, group] = begin, upto - done
        begin += upto - done
        done = upto


@merged
def around_optima(
    group: int, round_: int, target: Target, wide: Floats, components: Components, rounds: Rounds
) -> None:
    """The first round of a group: its normal approximations as t distributions, each also WIDER times as wide, and the
    prior; that of a patient unlike the card's too, where its SDs are given (p,)."""
    p, mass, top = target.mu.size, 0.0, -inf
    n_priors = 2 if wide.size else 1
    n = n_priors
    for c in range(components.n[0]):
        if group_of(components.slot[c]) == group:
            n += 2
            top = max(top, components.log_mass[c])
    for c in range(components.n[0]):
        if group_of(components.slot[c]) == group:
            mass += exp(components.log_mass[c] - top)
    rounds.components[round_, group] = n
    centres, roots, log_shares = mixture_of(group, round_, n, p, rounds)
    k = 0
    for c in range(components.n[0]):
        if group_of(components.slot[c]) == group:
            for wider in range(2):
                centres[k], roots[k] = components.x[c, :p], components.root[c, :p, :p]
                roots[k] *= WIDER if wider else 1.0
                log_shares[k] = log(1.0 - PRIOR_SHARE) + components.log_mass[c] - top - log(mass)
                log_shares[k] += log(WIDER_SHARE if wider else 1.0 - WIDER_SHARE)
                k += 1
    for prior in range(n_priors):
        centres[k], roots[k], log_shares[k] = target.mu, 0.0, log(PRIOR_SHARE / n_priors)
        for r in range(p):
            roots[k, r, r] = wide[r] if prior > 0 else target.sd[r]
        k += 1


@merged
def learn_group(group: int, round_: int, p: int, rows: Rows, rounds: Rounds) -> None:
    """A further round of a group: t distributions fitted to its weighted draws so far. Where few of them have nearly
    all the weight, the root of the weights is taken, as often as it needs: what is learnt then is wider, and the next
    round learns from more."""
    n = rounds.size[:round_, group].sum()
    x, weights, at = np.empty((n, p)), np.empty(n), 0
    for before in range(round_):
        begin, size = rounds.begin[before, group], rounds.size[before, group]
        if size:
            x[at : at + size] = x_of(begin, size, p, rows)
            weights[at : at + size] = rows.weights[begin : begin + size]
            at += size
    if not weights.max() > 0.0:
        weights[:] = 1.0
    weights /= weights.sum()
    least = min(LEARNT_FROM, 0.5 * n)
    for _ in range(MOST_ROOTS):
        if (weights * weights).sum() * least <= 1.0:
            break
        weights = np.sqrt(weights)
        weights /= weights.sum()
    kept = resampled(weights, LEARNT_OF, x) if n > LEARNT_OF else n
    most = min(round_, MOST_LEARNT) if n >= FEWEST_APART else 1
    centres, roots, log_shares = mixture_of(group, round_, most, p, rounds)
    rounds.components[round_, group] = fit_mixture(x[:kept], weights[:kept], most, centres, roots, log_shares)


@merged
def resampled(weights: Floats, m: int, x: Floats) -> int:
    """Systematic resampling of m draws, in place: those that differ come first, with their shares as weights; returns
    how many they are."""
    copies, kept = np.empty(weights.size, np.int64), 0
    fill_copies(weights, m, copies)
    for k in range(weights.size):
        if copies[k] > 0:
            x[kept], weights[kept] = x[k], copies[k] / m
            kept += 1
    return kept
