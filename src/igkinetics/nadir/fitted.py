"""The fitted and the endogenous nadir: exact minima of the MAP curve, intervals from the draws' own minima."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from igkinetics.cohort.windows import Window
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest_of_many
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START
from igkinetics.nadir.sampling import PredictedMinimum, predicted_minimum

Position = Literal["interior", "start", "end"]
RISE_SHARE: Final = 0.05
"""The curve at the window's end must lie this share above its minimum ..."""
REACHED_IN_SHARE_OF_DRAWS: Final = 0.90
"""... in this share of draws for a nadir to count as reached (DESIGN 2.4)."""
PREDICTIVE_STREAM: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value of the MAP curve with the interval of the draws."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBelow:
    """Total IgG below one threshold (g/L): first day (nan: never), days, and the share of draws ever below.

    Draws that never fall below put the first day's interval beyond the window (inf).
    """

    threshold: float
    first_day: Estimate
    days: Estimate
    share_ever: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNadir:
    """Levels g/L, days. `window` starts no earlier than the model's state does."""

    window: Window
    total: Estimate
    day: Estimate
    endogenous: Estimate
    endogenous_day: float
    position: Position
    reached: bool
    share_risen: float
    """Share of draws whose curve at the window's end lies more than RISE_SHARE above its minimum."""
    predicted_raw: PredictedMinimum
    below: tuple[TimeBelow, ...]


def fitted_nadir(
    fit: PatientFit, window: Window, observed_raw: float, thresholds: tuple[float, ...], level: float, seed: int
) -> FittedNadir:
    """Nadirs of a patient with numbers, over an existing window. thresholds and observed_raw in g/L."""
    problem, optimum, draws = fit.fitted()
    start = max(window.start, float(problem.schedule[0, START]))
    window = Window(start=start, end=max(window.end, start), reason=window.reason)
    at_best, best_below = lowest_of_many(
        problem.theta(optimum.x)[None, :], problem.schedule, window.start, window.end, thresholds
    )
    minima, below = lowest_of_many(draws.theta, problem.schedule, window.start, window.end, thresholds)

    def estimate(value: float, values: Floats) -> Estimate:
        lower, upper = draws.interval(values, level)
        return Estimate(value=float(value), lower=lower, upper=upper)

    end_endogenous, end_infused = igg_curve(draws.theta, problem.schedule, np.array([window.end]))
    risen = (end_endogenous + end_infused)[:, 0] > (1.0 + RISE_SHARE) * minima[:, 0]
    share_risen = draws.mean(risen.astype(float))
    stopped = bool(np.all(fit.patient.therapy_stop <= window.end))
    generator = np.random.default_rng([seed, zlib.crc32(fit.patient.patient_id.encode()), PREDICTIVE_STREAM])
    return FittedNadir(
        window=window,
        total=estimate(at_best[0, 0], minima[:, 0]),
        day=estimate(at_best[0, 1], minima[:, 1]),
        endogenous=estimate(at_best[0, 2], minima[:, 2]),
        endogenous_day=float(at_best[0, 3]),
        position=position(float(at_best[0, 1]), window),
        reached=stopped and share_risen >= REACHED_IN_SHARE_OF_DRAWS,
        share_risen=share_risen,
        predicted_raw=predicted_minimum(problem, draws, window, observed_raw, level, generator),
        below=tuple(
            TimeBelow(
                threshold=threshold,
                first_day=estimate(best_below[0, j, 0], np.nan_to_num(below[:, j, 0], nan=np.inf)),
                days=estimate(best_below[0, j, 1], below[:, j, 1]),
                share_ever=draws.mean(np.isfinite(below[:, j, 0]).astype(float)),
            )
            for j, threshold in enumerate(thresholds)
        ),
    )


def position(day: float, window: Window) -> Position:
    """Where in the closed window the minimum lies."""
    if day <= window.start:
        return "start"
    return "end" if day >= window.end else "interior"
