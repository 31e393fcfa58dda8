"""The equations of docs/model.md 1, carried exactly from event to event.

State (6): two modes of endogenous C1, two of infused C1 (g/L), the depot (g, before bioavailability) and
B-cell supply b. Between events the system has constant coefficients and exponential inputs, so a step of any
length is exact; the cost is linear in segments plus samples.
"""

from __future__ import annotations

from math import inf, isinf
from typing import NamedTuple

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.copying import copy_table
from igkinetics.kinetics.disposition import (
    RATE,
    TO_1_FROM_1,
    TO_1_FROM_2,
    TO_2_FROM_1,
    count_modes,
    disposition_modes,
)
from igkinetics.kinetics.exponentials import Decay, decay, pair_of, response_to_input, triple_from_zero
from igkinetics.kinetics.parameters import (
    C_BASE,
    C_INIT,
    CL,
    CLEARANCE_RATIO,
    K_LOSS,
    K_REC,
    KA,
    PRODUCTION_RATIO,
    V1,
    V2,
    F,
    Floats,
    Q,
    S,
)
from igkinetics.kinetics.schedule import (
    IV_BOLUS,
    IV_RATE,
    MODIFIED,
    ON_THERAPY,
    SC_BOLUS,
    SC_RATE,
    START,
    Schedule,
)

ENDOGENOUS, INFUSED, DEPOT, SUPPLY = 0, 2, 4, 5
STATE_SIZE = 6


@inner
def initial_state(theta: Floats, modes: Floats, state: Floats) -> None:
    """Both compartments at C_init, all endogenous; full supply."""
    state[:] = 0.0
    for i in range(2):
        state[ENDOGENOUS + i] = (modes[0, i, TO_1_FROM_1] + modes[0, i, TO_1_FROM_2]) * theta[C_INIT]
    state[SUPPLY] = 1.0


@inner
def both_modes(theta: Floats, modes: Floats) -> None:
    """Fill modes (2, 2, 5): without and with the clearance ratio."""
    disposition_modes(theta[CL], theta[V1], theta[Q], theta[V2], modes[0])
    if theta[CLEARANCE_RATIO] == 1.0:
        copy_table(modes[0], modes[1])
    else:
        disposition_modes(theta[CL] * theta[CLEARANCE_RATIO], theta[V1], theta[Q], theta[V2], modes[1])


@inner
def change_modes(before: Floats, after: Floats, state: Floats) -> None:
    """Express the same concentrations in the modes of another clearance; (2, 5) each."""
    if before[1, TO_1_FROM_1] == 0.0:
        return  # one compartment: a single mode, the concentration itself
    for part in (ENDOGENOUS, INFUSED):
        c1 = state[part] + state[part + 1]
        c2 = (
            state[part] * before[0, TO_2_FROM_1] / before[0, TO_1_FROM_1]
            + state[part + 1] * before[1, TO_2_FROM_1] / before[1, TO_1_FROM_1]
        )
        for i in range(2):
            state[part + i] = after[i, TO_1_FROM_1] * c1 + after[i, TO_1_FROM_2] * c2


@inner
def enter_segment(theta: Floats, modes: Floats, segment: Floats, state: Floats) -> None:
    """What happens at the instant a segment starts: boluses; supply drops at once when k_loss is infinite.

    modes: (2, 5) of this segment. Amounts are continuous but for the boluses.
    """
    if segment[IV_BOLUS] != 0.0:
        for i in range(2):
            state[INFUSED + i] += modes[i, TO_1_FROM_1] * segment[IV_BOLUS] / theta[V1]
    state[DEPOT] += segment[SC_BOLUS]
    if segment[ON_THERAPY] != 0.0 and isinf(theta[K_LOSS]):
        state[SUPPLY] = 0.0


@inner
def begin_segment(theta: Floats, schedule: Schedule, k: int, modes: Floats, state: Floats) -> int:
    """Carry the state over the instant at which segment k starts; returns which of modes (2, 2, 5) hold in it."""
    now = int(schedule[k, MODIFIED])
    if k > 0:
        before = int(schedule[k - 1, MODIFIED])
        if now != before:
            change_modes(modes[before], modes[now], state)
    enter_segment(theta, modes[now], schedule[k], state)
    return now


@inner
def end_of_segment(schedule: Schedule, k: int) -> float:
    """The day on which segment k ends; the last one never does."""
    return schedule[k + 1, START] if k + 1 < schedule.shape[0] else inf


@inner
def production_input(theta: Floats, segment: Floats, supply: float) -> tuple[float, float, float]:
    """p(s) = constant + decaying * exp(-rate s) in a segment that starts with `supply`; times the ratio."""
    ratio = theta[PRODUCTION_RATIO] if segment[MODIFIED] != 0.0 else 1.0
    if theta[S] == 0.0:
        return ratio, 0.0, 0.0
    if segment[ON_THERAPY] != 0.0:
        if isinf(theta[K_LOSS]):
            return ratio * (1.0 - theta[S]), 0.0, 0.0
        return ratio * (1.0 - theta[S]), ratio * theta[S] * supply, theta[K_LOSS]
    return ratio, -ratio * theta[S] * (1.0 - supply), theta[K_REC]


class ModeStep(NamedTuple):
    """What one mode of the disposition does in a step: divided differences of `exponentials`."""

    left: float  # of what is there
    area: float  # response to a constant input
    of_supply: float  # to an input that goes with the B-cell supply
    lag_of_supply: float
    of_depot: float  # to absorption from the depot
    lag_of_depot: float


class Step(NamedTuple):
    """All that a step of one length needs in one segment, whatever the state it starts from."""

    supply: Decay
    absorption: Decay
    first: ModeStep
    second: ModeStep


@inner
def mode_step(rate: float, supply: Decay, absorption: Decay, t: float, fed: bool, refilling: bool) -> ModeStep:
    """rate: of the mode, 1/day. fed: by a supply that changes; refilling: off therapy."""
    loss = decay(rate, t)
    of_supply = pair_of(loss, supply, t).value if fed else 0.0
    lag_of_supply = triple_from_zero(supply, loss, of_supply, t) if fed and refilling else 0.0
    if absorption.rate == 0.0:
        return ModeStep(loss.left, loss.area, of_supply, lag_of_supply, 0.0, 0.0)
    of_depot = pair_of(loss, absorption, t).value
    return ModeStep(
        loss.left, loss.area, of_supply, lag_of_supply, of_depot, triple_from_zero(absorption, loss, of_depot, t)
    )


@inner
def measure_step(theta: Floats, modes: Floats, segment: Floats, subcutaneous: bool, t: float) -> Step:
    """A step of t days in a segment; every exponential is computed here. modes (2, 5)."""
    fed, refilling = theta[S] != 0.0, segment[ON_THERAPY] == 0.0
    rate = 0.0
    if fed:
        rate = theta[K_REC] if refilling else 0.0 if isinf(theta[K_LOSS]) else theta[K_LOSS]
    supply = decay(rate, t)
    absorption = decay(theta[KA] if subcutaneous else 0.0, t)
    first = mode_step(modes[0, RATE], supply, absorption, t, fed, refilling)
    second = first
    if theta[Q] != 0.0:
        second = mode_step(modes[1, RATE], supply, absorption, t, fed, refilling)
    return Step(supply, absorption, first, second)


@inner
def holds_depot(segment: Floats, state: Floats) -> bool:
    """Whether anything is, or is coming, under the skin."""
    return bool(state[DEPOT] != 0.0 or segment[SC_RATE] != 0.0)


@inner
def take_step(theta: Floats, modes: Floats, segment: Floats, state: Floats, step: Step, after: Floats) -> None:
    """State `after` (6), which may be `state` itself, a step after `state` (6) in its segment."""
    constant, decaying, rate = production_input(theta, segment, state[SUPPLY])
    production = theta[CL] * theta[C_BASE] / theta[V1]
    depot, supply = state[DEPOT], state[SUPPLY]
    subcutaneous = holds_depot(segment, state)
    if theta[Q] == 0.0:  # the room may hold the second mode of another curve
        after[ENDOGENOUS + 1] = after[INFUSED + 1] = 0.0
    for i in range(count_modes(theta[Q])):
        mode = step.first if i == 0 else step.second
        weight = modes[i, TO_1_FROM_1]
        made = production * response_to_input(mode.area, mode.of_supply, mode.lag_of_supply, rate, constant, decaying)
        after[ENDOGENOUS + i] = state[ENDOGENOUS + i] * mode.left + weight * made
        given = segment[IV_RATE] * mode.area
        if subcutaneous:
            given += theta[F] * theta[KA] * (depot * mode.of_depot + segment[SC_RATE] * mode.lag_of_depot)
        after[INFUSED + i] = state[INFUSED + i] * mode.left + weight / theta[V1] * given
    after[DEPOT] = depot * step.absorption.left + segment[SC_RATE] * step.absorption.area if subcutaneous else 0.0
    if theta[S] == 0.0:
        after[SUPPLY] = 1.0
    elif segment[ON_THERAPY] != 0.0:
        after[SUPPLY] = 0.0 if isinf(theta[K_LOSS]) else supply * step.supply.left
    else:
        after[SUPPLY] = supply * step.supply.left + step.supply.rate * step.supply.area


@inner
def advance(theta: Floats, modes: Floats, segment: Floats, state: Floats, t: float, after: Floats) -> None:
    """State `after` (6) t days into a segment that starts with `state` (6); modes (2, 5)."""
    step = measure_step(theta, modes, segment, holds_depot(segment, state), t)
    take_step(theta, modes, segment, state, step, after)


@inner
def level(state: Floats, part: int) -> float:
    """C1 of one part (ENDOGENOUS or INFUSED), g/L."""
    return state[part] + state[part + 1]


@inner
def prepare(theta: Floats, schedule: Schedule, modes: Floats, state: Floats) -> None:
    """Modes (2, 2, 5) and the state before anything happens on the first day."""
    both_modes(theta, modes)
    state[SUPPLY] = 1.0
    initial_state(theta, modes, state)
    if schedule[0, MODIFIED] != 0.0:
        change_modes(modes[0], modes[1], state)
