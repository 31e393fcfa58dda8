"""The courses behind the numbers: every draw's curve, drifting where it drifts.

Without drift a minimum is exact. A drifting course is the kinetic curve times 1 + u, with u drawn at every sample and
every NODE_DAYS days, straight between; its minimum is looked for on each day, at every sample and on both sides of
every dose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.cohort.windows import Window
from igkinetics.fit.drift import draw_paths
from igkinetics.fit.likelihood import LOGNORMAL
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.result import Averaged
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest_of_many
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START

NODE_DAYS: Final = 10.0
ONE_SIDED: Final = 0.9
"""Share of drifting draws on one side of the kinetic curve from which a course is said to lie off it."""
JUST_AFTER_DAY: Final = 1e-6
"""How long after a bolus a curve shows the level behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minima:
    """Per draw (n,): lowest total and endogenous IgG, g/L, with their days; and (n, m) first day below each threshold
    (nan: never) and days below it."""

    total: Floats
    day: Floats
    endogenous: Floats
    endogenous_day: Floats
    first_below: Floats
    days_below: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Courses:
    """Equally weighted courses. theta (n, 13); drifting (n,); nodes (t,): days; u (n_drifting, t)."""

    problem: FitProblem
    theta: Floats
    drifting: np.ndarray
    nodes: Floats
    u: Floats

    def factor(self, days: Floats) -> Floats:
        """What multiplies each drifting curve at these days (n_drifting, m)."""
        right = np.clip(np.searchsorted(self.nodes, days, side="left"), 1, self.nodes.size - 1)
        width = self.nodes[right] - self.nodes[right - 1]
        share = np.clip((days - self.nodes[right - 1]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
        u = self.u[:, right - 1] * (1.0 - share) + self.u[:, right] * share
        return np.exp(u) if self.problem.kind == LOGNORMAL else np.maximum(1.0 + u, 0.0)

    def levels(self, days: Floats) -> tuple[Floats, Floats]:
        """Total and endogenous IgG (n, m), g/L, at ascending days."""
        endogenous, infused = igg_curve(self.theta, self.problem.schedule, days)
        total = endogenous + infused
        if self.u.size:
            factor = self.factor(days)
            total[self.drifting] *= factor
            endogenous[self.drifting] *= factor
        return total, endogenous

    def departure(self) -> tuple[float, float]:
        """First and last day between the samples on which the drifting draws agree to which side the course lies.

        Where they agree nowhere: all days of the record; nan without a drifting draw.
        """
        if not self.u.size:
            return np.nan, np.nan
        sampled = (self.nodes >= self.problem.day[0]) & (self.nodes <= self.problem.day[-1])
        above = np.mean(self.u > 0, axis=0)
        apart = self.nodes[sampled & (np.maximum(above, 1.0 - above) >= ONE_SIDED)]
        days = apart if apart.size else self.problem.day
        return float(days[0]), float(days[-1])

    def first(self, n: int) -> Courses:
        """The first n draws: they stand in random order."""
        kept = int(self.drifting[:n].sum())
        return Courses(
            problem=self.problem, theta=self.theta[:n], drifting=self.drifting[:n], nodes=self.nodes, u=self.u[:kept]
        )

    def minima(self, window: Window, thresholds: tuple[float, ...]) -> Minima:
        """Over the closed window; thresholds in g/L."""
        steady = ~self.drifting
        lowest = np.empty((self.theta.shape[0], 4))
        below = np.empty((self.theta.shape[0], len(thresholds), 2))
        lowest[steady], below[steady] = lowest_of_many(
            self.theta[steady], self.problem.schedule, window.start, window.end, thresholds
        )
        first_below, days_below = below[:, :, 0], below[:, :, 1]
        if self.u.size:
            days = grid(self.problem, window)
            endogenous, infused = igg_curve(self.theta[self.drifting], self.problem.schedule, days)
            factor = self.factor(days)
            for place, levels in ((0, (endogenous + infused) * factor), (2, endogenous * factor)):
                at = levels.argmin(axis=1)
                lowest[self.drifting, place] = levels[np.arange(at.size), at]
                lowest[self.drifting, place + 1] = days[at]
                if place == 0:
                    for j, threshold in enumerate(thresholds):
                        first, spent = time_below(days, levels, threshold)
                        first_below[self.drifting, j], days_below[self.drifting, j] = first, spent
        return Minima(
            total=lowest[:, 0],
            day=lowest[:, 1],
            endogenous=lowest[:, 2],
            endogenous_day=lowest[:, 3],
            first_below=first_below,
            days_below=days_below,
        )


def grid(problem: FitProblem, window: Window) -> Floats:
    """Days of the window on which a drifting course is looked at."""
    changes = problem.schedule[:, START]
    days = np.concatenate(
        [np.arange(window.start, window.end, 1.0), [window.end], problem.day, changes, changes + JUST_AFTER_DAY]
    )
    return np.unique(days[(days >= window.start) & (days <= window.end)])


def time_below(days: Floats, levels: Floats, threshold: float) -> tuple[Floats, Floats]:
    """First day (nan: never) and days below of levels (n, m), straight between the days."""
    gap = levels - threshold
    below = gap < 0
    span = np.diff(days)
    left, right = gap[:, :-1], gap[:, 1:]
    crossing = np.where(below[:, :-1] != below[:, 1:], left / np.where(left == right, 1.0, left - right), 0.0)
    share = np.where(below[:, :-1], np.where(below[:, 1:], 1.0, crossing), np.where(below[:, 1:], 1.0 - crossing, 0.0))
    first = below.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    rows = np.arange(levels.shape[0])
    enters = (
        days[before]
        + np.where(
            first > 0, crossing[rows, np.minimum(before, span.size - 1)] * span[np.minimum(before, span.size - 1)], 0.0
        )
        if span.size
        else days[first]
    )
    return np.where(below.any(axis=1), enters, np.nan), share @ span


def courses_of(problem: FitProblem, averaged: Averaged, last_day: float, generator: np.random.Generator) -> Courses:
    """Every draw's course from the start of the state to `last_day`, or the last sample where that is later."""
    drifting = averaged.drift_sd > 0
    start = float(problem.schedule[0, START])
    end = max(last_day, float(problem.day[-1]), start + NODE_DAYS)
    regular = np.append(np.arange(start, end, NODE_DAYS), end)
    times = np.concatenate([problem.day, regular[~np.isin(regular, problem.day)]])
    order = np.argsort(times, kind="stable")
    sample_at = np.where(order < problem.day.size, order, -1)
    theta = averaged.theta[drifting]
    u = np.empty((theta.shape[0], times.size))
    if theta.shape[0]:
        levels = np.add(*igg_curve(theta, problem.schedule, problem.day))
        normals = generator.standard_normal(u.shape)
        draw_paths(problem.record, levels, averaged.drift_sd[drifting], times[order], sample_at, normals, u)
    return Courses(problem=problem, theta=averaged.theta, drifting=drifting, nodes=times[order], u=u)
