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


def _end(problem: FitProblem, optimum: Optimum, index: int, step: float, rise: float) -> float:
    centre = float(optimum.x[index])
    others: list[Floats] = [np.delete(optimum.x, index)]

    def excess(distance: float) -> float:
        value = centre + distance * step
        reduced = held(problem, index, value)
        if reduced.free.size:
            x, objective = polish(reduced, reduced.minimum_from(others[-1])[0])
            others.append(x)
        else:  # the only free parameter is the one held
            objective = float(reduced.values(others[-1][None, :])[0])
        if np.isfinite(problem.sd[index]):
            own = ((value - problem.mu[index]) / problem.sd[index]) ** 2
            objective += own + np.log(2 * np.pi * problem.sd[index] ** 2)
        return objective - optimum.objective - rise

    far = 1.0
    while excess(far) < 0:
        far *= 1.6
        if far > WIDEST:
            return float(np.copysign(np.inf, step))
    return centre + step * float(brentq(excess, 0.0, far, xtol=X_TOLERANCE, rtol=1e-6))
