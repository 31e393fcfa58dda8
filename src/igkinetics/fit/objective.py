"""-2 log posterior of one patient on unbounded scales, with its gradient (docs/model.md 3).

x holds the estimated parameters: logs of positive ones, logits of S and F, and log(C_init / C_base). The gradient comes
from the kernels; the Hessian from central differences of that gradient.

`fixed` holds what is not estimated, C_init as its ratio to C_base; a level at the start that does not follow C_base
stands there as its negative.
"""

from __future__ import annotations

from math import exp, log, pi
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.fit.drift import DriftPrior, Record, record_value_and_slopes
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_vector
from igkinetics.kinetics.gradient import Course, add_weighted_gradient, new_course, walk
from igkinetics.kinetics.parameters import C_BASE, C_INIT, N_PARAMETERS, F, Floats, S
from igkinetics.kinetics.schedule import Schedule

Integers = npt.NDArray[np.int64]
HESSIAN_STEP = 1e-4
LOG_2PI = log(2.0 * pi)


class Target(NamedTuple):
    """What a -2 log posterior of x (p,) depends on.

    free (p,): the place among the 13 of each x; fixed (13,): all others; mu, sd (p,): the prior, sd inf where none.
    """

    free: Integers
    fixed: Floats
    mu: Floats
    sd: Floats
    schedule: Schedule
    record: Record
    drift: DriftPrior


@inner
def natural_value(place: int, x: float) -> float:
    """Natural value of the parameter in this place of the 13 from its logit (shares) or its log (all others)."""
    return 1.0 / (1.0 + exp(-x)) if place in (S, F) else exp(x)


@inner
def slope_on_scale(place: int, by_theta: Floats, theta: Floats) -> float:
    """Derivative in the log or logit of one of the 13 parameters, where C_init follows C_base by its ratio."""
    slope = by_theta[place] * theta[place]
    if place in (S, F):
        slope *= 1.0 - theta[place]
    elif place == C_BASE:
        slope += by_theta[C_INIT] * theta[C_INIT]
    return slope


@inner
def fill_theta(x: Floats, free: Integers, fixed: Floats, theta: Floats) -> None:
    """Natural parameters (13,) from x; `free` names the place of each x."""
    copy_vector(fixed, theta)
    for i in range(x.size):
        theta[free[i]] = natural_value(free[i], x[i])
    theta[C_INIT] = -theta[C_INIT] if theta[C_INIT] < 0.0 else theta[C_INIT] * theta[C_BASE]


@kernel
def fill_thetas(xs: Floats, free: Integers, fixed: Floats, thetas: Floats) -> None:
    for i in range(xs.shape[0]):
        fill_theta(xs[i], free, fixed, thetas[i])


@kernel
def prior_term(x: Floats, mu: Floats, sd: Floats) -> float:
    """Sum of ((x - mu)/sd)^2 + log(2 pi sd^2); an infinite sd means no prior on that parameter."""
    total = 0.0
    for i in range(x.size):
        if sd[i] < np.inf:
            total += ((x[i] - mu[i]) / sd[i]) ** 2 + LOG_2PI + 2.0 * log(sd[i])
    return total


@kernel
def objective(x: Floats, target: Target, gradient: Floats) -> float:
    """-2 log posterior at x (p,), filling its gradient (p,)."""
    return objective_on(x, target, new_course(target.schedule, target.record.day.size), gradient)


@kernel
def objective_on(x: Floats, target: Target, course: Course, gradient: Floats) -> float:
    """The same in the room of an earlier walk through this schedule."""
    free, fixed, mu, sd, schedule, record, drift = target
    day = record.day
    theta = np.empty(N_PARAMETERS)
    fill_theta(x, free, fixed, theta)
    walk(theta, schedule, day, course)
    by_theta = np.zeros(N_PARAMETERS)
    level = course.endogenous + course.infused
    value = prior_term(x, mu, sd) + record_value_and_slopes(record, level, drift, course.weights)
    add_weighted_gradient(theta, course, day.size, by_theta)
    if fixed[C_INIT] < 0.0:
        by_theta[C_INIT] = 0.0  # the level at the start does not move with C_base
    for i in range(x.size):
        gradient[i] = slope_on_scale(free[i], by_theta, theta)
        if sd[i] < np.inf:
            gradient[i] += 2.0 * (x[i] - mu[i]) / (sd[i] * sd[i])
    return value


@kernel
def fill_hessian(x: Floats, target: Target, hessian: Floats) -> None:
    """Hessian (p, p) of -2 log posterior at x, by central differences of the gradient, symmetric."""
    p = x.size
    up = np.empty(p)
    down = np.empty(p)
    moved = x.copy()
    for i in range(p):
        moved[i] = x[i] + HESSIAN_STEP
        objective(moved, target, up)
        moved[i] = x[i] - HESSIAN_STEP
        objective(moved, target, down)
        moved[i] = x[i]
        for j in range(p):
            hessian[i, j] = (up[j] - down[j]) / (2.0 * HESSIAN_STEP)
    for i in range(p):
        for j in range(i):
            hessian[i, j] = hessian[j, i] = 0.5 * (hessian[i, j] + hessian[j, i])
