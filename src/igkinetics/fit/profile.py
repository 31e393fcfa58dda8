"""Profile-likelihood intervals: where -2 log posterior, minimised over all others, has risen by chi-square."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2

from igkinetics.fit.minimise import Optimum, polish
from igkinetics.fit.problem import FitProblem, from_scale
from igkinetics.kinetics.parameters import F, Floats, S

WIDEST: Final = 30.0
"""Standard errors from the estimate beyond which a bound is called open."""
X_TOLERANCE: Final = 1e-4
CURVE_POINTS: Final = 14
"""Of a drawn profile, besides the optimum itself."""
OPEN_ERRORS: Final = 3.0


def held(problem: FitProblem, index: int, value: float) -> FitProblem:
    """The problem with one parameter held at a value (on its estimation scale); its prior term drops out."""
    keep = np.arange(problem.free.size) != index
    fixed = problem.fixed.copy()
    place = int(problem.free[index])
    fixed[place] = from_scale(value, "logit" if place in (S, F) else "log")
    return replace(problem, names=tuple(name for name, kept in zip(problem.names, keep, strict=True) if kept),
                   free=problem.free[keep], fixed=fixed, mu=problem.mu[keep], sd=problem.sd[keep],
                   prior_sd=problem.prior_sd[keep])  # fmt: skip


def profile_interval(problem: FitProblem, optimum: Optimum, index: int, level: float) -> tuple[float, float]:
    """Both ends for parameter `index` on its estimation scale; infinite where the profile never rises enough."""
    rise = float(chi2.ppf(level, 1))
    error = float(np.sqrt(2.0 * np.linalg.inv(optimum.hessian)[index, index]))
    ends = [_end(problem, optimum, index, side * error, rise) for side in (-1.0, 1.0)]
    return ends[0], ends[1]


def profile_curve(
    problem: FitProblem, optimum: Optimum, index: int, interval: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Values (CURVE_POINTS,) of parameter `index` on its estimation scale and the rise of the profile at each.

    They span the interval and a quarter of it beyond each end; an open end counts as OPEN_ERRORS standard errors.
    """
    centre = float(optimum.x[index])
    error = float(np.sqrt(2.0 * np.linalg.inv(optimum.hessian)[index, index]))
    low, high = (end if np.isfinite(end) else centre + side * OPEN_ERRORS * error
                 for end, side in zip(interval, (-1.0, 1.0), strict=True))  # fmt: skip
    below = np.linspace(centre, low - 0.25 * (centre - low), CURVE_POINTS // 2 + 1)[1:]
    above = np.linspace(centre, high + 0.25 * (high - centre), CURVE_POINTS // 2 + 1)[1:]
    rises = []
    for side in (below, above):
        others = np.delete(optimum.x, index)
        for value in side:
            objective, others = profiled(problem, index, float(value), others)
            rises.append(objective - optimum.objective)
    values = np.concatenate([below, [centre], above])
    order = np.argsort(values)
    return values[order], np.concatenate([rises[: below.size], [0.0], rises[below.size :]])[order]


def profiled(problem: FitProblem, index: int, value: float, others: Floats) -> tuple[float, Floats]:
    """-2 log posterior with parameter `index` held at `value`, minimised over all others from `others`; and those."""
    reduced = held(problem, index, value)
    if reduced.free.size:
        others, objective = polish(reduced, reduced.minimum_from(others)[0])
    else:  # the only free parameter is the one held
        objective = float(reduced.values(others[None, :])[0])
    if np.isfinite(problem.sd[index]):
        own = ((value - problem.mu[index]) / problem.sd[index]) ** 2
        objective += own + float(np.log(2 * np.pi * problem.sd[index] ** 2))
    return objective, others


def _end(problem: FitProblem, optimum: Optimum, index: int, step: float, rise: float) -> float:
    centre = float(optimum.x[index])
    others: list[Floats] = [np.delete(optimum.x, index)]

    def excess(distance: float) -> float:
        objective, x = profiled(problem, index, centre + distance * step, others[-1])
        others.append(x)
        return objective - optimum.objective - rise

    far = 1.0
    while excess(far) < 0:
        far *= 1.6
        if far > WIDEST:
            return float(np.copysign(np.inf, step))
    return centre + step * float(brentq(excess, 0.0, far, xtol=X_TOLERANCE, rtol=1e-6))
