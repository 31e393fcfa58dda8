"""Areas under measured levels and their terminal slope, by the rules of PKNCA (docs/model.md 9).

Arrays of one profile: ascending days from its start, and levels; a level below its limit is 0. Nothing here knows of
patients, doses or units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_ndtr

from igkinetics.errors import counted

Floats = npt.NDArray[np.float64]
Method = Literal["linear_up_log_down", "linear"]
METHODS: Final[tuple[Method, ...]] = ("linear_up_log_down", "linear")
FEWEST_POINTS: Final = 3
"""Of a terminal slope, all of them after the highest level."""
ADJUSTED_R2_FACTOR: Final = 0.0001
"""Adjusted R2 that differ by less count as equal, and then more points win."""


@dataclass(frozen=True, slots=True)
class BelowLimit:
    """What becomes of levels below the limit: "keep" (as 0), "drop", or a level to put in their place.

    first: before the first measured level; middle: between two; last: after the last.
    """

    first: str | float = "keep"
    middle: str | float = "drop"
    last: str | float = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """The log-linear decline at the end of a profile. first_day: of the first point; span: days over the half-life."""

    rate: float
    intercept: float
    n_points: int
    first_day: float
    last_day: float
    r2: float
    adjusted_r2: float

    @property
    def half_life(self) -> float:
        return float(np.log(2.0)) / self.rate

    @property
    def span(self) -> float:
        return (self.last_day - self.first_day) / self.half_life

    def level(self, day: float) -> float:
        """Level on the fitted line."""
        return float(np.exp(self.intercept - self.rate * day))


def without_below(day: Floats, level: Floats, rule: BelowLimit) -> tuple[Floats, Floats]:
    """Days and levels after the rule for values below the limit."""
    measured = np.flatnonzero(level > 0)
    first, last = (measured[0], measured[-1]) if measured.size else (level.size, level.size)
    place = np.arange(level.size)
    changed, kept = level.copy(), np.ones(level.size, dtype=bool)
    for choice, concerned in (
        (rule.first, place < first),
        (rule.middle, (place > first) & (place < last) & (level == 0)),
        (rule.last, place > last),
    ):
        if choice == "drop":
            kept &= ~concerned
        elif choice != "keep":
            changed[concerned] = float(choice)
    return day[kept], changed[kept]


def segments(day: Floats, level: Floats, method: Method) -> tuple[Floats, Floats]:
    """Area and first moment of each stretch between two samples (n - 1,).

    Linear; where levels fall between two that are above 0, along an exponential (`linear_up_log_down`).
    """
    width, before, after = np.diff(day), level[:-1], level[1:]
    area = width * 0.5 * (before + after)
    moment = width * 0.5 * (before * day[:-1] + after * day[1:])
    falling = (after < before) & (after > 0) & (width > 0) & (method == "linear_up_log_down")
    rate = np.log(before[falling] / after[falling]) / width[falling]
    lost = before[falling] - after[falling]
    area[falling] = lost / rate
    weighted = before[falling] * day[:-1][falling] - after[falling] * day[1:][falling]
    moment[falling] = weighted / rate + lost / rate**2
    return area, moment


def last_measured(level: Floats) -> int:
    """Place of the last level above 0; -1 when there is none."""
    measured = np.flatnonzero(level > 0)
    return int(measured[-1]) if measured.size else -1


def area_to_last(day: Floats, level: Floats, method: Method) -> tuple[float, float]:
    """Area and first moment up to the last measured level."""
    end = last_measured(level) + 1
    area, moment = segments(day[:end], level[:end], method)
    return float(area.sum()), float(moment.sum())


def area_of_all(day: Floats, level: Floats, method: Method) -> float:
    """Area up to the first value below the limit that follows the last measured level (a triangle down to 0)."""
    end = last_measured(level) + 2
    return float(segments(day[:end], level[:end], method)[0].sum())


def beyond_last(day: float, level: float, rate: float) -> tuple[float, float]:
    """Area and first moment from a day on, for an exponential decline from this level."""
    return level / rate, level * day / rate + level / rate**2


def log_line(day: Floats, level: Floats) -> Slope:
    """Least-squares line through the logarithms of these levels."""
    n = day.size
    x, y = day - day.mean(), np.log(level)
    slope = float(x @ y / (x @ x))
    intercept = float(y.mean() - slope * day.mean())
    total = float(((y - y.mean()) ** 2).sum())
    rest = float(((y - intercept - slope * day) ** 2).sum())
    r2 = 1.0 - rest / total if total > 0 else 0.0
    adjusted = 1.0 - (1.0 - r2) * (n - 1) / (n - 2) if n > 2 else np.nan
    return Slope(
        rate=-slope,
        intercept=intercept,
        n_points=n,
        first_day=float(day[0]),
        last_day=float(day[-1]),
        r2=r2,
        adjusted_r2=adjusted,
    )


def terminal_slope(day: Floats, level: Floats, fewest: int = FEWEST_POINTS) -> Slope | str:
    """The decline over the last measured levels after the highest one, or why there is none.

    Of all sets of last points the one of the highest adjusted R2 (within 0.0001), of those the one with most points.
    """
    measured = level > 0
    day, level = day[measured], level[measured]
    after = day > day[np.argmax(level)] if level.size else np.zeros(0, dtype=bool)
    day, level = day[after], level[after]
    if day.size < fewest:
        return f"{counted(day.size, 'measured level')} after the highest one, {fewest} needed"
    lines = [log_line(day[start:], level[start:]) for start in range(day.size - fewest + 1)]
    best = max(line.adjusted_r2 for line in lines)
    able = [line for line in lines if line.rate > 0 and line.adjusted_r2 > best - ADJUSTED_R2_FACTOR]
    if not able:
        return "levels do not fall at the end of the profile"
    return max(able, key=lambda line: line.n_points)


def tobit_minus_log_likelihood(
    intercept: float, rate: float, sd: float, day: Floats, level: Floats, below: npt.NDArray[np.bool_]
) -> float:
    """-log likelihood of log levels around a line; where `below`, the level is a limit that was not reached."""
    z = (np.log(level) - (intercept - rate * day)) / sd
    measured = -0.5 * z**2 - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
    return float(-np.where(below, log_ndtr(z), measured).sum())


def tobit_slope(line: Slope, day: Floats, level: Floats, below: npt.NDArray[np.bool_]) -> Slope:
    """The line by maximum likelihood, values below their limits after its first point among the points.

    level: the limit itself where `below`. line: the least-squares line that chose the first point.
    """
    used = day >= line.first_day
    day, level, below = day[used], level[used], below[used]
    spread = np.log(level[~below]) - (line.intercept - line.rate * day[~below])
    sd = max(float(np.sqrt(np.mean(spread**2))), 1e-3)

    def objective(x: Floats) -> float:
        return tobit_minus_log_likelihood(x[0], np.exp(x[1]), np.exp(x[2]), day, level, below)

    start = np.array([line.intercept, np.log(line.rate), np.log(sd)])
    best = minimize(objective, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000})
    return Slope(
        rate=float(np.exp(best.x[1])),
        intercept=float(best.x[0]),
        n_points=int(day.size),
        first_day=line.first_day,
        last_day=float(day[-1]),
        r2=np.nan,
        adjusted_r2=np.nan,
    )
