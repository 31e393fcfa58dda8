"""The courses behind the numbers: every draw's curve, drifting where it drifts.

Without drift a minimum is exact. A drifting course is the kinetic curve times 1 + u, with u drawn at every sample and
every NODE_DAYS days, straight between; its minimum is looked for every STEP_DAYS days, at every sample and on
both sides of every dose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.cohort.windows import Window
from igkinetics.fit.drift import Integers, Record, draw_paths
from igkinetics.fit.drifting import fill_drifting_lowest, fill_time_below
from igkinetics.fit.forecast import DriftAtEnd, factor_of, places_between, straight_between
from igkinetics.fit.likelihood import LOGNORMAL
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.result import Averaged
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest_of_many
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START, Schedule

NODE_DAYS: Final = 10.0
STEP_DAYS: Final = 1.0
"""At most, between the days on which the minimum of a drifting course is looked for."""
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
    """Equally weighted courses. theta (n, 13); drifting (n,); nodes (t,): days; states (n_drifting, t, 2): the
    drift there, and its slope times DRIFT_DAYS."""

    problem: FitProblem
    theta: Floats
    drifting: np.ndarray
    nodes: Floats
    states: Floats
    distinct: Floats
    """The parameter vectors among theta (k, 13): a draw of much weight stands there many times ..."""
    which: Integers
    """... and which of them is each draw's (n,)."""

    @property
    def u(self) -> Floats:
        return self.states[:, :, 0]

    def factor(self, days: Floats) -> Floats:
        """What multiplies each drifting curve at these days (n_drifting, m)."""
        u = straight_between(self.nodes, self.u, days)
        return factor_of(u, as_log=self.problem.kind == LOGNORMAL)

    def levels(self, days: Floats) -> tuple[Floats, Floats]:
        """Total and endogenous IgG (n, m), g/L, at ascending days."""
        endogenous, infused = igg_curve(self.distinct, self.problem.schedule, days)
        total, endogenous = (endogenous + infused)[self.which], endogenous[self.which]
        if self.u.size:
            factor = self.factor(days)
            total[self.drifting] *= factor
            endogenous[self.drifting] *= factor
        return total, endogenous

    def departure(self) -> tuple[float, float, float]:
        """First and last day of the stretch, between the samples, in which the course lies farthest off the curve, and
        how far off it lies there at most, as a share of the level (below it where negative).

        In it the drifting draws agree to which side the course lies, and it lies off at least half as far as it ever
        does. What counts is the drift less its own mean over the record, which the curve might as well have taken up.
        Where the draws agree nowhere: all days of the record, and nan; nan alone without a drifting draw.
        """
        if not self.u.size:
            return np.nan, np.nan, np.nan
        sampled = (self.nodes >= self.problem.day[0]) & (self.nodes <= self.problem.day[-1])
        swing = self.u - self.u[:, sampled].mean(axis=1, keepdims=True)
        above = np.mean(swing > 0, axis=0)
        agreed = sampled & (np.maximum(above, 1.0 - above) >= ONE_SIDED)
        if not agreed.any():
            return float(self.problem.day[0]), float(self.problem.day[-1]), np.nan
        middle = np.median(swing, axis=0)
        farthest = int(np.argmax(np.where(agreed, np.abs(middle), 0.0)))
        apart = agreed & (middle * np.sign(middle[farthest]) >= 0.5 * abs(middle[farthest]))
        left = int(np.flatnonzero(~apart[:farthest])[-1]) + 1 if not apart[:farthest].all() else 0
        right = farthest + int(np.argmin(apart[farthest:])) - 1 if not apart[farthest:].all() else apart.size - 1
        return float(self.nodes[left]), float(self.nodes[right]), float(middle[farthest])

    def at_last_sample(self, drift_sd: Floats) -> DriftAtEnd:
        """The drift of every draw at the end of the record; drift_sd (n,): of each draw."""
        states = np.zeros((self.theta.shape[0], 2))
        last = int(np.searchsorted(self.nodes, self.problem.day[-1], side="right")) - 1
        states[self.drifting] = self.states[:, last]
        as_log = self.problem.kind == LOGNORMAL
        return DriftAtEnd(day=float(self.problem.day[-1]), states=states, sd=drift_sd, as_log=as_log)

    def first(self, n: int) -> Courses:
        """The first n draws: they stand in random order."""
        return courses(self.problem, self.theta[:n], self.which[:n], self.drifting[:n], self.nodes, self.states)

    def minima(self, window: Window, thresholds: tuple[float, ...]) -> Minima:
        """Over the closed window; thresholds in g/L."""
        steady = np.flatnonzero(~self.drifting)
        lowest = np.empty((self.theta.shape[0], 4))
        below = np.empty((self.theta.shape[0], len(thresholds), 2))
        places, again = np.unique(self.which[steady], return_inverse=True)
        lowest_of_each, below_each = lowest_of_many(
            self.distinct[places], self.problem.schedule, window.start, window.end, thresholds
        )
        lowest[steady], below[steady] = lowest_of_each[again], below_each[again]
        first_below, days_below = below[:, :, 0], below[:, :, 1]
        if self.u.size:
            drifting = np.flatnonzero(self.drifting)
            lowest[drifting], below[drifting] = drifting_minima(self, window, thresholds)
        return Minima(
            total=lowest[:, 0],
            day=lowest[:, 1],
            endogenous=lowest[:, 2],
            endogenous_day=lowest[:, 3],
            first_below=first_below,
            days_below=days_below,
        )


def drifting_minima(courses: Courses, window: Window, thresholds: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Of each drifting draw: lowest total, its day, lowest endogenous, its day (m, 4); first day and days below each
    threshold (m, t, 2)."""
    days = grid(courses.problem, window)
    right, share = places_between(courses.nodes, days)
    whose = courses.which[courses.drifting]
    lowest, below = np.empty((whose.size, 4)), np.empty((whose.size, len(thresholds), 2))
    fill_drifting_lowest(
        courses.distinct,
        courses.problem.schedule,
        days,
        whose,
        np.argsort(whose, kind="stable"),
        np.ascontiguousarray(courses.u),
        right,
        share,
        courses.problem.kind == LOGNORMAL,
        np.array(thresholds, dtype=float),
        lowest,
        below,
    )
    return lowest, below


def grid(problem: FitProblem, window: Window) -> Floats:
    """Days of the window on which a drifting course is looked at: equal steps between samples and doses."""
    changes = problem.schedule[:, START]
    fixed = np.unique(np.concatenate([[window.start, window.end], problem.day, changes, changes + JUST_AFTER_DAY]))
    fixed = fixed[(fixed >= window.start) & (fixed <= window.end)]
    gaps = np.diff(fixed)
    steps = np.maximum(np.ceil(gaps / STEP_DAYS), 1.0).astype(int)
    first = np.repeat(np.cumsum(steps) - steps, steps)
    within = np.repeat(fixed[:-1], steps) + (np.arange(first.size) - first) * np.repeat(gaps / steps, steps)
    return np.append(within, fixed[-1])


def time_below(days: Floats, levels: Floats, threshold: float) -> tuple[Floats, Floats]:
    """First day (nan: never) and days below of levels (n, m), straight between the days."""
    first, spent = np.empty(levels.shape[0]), np.empty(levels.shape[0])
    fill_time_below(np.require(days, float, "W"), np.ascontiguousarray(levels), threshold, first, spent)
    return first, spent


def courses_of(problem: FitProblem, averaged: Averaged, last_day: float, generator: np.random.Generator) -> Courses:
    """Every draw's course from the start of the state to `last_day`, or the last sample where that is later."""
    drifting = averaged.drift_sd > 0
    start = float(problem.schedule[0, START])
    end = max(last_day, float(problem.day[-1]), start + NODE_DAYS)
    nodes, states = drift_states(
        problem.record,
        problem.schedule,
        averaged.theta[drifting],
        averaged.drift_sd[drifting],
        np.append(np.arange(start, end, NODE_DAYS), end),
        generator,
    )
    return courses(problem, averaged.theta, averaged.source, drifting, nodes, states)


def courses(
    problem: FitProblem,
    theta: Floats,
    source: Integers,
    drifting: npt.NDArray[np.bool_],
    nodes: Floats,
    states: Floats,
) -> Courses:
    """Courses of these draws; states of as many drifting ones or more, in their order."""
    _, places, which = np.unique(source, return_index=True, return_inverse=True)
    return Courses(
        problem=problem,
        theta=theta,
        drifting=drifting,
        nodes=nodes,
        states=states[: int(drifting.sum())],
        distinct=np.ascontiguousarray(theta[places]),
        which=which,
    )


def drift_states(
    record: Record, schedule: Schedule, theta: Floats, sd: Floats, days: Floats, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """The samples' days and these, ascending (t,), and the drift of each draw there, given the record (draw, t, 2)."""
    times = np.concatenate([record.day, days[~np.isin(days, record.day)]])
    order = np.argsort(times, kind="stable")
    sample_at = np.where(order < record.day.size, order, -1)
    states = np.empty((theta.shape[0], times.size, 2))
    if theta.shape[0]:
        levels = np.add(*igg_curve(theta, schedule, record.day))
        normals = generator.standard_normal(states.shape)
        draw_paths(record, levels, sd, times[order], sample_at, normals, states)
    return times[order], states
