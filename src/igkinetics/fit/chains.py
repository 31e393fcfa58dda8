"""Markov chains for the posterior of one patient, where importance weights fail.

An ensemble of chains. Every other move of a chain is to a fresh draw from what importance sampling learnt of the
posterior, which mixes fast where that is good; where it is not, chains move by differences between each other, which
have the size and direction of the posterior where the ensemble is (differential evolution; ter Braak, Stat Comput
2006;16:239). The ensemble is two halves: one moves by differences within the other, so every move is an ordinary
Metropolis step (Foreman-Mackey et al., PASP 2013;125:306).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.fit.importance import (
    MOST_COMPONENTS,
    Component,
    Target,
    Weighted,
    draw_from,
    fitted_mixture,
    log_mixture,
)
from igkinetics.kinetics.parameters import Floats

N_CHAINS: Final = 24
FIRST_STEPS: Final = 600
MOST_STEPS: Final = 19_200
"""After this many steps the run ends, whatever R-hat says."""
BURN_IN_SHARE: Final = 0.25
GOOD_R_HAT: Final = 1.01
LEAST_ESS: Final = 400.0
JUMP_SHARE: Final = 0.1
"""Share of moves by the whole difference between two chains, which carries chains from one mode to another."""
JITTER: Final = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Chained:
    """Draws x (n, p) of equal weight; the worst R-hat and the least bulk effective sample size of any parameter."""

    x: Floats
    r_hat: float
    ess: float
    log_marginal: float

    @property
    def trusted(self) -> bool:
        return self.r_hat < GOOD_R_HAT and self.ess >= LEAST_ESS


def run_chains(target: Target, start: Weighted, n: int, generator: np.random.Generator) -> Chained:
    """n draws of a density from which `start` holds weighted ones. The run doubles until R-hat and ESS are good."""
    from arviz_stats.base import array_stats  # here: it takes a second that few fits need

    p = start.x.shape[1]
    state = start.x[generator.choice(start.weights.size, N_CHAINS, p=start.weights)]
    state = state + 1e-3 * generator.standard_normal(state.shape)
    value = target(state)
    fresh = fitted_mixture(start.x, start.weights, MOST_COMPONENTS)
    history: list[Floats] = []
    steps = FIRST_STEPS
    while True:
        while len(history) < steps:
            if len(history) % 2:
                state, value = leap(target, fresh, state, value, generator)
            else:
                state, value = move(target, state, value, generator)
            history.append(state)
        kept = np.array(history[int(BURN_IN_SHARE * len(history)) :]).transpose(1, 0, 2)
        r_hat = max(float(array_stats.rhat(kept[:, :, i])) for i in range(p))
        ess = min(float(array_stats.ess(kept[:, :, i])) for i in range(p))
        if (r_hat < GOOD_R_HAT and ess >= LEAST_ESS) or steps >= MOST_STEPS:
            break
        steps *= 2
    pooled = kept.transpose(1, 0, 2).reshape(-1, p)
    places = np.linspace(0, pooled.shape[0] - 1, n).astype(int)
    x = pooled[places]
    return Chained(x=x, r_hat=r_hat, ess=ess, log_marginal=bridged(target, start, x, ess))


def leap(
    target: Target, fresh: Sequence[Component], state: Floats, value: Floats, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """One step of every chain to a draw that does not depend on where it is."""
    proposed = draw_from(fresh, state.shape[0], generator)[generator.permutation(state.shape[0])]
    new = target(proposed)
    log_ratio = 0.5 * (value - new) + log_mixture(state, fresh) - log_mixture(proposed, fresh)
    accepted = np.log(generator.random(state.shape[0])) < log_ratio
    return np.where(accepted[:, None], proposed, state), np.where(accepted, new, value)


def move(target: Target, state: Floats, value: Floats, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """One step of every chain, one half of the ensemble after the other."""
    state, value = state.copy(), value.copy()
    n_half, p = state.shape[0] // 2, state.shape[1]
    halves = np.array_split(generator.permutation(state.shape[0]), 2)
    for own, other in (halves, halves[::-1]):
        first = generator.integers(0, n_half, n_half)
        second = (first + generator.integers(1, n_half, n_half)) % n_half
        whole = generator.random(n_half) < JUMP_SHARE
        length = np.where(whole, 1.0, 2.38 / np.sqrt(2 * p) * generator.uniform(0.4, 1.2, n_half))
        proposed = state[own] + length[:, None] * (state[other[first]] - state[other[second]])
        proposed += JITTER * generator.standard_normal(proposed.shape)
        new = target(proposed)
        accepted = np.log(generator.random(n_half)) < 0.5 * (value[own] - new)
        state[own[accepted]], value[own[accepted]] = proposed[accepted], new[accepted]
    return state, value


def bridged(target: Target, start: Weighted, x: Floats, ess: float) -> float:
    """Log marginal likelihood by bridge sampling between the chains' draws and the rounds' (Meng and Wong 1996)."""

    def log_proposal(draws: Floats) -> Floats:
        each = [log_mixture(draws, components) for components in start.proposal]
        return np.asarray(np.logaddexp.reduce(each, axis=0) - np.log(len(each)))

    from_chains = -0.5 * target(x) - log_proposal(x)
    from_proposal = -0.5 * target(start.x) - log_proposal(start.x)
    from_proposal = np.where(np.isfinite(from_proposal), from_proposal, -np.inf)
    share = ess / (ess + start.x.shape[0])
    log_marginal = start.log_marginal
    for _ in range(200):
        top = from_proposal - np.logaddexp(np.log(share) + from_proposal, np.log1p(-share) + log_marginal)
        bottom = -np.logaddexp(np.log(share) + from_chains, np.log1p(-share) + log_marginal)
        moved = log_marginal
        log_marginal = float(
            np.logaddexp.reduce(top) - np.log(top.size) - np.logaddexp.reduce(bottom) + np.log(bottom.size)
        )
        if abs(log_marginal - moved) < 1e-8:
            break
    return log_marginal
