"""What sampling does to a raw nadir: the posterior-predictive minimum at this patient's own days and limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from igkinetics.cohort.windows import Window
from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T
from igkinetics.fit.posterior import Draws
from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedMinimum:
    """Posterior-predictive minimum of the measurements, g/L, and the share of it at or below the observed one."""

    mean: float
    lower: float
    upper: float
    observed_percentile: float


def noisy(levels: Floats, problem: FitProblem, generator: np.random.Generator) -> Floats:
    """Measurements of true levels (any shape), g/L, under the problem's error model; none below 0."""
    spread = np.sqrt(problem.a**2 + (problem.b * levels) ** 2)
    if problem.kind == LOGNORMAL:
        log_sd = np.sqrt(np.log1p((spread / levels) ** 2))
        return levels * np.exp(log_sd * generator.standard_normal(levels.shape))
    if problem.kind == STUDENT_T:
        return np.maximum(levels + spread * generator.standard_t(STUDENT_DF, levels.shape), 0.0)
    return np.maximum(levels + spread * generator.standard_normal(levels.shape), 0.0)


def predicted_minimum(
    problem: FitProblem, draws: Draws, window: Window, observed: float, level: float, generator: np.random.Generator
) -> PredictedMinimum:
    """observed: raw nadir, g/L. The lower limit, where one was met, holds for all of this patient's samples."""
    inside = (problem.day >= window.start) & (problem.day <= window.end)
    if not inside.any():
        return PredictedMinimum(mean=np.nan, lower=np.nan, upper=np.nan, observed_percentile=np.nan)
    endogenous, infused = igg_curve(draws.theta, problem.schedule, problem.day[inside])
    measured = noisy(endogenous + infused, problem, generator)
    limits = problem.igg[inside & (problem.limit < 0)]
    minima = np.maximum(measured, limits.max() if limits.size else 0.0).min(axis=1)
    lower, upper = draws.interval(minima, level)
    return PredictedMinimum(
        mean=draws.mean(minima),
        lower=lower,
        upper=upper,
        observed_percentile=draws.mean((minima <= observed).astype(float)),
    )
