"""Unit responses of each mode and their derivatives: what the gradient of a curve is made of.

Between changes of a parameter ("epochs") C1 is linear in a few responses per mode: to constant production (U), to
production by B-cell supply (B), to intravenous (V) and to absorbed (X) IgG. Each is stepped with its
derivatives in the mode's rate l and in k_loss, k_rec, ka.
"""

from __future__ import annotations

from math import isinf

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.copying import copy_table, copy_vector
from igkinetics.kinetics.disposition import RATE
from igkinetics.kinetics.exponentials import Decay, absorbed, decay, forced_response, pair_of
from igkinetics.kinetics.parameters import K_LOSS, K_REC, KA, Floats, S
from igkinetics.kinetics.schedule import IV_BOLUS, IV_RATE, ON_THERAPY, SC_BOLUS, SC_RATE

LEFT, LEFT_L, U, U_L, B, B_L, V, V_L, X, X_L, B_LOSS, B_REC, X_KA = range(13)
"""LEFT: what is left of the epoch's start. _L: derivative in the mode's rate of the one before."""
N_WITH_RATE = 10
N_RESPONSES = 13
SUPPLY, SUPPLY_LOSS, SUPPLY_REC, DEPOT, DEPOT_KA = range(5)
N_SHARED = 5


@inner
def nothing_given(responses: Floats) -> None:
    """Responses (2, 13) at the start of an epoch."""
    responses[:] = 0.0
    responses[:, LEFT] = 1.0


@inner
def enter_segment(theta: Floats, n_modes: int, segment: Floats, responses: Floats, shared: Floats) -> None:
    """The instant at which a segment starts: under step loss supply is gone when therapy starts; boluses arrive."""
    if segment[ON_THERAPY] != 0.0 and isinf(theta[K_LOSS]):
        shared[SUPPLY] = shared[SUPPLY_LOSS] = shared[SUPPLY_REC] = 0.0
    for i in range(n_modes):
        responses[i, V] += segment[IV_BOLUS]
    shared[DEPOT] += segment[SC_BOLUS]


@inner
def leave_segment(
    theta: Floats,
    modes: Floats,
    n_modes: int,
    segment: Floats,
    length: float,
    is_there: bool,
    responses: Floats,
    shared: Floats,
    responses_after: Floats,
    shared_after: Floats,
) -> None:
    """To the end of a segment of so many days. is_there: the `after` are, for a sample was taken at its end."""
    if not is_there:
        advance_responses(theta, modes, n_modes, segment, length, responses, shared, responses_after, shared_after)
    copy_table(responses_after, responses)
    copy_vector(shared_after, shared)


@inner
def advance_responses(
    theta: Floats,
    modes: Floats,
    n_modes: int,
    segment: Floats,
    t: float,
    responses: Floats,
    shared: Floats,
    responses_after: Floats,
    shared_after: Floats,
) -> None:
    """Step responses (2, 13) and shared (5) by t days within a segment; modes (2, 5)."""
    subcutaneous = shared[DEPOT] != 0.0 or shared[DEPOT_KA] != 0.0 or segment[SC_RATE] != 0.0
    on = segment[ON_THERAPY] != 0.0
    supply_rate = theta[K_LOSS] if on else theta[K_REC]
    if isinf(supply_rate):
        supply_rate = 0.0  # supply is 0 here, its rate no longer matters
    constant = 0.0 if on else 1.0
    decaying = shared[SUPPLY] - constant
    fed = theta[S] != 0.0 and (
        constant != 0.0 or decaying != 0.0 or shared[SUPPLY_LOSS] != 0.0 or shared[SUPPLY_REC] != 0.0
    )
    supply = decay(supply_rate, t)
    absorption = decay(theta[KA], t) if subcutaneous else supply
    for i in range(n_modes):
        lost = decay(modes[i, RATE], t)
        left = lost.left
        here = responses[i]
        after = responses_after[i]
        for k in range(0, N_WITH_RATE, 2):
            after[k] = left * here[k]
            after[k + 1] = left * (here[k + 1] - t * here[k])
        for k in range(N_WITH_RATE, N_RESPONSES):
            after[k] = left * here[k]
        after[U] += lost.area
        after[U_L] -= lost.slope
        if fed:
            pair = pair_of(lost, supply, t)
            after[B] += forced_response(lost, supply, pair.value, t, constant, decaying)
            after[B_L] -= constant * lost.slope + decaying * pair.twice_a
            after[B_LOSS] += shared[SUPPLY_LOSS] * pair.value
            after[B_REC] += shared[SUPPLY_REC] * pair.value
            after[B_LOSS if on else B_REC] -= decaying * pair.twice_b
        if segment[IV_RATE] != 0.0:
            after[V] += segment[IV_RATE] * lost.area
            after[V_L] -= segment[IV_RATE] * lost.slope
        if subcutaneous:
            ka = theta[KA]
            rate = segment[SC_RATE]
            emptying = ka * shared[DEPOT] - rate
            pair = pair_of(lost, absorption, t)
            after[X] += absorbed(lost, absorption, pair.value, t, shared[DEPOT], rate)
            after[X_L] -= rate * lost.slope + emptying * pair.twice_a
            after[X_KA] += (shared[DEPOT] + ka * shared[DEPOT_KA]) * pair.value
            after[X_KA] -= emptying * pair.twice_b
    advance_shared(theta, segment, t, supply, constant, decaying, shared, shared_after)


@inner
def advance_shared(
    theta: Floats,
    segment: Floats,
    t: float,
    supply: Decay,
    constant: float,
    decaying: float,
    shared: Floats,
    after: Floats,
) -> None:
    """Supply and depot with their derivatives."""
    kept = supply.left
    after[SUPPLY] = shared[SUPPLY] * kept + constant * supply.rate * supply.area
    after[SUPPLY_LOSS] = shared[SUPPLY_LOSS] * kept
    after[SUPPLY_REC] = shared[SUPPLY_REC] * kept
    after[SUPPLY_LOSS if segment[ON_THERAPY] != 0.0 else SUPPLY_REC] -= t * decaying * kept
    after[DEPOT] = after[DEPOT_KA] = 0.0
    if shared[DEPOT] != 0.0 or shared[DEPOT_KA] != 0.0 or segment[SC_RATE] != 0.0:
        absorption = decay(theta[KA], t)
        left = absorption.left
        after[DEPOT] = shared[DEPOT] * left + segment[SC_RATE] * absorption.area
        after[DEPOT_KA] = (shared[DEPOT_KA] - t * shared[DEPOT]) * left
        after[DEPOT_KA] -= segment[SC_RATE] * absorption.slope
