"""Nadirs of one patient: raw (lowest measured), fitted and endogenous (medians and intervals of the draws' own minima,
over structures and drift), and what sampling alone does to a raw one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import Window
from igkinetics.fit.courses import Courses, courses_of
from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T
from igkinetics.fit.posterior import even_quantiles
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START
from igkinetics.random_streams import of_patient

Position = Literal["interior", "start", "end"]
RISE_SHARE: Final = 0.05
"""The curve at the window's end must lie this share above its minimum ..."""
REACHED_IN_SHARE_OF_DRAWS: Final = 0.90
"""... in this share of draws for a nadir to count as reached (docs/model.md 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Median of the draws with their interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBelow:
    """Total IgG below one threshold (g/L): first day (inf: never), days, and the share of draws ever below.

    Draws that never fall below put the first day's interval beyond the window (inf).
    """

    threshold: float
    first_day: Estimate
    days: Estimate
    share_ever: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNadir:
    """Levels g/L, days. `window` starts no earlier than the model's state does.

    curve, curve_day: the minimum of the single best curve, without drift.
    """

    window: Window
    total: Estimate
    day: Estimate
    endogenous: Estimate
    endogenous_day: float
    curve: float
    curve_day: float
    off_from: float
    off_until: float
    off_by: float
    """Days between which drifting draws lie off the kinetic curve, and how far at most, as a share; nan without one."""
    position: Position
    reached: bool
    share_risen: float
    """Share of draws whose curve at the window's end lies more than RISE_SHARE above its minimum."""
    predicted_raw: PredictedMinimum
    below: tuple[TimeBelow, ...]


def fitted_nadir(
    fit: PatientFit,
    window: Window,
    observed_raw: float,
    thresholds: tuple[float, ...],
    level: float,
    seed: int,
    courses: Courses | None = None,
) -> FittedNadir:
    """Nadirs of a patient with numbers, over an existing window. thresholds and observed_raw in g/L.

    courses: those of fit_courses up to the window's end, where they are there already.
    """
    problem, optimum, _ = fit.fitted()
    window = within_state(problem, window)
    courses = courses or fit_courses(fit, window.end, seed)
    minima = courses.minima(window, thresholds)
    at_best = lowest(problem.theta(optimum.x), problem.schedule, window.start, window.end)
    estimate = partial(median_and_interval, level=level)
    inside = (problem.day >= window.start) & (problem.day <= window.end)
    levels, _ = courses.levels(np.append(problem.day[inside], window.end))
    share_risen = float(np.mean(levels[:, -1] > (1.0 + RISE_SHARE) * minima.total))
    stopped = bool(np.all(fit.patient.therapy_stop <= window.end))
    generator = of_patient(seed, fit.patient.patient_id, "lowest reading")
    day = estimate(minima.day)
    where = position(day.value, window)
    off_from, off_until, off_by = courses.departure()
    return FittedNadir(
        window=window,
        total=estimate(minima.total),
        day=day,
        endogenous=estimate(minima.endogenous),
        endogenous_day=float(np.median(minima.endogenous_day)),
        curve=at_best.total,
        curve_day=at_best.total_day,
        off_from=off_from,
        off_until=off_until,
        off_by=off_by,
        position=where,
        reached=where == "interior" and stopped and share_risen >= REACHED_IN_SHARE_OF_DRAWS,
        share_risen=share_risen,
        predicted_raw=predicted_minimum(
            problem, levels[:, :-1], fit.all_draws().kind, inside, observed_raw, level, generator
        ),
        below=tuple(
            TimeBelow(
                threshold=threshold,
                first_day=estimate(np.nan_to_num(minima.first_below[:, j], nan=np.inf)),
                days=estimate(minima.days_below[:, j]),
                share_ever=float(np.mean(np.isfinite(minima.first_below[:, j]))),
            )
            for j, threshold in enumerate(thresholds)
        ),
    )


def within_state(problem: FitProblem, window: Window) -> Window:
    """The window, starting no earlier than the model's state does."""
    start = max(window.start, float(problem.schedule[0, START]))
    return Window(start=start, end=max(window.end, start), reason=window.reason)


def fit_courses(fit: PatientFit, last_day: float, seed: int) -> Courses:
    """The courses behind every level and day of this patient, up to this day; the same ones whenever asked."""
    generator = of_patient(seed, fit.patient.patient_id, "courses")
    return courses_of(fit.fitted()[0], fit.all_draws(), last_day, generator)


def median_and_interval(values: Floats, level: float) -> Estimate:
    """Of draws of equal weight (n,); infinite ones are allowed."""
    tail = (1.0 - level) / 2.0
    lower, middle, upper = even_quantiles(values, np.array([tail, 0.5, 1.0 - tail]))
    return Estimate(value=float(middle), lower=float(lower), upper=float(upper))


def position(day: float, window: Window) -> Position:
    """Where in the closed window the minimum lies; of a flat one, the earliest day counts."""
    if day <= window.start:
        return "start"
    return "end" if day >= window.end else "interior"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawNadir:
    """Levels g/L (nan without samples in the window), days. baseline: last value measured up to the window's start."""

    value: float
    day: float
    below_limit: bool
    n_samples: int
    n_below_limit: int
    baseline: float


def raw_nadir(patient: Patient, window: Window) -> RawNadir:
    """Lowest value in the closed window; a value below the limit counts as that limit and sets the flag.

    Values above an upper limit are never lowest unless nothing else was measured, and then give that limit.
    """
    if not window.exists:
        return RawNadir(value=np.nan, day=np.nan, below_limit=False, n_samples=0, n_below_limit=0, baseline=np.nan)
    inside = (patient.sample_day >= window.start) & (patient.sample_day <= window.end)
    before = (patient.sample_day <= window.start) & (patient.sample_limit == 0)
    baseline = float(patient.sample_igg[before][-1]) if before.any() else np.nan
    n_below = int(np.sum(patient.sample_limit[inside] < 0))
    if not inside.any():
        return RawNadir(value=np.nan, day=np.nan, below_limit=False, n_samples=0, n_below_limit=0, baseline=baseline)
    days, levels, limits = (values[inside] for values in (patient.sample_day, patient.sample_igg, patient.sample_limit))
    order = np.lexsort((days, limits, levels, limits > 0))  # at equal levels, "below" is lower than measured
    lowest = int(order[0])
    return RawNadir(
        value=float(levels[lowest]),
        day=float(days[lowest]),
        below_limit=bool(limits[lowest] < 0),
        n_samples=int(inside.sum()),
        n_below_limit=n_below,
        baseline=baseline,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedMinimum:
    """Posterior-predictive minimum of the measurements, g/L, and the share of it at or below the observed one."""

    mean: float
    lower: float
    upper: float
    observed_percentile: float


def noisy(levels: Floats, problem: FitProblem, kind: npt.NDArray[np.int8], generator: np.random.Generator) -> Floats:
    """Measurements of true levels (draw, m), g/L, none below 0; kind (draw,): how those of each draw scatter."""
    spread = np.sqrt(problem.a**2 + (problem.b * levels) ** 2)
    if problem.kind == LOGNORMAL:
        log_sd = np.sqrt(np.log1p((spread / levels) ** 2))
        return levels * np.exp(log_sd * generator.standard_normal(levels.shape))
    deviates = generator.standard_normal(levels.shape)
    heavy = kind == STUDENT_T
    deviates[heavy] = generator.standard_t(STUDENT_DF, (int(heavy.sum()), levels.shape[1]))
    return np.maximum(levels + spread * deviates, 0.0)


def predicted_minimum(
    problem: FitProblem,
    levels: Floats,
    kind: npt.NDArray[np.int8],
    inside: npt.NDArray[np.bool_],
    observed: float,
    level: float,
    generator: np.random.Generator,
) -> PredictedMinimum:
    """levels (draw, m): true ones at the samples `inside` the window; kind (draw,): of the error of each draw;
    observed: raw nadir; g/L.

    The lower limit, where one was met, holds for all of this patient's samples.
    """
    if not inside.any():
        return PredictedMinimum(mean=np.nan, lower=np.nan, upper=np.nan, observed_percentile=np.nan)
    measured = noisy(levels, problem, kind, generator)
    limits = problem.igg[inside & (problem.limit < 0)]
    minima = np.maximum(measured, limits.max() if limits.size else 0.0).min(axis=1)
    found = median_and_interval(minima, level)
    return PredictedMinimum(
        mean=float(minima.mean()),
        lower=found.lower,
        upper=found.upper,
        observed_percentile=float(np.mean(minima <= observed)),
    )
