"""Profile-likelihood intervals: where -2 log posterior, minimised over all others, has risen by chi-square."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import gammaincinv

from igkinetics.fit.minimise import AGREE_WITHIN, NOT_FINITE, Optimum, polish
from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.parameters import Floats
from igkinetics.scales import from_scale, scale_of

WIDEST: Final = 30.0
"""Standard errors from the estimate beyond which a bound is called open."""
X_TOLERANCE: Final = 1e-4
LOWER_BY: Final = AGREE_WITHIN
"""A point this far below the optimum shows that the optimum is not the lowest."""
CURVE_POINTS: Final = 14
"""Of a drawn profile, besides the optimum itself."""
OPEN_ERRORS: Final = 3.0


def held(problem: FitProblem, index: int, value: float) -> FitProblem:
    """The problem with one parameter held at a value (on its estimation scale); its prior term drops out."""
    return held_at(problem, index, from_scale(value, scale_of(problem.names[index])))


def held_at(problem: FitProblem, index: int, value: float) -> FitProblem:
    """The same at a natural value, which may lie at the end of the scale: S = 1, k_loss infinite."""
    keep = np.arange(problem.free.size) != index
    fixed = problem.fixed.copy()
    fixed[int(problem.free[index])] = value
    return replace(
        problem,
        names=tuple(name for name, kept in zip(problem.names, keep, strict=True) if kept),
        free=problem.free[keep],
        fixed=fixed,
        mu=problem.mu[keep],
        sd=problem.sd[keep],
        prior_sd=problem.prior_sd[keep],
    )


class LowerOptimumError(Exception):
    """A profile met a point below the optimum: x (p,), and how far -2 log posterior lies below it there."""

    def __init__(self, x: Floats, gain: float) -> None:
        self.x, self.gain = x, gain
        super().__init__(f"-2 log posterior is lower by {gain:.3g} elsewhere")


def profile_interval(problem: FitProblem, optimum: Optimum, index: int, level: float) -> tuple[float, float]:
    """Both ends for parameter `index` on its estimation scale; infinite where the profile never rises enough.

    LowerOptimumError when the search meets a point below the optimum.
    """
    rise = float(2.0 * gammaincinv(0.5, level))  # quantile of chi-squared, 1 degree of freedom
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
    low, high = (
        end if np.isfinite(end) else centre + side * OPEN_ERRORS * error
        for end, side in zip(interval, (-1.0, 1.0), strict=True)
    )
    below = np.linspace(centre, low - 0.25 * (centre - low), CURVE_POINTS // 2 + 1)[1:]
    above = np.linspace(centre, high + 0.25 * (high - centre), CURVE_POINTS // 2 + 1)[1:]
    values = np.concatenate([below, above])
    rises = [profiled(problem, optimum, index, float(value)) for value in values]
    order = np.argsort(np.append(values, centre))
    return np.append(values, centre)[order], np.append(rises, 0.0)[order]


def profiled(problem: FitProblem, optimum: Optimum, index: int, value: float) -> float:
    """Rise of -2 log posterior over the optimum with parameter `index` held at `value`, all others fitted again.

    They start where the curvature at the optimum puts them for this value, and at every optimum known: so the rise
    depends on the value alone, not on what was asked before. Not finite there: as good as infinitely high.
    """
    reduced = held(problem, index, value)
    own = 0.0
    if np.isfinite(problem.sd[index]):
        own = ((value - problem.mu[index]) / problem.sd[index]) ** 2 + float(np.log(2 * np.pi * problem.sd[index] ** 2))
    covariance = np.linalg.inv(optimum.hessian)
    slope = np.delete(covariance[:, index], index) / covariance[index, index]
    starts = [np.delete(optimum.x, index) + slope * (value - optimum.x[index])]
    starts += [np.delete(mode, index) for mode in optimum.modes]
    if reduced.free.size:
        found = [polish(reduced, reduced.minimum_from(start)[0]) for start in starts]
    else:  # the only free parameter is the one held
        found = [(starts[0], float(reduced.values(starts[0][None, :])[0]))]
    others, lowest = min(found, key=lambda pair: pair[1] if np.isfinite(pair[1]) else np.inf)
    rise = lowest + own - optimum.objective if np.isfinite(lowest) else NOT_FINITE
    if rise < -LOWER_BY:
        raise LowerOptimumError(np.insert(others, index, value), -rise)
    return rise


def _end(problem: FitProblem, optimum: Optimum, index: int, step: float, rise: float) -> float:
    """Where the profile has risen by `rise` in the direction of `step`, one standard error long."""
    from scipy.optimize import brentq  # here: it takes half a second to load, and few ask for profiles

    centre = float(optimum.x[index])

    def excess(distance: float) -> float:
        return profiled(problem, optimum, index, centre + distance * step) - rise if distance > 0 else -rise

    near, far = 0.0, 1.0
    while excess(far) < 0:
        near, far = far, far * 1.6
        if far > WIDEST:
            return float(np.copysign(np.inf, step))
    return centre + step * float(brentq(excess, near, far, xtol=X_TOLERANCE, rtol=1e-6))


def profile_intervals(problem: FitProblem, optimum: Optimum, level: float) -> dict[str, tuple[float, float]]:
    """Profile-likelihood interval of every estimated parameter, on its estimation scale."""
    return {name: profile_interval(problem, optimum, i, level) for i, name in enumerate(problem.names)}


def profile_curves(
    problem: FitProblem, optimum: Optimum, intervals: dict[str, tuple[float, float]]
) -> dict[str, tuple[Floats, Floats]]:
    """The profile of every estimated parameter over its interval and somewhat beyond."""
    return {name: profile_curve(problem, optimum, i, intervals[name]) for i, name in enumerate(problem.names)}
